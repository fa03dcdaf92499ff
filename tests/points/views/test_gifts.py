"""The public pages of gifts: which there are, where they are in stock and open, how to get them; and what a station has."""

import re
from collections.abc import Callable
from datetime import date, time, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from couriers import devices
from points import ledger, stock
from points.models import EarningRule, Gift, GiftPrice
from stations import publishing
from stations.models import HoursException, HoursSpan, Station
from tests.builders import NOON, make_hours, make_station
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.query_counts import check_query_count
from tests.stations.views.pages import at, browser, card_codes, links, read, text

pytestmark = pytest.mark.django_db

GIFTS = "/gifts/"
UMBRELLA = "/gifts/wc-umbrella/"
WUCHANG, QIAOKOU, CITY = "420106", "420104", "4201"
# In 武昌, as the outlines have it: where the builders put a station.
HERE = "lat=30.58010&lng=114.34020&accuracy_m=20"


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> None:
    at(monkeypatch)


@pytest.fixture
def books() -> Books:
    return keep_books(points=0, pieces=8)


def offered(books: Books, code: str, *, points: int, district: Any = None, **fields: Any) -> Gift:
    gift = Gift.objects.create(
        **{"code": code, "division": district or books.district, "name": f"礼品{code}"} | fields
    )  # fmt: skip
    GiftPrice.objects.create(gift=gift, points=points, valid_from=NOON.date())
    return gift


def put(gift: Gift, station: Station, pieces: int) -> None:
    delivery = stock.Delivery(document_no="R-2", unit_price_cny=Decimal("9.90"), funding="union")
    stock.receive(gift=gift, station=station, pieces=pieces, delivery=delivery, op_id=op(), actor=ACTOR, at=NOON)


def shown(html: str) -> list[str]:
    """The codes of the gifts on the page, in their order."""
    return re.findall(r'<h3><a href="/gifts/([^/]+)/"', html)


def card(html: str, code: str) -> str:
    """What the card of one gift says."""
    return next(text(part) for part in html.split('<li class="card gift-card">') if f"/gifts/{code}/" in part)


# ── The catalogue ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_card_says_what_it_costs_and_where_it_is_in_stock_and_open(books: Books) -> None:
    said = card(read(browser().get(f"{GIFTS}?{HERE}")), "wc-umbrella")
    assert "雨伞" in said
    assert f"{PRICE} 积分" in said
    assert f"有货：{books.station.name} 8件" in said
    assert "开放中 至20:00" in said
    assert "10米" in said


NIGHT = {"entry_mode": "scan", "opens": time(20), "closes": time(8)}
DAY = {"entry_mode": "staffed", "opens": time(12, 30), "closes": time(20)}
ALWAYS = {"entry_mode": "card", "opens": time(0), "closes": time(0)}


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        ([{}], ""),
        ([{"entry_mode": "scan"}], "没有登记值守时间，去领前先问一声"),
        ([ALWAYS], "没有登记值守时间，去领前先问一声"),
        ([NIGHT | {"closes": time(12, 30)}, DAY], "12:30起有人值守，可领礼品"),
        ([NIGHT, DAY], ""),  # the door is shut until somebody comes, as its state says
        ([DAY | {"opens": time(8)}], ""),
        ([DAY | {"opens": time(8)}, NIGHT], "20:00前有人值守，可领礼品"),
        ([DAY | {"opens": time(8)}, ALWAYS], "20:00前有人值守，可领礼品"),
        ([DAY | {"opens": time(22), "closes": time(18)}, ALWAYS], "18:00前有人值守，可领礼品"),  # since last night
        ([], ""),
    ],
)
def test_a_door_that_opens_by_a_code_alone_hands_out_no_gifts_and_the_pages_say_when_somebody_is_there(
    books: Books, hours: list[dict[str, Any]], said: str
) -> None:
    books.station.hours_periods.all().delete()
    for each in hours:
        make_hours(books.station, **each)
    publishing.refresh([books.station.pk], now=NOON, facts_changed=False)
    books.station.refresh_from_db()
    award(books, 2 * PRICE)
    phone = Client()
    phone.cookies["me"] = devices.sign_in(courier=books.courier, kind="tests", at=NOON)
    waiting = order(books)
    pages = [
        GIFTS, UMBRELLA, f"/stations/{books.station.code}/", "/me/gifts/", "/me/gifts/wc-umbrella/",
        f"/me/orders/{waiting.code}/",
    ]  # fmt: skip
    for page in pages:
        shown_there = text(read(phone.get(page)))
        assert (said in shown_there, "值守，可领" in shown_there, "先问一声" in shown_there) == (
            True, "可领" in said, "先问" in said,
        ), page  # fmt: skip


