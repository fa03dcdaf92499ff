"""Registering and amending: checked, audited with before and after, and derived in one go."""

import contextlib
from datetime import date, time
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import InvalidValue
from core.models import AuditEvent
from stations import intervals, publishing, registering
from stations.errors import HoursContradictory, StationChangedMeanwhile
from stations.hours import DatedException, Period, Span
from stations.models import Division, Station
from stations.registering import Registration, StationFacts
from tests.builders import NOON, make_amenity, make_station, make_subdistrict

pytestmark = pytest.mark.django_db

DAILY = Period(spans=(Span(days=frozenset(range(1, 8)), opens=time(9), closes=time(21), entry_mode="scan"),))


def facts(name: str = "粮道街蜂巢") -> StationFacts:
    return StationFacts(name=name, division=make_subdistrict(), address="粮道街1号")


def changes() -> dict[str, dict[str, object]]:
    changed: dict[str, dict[str, object]] = (
        AuditEvent.objects.filter(kind="station.changed").latest("id").data["changed"]
    )
    return changed


def test_codes_are_given_once_and_step_over_those_printed_already() -> None:
    make_subdistrict()
    make_station(code="WH-WC-0002")
    assert registering.allot_codes(district_code="420106", count=2) == ["WH-WC-0001", "WH-WC-0003"]
    assert registering.allot_codes(district_code="420106003", count=1) == ["WH-WC-0004"]


def test_a_station_of_the_whole_city_gets_no_code() -> None:
    make_subdistrict()
    with pytest.raises(InvalidValue):
        registering.register(facts=facts() | {"division": Division.objects.get(pk="4201")}, actor="test", at=NOON)
    assert registering.register(facts=facts(), actor="test", at=NOON).code == "WH-WC-0001"


def test_a_new_station_is_a_draft_with_its_hours_and_one_trace() -> None:
    make_amenity("microwave")
    station = registering.register(
        facts=facts() | {"amenities": ["microwave"], "organisations": [("premises", "某公司")]},
        periods=[DAILY],
        actor="test",
        at=NOON,
        source="a list",
    )
    assert (station.status, station.version) == ("draft", 1)
    assert station.intervals
    assert [row.name for row in station.organisations.all()] == ["某公司"]
    event = AuditEvent.objects.get(subject_code=station.code)
    assert (event.kind, event.data["source"]) == ("station.registered", "a list")


def test_registering_many_takes_as_many_statements_as_registering_two(django_assert_max_num_queries) -> None:  # type: ignore[no-untyped-def]
    rows = [Registration(facts(f"{number}号蜂巢"), periods=[DAILY]) for number in range(20)]
    with django_assert_max_num_queries(30):
        stations = registering.register_all(rows, actor="test", at=NOON)
    assert [station.name for station in stations] == [row.facts["name"] for row in rows]


def test_an_amendment_keeps_before_and_after_and_moves_the_version_on() -> None:
    station = make_station(name="旧名蜂巢", amenities=["hot-water"])
    make_amenity("microwave")
    amended = registering.amend(
        station=station, facts={"name": "新名蜂巢", "amenities": ["microwave"]}, actor="test", at=NOON
    )
    assert changes() == {
        "name": {"before": "旧名蜂巢", "after": "新名蜂巢"},
        "aliases": {"before": [], "after": ["旧名蜂巢"]},
        "amenities": {"before": ["hot-water"], "after": ["microwave"]},
    }
    assert amended.version == station.version + 1
    assert list(Station.objects.with_amenities("microwave").matching("新名")) == [station]
    assert list(Station.objects.matching("旧名")) == [station]


@pytest.mark.parametrize(
    ("status", "name", "given", "kept"),
    [
        ("published", "新名蜂巢", ["老三", "新名蜂巢"], ["老三", "旧名(蜂巢)"]),
        ("published", "旧名（蜂巢）", ["老三"], ["老三"]),  # couriers find both by the same words
        ("draft", "新名蜂巢", [], []),  # no courier ever knew it
    ],
)
def test_the_former_name_is_kept_where_couriers_knew_it(
    status: str, name: str, given: list[str], kept: list[str]
) -> None:
    station = make_station(name="旧名(蜂巢)", status=status)
    amended = registering.amend(station=station, facts={"name": name, "aliases": given}, actor="test", at=NOON)
    assert (amended.name, amended.aliases) == (name, kept)
    assert registering.amend(station=amended, facts={"aliases": []}, actor="test", at=NOON).aliases == []


@pytest.mark.parametrize(("latitude", "counts"), [(30.5802, True), (30.6000, False)])  # 11 m and 2.2 km away
def test_what_was_found_at_a_former_door_counts_no_more(latitude: float, counts: bool) -> None:
    station = make_station(confirmed_at=NOON, doubted_at=NOON)
    moved = registering.amend(
        station=station, facts={"latitude": latitude, "address": "和平大道2号"}, actor="test", at=NOON
    )
    assert (moved.confirmed_at == NOON, moved.doubted_at == NOON) == (counts, counts)
    assert AuditEvent.objects.filter(kind="station.doubt-cleared").exists() is not counts


