"""Look-ups, compared with the queryset methods and with a plain scan of all stations in Python."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from core import clock, prepared
from stations import finding, publishing
from stations.finding import Card, Lookup, cards, counting, find
from stations.finding import lookup as asking
from stations.finding.names import names as kept_names
from stations.geo import Bbox, Point, distance_m, mercator
from stations.hours import OpenState, State, state_at
from stations.intervals import read
from stations.models import Amenity, AmenityWord, Division, Station, Zone
from tests.builders import NOON, make_amenity, make_district, make_hours, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

HERE = Point(30.58, 114.34)
AMENITIES = ("hot-water", "microwave", "toilet", "gift-counter")
HOURS: list[list[dict[str, Any]] | None] = [
    None,
    [{}],
    [{"opens": time(22), "closes": time(6)}],
    [{"opens": time(0), "closes": time(0), "entry_mode": "scan"}],
    [{"opens": time(8), "closes": time(20)}, {"opens": time(20), "closes": time(8), "entry_mode": "card"}],
    [{"opens": time(8), "closes": time(12)}, {"opens": time(12), "closes": time(18), "entry_mode": "card"}],
    [{"opens": time(9), "closes": time(17), "days": range(1, 6)}],
    [{"opens": time(9), "closes": time(10), "days": [1]}],
]


@pytest.fixture(autouse=True)
def _names_are_read_anew() -> Iterator[None]:
    finding.forget_names()
    yield
    finding.forget_names()


@dataclass
class Town:
    """Seventy stations of every kind, and what a plain reading knows of them."""

    stations: list[Station]
    rng: random.Random

    def expected(self, lookup: Lookup, at: datetime) -> list[Station]:
        return [station for station in self.stations if self._fits(station, lookup, at)]

    def state(self, station: Station, at: datetime) -> OpenState:
        return state_at(
            read(station.intervals), at, expanded_until=station.expanded_until, doubted=station.doubted_at is not None
        )

    def _fits(self, station: Station, lookup: Lookup, at: datetime) -> bool:
        point = (
            None
            if station.latitude is None or station.longitude is None
            else Point(station.latitude, station.longitude)
        )
        has = {row.amenity_id for row in station.station_amenities.all()}
        return (
            station.status == "published"
            and (lookup.near is None or point is not None)
            and (lookup.radius_m is None or distance_m(lookup.near or HERE, point or HERE) <= lookup.radius_m)
            and (lookup.bbox is None or (point is not None and lookup.bbox.contains(point)))
            and str(station.division_id).startswith(lookup.division)
            and (not lookup.zone or station.zone_id == lookup.zone)
            and (not lookup.tiers or station.tier in lookup.tiers)
            and set(lookup.amenities) <= has
            and (
                lookup.open_at is None
                or (
                    station.doubted_at is None
                    and any(each.opens_at <= at < each.closes_at for each in read(station.intervals))
                )
            )
            and (lookup.words in station.name)
        )

    def random_lookup(self) -> Lookup:
        rng = self.rng
        near = Point(rng.uniform(30.5, 30.66), rng.uniform(114.25, 114.42)) if rng.random() < 0.7 else None
        south, west = rng.uniform(30.5, 30.6), rng.uniform(114.25, 114.35)
        return Lookup(
            near=near,
            radius_m=rng.choice((None, 2_000, 9_000)) if near else None,
            bbox=Bbox(south, west, south + 0.08, west + 0.08) if rng.random() < 0.2 else None,
            division=rng.choice(("", "", "4201", "420106", "420106003", "420104")),
            zone=rng.choice(("", "", "", "east-lake")),
            tiers=rng.choice(((), (), (1,), (2, 3))),
            amenities=tuple(rng.sample(AMENITIES, rng.choice((0, 0, 1, 2)))),
            open_at=NOON + timedelta(minutes=rng.randrange(-10 * 60, 13 * 24 * 60)) if rng.random() < 0.5 else None,
            words=rng.choice(("", "", "", "邮政", "邮政 ")).strip(),
            limit=rng.choice((1, 3, 7, 100)),
        )


@pytest.fixture
def town() -> Town:
    rng = random.Random(20260610)
    Zone.objects.create(code="east-lake", name="武汉东湖新技术开发区", short_name="东湖高新区")
    divisions = [
        make_subdistrict(),
        make_subdistrict(code="420106009", name="粮道街道"),
        make_subdistrict(code="420104002", name="韩家墩街道", district=make_district(code="420104", name="硚口区", letters="QK")),
    ]  # fmt: skip
    for code in AMENITIES:
        make_amenity(code)
    ids = []
    for number in range(70):
        placed = rng.random() < 0.9
        # Some share a position to the last digit, as stations in one building do.
        latitude = round(rng.uniform(30.5, 30.66), rng.choice((2, 6)))
        longitude = round(rng.uniform(114.25, 114.42), rng.choice((2, 6)))
        station = make_station(
            name=f"{rng.choice(('邮政', '工会'))}驿站{number}",
            tier=rng.choice((None, 1, 2, 3)),
            status=rng.choice(("published",) * 5 + ("draft", "closed")),
            division=rng.choice(divisions),
            zone_id=rng.choice((None, None, "east-lake")),
            latitude=latitude if placed else None,
            longitude=longitude if placed else None,
            amenities=rng.sample(AMENITIES, rng.randrange(5)),
            doubted_at=NOON if rng.random() < 0.1 else None,
            hours=False,
        )
        for hours in rng.choice(HOURS) or []:
            make_hours(station, **hours)
        ids.append(station.pk)
    publishing.refresh(ids, now=NOON, facts_changed=False)
    stations = Station.objects.filter(pk__in=ids).prefetch_related("station_amenities")
    return Town(stations=list(stations.order_by("code")), rng=rng)


def all_pages(lookup: Lookup, now: datetime = NOON) -> list[Card]:
    found: list[Card] = []
    after = None
    for _page in range(100):
        page = find(replace(lookup, after=after), now=now)
        found += page.cards
        assert len(page.cards) <= lookup.limit
        if page.after is None:
            return found
        assert len(page.cards) == lookup.limit
        after = page.after
    raise AssertionError("the pages never end")


def test_find_agrees_with_a_plain_reading_of_all_stations(town: Town) -> None:
    empty = 0
    for _case in range(250):
        lookup = town.random_lookup()
        at = lookup.open_at or NOON
        expected = town.expected(lookup, at)
        found = all_pages(lookup)
        assert sorted(card.code for card in found) == [station.code for station in expected], lookup
        by_code = {station.code: station for station in expected}
        for card in found:
            assert card.open_state == town.state(by_code[card.code], at), (card.code, at)
        empty += not found
    assert empty < 125  # most cases must have something to disagree about


def test_find_agrees_with_the_queryset_methods(town: Town) -> None:
    """As far as there are such: nobody else asks for tiers, a box or a circle."""
    for _case in range(120):
        lookup = replace(town.random_lookup(), tiers=(), bbox=None, radius_m=None, limit=100)
        chain = Station.objects.published()
        if lookup.division:
            chain = chain.in_division(lookup.division)
        if lookup.zone:
            chain = chain.in_zone(lookup.zone)
        chain = chain.with_amenities(*lookup.amenities).matching(lookup.words)
        if lookup.open_at:
            chain = chain.open_at(lookup.open_at)
        if lookup.near:
            chain = chain.near(lookup.near)
        found = find(lookup, now=NOON).cards
        assert {card.id for card in found} == set(chain.values_list("pk", flat=True)), lookup


@pytest.mark.usefixtures("town")
def test_a_page_is_in_the_order_of_metres_on_the_ground() -> None:
    cards = find(Lookup(near=HERE, limit=100), now=NOON).cards
    away = [distance_m(HERE, Point(card.latitude or 0, card.longitude or 0)) for card in cards]
    assert len(cards) > 30
    assert away == sorted(away)
    assert [card.distance_m for card in cards] == [round(metres) for metres in away]


@pytest.mark.usefixtures("town")
def test_pages_follow_the_measure_of_the_index_and_then_the_id() -> None:
    def measure(card: Card) -> tuple[float, int]:
        (x, y), (x0, y0) = mercator(Point(card.latitude or 0, card.longitude or 0)), mercator(HERE)
        return round(((x - x0) ** 2 + (y - y0) ** 2) ** 0.5, 6), card.id

    whole = find(Lookup(near=HERE, limit=100), now=NOON).cards
    paged = all_pages(Lookup(near=HERE, limit=1))
    assert [card.id for card in paged] == [card.id for card in sorted(whole, key=measure)]


def test_stations_at_one_place_come_in_the_order_of_their_ids_on_whatever_pages() -> None:
    # Made last, changed first: neither the heap nor the index has them in the order of their ids.
    ids = [
        make_station(name=f"{number}号柜", latitude=HERE.latitude, longitude=HERE.longitude).pk for number in range(7)
    ]
    for station_id in (ids[4], ids[0], ids[5]):
        Station.objects.filter(pk=station_id).update(floor="2楼")
    for limit in (1, 2, 3, 4, 5, 6, 7, 20):
        assert [card.id for card in all_pages(Lookup(near=HERE, limit=limit))] == ids, limit


@pytest.mark.usefixtures("town")
def test_without_a_point_the_order_is_by_code() -> None:
    codes = [card.code for card in all_pages(Lookup(limit=7))]
    assert codes == sorted(codes)
    assert len(codes) > 40


@pytest.mark.usefixtures("town")
def test_open_first_lists_the_open_before_the_others_over_all_pages() -> None:
    cards = all_pages(Lookup(order="open-first", limit=7))
    are_open = [card.open_state.state in (State.OPEN, State.CLOSING_SOON) for card in cards]
    assert {True, False} == set(are_open)
    assert are_open == sorted(are_open, reverse=True)


def test_a_card_says_what_is_known_of_a_station() -> None:
    station = make_station(amenities=["toilet", "hot-water"], phone="027-1234", floor="2楼", confirmed_at=NOON)
    make_station(name="另一个", latitude=30.7)
    card = find(Lookup(near=HERE, limit=1), now=NOON).cards[0]
    assert (card.code, card.name, card.phone, card.floor) == (station.code, station.name, "027-1234", "2楼")
    assert (card.division_code, card.division_name) == ("420106003", "徐家棚街道")
    assert (card.district_code, card.district_name, card.zone_code) == ("420106", "武昌区", "")
    assert set(card.amenities) == {"hot-water", "toilet"}
    assert card.confirmed_at == NOON
    assert card.open_state.state == State.OPEN
    assert card.open_state.closes_at == datetime(2026, 6, 10, 12, tzinfo=UTC)
    assert (card.hours_osm, card.hours_in_words) == ("Mo-Su 08:00-20:00", "每天8:00-20:00")


def test_amenities_come_in_the_order_of_their_list() -> None:
    make_amenity("zzz-first").__class__.objects.filter(code="zzz-first").update(position=1)
    make_station(amenities=["hot-water", "zzz-first"])
    assert find(Lookup(), now=NOON).cards[0].amenities == ("zzz-first", "hot-water")


def test_names_follow_the_language_of_the_answer() -> None:
    district = make_district()
    district.name_en = "Wuchang"
    district.save()
    make_station()
    card = find(Lookup(), now=NOON).cards[0]
    assert (card.district_name, card.hours_in_words) == ("武昌区", "每天8:00-20:00")
    with translation.override("en"):
        card = find(Lookup(), now=NOON).cards[0]
    assert (card.district_name, card.hours_in_words) == ("Wuchang", "daily 8:00-20:00")


def test_hours_that_could_not_be_read_are_said_as_given() -> None:
    make_station(hours=False, hours_text="有人就开")
    card = find(Lookup(), now=NOON).cards[0]
    assert (card.hours_in_words, card.hours_osm) == ("有人就开", "")


def test_a_division_made_after_the_names_were_read_has_its_name_at_once() -> None:
    make_station()
    find(Lookup(), now=NOON)
    make_station(division=make_subdistrict(code="420106010", name="中南路街道"))
    names = {card.division_name for card in find(Lookup(), now=NOON).cards}
    assert names == {"徐家棚街道", "中南路街道"}


# ── What a process keeps ────────────────────────────────────────────────────────────────────────────────────────────


def _asked(lookup: Lookup) -> tuple[list[str], int]:
    """The names that a look-up shows, and how often it asked the database."""
    with CaptureQueriesContext(connection) as queries:
        names = [card.name for card in find(lookup, now=NOON).cards]
    return names, len(queries)


def test_what_was_read_of_a_station_is_kept() -> None:
    make_station(name="甲")
    find(Lookup(), now=NOON)  # reads the names of divisions too
    make_station(name="乙")
    assert _asked(Lookup()) == (["甲", "乙"], 2)
    assert _asked(Lookup()) == (["甲", "乙"], 1)


def test_what_is_kept_of_a_station_ends_with_each_version_of_its_row() -> None:
    station = make_station(name="甲")
    own = Station.objects.filter(pk=station.pk)
    assert _asked(Lookup())[0] == ["甲"]
    for name in ("乙", "丙"):  # twice in one transaction
        own.update(name=name)
        assert _asked(Lookup())[0] == [name]
    with transaction.atomic():
        own.update(name="丁")
        assert _asked(Lookup())[0] == ["丁"]
        transaction.set_rollback(True)
    assert _asked(Lookup())[0] == ["丙"]
    own.update(doubted_at=NOON)
    assert find(Lookup(), now=NOON).cards[0].open_state.state == State.DOUBTED


def test_what_is_kept_of_a_station_ends_where_a_newer_version_takes_the_place_of_an_older_one() -> None:
    station = make_station(name="甲")
    facts, kept = find(Lookup(), now=NOON).seen[0][1], kept_names.labels().kept
    assert find(Lookup(), now=NOON).seen[0][1] is facts
    # PostgreSQL writes a new version where a dead one was: there, but by another transaction.
    kept[station.pk] = ("3", kept[station.pk][1], facts)
    assert find(Lookup(), now=NOON).seen[0][1] is not facts


def test_what_is_kept_of_a_station_ends_with_the_names_of_its_places(monkeypatch: pytest.MonkeyPatch) -> None:
    make_station(amenities=["hot-water", "toilet"])
    monkeypatch.setattr(kept_names, "KEPT_S", 0.0)
    assert find(Lookup(), now=NOON).cards[0].division_name == "徐家棚街道"
    assert find(Lookup(), now=NOON).seen[0][1] is find(Lookup(), now=NOON).seen[0][1]
    finding.unknown_codes(Lookup(amenities=("no-such",)))
    assert _asked(Lookup())[1] == 4  # the names again, and not the stations
    Division.objects.filter(code="420106003").update(name="徐家棚新街道")
    assert find(Lookup(), now=NOON).cards[0].division_name == "徐家棚新街道"
    Amenity.objects.filter(code="hot-water").update(position=9_000)
    assert find(Lookup(), now=NOON).cards[0].amenities[0] == "toilet"


@pytest.mark.parametrize(
    ("meanwhile", "expected"),
    [
        ({"name": "改了"}, ["改了", "甲"]),
        ({"status": "suspended"}, ["甲"]),
        ({"latitude": None, "longitude": None, "entered_crs": ""}, ["甲", "乙"]),
    ],
)
def test_a_station_that_changes_between_finding_and_reading_is_shown_as_it_is_then(
    meanwhile: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_station(name="甲")
    changed = make_station(name="乙", latitude=HERE.latitude)
    fetch = prepared.fetch

    def fetch_and_change(sql: str, params: Mapping[str, Any], *, keep_plan: bool) -> list[tuple[Any, ...]]:
        rows = fetch(sql, params, keep_plan=keep_plan)
        Station.objects.filter(pk=changed.pk).exclude(**meanwhile).update(**meanwhile)
        return rows

    monkeypatch.setattr(prepared, "fetch", fetch_and_change)
    assert _asked(Lookup(near=HERE))[0] == expected


def test_a_process_does_not_keep_more_and_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "KEPT", 5)
    names = [make_station(name=f"站{number}").name for number in range(12)]
    page, found, kept = find(Lookup(limit=1), now=NOON), [], []
    while page.seen:
        found += [card.name for card in page.cards]
        kept.append(len(kept_names.labels().kept))
        page = find(Lookup(limit=1, after=page.after), now=NOON) if page.after else finding.Found((), NOON, None)
    assert found == names
    assert 5 <= max(kept) <= 8


@pytest.mark.parametrize("minutes", [0, 7 * 60, 12 * 60, 20 * 60, 13 * 24 * 60 + 11 * 60])
def test_open_by_turns_of_two_entry_modes_is_open_round_the_clock(minutes: int) -> None:
    station = make_station(hours=False)
    make_hours(station, opens=time(8), closes=time(20))
    make_hours(station, opens=time(20), closes=time(8), entry_mode="card")
    publishing.refresh([station.pk], now=NOON)
    at = NOON + timedelta(minutes=minutes)
    state = find(Lookup(open_at=at), now=NOON).cards[0].open_state
    assert (state.state, state.is_round_the_clock) == (State.OPEN, True)


def test_a_station_closed_for_days_says_when_it_opens() -> None:
    make_station(hours={"days": [1]})  # NOON is a Wednesday
    state = find(Lookup(), now=NOON).cards[0].open_state
    assert (state.state, state.opens_at) == (State.CLOSED, datetime(2026, 6, 15, 0, tzinfo=UTC))


def test_unregistered_hours_are_unknown_and_never_open() -> None:
    make_station(hours=False)
    assert find(Lookup(), now=NOON).cards[0].open_state.state == State.UNKNOWN
    assert not find(Lookup(open_at=NOON), now=NOON).cards


def test_hours_that_nobody_expanded_in_time_are_unknown() -> None:
    make_station()
    late = publishing.horizon(NOON) + timedelta(days=3)
    assert find(Lookup(), now=late).cards[0].open_state.state == State.UNKNOWN


@pytest.mark.usefixtures("town")
def test_a_rare_word_and_a_common_word_find_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup = Lookup(near=HERE, words="邮政", limit=100)
    rare = find(lookup, now=NOON).cards
    monkeypatch.setattr(asking, "MAX_HITS", 3)
    assert find(lookup, now=NOON).cards == rare
    assert len(rare) > 10


@pytest.mark.parametrize(
    "words",
    ["xjp", "徐家棚", "徐", "WH-WC", "测试 徐家棚", "前名", "xujiapeng", "XuJiaPeng", "jiapeng", "qianming", "xu'jia'peng",
     "ceshi xujia", "qianming xjp"],
)  # fmt: skip
def test_words_find_by_division_pinyin_code_and_former_name(words: str) -> None:
    station = make_station(aliases=["前名蜂巢"])
    assert set(Station.objects.matching(words)) == {station}
    assert [card.id for card in find(Lookup(words=words), now=NOON).cards] == [station.pk]
    assert not find(Lookup(words=words + " 没有"), now=NOON).cards


@pytest.mark.parametrize("signs", ["😀", "？？？", "***", " - "])
def test_signs_that_make_no_word_are_found_nowhere_and_an_empty_search_asks_nothing(signs: str) -> None:
    station = make_station()
    assert not Station.objects.matching(signs).exists()
    assert not find(Lookup(words=signs), now=NOON).cards
    assert list(Station.objects.matching(f"{signs} 徐家棚")) == [station]
    assert list(Station.objects.matching("")) == list(Station.objects.matching(" ")) == [station]


def test_pinyin_is_read_from_the_beginning_of_a_syllable() -> None:
    make_station()
    for words in ("ujiapeng", "iapeng", "xujiapang"):
        assert not find(Lookup(words=words), now=NOON).cards
        assert not Station.objects.matching(words).exists()


@pytest.fixture
def thirsty() -> dict[str, Station]:
    """Who has hot water, who is called so, who has more, and who has nothing."""
    make_amenity("hot-water", name="热水")
    make_amenity("phone-charging", name="手机充电")
    AmenityWord.objects.create(word="充电", amenity_id="phone-charging")
    AmenityWord.objects.create(word="Wi-Fi", amenity_id="phone-charging")
    Amenity.objects.filter(code="hot-water").update(name_en="Hot water")
    return {
        "has": make_station(amenities=["hot-water"], latitude=30.59),
        "called": make_station(name="热水河驿站", latitude=30.60),
        "both": make_station(amenities=["hot-water", "phone-charging"], latitude=30.61),
        "none": make_station(latitude=30.62),
    }


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("热水", {"has", "called", "both"}),
        ("热水 充电", {"both"}),
        ("手机充电", {"both"}),
        ("wi-fi", {"both"}),
        ("hot water", {"has", "both"}),
        ("Hot Water", {"has", "both"}),
        ("hot", set()),  # a part of a wording means nothing
        ("热水河", {"called"}),
        ("热水 驿站", {"called"}),
        ("徐家棚 充电", {"both"}),
        ("xujiapeng 热水", {"has", "called", "both"}),
        ("充电 没有", set()),
    ],
)
@pytest.mark.parametrize("near", [HERE, None])
@pytest.mark.parametrize("max_hits", [1_000, 1])
def test_a_word_that_names_an_amenity_finds_who_has_it_and_who_is_called_so(
    thirsty: dict[str, Station],
    words: str,
    expected: set[str],
    near: Point | None,
    max_hits: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(asking, "MAX_HITS", max_hits)
    codes = {card.code for card in find(Lookup(words=words, near=near), now=NOON).cards}
    assert codes == {thirsty[name].code for name in expected}


def test_a_wording_learnt_later_is_known_within_a_minute(thirsty: dict[str, Station]) -> None:
    assert not find(Lookup(words="开水"), now=NOON).cards
    AmenityWord.objects.create(word="开水", amenity_id="hot-water")
    finding.forget_names()  # what a minute does
    assert {card.code for card in find(Lookup(words="开水"), now=NOON).cards} == {
        thirsty["has"].code,
        thirsty["both"].code,
    }


@pytest.mark.parametrize("words", ["24小时", "２４小时", "24 小时", "24h", "24 hours", "全天", "通宵", "24小时 热水"])
def test_a_door_that_does_not_close_is_found_by_what_people_call_it(words: str) -> None:
    make_amenity("hot-water", name="热水")
    always = make_station(hours={"opens": time(0), "closes": time(0)}, amenities=["hot-water"])
    called = make_station(name="24小时驿站 全天通宵24h 24hours", amenities=["hot-water"])
    make_station(hours={"opens": time(0), "closes": time(23)}, amenities=["hot-water"])
    finding.forget_names()
    assert {card.code for card in find(Lookup(words=words), now=NOON).cards} == {always.code, called.code}


def test_a_code_among_the_tags_that_is_no_amenity_finds_nothing() -> None:
    make_station(amenities=["hot-water"])
    for code in ("t:3", "d:420106", "h:12"):
        assert not find(Lookup(amenities=(code,)), now=NOON).cards
    assert find(Lookup(amenities=("hot-water",)), now=NOON).cards


def test_a_doubted_station_is_not_open_to_who_asks_for_open_ones() -> None:
    doubted, fine = make_station(doubted_at=NOON), make_station()
    assert [card.code for card in find(Lookup(open_at=NOON), now=NOON).cards] == [fine.code]
    assert list(Station.objects.open_at(NOON)) == [fine]
    assert [card.code for card in find(Lookup(order="open-first"), now=NOON).cards] == [fine.code, doubted.code]
    assert [district.open_now for district in finding.districts(now=NOON)] == [1]
    assert {point.code: point.is_open for point in finding.points(Lookup(), now=NOON).stations} == {
        doubted.code: False,
        fine.code: True,
    }


def test_words_are_taken_literally() -> None:
    make_station()
    for words in ("%", "_", "%%", "' OR 1=1 --", "\\"):
        assert not find(Lookup(words=words, tiers=(1,)), now=NOON).cards
    assert not find(Lookup(words="%%"), now=NOON).cards


def test_codes_with_quotes_and_backslashes_find_nothing_and_break_nothing() -> None:
    make_station(amenities=["hot-water"])
    for code in ("'", "''", "\\", "a' | 'hot-water", "hot-water & x", ":*", "!", "(", "热水"):
        assert not find(Lookup(amenities=(code,)), now=NOON).cards
        assert not find(Lookup(zone=code, division=code), now=NOON).cards


def test_unknown_codes_are_named_and_known_ones_are_not() -> None:
    make_station(amenities=["hot-water"])
    lookup = Lookup(amenities=("hot-water", "hot-watr"), division="420106", zone="nowhere")
    assert [(field, code) for field, code, _known in finding.unknown_codes(lookup)] == [
        ("amenities", "hot-watr"),
        ("zone", "nowhere"),
    ]


def test_a_draft_has_no_card_and_a_closed_station_has_one() -> None:
    draft, closed = make_station(status="draft"), make_station(status="closed")
    assert finding.card(draft.code, at=NOON) is None
    found = finding.card(closed.code, at=NOON)
    assert found is not None
    assert found.status == "closed"


def test_the_nearest_others_leave_the_station_itself_out() -> None:
    stations = [make_station(latitude=30.58 + step / 1000) for step in range(6)]
    others = finding.nearest_others(stations[0], now=NOON)
    assert [card.id for card in others] == [station.pk for station in stations[1:4]]


def test_the_others_of_a_station_without_a_position_are_of_its_neighbourhood_subdistrict_and_district() -> None:
    street = make_subdistrict()
    neighbourhood = Division.objects.create(code="420106003005", level="neighbourhood", parent=street, name="水岸社区")
    station = make_station(division=neighbourhood, latitude=None, longitude=None)
    in_district = make_station(division=make_subdistrict(code="420106010", name="中南路街道"))
    in_street, in_neighbourhood = make_station(division=street), make_station(division=neighbourhood)
    elsewhere = make_district(code="420104", name="硚口区", letters="QK")
    make_station(division=make_subdistrict(code="420104002", name="韩家墩街道", district=elsewhere))
    ids = [card.id for card in finding.nearest_others(station, now=NOON)]
    assert ids == [in_neighbourhood.pk, in_street.pk, in_district.pk]
    assert ids[:2] == [card.id for card in finding.nearest_others(station, now=NOON, limit=2)]


def test_a_map_shows_single_stations_and_clusters_when_they_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    for step in range(6):
        make_station(latitude=30.58 + step / 100, hours=step > 0)
    make_station(latitude=None, longitude=None)
    shown = finding.points(Lookup(limit=1), now=NOON)
    assert [point.is_open for point in shown.stations] == [False, True, True, True, True, True]
    monkeypatch.setattr(counting, "MAX_POINTS", 5)
    clustered = finding.points(Lookup(), now=NOON)
    assert not clustered.stations
    assert sum(cluster.stations for cluster in clustered.clusters) == 6


def test_an_empty_answer_can_say_which_condition_to_drop() -> None:
    make_station(amenities=["hot-water"], tier=3)
    lookup = Lookup(amenities=("hot-water",), tiers=(1,), open_at=NOON)
    assert not find(lookup, now=NOON).cards
    assert finding.count_without(lookup) == {"open_at": 0, "amenities": 0, "tiers": 1}


def test_districts_are_counted_by_tier_and_by_what_is_open() -> None:
    make_station(tier=1)
    make_station(tier=2, hours=False)
    make_station(tier=None, status="published")
    make_station(tier=1, status="draft")
    make_district(code="420104", name="硚口区", letters="QK")
    qiaokou, wuchang = finding.districts(now=NOON)
    assert (qiaokou.code, qiaokou.stations, qiaokou.open_now) == ("420104", 0, 0)
    assert (wuchang.stations, dict(wuchang.tiers), wuchang.open_now) == (3, {1: 1, 2: 1, 3: 0}, 2)


def test_two_openings_at_once_count_a_station_once() -> None:
    station = make_station()
    make_hours(station, entry_mode="card")
    publishing.refresh([station.pk], now=NOON)
    station.refresh_from_db()
    assert [each.entry_mode for each in read(station.intervals)][:2] == ["card", "staffed"]
    assert len(find(Lookup(open_at=NOON), now=NOON).cards) == 1
    assert [district.open_now for district in finding.districts(now=NOON)] == [1]


def test_the_hour_of_the_wuhan_day_decides_not_that_of_greenwich() -> None:
    make_station(hours={"opens": time(1), "closes": time(2)})
    at = clock.local_midnight(clock.local_date(NOON), days=1) + timedelta(hours=1, minutes=30)
    assert len(find(Lookup(open_at=at), now=NOON).cards) == 1


def test_what_is_open_near_is_planned_once(town: Town) -> None:  # noqa: ARG001
    """A moment to come tells the planner nothing: as an operator it is taken to be rare, and the plan made anew each time."""
    _make_many(times=20)
    for _ask in range(12):
        find(Lookup(near=HERE, open_at=NOON), now=NOON)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT custom_plans, generic_plans FROM pg_prepared_statements"
            " WHERE statement LIKE '%%stations_station%%' ORDER BY prepare_time DESC LIMIT 1"
        )
        own, kept = cursor.fetchone()
    assert own == 5  # as many as PostgreSQL tries before it compares
    assert kept > 5


def _make_many(*, times: int) -> None:
    """Each station so many times more, in places of their own."""
    fields = [field for field in Station._meta.concrete_fields if not field.primary_key and not field.generated]
    names = [str(field.column) for field in fields]
    own = {
        "code": "'WH-WC-' || 8000 + row_number() OVER ()",
        "door_token": "'d' || lpad((row_number() OVER ())::text, 11, '0')",
        "latitude": "latitude + random() / 100",
    }
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO stations_station ({', '.join(names)}) SELECT {', '.join(own.get(name, name) for name in names)}"  # noqa: S608
            f" FROM stations_station, generate_series(1, {times})"
        )
        cursor.execute("ANALYZE stations_station")
