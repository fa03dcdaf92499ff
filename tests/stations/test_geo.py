"""Datums, distances and map links."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations.geo import (
    Crs,
    Point,
    bbox_around,
    distance_m,
    from_wgs84,
    map_links,
    mercator,
    mercator_scale,
    to_wgs84,
    walking_minutes,
)

CENTRE = Point(30.57, 114.30)

points_of_the_city = st.builds(
    Point, st.floats(min_value=29.9, max_value=31.4), st.floats(min_value=113.6, max_value=115.1)
)
points_of_the_country = st.builds(
    Point, st.floats(min_value=18.5, max_value=53.0), st.floats(min_value=75.0, max_value=134.0)
)


@given(point=points_of_the_city, crs=st.sampled_from(Crs))
def test_there_and_back_ends_where_it_began(point: Point, crs: Crs) -> None:
    back = to_wgs84(from_wgs84(point, crs), crs)
    assert abs(back.latitude - point.latitude) < 1e-9
    assert abs(back.longitude - point.longitude) < 1e-9


@given(point=points_of_the_city, crs=st.sampled_from(Crs))
def test_back_and_there_ends_where_it_began(point: Point, crs: Crs) -> None:
    there = from_wgs84(to_wgs84(point, crs), crs)
    assert abs(there.latitude - point.latitude) < 1e-9
    assert abs(there.longitude - point.longitude) < 1e-9


@given(point=points_of_the_country, crs=st.sampled_from(Crs))
def test_the_inverse_holds_over_the_whole_country(point: Point, crs: Crs) -> None:
    assert distance_m(to_wgs84(from_wgs84(point, crs), crs), point) < 0.001


def test_the_shift_in_wuhan_is_the_measured_one() -> None:
    shifted = from_wgs84(CENTRE, Crs.GCJ02)
    assert round(shifted.latitude - CENTRE.latitude, 5) == -0.00243
    assert round(shifted.longitude - CENTRE.longitude, 5) == 0.00544
    east_m = distance_m(CENTRE, Point(CENTRE.latitude, shifted.longitude))
    south_m = distance_m(CENTRE, Point(shifted.latitude, CENTRE.longitude))
    assert (round(east_m, -1), round(south_m, -1)) == (520, 270)


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
        ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
        ((39.915, 116.404), (39.91640428150164, 116.41024449916938)),
    ],
)
def test_gcj02_agrees_with_the_published_examples(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    """Source: the examples of eviltransform and coordtransform, two public writings of the shift."""
    shifted = from_wgs84(Point(*wgs84), Crs.GCJ02)
    assert (shifted.latitude, shifted.longitude) == pytest.approx(gcj02, abs=1e-9)


def test_bd09_agrees_with_the_published_example() -> None:
    """Source: coordtransform's README, GCJ-02 (39.915, 116.404)."""
    shifted = from_wgs84(to_wgs84(Point(39.915, 116.404), Crs.GCJ02), Crs.BD09)
    assert (shifted.latitude, shifted.longitude) == pytest.approx((39.92133699351021, 116.41036949371029), abs=1e-9)


def test_outside_china_the_datums_agree() -> None:
    berlin = Point(52.52, 13.40)
    assert from_wgs84(berlin, Crs.GCJ02) == berlin
    assert to_wgs84(berlin, Crs.GCJ02) == berlin


@pytest.mark.parametrize(
    ("latitude", "longitude"),
    [(math.nan, 114.3), (30.5, math.inf), (91.0, 114.3), (-90.1, 114.3), (30.5, 180.1), (114.3, 30.5)],
)
def test_a_point_that_cannot_be_is_refused(latitude: float, longitude: float) -> None:
    with pytest.raises(ValueError, match=r"latitude|longitude"):
        Point.checked(latitude, longitude)
    assert Point.checked(30.5, 114.3) == Point(30.5, 114.3)


def test_a_degree_of_the_meridian_is_111_195_metres() -> None:
    assert distance_m(Point(30.0, 114.3), Point(31.0, 114.3)) == pytest.approx(111_195.08, abs=0.01)
    assert distance_m(CENTRE, CENTRE) == 0.0
    assert distance_m(Point(0.0, 0.0), Point(0.0, 180.0)) == pytest.approx(math.pi * 6_371_008.8)


