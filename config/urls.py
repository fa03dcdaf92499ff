"""The addresses of the project. The only place that says which version the API has."""

from django.contrib import admin
from django.urls import include, path

from config import developers

handler400 = "stations.views.errors.bad_request"
handler403 = "stations.views.errors.permission_denied"
handler404 = "stations.views.errors.not_found"
handler500 = "stations.views.errors.server_error"

urlpatterns = [
    path("api/v1/", include("config.api_v1")),
    path("docs/api/", developers.developers, name="developers"),
    path("admin/", admin.site.urls),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("core.urls")),
    path("", include("points.urls")),
    path("", include("couriers.urls")),
    path("", include("stations.views.urls")),
]
