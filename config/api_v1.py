"""Version 1 of the API: what it has, and the apps' addresses, one after the other."""

from django.http import HttpResponse
from django.urls import include, path, reverse
from rest_framework.request import Request

from core.api.parameters import Parameters
from core.api.views import PublicView


class Index(PublicView):
    """Where to begin: the addresses of this version."""

    max_age_s = 3_600

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        lists = {
            "stations": "station",
            "districts": "district",
            "divisions": "division",
            "zones": "zone",
            "amenities": "amenity",
        }
        answer = {name: reverse(f"stations-api:{view}-list") for name, view in lists.items()}
        return self.answer(answer | {"problems": reverse("problem-list")})


urlpatterns = [
    path("", Index.as_view(), name="api-index"),
    path("", include("stations.api.urls")),
    path("", include("partners.api.urls")),
]