def test_mercator_is_that_of_web_maps() -> None:
    assert mercator(Point(0.0, 180.0)) == pytest.approx((20_037_508.342789, 0.0), abs=1e-6)
    assert mercator(Point(85.0511287798066, 0.0))[1] == pytest.approx(20_037_508.342789, abs=1e-4)


@given(point=points_of_the_city, bearing=st.floats(0.0, 2 * math.pi), metres=st.floats(1.0, 3_000.0))
def test_the_scale_turns_ground_metres_into_mercator_metres(point: Point, bearing: float, metres: float) -> None:
    other = _moved(point, bearing, metres)
    length = math.dist(mercator(point), mercator(other))
    assert length == pytest.approx(distance_m(point, other) * mercator_scale(point.latitude), rel=0.001)


@given(point=points_of_the_city, bearing=st.floats(0.0, 2 * math.pi), metres=st.floats(1.0, 50_000.0))
def test_the_box_holds_the_whole_circle(point: Point, bearing: float, metres: float) -> None:
    edge = _moved(point, bearing, metres)
    assert bbox_around(point, distance_m(point, edge) + 0.001).contains(edge)


def test_the_box_is_no_larger_than_the_circle() -> None:
    box = bbox_around(CENTRE, 1_000.0)
    assert distance_m(CENTRE, Point(box.north, CENTRE.longitude)) == pytest.approx(1_000.0)
    assert distance_m(CENTRE, Point(CENTRE.latitude, box.east)) == pytest.approx(1_000.0, rel=1e-4)
    assert not box.contains(Point(30.58, 114.30))


def test_a_box_over_the_pole_goes_round_the_earth() -> None:
    box = bbox_around(Point(89.99, 10.0), 50_000.0)
    assert (box.west, box.east, box.north) == (-180.0, 180.0, 90.0)


@pytest.mark.parametrize(("metres", "minutes"), [(0.0, 1), (61.5, 1), (62.0, 2), (615.0, 10), (1_000.0, 17)])
def test_walking_goes_by_streets_at_80_metres_a_minute(metres: float, minutes: int) -> None:
    assert walking_minutes(metres) == minutes


LINKS = map_links(CENTRE, name="徐家棚蜂巢", address="和平大道 750 号")
NAME = "%E5%BE%90%E5%AE%B6%E6%A3%9A%E8%9C%82%E5%B7%A2"
ADDRESS = "%E5%92%8C%E5%B9%B3%E5%A4%A7%E9%81%93%20750%20%E5%8F%B7"


def test_the_link_to_amap() -> None:
    assert LINKS.amap == (
        f"https://uri.amap.com/marker?position=114.305436,30.567573&name={NAME}"
        "&src=fengchao&coordinate=gaode&callnative=1"
    )


def test_the_link_to_tencent() -> None:
    assert LINKS.tencent == (
        f"https://apis.map.qq.com/uri/v1/marker?marker=coord%3A30.567573%2C114.305436%3Btitle%3A{NAME}"
        f"%3Baddr%3A{ADDRESS}&referer=fengchao"
    )


def test_the_link_to_baidu() -> None:
    assert LINKS.baidu == (
        f"https://api.map.baidu.com/marker?location=30.567573,114.305436&title={NAME}&content={ADDRESS}"
        "&output=html&coord_type=gcj02&src=fengchao"
    )


def test_the_link_to_apple() -> None:
    assert LINKS.apple == f"https://maps.apple.com/?ll=30.567573,114.305436&q={NAME}"


def test_the_geo_uri_is_in_wgs84() -> None:
    assert LINKS.geo == f"geo:30.570000,114.300000?q=30.570000,114.300000({NAME})"


def test_a_name_cannot_break_out_of_its_link() -> None:
    links = map_links(CENTRE, name="一号;coord:1,1&x=(y)#", address="")
    for link in (links.amap, links.tencent, links.baidu, links.apple):
        assert "&x=" not in link
        assert "#" not in link
    assert "%3Bcoord" not in links.tencent
    assert "addr" not in links.tencent
    assert links.geo.count("(") == links.geo.count(")") == 1


def _moved(point: Point, bearing: float, metres: float) -> Point:
    north, east = metres * math.cos(bearing), metres * math.sin(bearing)
    latitude = point.latitude + north / 111_195.0
    return Point(latitude, point.longitude + east / (111_195.0 * math.cos(math.radians(latitude))))
