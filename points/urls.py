"""The public addresses of points."""

from django.urls import path

from points.views import gifts

app_name = "points"
urlpatterns = [
    path("gifts/", gifts.gift_list, name="gifts"),
    path("gifts/<slug:code>/", gifts.gift_detail, name="gift"),
    path("gifts/<slug:code>/photo/", gifts.gift_photo, name="gift-photo"),
]
