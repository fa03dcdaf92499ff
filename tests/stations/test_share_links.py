"""What staff paste into the position field."""

from urllib.parse import quote

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from stations.geo import Crs, Point, PositionUnreadable, distance_m, map_links, parse_position, to_wgs84

PLACE = Point(30.57, 114.30)


@pytest.mark.parametrize(
    "text",
    [
        "114.30,30.57",
        "30.57,114.30",
        "30.57 114.30",
        "30.57\t114.30",
        "１１４．３０，３０．５７",
        "（114.30、30.57）",
        "[114.3, 30.57]",
        "北纬30.57 东经114.30",
        "东经114.30°，北纬30.57°",
        "北纬:30.57 东经:114.30",
        "纬度30.57,经度114.30",
        "N30.57 E114.30",
        "30.57N 114.30E",
        "30.57°N, 114.30°E",
        "lat=30.57&lng=114.30",
        '{"lng": 114.30, "lat": 30.57}',
        "30°34'12\"N 114°18'0\"E",
        "30°34′12″ 114°18′00″",
        "北纬30度34分12秒，东经114度18分0秒",
        "东经１１４°１８′　北纬３０°３４．２′",
        "和平大道750号 114.30,30.57",
    ],
)
def test_numbers_are_read_and_their_datum_is_left_open(text: str) -> None:
    parsed = parse_position(text)
    assert parsed is not None
    assert (parsed.point.latitude, parsed.point.longitude) == pytest.approx((30.57, 114.30), abs=1e-9)
    assert (parsed.crs, parsed.source) == (None, "numbers")


@pytest.mark.parametrize(
    ("text", "crs", "source"),
    [
        ("https://uri.amap.com/marker?position=114.30,30.57&name=A", Crs.GCJ02, "amap"),
        ("https://uri.amap.com/marker?position=114.30,30.57&coordinate=gaode", Crs.GCJ02, "amap"),
        ("https://uri.amap.com/marker?position=114.30%2C30.57&coordinate=wgs84", Crs.WGS84, "amap"),
        ("https://uri.amap.com/navigation?from=114.1,30.1,a&to=114.30,30.57,b&mode=walk", Crs.GCJ02, "amap"),
        ("https://www.amap.com/?q=30.57,114.30,徐家棚", Crs.GCJ02, "amap"),
        ("https://wb.amap.com/?p=B001B0JXXX,30.57,114.30,徐家棚,和平大道", Crs.GCJ02, "amap"),
        ("https://ditu.amap.com/regeo?lng=114.30&lat=30.57&name=A", Crs.GCJ02, "amap"),
        ("ditu.amap.com/regeo?lng=114.30&lat=30.57", Crs.GCJ02, "amap"),
        ("androidamap://viewMap?sourceApplication=x&poiname=A&lat=30.57&lon=114.30&dev=0", Crs.GCJ02, "amap"),
        ("iosamap://viewMap?sourceApplication=x&poiname=A&lat=30.57&lon=114.30&dev=1", Crs.WGS84, "amap"),
        ("https://apis.map.qq.com/uri/v1/marker?marker=coord:30.57,114.30;title:A;addr:B", Crs.GCJ02, "tencent"),
        (
            f"https://apis.map.qq.com/uri/v1/marker?marker={quote('coord:30.57,114.30;title:蜂巢', safe='')}&referer=x",
            Crs.GCJ02,
            "tencent",
        ),
        ("https://map.qq.com/?type=marker&pointx=114.30&pointy=30.57&name=A", Crs.GCJ02, "tencent"),
        ("http://map.qq.com/#pointx=114.30&pointy=30.57", Crs.GCJ02, "tencent"),
        ("我在徐家棚，快来：https://map.qq.com/m/?pointx=114.30&pointy=30.57，谢谢", Crs.GCJ02, "tencent"),
        ("https://api.map.baidu.com/marker?location=30.57,114.30&title=A&output=html", Crs.BD09, "baidu"),
        ("https://api.map.baidu.com/marker?location=30.57,114.30&coord_type=gcj02", Crs.GCJ02, "baidu"),
        ("https://api.map.baidu.com/marker?location=30.57,114.30&coord_type=wgs84", Crs.WGS84, "baidu"),
        ("baidumap://map/marker?location=30.57,114.30&coord_type=bd09ll", Crs.BD09, "baidu"),
        ("https://maps.apple.com/?ll=30.57,114.30&q=A", Crs.GCJ02, "apple"),
        ("https://www.openstreetmap.org/?mlat=30.57&mlon=114.30#map=18/30.1/114.1", Crs.WGS84, "osm"),
        ("https://www.openstreetmap.org/#map=18/30.57/114.30", Crs.WGS84, "osm"),
        ("geo:30.57,114.30", Crs.WGS84, "geo"),
        ("geo:30.57,114.30;u=35", Crs.WGS84, "geo"),
        ("geo:30.57,114.30;crs=wgs84;u=35", Crs.WGS84, "geo"),
        ("geo:0,0?q=30.57,114.30(蜂巢)", Crs.WGS84, "geo"),
    ],
)
def test_a_link_gives_the_position_and_its_datum(text: str, crs: Crs, source: str) -> None:
    parsed = parse_position(text)
    assert parsed is not None
    assert (parsed.point, parsed.crs, parsed.source) == (PLACE, crs, source)


