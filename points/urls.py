"""The public addresses of points."""

from django.urls import path

from points import views

app_name = "points"
urlpatterns = [
    path("gifts/<slug:code>/photo/", views.gift_photo, name="gift-photo"),
]