def said_to_him(books: Books, *, shut_from: date, days: int) -> dict[str, str]:
    """His pages at noon, by their addresses: with an order that is kept until noon in 7 days, at a station that is open from 8 to
    20 and shut from that day on, through so many days from today."""
    last = NOON.date() + timedelta(days=days)
    HoursException.objects.create(station=books.station, starts_on=shut_from, ends_on=last, reason="春节")
    publishing.refresh([books.station.pk], now=NOON, facts_changed=False)
    award(books, 2 * PRICE)
    phone = Client()
    phone.cookies["me"] = devices.sign_in(courier=books.courier, kind="tests", at=NOON)
    waiting = order(books)
    pages = ("/me/gifts/", "/me/gifts/wc-umbrella/", f"/me/orders/{waiting.code}/")
    return {page: text(read(phone.get(page))) for page in pages}


@pytest.mark.parametrize("days", [6, 7, 30])
def test_where_nobody_comes_before_an_order_lapses_it_is_said_before_and_after_ordering(
    books: Books, days: int
) -> None:
    for page, said in said_to_him(books, shut_from=NOON.date(), days=days).items():
        assert ("6月18日 08:00前没有人值守" in said) == (days == 7), page
        assert ("近两周没有人值守，到时预订已经过期" in said) == (days == 30), page


@pytest.mark.parametrize("days", [6, 7, 30])
def test_on_the_eve_of_a_long_holiday_it_is_said_that_today_is_the_only_day(books: Books, days: int) -> None:
    for page, said in said_to_him(books, shut_from=NOON.date() + timedelta(days=1), days=days).items():
        assert ("请今天领" in said) == (days >= 7), page


def test_of_a_station_shut_for_weeks_it_is_not_said_that_nobody_keeps_hours_there(books: Books) -> None:
    shut = HoursException(station=books.station, starts_on=NOON.date(), ends_on=NOON.date() + timedelta(days=30))
    shut.save()
    publishing.refresh([books.station.pk], now=NOON, facts_changed=False)
    assert "值守" not in text(read(browser().get(GIFTS)))
    HoursSpan.objects.filter(period__station=books.station).update(entry_mode="scan")
    shut.delete()
    publishing.refresh([books.station.pk], now=NOON, facts_changed=False)
    assert "没有登记值守时间" in text(read(browser().get(GIFTS)))


def test_a_cabinet_where_somebody_is_comes_before_a_nearer_one_where_nobody_is(books: Books) -> None:
    far = make_station(latitude=30.60, longitude=114.36)
    put(books.gift, far, 1)
    assert f"有货：{books.station.name}" in card(read(browser().get(f"{GIFTS}?{HERE}")), "wc-umbrella")
    HoursSpan.objects.filter(period__station=books.station).update(entry_mode="scan")
    publishing.refresh([books.station.pk], now=NOON, facts_changed=False)
    assert f"有货：{far.name}" in card(read(browser().get(f"{GIFTS}?{HERE}")), "wc-umbrella")


