"""The first screen: what it lists, in which order, and what it offers if nothing matches."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from stations.models import Station
from tests.builders import NOON, make_amenity, make_district, make_station, make_subdistrict
from tests.stations.views.pages import at, browser, card_codes, links, read, text

pytestmark = pytest.mark.django_db

HERE = "lat=30.58010&lng=114.34020"
# 21:00 in Wuhan: stations with the builder's hours are closed.
NIGHT = datetime(2026, 6, 10, 13, 0, tzinfo=UTC)


@pytest.fixture
def phone(monkeypatch: pytest.MonkeyPatch) -> Client:
    at(monkeypatch)
    return browser()


def north(metres: int, **fields: object) -> Station:
    return make_station(latitude=30.5801 + metres / 111_195, **fields)  # type: ignore[arg-type]


def test_the_nearest_comes_first_with_its_distance_state_and_last_proof(phone: Client) -> None:
    far = north(3_000)
    near = north(320, name="武车社区蜂巢", confirmed_at=NOON - timedelta(minutes=12), tier=1)
    html = read(phone.get(f"/?{HERE}"))
    assert card_codes(html) == [near.code, far.code]
    card = html[html.index(near.code) : html.index(far.code)]
    assert 'class="state state-open"' in card
    for shown in ("武车社区蜂巢", "20:00", "320", "12", "tier-1", "/way/"):
        assert shown in card


def test_without_a_place_those_open_now_come_first(phone: Client) -> None:
    closed = make_station(hours={"opens": NOON.time().replace(hour=20), "closes": NOON.time().replace(hour=22)})
    opened = make_station()
    assert card_codes(read(phone.get("/"))) == [opened.code, closed.code]


def test_one_tap_leaves_only_those_open_now_and_another_brings_the_rest_back(
    phone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NIGHT)
    closed = north(100)
    opened = north(900, hours={"closes": NOON.time().replace(hour=23)})
    everywhere = read(phone.get(f"/?{HERE}"))
    assert card_codes(everywhere) == [closed.code, opened.code]
    (only_open,) = [link for link in links(everywhere) if "open=now" in link]
    narrowed = read(phone.get(only_open))
    assert card_codes(narrowed) == [opened.code]
    assert not [
        link for link in links(narrowed) if "open=now" in link and "cursor" not in link and "amenity" not in link
    ]
    (back,) = re.findall(r'class="chosen"[^>]*><li><a href="([^"]+)"', narrowed)
    assert card_codes(read(phone.get(back.replace("&amp;", "&")))) == [closed.code, opened.code]


def test_drafts_and_suspended_stations_are_not_listed(phone: Client) -> None:
    for status in ("draft", "suspended", "closed"):
        make_station(status=status)
    shown = make_station()
    assert card_codes(read(phone.get("/"))) == [shown.code]


def test_the_five_states_are_shown_as_icon_word_and_colour(phone: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch, NOON)
    early = NOON.time()
    make_station(hours={"closes": early.replace(hour=12, minute=20)})
    make_station(hours={"opens": early.replace(hour=14)})
    make_station(hours=False)
    make_station(doubted_at=NOON)
    make_station()
    html = read(phone.get("/"))
    for state in ("open", "closing-soon", "closed", "unknown", "doubted"):
        assert re.search(rf'class="state state-{state}"><svg[^>]*><use href="[^"]+#\w+"/></svg>[^<]+</span>', html), (
            state
        )


def test_a_need_is_a_link_that_asks_for_it_and_a_second_tap_takes_it_back(phone: Client) -> None:
    with_it = make_station(amenities=["microwave"])
    make_station()
    first = read(phone.get(f"/?{HERE}"))
    asked = next(link for link in links(first) if "amenity=microwave" in link)
    second = read(phone.get(asked))
    assert card_codes(second) == [with_it.code]
    back = re.search(r'class="need is-on" href="([^"]+)" aria-current="true"', second)
    assert back is not None
    assert "amenity" not in back[1]


def test_filters_in_the_address_narrow_the_list(phone: Client) -> None:
    other = make_subdistrict(
        code="420104002", name="韩家墩街道", district=make_district(code="420104", name="硚口区", letters="QK")
    )
    here = make_station(tier=1, name="徐东蜂巢")
    there = make_station(division=other, tier=2)
    for query, expected in {
        "division=420106": [here],
        "division=420104002": [there],
        "tier=2": [there],
        "tier=1&tier=2": [here, there],
        "q=xd": [here],
        "q=韩家墩": [there],
        "open=2026-06-10T19:59": [here, there],
    }.items():
        assert card_codes(read(phone.get(f"/?{query}"))) == [station.code for station in expected], query


def test_the_last_place_is_remembered_roughly_and_a_chosen_street_goes_before_it(phone: Client) -> None:
    near, far = north(100), north(5_000)
    assert card_codes(read(phone.get("/?lat=30.62507&lng=114.34020"))) == [far.code, near.code]
    assert phone.cookies["place"].value == "30.625,114.340"
    assert card_codes(read(phone.get("/"))) == [far.code, near.code]
    assert "distance" not in phone.get("/?division=420106").content.decode()
    assert card_codes(read(phone.get("/?division=420106"))) == [near.code, far.code]


@pytest.mark.parametrize(
    ("language", "said"), [("zh-hans", "一百米左右），记30天"), ("en", "some 100 metres for 30 days")]
)
def test_the_page_on_how_it_works_says_how_long_a_phone_keeps_its_last_place(
    phone: Client, language: str, said: str
) -> None:
    phone.get("/?lat=30.62507&lng=114.34020")
    assert phone.cookies["place"]["max-age"] == 30 * 86_400
    phone.cookies["django_language"] = language
    assert said in text(read(phone.get("/about/")))


@pytest.mark.parametrize("cookie", ["", "x,y", "nan,nan", "91,200", "1", "1,2,3"])
def test_a_broken_place_cookie_is_no_place(phone: Client, cookie: str) -> None:
    station = make_station()
    phone.cookies["place"] = cookie
    html = read(phone.get("/"))
    assert card_codes(html) == [station.code]
    assert "<b>" not in html[html.index(station.code) :]


def test_a_phone_that_does_not_say_where_it_is_gets_the_streets(phone: Client) -> None:
    make_station(amenities=["toilet"])
    response = phone.get("/?near=me&amenity=toilet&lat=&lng=")
    assert response.status_code == 302
    html = read(phone.get(response.headers["Location"]))
    assert "徐家棚街道" in text(html)
    street = next(link for link in links(html) if "division=420106003" in link)
    assert "amenity=toilet" in street
    assert len(card_codes(read(phone.get(street)))) == 1


def test_a_fuzzy_position_is_said_to_be_one(phone: Client) -> None:
    make_station()
    assert "notice--warn" in read(phone.get(f"/?{HERE}&accuracy_m=2500"))
    # A better one of last time is not lost to it.
    assert "place" not in phone.cookies
    assert "notice--warn" not in read(phone.get(f"/?{HERE}&accuracy_m=30"))
    assert phone.cookies["place"].value == "30.580,114.340"


def test_a_card_leads_into_the_map_app_that_was_chosen_and_scripts_know_it(phone: Client) -> None:
    station = make_station()
    make_station(latitude=None, longitude=None)
    address = f"/stations/{station.code}/way/"
    assert read(phone.get("/")).count(f'href="{address}" rel="nofollow"') == 1
    phone.get(f"{address}?app=tencent")
    assert f'href="{address}" data-map-app="tencent"' in read(phone.get("/"))
    phone.cookies["map_app"] = '"><script>'
    assert "data-map-app" not in read(phone.get("/"))


def test_pages_follow_each_other_without_gap_or_repetition(phone: Client) -> None:
    stations = [north(metres) for metres in range(0, 4_500, 100)]
    seen: list[str] = []
    address: str | None = f"/?{HERE}"
    while address:
        html = read(phone.get(address))
        seen += card_codes(html)
        address = next((link for link in links(html) if "cursor=" in link), None)
    assert seen == [station.code for station in stations]


def test_nothing_found_offers_each_condition_dropped_with_what_that_gives(
    phone: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, NIGHT)
    make_amenity("wifi")
    station = make_station(amenities=["microwave"], tier=2, at=NIGHT)
    html = read(phone.get("/?amenity=microwave&open=now&tier=2"))
    assert card_codes(html) == [station.code]  # offered, though closed
    assert "state-closed" in html
    ways = [link for link in links(html) if link == "/?tier=2&amenity=microwave"]
    assert ways
    html = read(phone.get("/?amenity=microwave&amenity=wifi&tier=2"))
    assert "/?tier=2" in links(html)
    assert re.search(r'href="/\?tier=2">[^<]+<span class="count">1</span>', html)


def test_names_are_text_and_never_markup(phone: Client) -> None:
    make_station(name="<script>alert(1)</script>", address='"><img src=x>')
    for address in ("/", f"/stations/{Station.objects.get().code}/", "/districts/420106/"):
        html = read(phone.get(address))
        assert "<script>alert" not in html
        assert "<img src=x" not in html


def test_the_map_shows_the_stations_of_the_list(phone: Client) -> None:
    shown = make_station(amenities=["microwave"], tier=1)
    make_station()
    make_station(amenities=["microwave"], latitude=None, longitude=None)
    response = phone.get("/map.json?amenity=microwave")
    assert response.headers["Content-Type"] == "application/geo+json"
    (feature,) = json.loads(read(response))["features"]
    assert feature["geometry"]["coordinates"] == [114.3402, 30.5801]
    assert feature["properties"] == {
        "code": shown.code,
        "name": shown.name,
        "tier": 1,
        "is_open": True,
        "url": f"/stations/{shown.code}/",
    }
    page = read(phone.get("/?amenity=microwave"))
    assert 'data-points-url="/map.json?amenity=microwave"' in page


def test_the_list_costs_the_same_queries_at_any_length(phone: Client) -> None:
    def queries() -> int:
        address = f"/?{HERE}&amenity=microwave&division=420106"
        phone.get(address)  # names are kept for a minute, plans with the connection
        with CaptureQueriesContext(connection) as captured:
            read(phone.get(address))
        return len(captured)

    make_station(amenities=["microwave"])
    with_one = queries()
    for _ in range(30):
        make_station(amenities=["microwave"])
    assert queries() <= with_one <= 5  # the last page asks once more, for what has no position


def test_what_has_no_position_is_found_behind_the_nearest(phone: Client) -> None:
    near = make_station(name="武车蜂巢")
    unplaced = make_station(name="武车工会驿站", latitude=None, longitude=None)
    page = read(phone.get(f"/?{HERE}&q=武车"))
    assert 0 < page.index(near.name) < page.index(unplaced.name)
    assert unplaced.name in read(phone.get(f"/?{HERE}"))


def test_the_first_screen_is_small(phone: Client) -> None:
    for number in range(20):
        north(number * 50, amenities=["microwave", "hot-water", "toilet", "seats", "wifi", "reading", "film"])
    assert len(read(phone.get(f"/?{HERE}")).encode()) < 45_000
