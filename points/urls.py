"""The public addresses of points."""

from django.urls import include, path

from points.views import gifts

app_name = "points"
urlpatterns = [
    path("counter/", include("points.views.counter.urls")),
    path("gifts/<slug:code>/photo/", gifts.gift_photo, name="gift-photo"),
]