def test_the_cheapest_comes_first(books: Books) -> None:
    offered(books, "wc-a-pot", points=2 * PRICE)
    offered(books, "wc-soap", points=PRICE // 2)
    assert shown(read(browser().get(GIFTS))) == ["wc-soap", "wc-umbrella", "wc-a-pot"]


def test_what_is_not_offered_or_has_no_price_today_is_not_shown(books: Books) -> None:
    offered(books, "wc-gone", points=5, is_offered=False)
    tomorrow = Gift.objects.create(code="wc-later", division=books.district, name="以后")
    GiftPrice.objects.create(gift=tomorrow, points=5, valid_from=NOON.date() + timedelta(days=1))
    Gift.objects.create(code="wc-unpriced", division=books.district, name="没有价")
    assert shown(read(browser().get(GIFTS))) == ["wc-umbrella"]


def test_the_district_where_the_phone_looked_last_is_chosen_unless_another_is(books: Books) -> None:
    offered(books, "qk-pot", points=5, district=books.other)
    phone = browser()
    assert shown(read(phone.get(GIFTS))) == ["qk-pot", "wc-umbrella"]
    phone.get(f"/?{HERE}")
    assert shown(read(phone.get(GIFTS))) == ["wc-umbrella"]
    assert shown(read(phone.get(f"{GIFTS}?division={QIAOKOU}"))) == ["qk-pot"]
    assert shown(read(phone.get(f"{GIFTS}?division={CITY}"))) == ["qk-pot", "wc-umbrella"]


def test_the_catalogue_remembers_a_sharp_position_as_the_finder_does_and_no_rough_one(books: Books) -> None:  # noqa: ARG001
    rough, sharp = browser(), browser()
    rough.get(f"{GIFTS}?lat=30.58010&lng=114.34020&accuracy_m=3000")
    sharp.get(f"{GIFTS}?{HERE}")
    assert "place" not in rough.cookies
    assert sharp.cookies["place"].value == "30.580,114.340"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (f"points={PRICE}", ["wc-umbrella"]),
        (f"points={PRICE - 1}", []),
        ("stock=yes", ["wc-umbrella"]),
        (f"points={2 * PRICE}", ["wc-umbrella", "wc-pot"]),
        (f"points={2 * PRICE}&stock=yes", ["wc-umbrella"]),
    ],
)
def test_the_filters_stand_in_the_address(books: Books, query: str, expected: list[str]) -> None:
    offered(books, "wc-pot", points=2 * PRICE)
    assert shown(read(browser().get(f"{GIFTS}?{query}"))) == expected


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("points=-1", "-1"), ("points=0", "0"), ("points=1e3", "1e3"), ("points=99999999999", "99999999999"), ("stock=no", "no"),
        (f"points=000000300{'9' * 4_400}", "000000300999"),
        ("division=999999", "999999"), ("tier=1", "1"), ("lat=30.5", ""),
    ],
)  # fmt: skip
def test_a_mistake_is_named_and_the_page_leads_on_without_it(books: Books, query: str, value: str) -> None:  # noqa: ARG001
    html = read(browser().get(f"{GIFTS}?{query}&near=me"), status=400)
    assert value in text(html)
    assert f"{GIFTS}?near=me" in links(html)


def test_a_filter_that_is_not_chosen_sends_nothing(books: Books) -> None:  # noqa: ARG001
    page = read(browser().get("/gifts/"))
    assert "None" not in page
    assert 'value="300"' in read(browser().get("/gifts/?points=300"))


def test_a_chosen_filter_can_be_taken_back(books: Books) -> None:  # noqa: ARG001
    html = read(browser().get(f"{GIFTS}?points=500&stock=yes&{HERE}"))
    kept = "lat=30.58010&lng=114.34020&accuracy_m=20"
    assert {f"{GIFTS}?{kept}&stock=yes", f"{GIFTS}?{kept}&points=500"} <= set(links(html))


