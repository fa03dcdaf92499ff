"""The public addresses of points."""

from django.urls import path

from points.views import gifts

app_name = "points"
urlpatterns = [
    path("gifts/<slug:code>/photo/", gifts.gift_photo, name="gift-photo"),
]
