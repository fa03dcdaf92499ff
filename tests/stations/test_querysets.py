"""Each queryset method keeps what its sentence says."""

from datetime import time, timedelta

import pytest
from django.db.models import QuerySet

from stations import publishing
from stations.geo import Point, distance_m
from stations.models import Division, Station, Zone
from tests.builders import NOON, make_district, make_hours, make_station, make_subdistrict

pytestmark = pytest.mark.django_db
HERE = Point(30.58, 114.34)


def codes(stations: QuerySet[Station]) -> set[str]:
    return set(stations.values_list("code", flat=True))


def test_the_methods_chain_into_one_sentence() -> None:
    wanted = make_station(amenities=["hot-water", "toilet"])
    make_station(amenities=["hot-water"])
    make_station(amenities=["hot-water", "toilet"], status="draft")
    make_station(amenities=["hot-water", "toilet"], hours=False)
    found = (
        Station.objects.published().in_division("420106").with_amenities("hot-water", "toilet").open_at(NOON).near(HERE)
    )
    assert codes(found) == {wanted.code}


def test_in_division_keeps_the_node_and_all_inside_it() -> None:
    inner = make_station()
    outer = make_station(
        division=make_subdistrict(code="420104002", district=make_district(code="420104", name="硚口区", letters="QK"))
    )
    assert codes(Station.objects.in_division("420106003")) == {inner.code}
    assert codes(Station.objects.in_division("420104")) == {outer.code}
    assert codes(Station.objects.in_division("4201")) == {inner.code, outer.code}


def test_in_zone_keeps_the_stations_of_the_zone() -> None:
    zone = Zone.objects.create(code="east-lake", name="武汉东湖新技术开发区", short_name="东湖高新区")
    inside, _outside = make_station(zone=zone), make_station()
    assert codes(Station.objects.in_zone("east-lake")) == {inside.code}


def test_open_at_counts_the_opening_moment_and_not_the_closing_one() -> None:
    make_station(hours={"opens": time(8), "closes": time(20)})
    eight = NOON - timedelta(hours=4)
    for at, count in (
        (eight - timedelta(seconds=1), 0),
        (eight, 1),
        (eight + timedelta(hours=12, seconds=-1), 1),
        (eight + timedelta(hours=12), 0),
    ):
        assert Station.objects.open_at(at).count() == count, at


def test_open_at_looks_through_midnight() -> None:
    station = make_station(hours=False)
    make_hours(station, opens=time(22), closes=time(6))
    publishing.refresh([station.pk], now=NOON)
    two_in_the_morning = NOON + timedelta(hours=14)
    assert codes(Station.objects.open_at(two_in_the_morning)) == {station.code}


def test_near_orders_by_distance_and_says_it() -> None:
    far, close = make_station(latitude=30.60), make_station(latitude=30.581)
    make_station(latitude=None, longitude=None)
    found = list(Station.objects.near(HERE))
    assert found == [close, far]
    for station in found:
        there = Point(station.latitude or 0, station.longitude or 0)
        assert station.distance_m == pytest.approx(distance_m(HERE, there), abs=0.01)  # type: ignore[attr-defined]


def test_districts_and_inside_walk_the_tree() -> None:
    make_subdistrict()
    make_district(code="420104", name="硚口区", letters="QK")
    assert list(Division.objects.districts().values_list("code", flat=True)) == ["420104", "420106"]
    assert set(Division.objects.inside("420106").values_list("code", flat=True)) == {"420106", "420106003"}
