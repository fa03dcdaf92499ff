"""The number of queries of each endpoint, with few rows and with many."""

import pytest
from django.test import Client

from core import clock
from stations import finding
from stations.models import StationOrganisation
from tests.builders import make_client, make_key, make_station
from tests.query_counts import check_query_count
from tests.stations.api.partner import DOOR, Partner

ADDRESSES = {
    "api:station-list": "/api/v1/stations/?limit=100",
    "api:station-list-near": "/api/v1/stations/?near=30.58,114.34&open=now&amenity=hot-water&limit=100",
    "api:station-list-words": "/api/v1/stations/?near=30.58,114.34&q=徐家棚&limit=100",
    "api:station-list-amenity-word": "/api/v1/stations/?near=30.58,114.34&q=热水&limit=100",
    "api:station-list-updated": "/api/v1/stations/?updated_since=2000-01-01T00:00:00Z&tier=3&limit=100",
    "api:station-list-geojson": "/api/v1/stations/?format=geojson&limit=100",
    "api:station-list-empty": "/api/v1/stations/?tier=1",
    "api:station-detail": "/api/v1/stations/WH-QC-0001/",
    "api:district-list": "/api/v1/districts/",
    "api:division-list": "/api/v1/divisions/?inside=4201",
    "api:zone-list": "/api/v1/zones/",
    "api:amenity-list": "/api/v1/amenities/",
}


@pytest.mark.django_db
@pytest.mark.parametrize("stations", [1, 30])
@pytest.mark.parametrize("name", ADDRESSES)
def test_the_number_of_queries_is_as_recorded_whatever_the_number_of_rows(
    client: Client, name: str, stations: int
) -> None:
    for number in range(1, stations + 1):
        station = make_station(
            code=f"WH-QC-{number:04d}",
            at=clock.now(),
            amenities=["hot-water", "toilet"],
            hours={"opens": "00:00", "closes": "00:00"},
        )
        StationOrganisation.objects.create(station=station, role="premises", name="工会")
    finding.forget_names()
    address = ADDRESSES[name]
    check_query_count(name, lambda: client.get(address))


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "door", "body"),
    [
        ("api:confirmations", "confirmations", {"outcome": "entered", "position": DOOR}),
        ("api:uses", "uses", {"satisfied": True}),
    ],
)
def test_the_number_of_queries_of_a_write_is_as_recorded(name: str, door: str, body: dict[str, object]) -> None:
    station = make_station(at=clock.now())
    partner = Partner(make_key(make_client()))
    address = f"stations/{station.code}/{door}/"
    partner.get("whoami/")  # the first use of a day is noted
    check_query_count(name, lambda: partner.post(address, body, once="k"))
    check_query_count(f"{name}-again", lambda: partner.post(address, body, once="k"))


@pytest.mark.django_db
def test_the_number_of_queries_of_whoami_is_as_recorded() -> None:
    partner = Partner(make_key(make_client()))
    partner.get("whoami/")
    check_query_count("api:whoami", lambda: partner.get("whoami/"))
