"""Proof on the ground: what makes a station doubted, and what clears it."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import InvalidValue
from core.models import AuditEvent
from stations import confirming, publishing
from stations.confirming import confirm, witness_at
from stations.geo import Point
from stations.models import Confirmation, Station, StationUse
from tests.builders import NOON, make_staff, make_station

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Station:
    return make_station()


def tap(
    station: Station, device: str, outcome: str, *, at: datetime = NOON, at_door: bool = True, **other: Any
) -> Confirmation:
    return confirm(
        station=station, outcome=outcome, witness=witness_at(station, device), at_door=at_door, at=at, **other
    )


def is_doubted(station: Station) -> bool:
    station.refresh_from_db()
    return station.doubted_at is not None


def test_two_devices_at_the_door_make_it_doubted_and_one_does_not(station: Station) -> None:
    tap(station, "first", "locked")
    assert not is_doubted(station)
    tap(station, "second", "locked")
    assert is_doubted(station)
    # It is doubted since then, whoever else finds it shut.
    tap(station, "third", "locked", at=NOON + timedelta(minutes=5))
    assert (is_doubted(station), station.doubted_at) == (True, NOON)
    told = AuditEvent.objects.get(kind="station.doubted")
    assert (told.data, told.actor_name) == ({"outcome": "locked", "witnesses": 2}, "courier")


def test_a_door_seen_shut_yesterday_and_told_of_now_is_doubted_since_yesterday(station: Station) -> None:
    seen = NOON - timedelta(hours=23)
    for device in ("first", "second"):
        tap(station, device, "locked", made_at=seen, reporter="partner x")
    assert (is_doubted(station), station.doubted_at) == (True, seen)
    assert AuditEvent.objects.get(kind="station.doubted").actor_name == "partner x"


def test_what_was_found_at_a_former_door_counts_no_more(station: Station) -> None:
    tap(station, "first", "locked", at=NOON - timedelta(hours=1))
    tap(station, "second", "entered", at=NOON - timedelta(days=1))
    confirming.leave_door([station.pk], actor="tests", at=NOON)
    # Told of late, and still of the former one.
    tap(station, "third", "entered", at=NOON + timedelta(minutes=1), made_at=NOON - timedelta(minutes=5))
    station.refresh_from_db()
    assert station.confirmed_at is None
    tap(station, "second", "locked", at=NOON + timedelta(minutes=2))
    assert not is_doubted(station)
    # A mistaken tap at the new door brings no proof of the former one back.
    tap(station, "fourth", "entered", at=NOON + timedelta(minutes=3))
    tap(station, "fourth", "locked", at=NOON + timedelta(minutes=4))
    assert (is_doubted(station), station.confirmed_at) == (True, None)


def test_locked_outside_its_hours_is_no_news_but_moved_away_is(station: Station) -> None:
    night = NOON + timedelta(hours=9)  # 21:00; it closes at 20:00
    for device in ("first", "second", "third"):
        tap(station, device, "locked", at=night)
    assert not is_doubted(station)
    # Nor does that word count beside one from the opening hours.
    publishing.refresh([station.pk], now=NOON + timedelta(days=1))
    tap(station, "early", "locked", at=NOON + timedelta(hours=19, minutes=55))  # 07:55
    tap(station, "on time", "locked", at=NOON + timedelta(hours=20, minutes=5))
    assert not is_doubted(station)
    for device in ("fourth", "fifth"):
        tap(station, device, "moved", at=NOON + timedelta(hours=33))
    assert is_doubted(station)


def test_what_is_said_again_after_the_hours_began_is_news(station: Station) -> None:
    publishing.refresh([station.pk], now=NOON + timedelta(days=1))
    opens_at = NOON + timedelta(hours=20)  # 08:00
    early = tap(station, "first", "locked", at=opens_at - timedelta(minutes=5))
    late = tap(station, "first", "locked", at=opens_at + timedelta(minutes=2))
    assert (early.is_outside_hours, late.is_outside_hours) == (True, False)
    assert tap(station, "first", "locked", at=opens_at + timedelta(minutes=4)) == late
    tap(station, "second", "locked", at=opens_at + timedelta(minutes=5))
    assert is_doubted(station)


def test_a_row_keeps_whether_it_was_found_locked_outside_its_hours(station: Station) -> None:
    night, staff = NOON + timedelta(hours=9), make_staff(scope=station)
    said = {
        "in the day": tap(station, "1", "locked"),
        "at night": tap(station, "2", "locked", at=night),
        "from afar": tap(station, "3", "locked", at=night, at_door=False),
        "moved": tap(station, "4", "moved", at=night),
        "staff": confirm(station=station, outcome="locked", actor=staff, at=night),
    }
    assert {who for who, row in said.items() if Confirmation.objects.get(pk=row.pk).is_outside_hours} == {
        "at night", "from afar",
    }  # fmt: skip
    for who in ("moved", "staff"):
        with pytest.raises(IntegrityError, match="locked_outside_hours"), transaction.atomic():
            Confirmation.objects.filter(pk=said[who].pk).update(is_outside_hours=True)


def test_staff_who_find_it_locked_are_believed_at_any_hour_and_so_is_anybody_where_no_hours_are_known() -> None:
    station, unknown = make_station(), make_station(hours=False)
    confirm(station=station, outcome="locked", actor=make_staff(scope=station), at=NOON + timedelta(hours=9))
    for device in ("first", "second"):
        tap(unknown, device, "locked", at=NOON + timedelta(hours=9))
    assert is_doubted(station)
    assert is_doubted(unknown)


def test_one_device_that_taps_often_is_one_witness(station: Station) -> None:
    for minute in range(0, 60, 15):
        tap(station, "first", "locked", at=NOON + timedelta(minutes=minute))
    assert not is_doubted(station)


def test_taps_from_afar_alone_never_shut_a_station(station: Station) -> None:
    for number in range(50):
        tap(station, f"device {number}", "locked", at_door=False)
    assert not is_doubted(station)
    tap(station, "at the door", "locked")
    assert not is_doubted(station)


def test_moved_away_counts_like_locked_and_broken_equipment_does_not(station: Station) -> None:
    tap(station, "first", "broken")
    tap(station, "second", "broken")
    assert not is_doubted(station)
    tap(station, "third", "moved")
    # He meant another button, or is inside by now: his page says that the last word counts.
    tap(station, "third", "broken", at=NOON + timedelta(minutes=1))
    tap(station, "fourth", "locked", at=NOON + timedelta(minutes=2))
    assert not is_doubted(station)
    tap(station, "fifth", "moved", at=NOON + timedelta(minutes=3))
    assert is_doubted(station)


def test_the_next_who_gets_in_clears_the_doubt_and_is_the_last_proof(station: Station) -> None:
    tap(station, "first", "locked")
    tap(station, "second", "locked")
    assert is_doubted(station)
    tap(station, "third", "entered", at=NOON + timedelta(minutes=5))
    assert not is_doubted(station)
    assert station.confirmed_at == NOON + timedelta(minutes=5)
    assert AuditEvent.objects.filter(kind="station.doubt-cleared").count() == 1


def test_a_lock_seen_before_somebody_got_in_or_yesterday_is_no_witness(station: Station) -> None:
    tap(station, "first", "locked")
    tap(station, "second", "entered", at=NOON + timedelta(minutes=5))
    tap(station, "third", "locked", at=NOON + timedelta(minutes=10))
    assert not is_doubted(station)
    tap(station, "fourth", "locked", at=NOON + timedelta(days=2))
    assert not is_doubted(station)
    tap(station, "fifth", "locked", at=NOON + timedelta(days=2))
    assert is_doubted(station)


def test_the_right_tap_undoes_a_mistaken_one(station: Station) -> None:
    tap(station, "first", "locked")
    tap(station, "first", "entered", at=NOON + timedelta(seconds=20))
    tap(station, "second", "locked", at=NOON + timedelta(minutes=1))
    assert not is_doubted(station)


def test_the_right_tap_gives_the_proof_before_the_mistaken_one_back(station: Station) -> None:
    steward = make_staff("steward", scope=station, duties=["counter"])
    confirm(station=station, outcome="entered", actor=steward, at=NOON - timedelta(hours=3))
    tap(station, "afar", "entered", at=NOON - timedelta(hours=2), at_door=False)
    tap(station, "inside", "broken", at=NOON - timedelta(hours=1))
    tap(station, "second", "entered")
    tap(station, "second", "locked", at=NOON + timedelta(seconds=20))
    station.refresh_from_db()
    assert station.confirmed_at == NOON - timedelta(hours=3)
    tap(station, "third", "locked", at=NOON + timedelta(minutes=1))
    assert is_doubted(station)


def test_a_mistaken_tap_takes_nothing_from_what_the_same_phone_proved_before(station: Station) -> None:
    tap(station, "first", "entered", at=NOON - timedelta(days=1))
    tap(station, "first", "entered")
    tap(station, "first", "locked", at=NOON + timedelta(minutes=1))
    station.refresh_from_db()
    assert station.confirmed_at == NOON - timedelta(days=1)


def test_a_lock_seen_before_and_told_of_later_does_not_take_back_that_one_got_in(station: Station) -> None:
    tap(station, "first", "entered")
    late = NOON + timedelta(minutes=1)
    tap(station, "first", "locked", at=late, made_at=NOON - timedelta(minutes=30))
    station.refresh_from_db()
    assert station.confirmed_at == NOON


def test_whoever_got_in_and_finds_something_broken_got_in(station: Station) -> None:
    tap(station, "first", "entered")
    tap(station, "first", "broken", at=NOON + timedelta(minutes=1))
    station.refresh_from_db()
    assert station.confirmed_at == NOON


def test_a_lock_found_later_or_by_another_does_not_take_back_that_one_got_in(station: Station) -> None:
    tap(station, "first", "entered")
    tap(station, "second", "locked", at=NOON + timedelta(minutes=1))
    tap(station, "first", "locked", at=NOON + timedelta(hours=1))
    station.refresh_from_db()
    assert station.confirmed_at == NOON


@pytest.mark.parametrize("duty", ["counter", "review", "manage"])
def test_staff_doubt_and_clear_alone(station: Station, duty: str) -> None:
    steward = make_staff("steward", scope=station, duties=[duty])
    confirm(station=station, outcome="broken", actor=steward, at=NOON)
    assert not is_doubted(station)
    confirm(station=station, outcome="locked", actor=steward, at=NOON)
    assert is_doubted(station)
    # Staff have no device whose taps could be one: each of their words is a new one.
    for minute in range(2):
        confirm(station=station, outcome="entered", actor=steward, at=NOON + timedelta(minutes=minute))
    assert not is_doubted(station)
    assert station.confirmed_at == NOON + timedelta(minutes=1)
    # Nor is one of them taken back by the next.
    confirm(station=station, outcome="locked", actor=steward, at=NOON + timedelta(minutes=2))
    assert (is_doubted(station), station.confirmed_at) == (True, NOON + timedelta(minutes=1))
    told = AuditEvent.objects.filter(kind__startswith="station.doubt").values_list("kind", "actor_name")
    assert set(told) == {("station.doubted", "steward"), ("station.doubt-cleared", "steward")}


def test_getting_in_as_seen_from_afar_is_kept_but_proves_nothing(station: Station) -> None:
    tap(station, "first", "entered", at_door=False)
    assert Confirmation.objects.get().channel == "remote"
    station.refresh_from_db()
    assert station.confirmed_at is None


def test_the_same_tap_sent_twice_is_one_row(station: Station) -> None:
    first = tap(station, "first", "locked")
    tap(station, "second", "entered", at=NOON + timedelta(seconds=10))
    again = tap(station, "first", "locked", at=NOON + timedelta(seconds=30))
    assert first.pk == again.pk
    later = tap(station, "first", "locked", at=NOON + confirming.REPEAT_WINDOW)
    assert later.pk != first.pk
    # What it saw long before, and could not send until now, is another.
    earlier = tap(station, "first", "locked", made_at=NOON - timedelta(hours=1))
    assert earlier.pk not in (first.pk, later.pk)


def test_said_anew_after_something_else_or_from_nearer_it_is_no_repetition(station: Station) -> None:
    moments = [NOON + timedelta(minutes=minute) for minute in range(5)]
    said = [
        tap(station, "first", outcome, at=at)
        for outcome, at in zip(("locked", "entered", "locked", "locked"), moments, strict=False)
    ]
    assert len({each.pk for each in said}) == 3
    assert said[-1] == said[-2]
    afar = tap(station, "second", "locked", at=moments[3], at_door=False)
    assert (is_doubted(station), tap(station, "second", "locked", at=moments[4]) == afar) == (False, False)
    assert is_doubted(station)


def test_a_witness_cannot_be_followed_from_station_to_station(station: Station) -> None:
    other = make_station()
    assert witness_at(station, "first") != witness_at(other, "first")
    assert witness_at(station, "first") == witness_at(station, "first")
    assert "first" not in witness_at(station, "first")


def test_at_the_door_is_within_150_m_known_to_300(station: Station) -> None:
    def is_near(north_m: float, accuracy_m: float | None = None) -> bool:
        return confirming.is_near_door(station, Point(30.5801 + north_m / 111_195, 114.3402), accuracy_m=accuracy_m)

    assert [is_near(149), is_near(151)] == [True, False]
    assert [is_near(0, 300), is_near(0, 301)] == [True, False]
    station.latitude = station.longitude = None
    assert not is_near(0)


def test_what_was_seen_arrives_within_a_day_and_never_before_it_was_seen() -> None:
    day, ahead, second = confirming.LATEST_ARRIVAL, confirming.CLOCK_AHEAD, timedelta(seconds=1)
    moments = (None, NOON - day, NOON + ahead)
    assert [confirming.seen_at(each, at=NOON) for each in moments] == [NOON, NOON - day, NOON]
    for wrong in (NOON - day - second, NOON + ahead + second):
        with pytest.raises(InvalidValue):
            confirming.seen_at(wrong, at=NOON)


def test_uses_are_counted_per_wuhan_day(station: Station) -> None:
    before_midnight = NOON + timedelta(hours=11, minutes=59)  # 23:59 in Wuhan
    assert [confirming.record_use(station=station, at=before_midnight) for _ in range(3)] == [1, 2, 3]
    assert confirming.record_use(station=station, at=before_midnight + timedelta(minutes=1)) == 1
    assert confirming.record_satisfaction(station=station, satisfied=True, at=before_midnight) == 1
    assert confirming.record_satisfaction(station=station, satisfied=False, at=before_midnight) == 1
    day = StationUse.objects.get(date=before_midnight.date())
    assert (day.uses, day.satisfied, day.dissatisfied) == (3, 1, 1)


def test_one_counted_by_mistake_is_taken_off_that_day_and_station_and_never_below_none(station: Station) -> None:
    other, tomorrow = make_station(), NOON + timedelta(days=1)
    for each, at in ((station, NOON), (station, tomorrow), (other, NOON)):
        confirming.record_use(station=each, at=at)
    assert [confirming.take_back_use(station=station, at=NOON) for _tap in range(2)] == [0, 0]
    assert confirming.take_back_use(station=station, at=NOON - timedelta(days=1)) == 0
    left = StationUse.objects.order_by("station", "date").values_list("station", "date", "uses")
    today, then = NOON.date(), tomorrow.date()
    assert list(left) == [(station.pk, today, 0), (station.pk, then, 1), (other.pk, today, 1)]


def test_a_doubt_fades_after_a_week_without_news_and_stands_while_it_is_renewed(station: Station) -> None:
    silent, renewed, by_staff = station, make_station(), make_station()
    for each in (silent, renewed, by_staff):
        tap(each, "first", "locked")
        tap(each, "second", "locked")
    since = NOON + timedelta(days=3)
    tap(renewed, "third", "locked", at=since)
    confirm(station=by_staff, outcome="moved", actor=make_staff("steward", scope=by_staff), at=since)
    tap(silent, "from afar", "locked", at=since, at_door=False)
    tap(silent, "inside", "broken", at=since)
    tap(silent, "at night", "locked", at=NOON + timedelta(hours=9))
    week = timedelta(days=7)
    assert confirming.fade_doubts(now=NOON + week - timedelta(seconds=1)) == 0
    assert confirming.fade_doubts(now=NOON + week) == 1
    assert [is_doubted(each) for each in (silent, renewed, by_staff)] == [False, True, True]
    assert AuditEvent.objects.get(kind="station.doubt-faded").subject_code == silent.code
    assert confirming.fade_doubts(now=since + week) == 2
    assert not is_doubted(renewed)
