"""The addresses of the API about places."""

from django.urls import path

from stations.api import views, writing

app_name = "stations-api"
urlpatterns = [
    path("stations/", views.StationList.as_view(), name="station-list"),
    path("stations/<str:code>/", views.StationDetail.as_view(), name="station-detail"),
    path("stations/<str:code>/confirmations/", writing.Confirmations.as_view(), name="confirmations"),
    path("stations/<str:code>/uses/", writing.Uses.as_view(), name="uses"),
    path("districts/", views.DistrictList.as_view(), name="district-list"),
    path("divisions/", views.DivisionList.as_view(), name="division-list"),
    path("zones/", views.ZoneList.as_view(), name="zone-list"),
    path("amenities/", views.AmenityList.as_view(), name="amenity-list"),
]
