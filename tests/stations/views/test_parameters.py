"""What a URL may ask for: a mistake is a 400 that names the parameter, its value and the way out."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils.http import urlencode

from core.clock import to_local
from stations.publishing import horizon
from tests.builders import NOON, make_amenity, make_station
from tests.stations.views.pages import at, browser, card_codes, links, read, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Client:
    at(monkeypatch)
    make_amenity("hot-water")
    make_station(amenities=["hot-water"])
    return browser()


BAD = {
    "latitude 91": ({"lat": "91", "lng": "114"}, "lat", "91"),
    "latitude nan": ({"lat": "nan", "lng": "114"}, "lat", "nan"),
    "latitude inf": ({"lat": "inf", "lng": "114"}, "lat", "inf"),
    "latitude as a program writes it": ({"lat": "3_0", "lng": "114"}, "lat", "3_0"),
    "half a position": ({"lat": "30.5"}, "lng", ""),
    "longitude in words": ({"lat": "30.5", "lng": "东经"}, "lng", "东经"),
    "two latitudes": ([("lat", "30"), ("lat", "31"), ("lng", "114")], "lat", "30, 31"),
    "accuracy below zero": ({"lat": "30", "lng": "114", "accuracy_m": "-1"}, "accuracy_m", "-1"),
    "unknown amenity": ({"amenity": "sauna"}, "amenity", "sauna"),
    "unknown division": ({"division": "999999"}, "division", "999999"),
    "division in words": ({"division": "武昌"}, "division", "武昌"),
    "unknown zone": ({"zone": "moon"}, "zone", "moon"),
    "unknown parameter": ({"colour": "red"}, "colour", "red"),
    "limit is no condition of a page": ({"limit": "1000000000"}, "limit", "1000000000"),
    "tier 4": ({"tier": "4"}, "tier", "4"),
    "open tomorrow": ({"open": "tomorrow"}, "open", "tomorrow"),
    "open last year": ({"open": "2025-06-10T12:00"}, "open", "2025-06-10T12:00"),
    "open in the year 9999": ({"open": "9999-12-31T23:59-12:00"}, "open", "9999-12-31T23:59-12:00"),
    "a made-up cursor": ({"cursor": "abc"}, "cursor", "abc"),
    "near somebody else": ({"near": "you"}, "near", "you"),
    "a box of three numbers": ({"bbox": "1,2,3"}, "bbox", "1,2,3"),
    "a long search": ({"q": "蜂" * 61}, "q", "蜂" * 61),
}


@pytest.mark.parametrize(("query", "parameter", "value"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("path", ["/", "/map.json"])
def test_a_mistake_is_named_with_its_value_and_a_way_on(
    phone: Client, path: str, query: dict[str, str] | list[tuple[str, str]], parameter: str, value: str
) -> None:
    html = read(phone.get(f"{path}?{urlencode(query)}"), status=400)
    shown = f"{parameter} = {value}" if value else parameter
    assert shown in text(html)
    without = [link for link in links(html) if link.startswith(path)]
    assert without
    assert read(phone.get(without[0] if path == "/map.json" else "/"))


def test_the_way_on_drops_what_was_wrong_and_keeps_the_rest(phone: Client) -> None:
    html = read(phone.get("/?amenity=hot-water&tier=9"), status=400)
    assert "/?amenity=hot-water" in links(html)


@pytest.mark.parametrize("query", ["?q=%00", "?%00=1", "?q=%ED%A0%80", "?q=" + "a" * 9_000])
def test_what_is_no_text_or_far_too_long_is_refused(phone: Client, query: str) -> None:
    assert read(phone.get("/?q=a"))
    assert text(read(phone.get(f"/{query}"), status=400))


def test_what_wechat_adds_to_a_shared_link_is_let_pass(phone: Client) -> None:
    assert read(phone.get("/?from=singlemessage&isappinstalled=0&utm_source=qr"))


def test_empty_fields_of_a_form_ask_nothing(phone: Client) -> None:
    html = read(phone.get("/?lat=&lng=&accuracy_m=&division=&open=&q=&cursor="))
    assert len(card_codes(html)) == 1


def test_a_time_beyond_the_horizon_names_the_horizon(phone: Client) -> None:
    until = to_local(horizon(NOON))
    last = (until - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M")
    assert read(phone.get(f"/?open={last}"))
    html = read(phone.get(f"/?open={until:%Y-%m-%dT%H:%M}"), status=400)
    assert f"{until:%Y-%m-%d %H:%M}" in text(html)


def test_the_time_of_the_form_goes_before_its_tick(phone: Client) -> None:
    assert 'class="empty"' not in read(phone.get("/?open=now"))
    assert 'class="empty"' in read(phone.get("/?open=now&open=2026-06-10T23:30"))


def test_a_subdistrict_of_another_district_gives_way_to_the_district(phone: Client) -> None:
    inside = read(phone.get("/?division=420106&subdistrict=420106003"))
    outside = read(phone.get("/?division=420106&subdistrict=420104002"))
    assert "徐家棚街道" in text(inside).split("测试蜂巢")[0]
    assert len(card_codes(outside)) == 1


def test_a_cursor_belongs_to_one_list(phone: Client) -> None:
    for _ in range(25):
        make_station()
    more = next(link for link in links(read(phone.get("/?tier=3"))) if "cursor=" in link)
    assert len(card_codes(read(phone.get(more)))) == 6
    read(phone.get(more.replace("tier=3", "tier=3&open=now")), status=400)
    read(phone.get(more + "x"), status=400)