@pytest.mark.parametrize("app", ["amap", "tencent", "baidu", "apple", "geo"])
def test_our_own_links_lead_back_to_the_place(app: str) -> None:
    link = getattr(map_links(PLACE, name="徐家棚蜂巢 (一类)", address="和平大道;750号"), app)
    parsed = parse_position(f"【蜂巢】{link}")
    assert parsed is not None
    assert parsed.crs is not None
    assert distance_m(to_wgs84(parsed.point, parsed.crs), PLACE) < 0.2


@pytest.mark.parametrize(
    ("text", "way_out"),
    [
        ("https://surl.amap.com/4bCdEf1g2H", "Open it"),
        ("徐家棚街道社区中心 https://surl.amap.com/4bCdEf1g2H 点击查看", "Open it"),
        ("https://j.map.baidu.com/ab/cd1", "Open it"),
        ("https://map.baidu.com/@12724000,3554000,19z", "metres"),
        ("https://map.baidu.com/?shareurl=1&point=12724000.5|3554000.2", "metres"),
        ("https://map.baidu.com/poi/徐家棚/@12724000.5,3554000.2,17z", "metres"),
        ("https://api.map.baidu.com/marker?location=12724000,3554000&coord_type=bd09mc", "metres"),
        ("https://www.amap.com/place/B001B0JXXX", "without its position"),
        ("https://apis.map.qq.com/uri/v1/search?keyword=蜂巢", "without its position"),
        ("https://example.com/114.30,30.57", "no map"),
        ("geo:30.57,114.30;crs=gcj02", "WGS-84"),
        ("geo:here", "without its position"),
        ("https://uri.amap.com/marker?position=30.57,114.30", "between"),
        ("39.90 116.40", "Wuhan"),
        ("30.57 114.30 30.58", "more than two"),
        ("北纬30.57 北纬114.30", "same axis"),
        ("30°61'0\"N 114°18'0\"E", "less than 60"),
        ("北纬130.5 东经114.3", "between"),
        ("x" * 5_000, "too long"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_way_out(text: str, way_out: str) -> None:
    with translation.override("en"), pytest.raises(PositionUnreadable) as refusal:
        parse_position(text)
    with translation.override("en"):
        assert way_out in str(refusal.value.detail)


@pytest.mark.parametrize(
    "text", ["", "  ", "徐家棚街道和平大道750号", "12 号楼 3 单元", "30 114", "电话 027-88888888", "30.57"]
)
def test_a_text_without_a_position_gives_none(text: str) -> None:
    assert parse_position(text) is None


def test_marked_numbers_may_lie_anywhere() -> None:
    parsed = parse_position("南纬 33.86 东经 151.21")
    assert parsed is not None
    assert parsed.point == Point(-33.86, 151.21)


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parsed = parse_position(text)
    except PositionUnreadable:
        return
    assert parsed is None or Point.checked(parsed.point.latitude, parsed.point.longitude) == parsed.point


@given(
    tail=st.text(alphabet="0123456789.,;:=&?#/@%|-()latlngcoordpositinqmarker", max_size=80),
    head=st.sampled_from(
        [
            "https://uri.amap.com/",
            "https://apis.map.qq.com/",
            "https://map.baidu.com/",
            "geo:",
            "https://[",
            "qqmap://",
            "https://maps.apple.com/?ll=",
        ]
    ),
)
def test_any_link_is_read_or_refused(head: str, tail: str) -> None:
    try:
        parsed = parse_position(head + tail)
    except PositionUnreadable:
        return
    assert parsed is None or Point.checked(parsed.point.latitude, parsed.point.longitude) == parsed.point