def test_what_is_the_same_leaves_no_trace() -> None:
    station = make_station(amenities=["hot-water"])
    schedule = publishing.schedules([station.pk])[station.pk]
    same = registering.amend(
        station=station,
        facts={"name": station.name, "division": station.division, "amenities": ["hot-water"]},
        periods=schedule.periods,
        exceptions=schedule.exceptions,
        actor="test",
        at=NOON,
    )
    assert not AuditEvent.objects.exists()
    assert same.version == station.version


def test_hours_are_put_in_the_place_of_the_old_ones() -> None:
    station = make_station()
    closed = DatedException(starts_on=date(2026, 6, 11), ends_on=date(2026, 6, 11), reason="停电")
    saved = registering.amend(station=station, facts={}, periods=[DAILY], exceptions=[closed], actor="test", at=NOON)
    assert {interval.entry_mode for interval in intervals.read(saved.intervals)} == {"scan"}
    assert set(changes()) == {"hours", "exceptions"}


def test_of_two_editors_the_second_is_told() -> None:
    station = make_station()
    seen = station.version
    registering.amend(station=station, facts={"phone": "027-1"}, version=seen, actor="li", at=NOON)
    with pytest.raises(StationChangedMeanwhile):
        registering.amend(station=station, facts={"phone": "027-2"}, version=seen, actor="wang", at=NOON)
    station.refresh_from_db()
    assert station.phone == "027-1"


SUMMER = {"valid_from": date(2026, 7, 1), "valid_through": date(2026, 9, 30)}


@pytest.mark.parametrize(
    ("periods", "exceptions"),
    [
        ([DAILY, DAILY], []),
        ([Period(spans=DAILY.spans, valid_from=date(2026, 7, 2), valid_through=date(2026, 7, 1))], []),
        ([Period(spans=DAILY.spans, valid_from=date(2026, 7, 2), repeats_yearly=True)], []),
        ([Period(spans=DAILY.spans, **SUMMER), Period(spans=DAILY.spans, valid_from=date(2026, 9, 30))], []),  # type: ignore[arg-type]
        ([Period(spans=(Span(days=frozenset(), opens=time(9), closes=time(21)),))], []),
        ([DAILY], [DatedException(starts_on=date(2026, 6, 2), ends_on=date(2026, 6, 1))]),
        ([DAILY], [DatedException(starts_on=date(2026, 6, 1), ends_on=date(2026, 6, 1), opens=time(9))]),
    ],
)
def test_hours_that_contradict_themselves_are_refused(periods: list[Period], exceptions: list[DatedException]) -> None:
    station = make_station()
    with pytest.raises(HoursContradictory):
        registering.amend(station=station, facts={}, periods=periods, exceptions=exceptions, actor="test", at=NOON)
    registering.amend(station=station, facts={}, periods=[DAILY], exceptions=[], actor="test", at=NOON)


def season(first: tuple[int, int], last: tuple[int, int]) -> Period:
    return Period(
        spans=(Span(frozenset({1}), time(9), time(17)),), name="x", repeats_yearly=True,
        valid_from=date(2000, *first), valid_through=date(2000, *last),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "is_refused"),
    [
        (((6, 1), (8, 31)), ((8, 31), (10, 1)), True),
        (((6, 1), (8, 31)), ((9, 1), (10, 1)), False),
        (((12, 1), (2, 28)), ((2, 1), (3, 31)), True),
        (((12, 1), (2, 28)), ((3, 1), (11, 30)), False),
        (((12, 1), (2, 28)), ((11, 1), (1, 15)), True),
    ],
)
def test_two_yearly_seasons_share_no_day(one: Any, other: Any, is_refused: bool) -> None:
    refusal = pytest.raises(HoursContradictory) if is_refused else contextlib.nullcontext()
    with refusal:
        registering.check_hours([season(*one), season(*other)], [])


@pytest.mark.parametrize(("day", "is_refused"), [(1, True), (3, False)])
def test_a_day_is_not_closed_and_open_at_once(day: int, is_refused: bool) -> None:
    closed = DatedException(starts_on=date(2026, 10, 1), ends_on=date(2026, 10, 2))
    open_then = DatedException(date(2026, 10, day), date(2026, 10, day), time(9), time(10))
    twice = [open_then, DatedException(date(2026, 10, day), date(2026, 10, day), time(14), time(15))]
    refusal = pytest.raises(HoursContradictory) if is_refused else contextlib.nullcontext()
    registering.check_hours([], twice)
    with refusal:
        registering.check_hours([], [closed, *twice])


@pytest.mark.parametrize("half", [{"longitude": None}, {"latitude": None}, {"entered_crs": ""}])
def test_the_database_keeps_no_half_position(half: dict[str, object]) -> None:
    station = make_station()
    with pytest.raises(IntegrityError), transaction.atomic():
        Station.objects.filter(pk=station.pk).update(**half)
