"""GET /api/v1/stations/{code}/, /districts/ and /amenities/"""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from stations.models import AmenityWord, HoursException, Station, StationOrganisation
from tests.builders import make_amenity, make_district, make_station

pytestmark = pytest.mark.django_db


def get(client: Client, address: str) -> Any:
    response = client.get(address)
    assert response.status_code == 200, response.content
    return response.json()


def detail(client: Client, station: Station, query: str = "") -> Any:
    return get(client, f"/api/v1/stations/{station.code}/{query}")


def test_a_station_says_what_its_row_says_and_more(client: Client) -> None:
    station = make_station(at=clock.now(), area_m2="10.5", seats=6, amenities_text="针线包", opened_on="2021-06-01")
    StationOrganisation.objects.create(station=station, role="premises", name="徐家棚街道工会")
    answer = detail(client, station)
    row = get(client, "/api/v1/stations/")["results"][0]
    assert {name: answer[name] for name in row} == row
    assert (answer["area_m2"], answer["seats"], answer["opened_on"]) == (10.5, 6, "2021-06-01")
    assert answer["amenities_as_given"] == "针线包"
    assert answer["organisations"] == [{"role": "premises", "name": "徐家棚街道工会"}]
    assert set(answer["map_links"]) == {"amap", "tencent", "baidu", "apple", "geo"}


def test_a_station_tells_of_exceptions_ahead_and_not_of_past_ones(client: Client) -> None:
    station = make_station(at=clock.now())
    today = clock.local_date(clock.now())
    for shift in (-3, 2):
        HoursException.objects.create(
            station=station,
            starts_on=today + timedelta(days=shift),
            ends_on=today + timedelta(days=shift),
            reason="盘点",
        )
    assert detail(client, station)["exceptions"] == [
        {
            "starts_on": (today + timedelta(days=2)).isoformat(),
            "ends_on": (today + timedelta(days=2)).isoformat(),
            "opens": None,
            "closes": None,
            "entry_mode": None,
            "reason": "盘点",
        }
    ]


def test_a_station_without_a_position_has_no_map_links(client: Client) -> None:
    answer = detail(client, make_station(at=clock.now(), latitude=None, longitude=None))
    assert (answer["position"], answer["map_links"]) == (None, None)


def test_a_closed_station_stays_and_says_so_and_a_draft_is_absent(client: Client) -> None:
    closed = make_station(at=clock.now(), status="closed", status_reason="搬迁")
    answer = detail(client, closed)
    assert (answer["status"], answer["status_reason"]) == ("closed", "搬迁")
    draft = make_station(at=clock.now(), status="draft")
    absent, missing = (client.get(f"/api/v1/stations/{code}/") for code in (draft.code, "WH-XX-9999"))
    assert absent.status_code == missing.status_code == 404
    assert absent.content == missing.content


def test_a_station_in_another_datum(client: Client) -> None:
    station = make_station(at=clock.now())
    assert detail(client, station, "?crs=bd09")["position"]["crs"] == "bd09"
    assert client.get(f"/api/v1/stations/{station.code}/?near=1,2").json()["code"] == "unknown_parameter"


def test_districts_say_their_numbers(client: Client) -> None:
    make_district(code="420104", name="硚口区", letters="QK")
    make_station(at=clock.now(), tier=1, hours={"opens": "00:00", "closes": "00:00"})
    make_station(at=clock.now(), tier=3, hours=False)
    assert get(client, "/api/v1/districts/")["results"] == [
        {"code": "420104", "name": "硚口区", "stations": 0, "tiers": {"1": 0, "2": 0, "3": 0}, "open_now": 0},
        {"code": "420106", "name": "武昌区", "stations": 2, "tiers": {"1": 1, "2": 0, "3": 1}, "open_now": 1},
    ]


def test_amenities_say_their_words(client: Client) -> None:
    amenity = make_amenity("hot-water", name="热水", expected_from_tier=3)
    AmenityWord.objects.get_or_create(word="饮水机", amenity=amenity)
    row = next(row for row in get(client, "/api/v1/amenities/")["results"] if row["code"] == "hot-water")
    assert (row["name"], row["kind"], row["expected_from_tier"]) == ("热水", "equipment", 3)
    assert "饮水机" in row["words"]


@pytest.mark.parametrize("address", ["/api/v1/districts/", "/api/v1/amenities/"])
def test_lists_without_parameters_refuse_any(client: Client, address: str) -> None:
    assert client.get(f"{address}?limit=5").json()["code"] == "unknown_parameter"
