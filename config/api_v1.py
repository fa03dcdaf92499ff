"""Version 1 of the API: what it has, and the apps' addresses, one after the other."""

from django.http import HttpResponse
from django.urls import include, path, reverse
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request

from config.developers import ContractFile
from core.api.contract import Operation, members, text
from core.api.parameters import Parameters
from core.api.views import PublicView

# What the index names: the member and the name of the address.
ADDRESSES = {
    "stations": "stations-api:station-list",
    "districts": "stations-api:district-list",
    "divisions": "stations-api:division-list",
    "zones": "stations-api:zone-list",
    "amenities": "stations-api:amenity-list",
    "gifts": "points-api:gift-list",
    "notices": "couriers-api:notice-list",
    "whoami": "partners-api:whoami",
    "problems": "problem-list",
    "openapi": "api-contract",
    "docs": "developers",
}


class Index(PublicView):
    """Where to begin: the addresses of this version."""

    max_age_s = 3_600
    operations = {
        "GET": Operation(
            name="get_index",
            noun="contract",
            title=_("Where to begin: the addresses of this version"),
            answer=members({name: text(format="uri-reference") for name in ADDRESSES}),
        )
    }

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        return self.answer({name: reverse(address) for name, address in ADDRESSES.items()})


urlpatterns = [
    path("", Index.as_view(), name="api-index"),
    path("openapi.yaml", ContractFile.as_view(), name="api-contract"),
    path("", include("stations.api.urls")),
    path("", include("couriers.api.urls")),
    path("", include("points.api.urls")),
    path("", include("partners.api.urls")),
]