def test_an_open_station_comes_before_a_nearer_one_that_is_shut(books: Books) -> None:
    shut = make_station(hours={"opens": "20:00", "closes": "23:00"}, latitude=30.5801)
    open_far = make_station(latitude=30.60)
    soap = offered(books, "wc-soap", points=5)
    put(soap, shut, 9)
    assert shut.name in card(read(browser().get(f"{GIFTS}?{HERE}")), "wc-soap")
    put(soap, open_far, 1)
    said = card(read(browser().get(f"{GIFTS}?{HERE}")), "wc-soap")
    assert open_far.name in said
    assert "另有1处有货" in said


def test_pieces_at_a_station_that_is_not_published_are_no_stock(books: Books) -> None:
    Station.objects.filter(pk=books.station.pk).update(status="suspended", status_reason="装修")
    said = card(read(browser().get(GIFTS)), "wc-umbrella")
    assert "暂时没货" in said
    assert books.station.name not in said


def test_empty_answers_say_the_way_out(books: Books) -> None:
    html = read(browser().get(f"{GIFTS}?division={QIAOKOU}"))
    assert "硚口区还没有礼品" in text(html)
    assert f"{GIFTS}?division={CITY}" in links(html)
    html = read(browser().get(f"{GIFTS}?division={books.district.code}&points=1"))
    assert "没有符合全部条件的礼品" in text(html)


def test_a_phone_that_does_not_say_where_it_is_is_told_the_other_way(books: Books) -> None:  # noqa: ARG001
    assert "请允许定位，或者选择所在的区" in text(read(browser().get(f"{GIFTS}?near=me")))


def test_in_english_the_page_speaks_english(books: Books) -> None:
    Gift.objects.filter(pk=books.gift.pk).update(name_en="Umbrella")
    html = read(Client(headers={"accept-language": "en"}).get(GIFTS))
    assert "Umbrella" in card(html, "wc-umbrella")
    assert f"In stock: {books.station.name}, 8 pieces" in card(html, "wc-umbrella")


# ── One gift ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_gift_lists_the_stations_that_have_it_the_nearest_open_one_first(books: Books) -> None:
    far = make_station(latitude=30.60)
    shut = make_station(latitude=30.581, hours={"opens": "20:00", "closes": "23:00"})
    put(books.gift, far, 3)
    put(books.gift, shut, 4)
    html = read(browser().get(f"{UMBRELLA}?{HERE}"))
    assert card_codes(html) == [books.station.code, far.code, shut.code]
    said = text(html)
    assert "这里有8件" in said
    assert "共有15件" in said
    assert "最近没人核实过" in said


def test_where_nobody_says_where_he_is_the_fullest_open_cabinet_comes_first(books: Books) -> None:
    fuller = make_station()
    shut = make_station(hours={"opens": "20:00", "closes": "23:00"})
    put(books.gift, fuller, 9)
    put(books.gift, shut, 20)
    assert card_codes(read(browser().get(UMBRELLA))) == [fuller.code, books.station.code, shut.code]
    assert f"有货：{fuller.name}" in card(read(browser().get(GIFTS)), "wc-umbrella")


