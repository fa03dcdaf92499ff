"""The public URLs."""

from django.urls import path

from stations.views import districts, finder, frame, poster, pwa, stations, visits

app_name = "stations"
urlpatterns = [
    path("", finder.find_station, name="finder"),
    path("map.json", finder.map_points, name="map-points"),
    path("places/", finder.place_list, name="places"),
    path("stations/<slug:code>/", stations.station_detail, name="station-detail"),
    path("stations/<slug:code>/confirmations/", stations.confirmations, name="confirmations"),
    path("stations/<slug:code>/uses/", stations.uses, name="uses"),
    path("stations/<slug:code>/satisfaction/", stations.satisfaction, name="satisfaction"),
    path("stations/<slug:code>/way/", stations.way, name="way"),
    path("stations/<slug:code>/photo/", stations.station_photo, name="station-photo"),
    path("stations/<slug:code>/poster/", poster.station_poster, name="station-poster"),
    path("posters/", poster.door_posters, name="door-posters"),
    path("d/<str:token>/", stations.door, name="door"),
    path("v/<str:token>/", visits.visit, name="visit"),
    path("districts/", districts.district_list, name="district-list"),
    path("districts/<slug:code>/", districts.district_detail, name="district-detail"),
    path("about/", frame.about, name="about"),
    path("preferences/", frame.preferences, name="preferences"),
    path("offline/", pwa.offline, name="offline"),
    path("manifest.webmanifest", pwa.manifest, name="manifest"),
    path("sw.js", pwa.service_worker, name="service-worker"),
]