def test_a_gift_out_of_stock_says_where_it_is_handed_out(books: Books) -> None:
    stock.scrap(
        gift=books.gift, station=books.station, pieces=8, reason="受潮", op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip
    html = read(browser().get(UMBRELLA))
    assert card_codes(html) == [books.station.code]
    said = text(html)
    assert "暂时没货" in said
    assert "这里暂时没有" in said
    assert "不记是谁要的" in said


def test_a_gift_that_no_station_ever_had_leads_to_the_others(books: Books) -> None:
    offered(books, "wc-pot", points=5)
    html = read(browser().get("/gifts/wc-pot/"))
    assert card_codes(html) == []
    assert GIFTS in links(html)


def test_a_price_that_begins_later_is_told(books: Books) -> None:
    GiftPrice.objects.update(valid_through=NOON.date() + timedelta(days=4))
    GiftPrice.objects.create(gift=books.gift, points=333, valid_from=NOON.date() + timedelta(days=5))
    said = text(read(browser().get(UMBRELLA)))
    assert f"{PRICE} 积分" in said
    assert "2026-06-15 起：333积分" in said


def test_how_points_are_earned_is_said_by_the_rules_of_today(books: Books) -> None:  # noqa: ARG001
    day = NOON.date()
    EarningRule.objects.create(action="volunteer", points=40, most_a_day=2, valid_from=day)
    EarningRule.objects.create(
        action="report-approved", points=77, most_a_day=1, valid_from=day - timedelta(days=9), valid_through=day - timedelta(days=1)
    )  # fmt: skip
    said = text(read(browser().get(UMBRELLA)))
    assert "40积分 · 每天最多2次" in said
    assert "77积分" not in said


def test_most_a_month_is_said(books: Books) -> None:
    assert "每月最多" not in text(read(browser().get(UMBRELLA)))
    Gift.objects.filter(pk=books.gift.pk).update(most_a_month=2)
    assert "每人每月最多兑换2件" in text(read(browser().get(UMBRELLA)))


def withdrawn(books: Books) -> None:
    Gift.objects.filter(pk=books.gift.pk).update(is_offered=False)


def priced_no_longer(books: Books) -> None:  # noqa: ARG001 - as the other is called
    GiftPrice.objects.update(valid_from=NOON.date() - timedelta(days=9), valid_through=NOON.date() - timedelta(days=1))


@pytest.mark.parametrize("change", [withdrawn, priced_no_longer])
def test_a_gift_that_is_not_to_be_had_looks_like_none(books: Books, change: Callable[[Books], None]) -> None:
    assert browser().get(UMBRELLA).status_code == 200
    change(books)
    gone, never = (text(read(browser().get(address), status=404)) for address in (UMBRELLA, "/gifts/wc-never/"))
    assert gone == never


def test_nobody_else_may_keep_the_pages(books: Books) -> None:  # noqa: ARG001
    for address in (GIFTS, UMBRELLA):
        answer = browser().get(address)
        assert answer["Cache-Control"] == "private, no-cache"
        assert "Cookie" in answer["Vary"]


# ── On the page of a station ────────────────────────────────────────────────────────────────────────────────────────


def test_a_station_shows_what_its_cabinet_holds(books: Books) -> None:
    html = read(browser().get(books.station.get_absolute_url()))
    assert "这里有货的礼品 雨伞 200积分 8件" in text(html)
    assert UMBRELLA in links(html)
    assert "这里有货的礼品" not in text(read(browser().get(books.second.get_absolute_url())))


def test_a_station_out_of_use_shows_no_gifts(books: Books) -> None:
    Station.objects.filter(pk=books.station.pk).update(status="suspended", status_reason="装修")
    assert "这里有货的礼品" not in text(read(browser().get(books.station.get_absolute_url())))


# ── How much it asks ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("gifts", [2, 20])
def test_the_number_of_queries_is_as_recorded_whatever_the_number_of_gifts(books: Books, gifts: int) -> None:
    for number in range(gifts):
        gift = offered(books, f"wc-gift-{number}", points=5)
        ledger.stock(gift, books.second)
        # No two at one place: which of those comes first would be asked for besides.
        put(gift, make_station(latitude=30.58 + number / 10_000), 5)
        put(books.gift, make_station(latitude=30.57 - number / 10_000), 5)
    phone = browser()
    for name, address in {
        "page:gifts": f"{GIFTS}?{HERE}",
        "page:gift": f"{UMBRELLA}?{HERE}",
        "page:station-with-gifts": books.station.get_absolute_url(),
    }.items():
        phone.get(address)
        check_query_count(name, lambda address=address: read(phone.get(address)))  # type: ignore[misc]
