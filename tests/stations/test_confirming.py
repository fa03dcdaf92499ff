"""Proof on the ground: what makes a station doubted, and what clears it."""

from datetime import datetime, timedelta

import pytest

from core.models import AuditEvent
from stations import confirming
from stations.confirming import confirm, witness_at
from stations.models import Confirmation, Station, StationUse
from tests.builders import NOON, make_staff, make_station

pytestmark = pytest.mark.django_db


@pytest.fixture
def station() -> Station:
    return make_station()


def tap(station: Station, device: str, outcome: str, *, at: datetime = NOON, at_door: bool = True) -> Confirmation:
    return confirm(station=station, outcome=outcome, witness=witness_at(station, device), at_door=at_door, at=at)


def is_doubted(station: Station) -> bool:
    station.refresh_from_db()
    return station.doubted_at is not None


def test_two_devices_at_the_door_make_it_doubted_and_one_does_not(station: Station) -> None:
    tap(station, "first", "locked")
    assert not is_doubted(station)
    tap(station, "second", "locked")
    assert is_doubted(station)
    assert AuditEvent.objects.get(kind="station.doubted").data == {"outcome": "locked", "witnesses": 2}


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
    tap(station, "fourth", "locked")
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
    tap(station, "first", "entered", at=NOON - timedelta(hours=3))
    tap(station, "second", "entered")
    tap(station, "second", "locked", at=NOON + timedelta(seconds=20))
    station.refresh_from_db()
    assert station.confirmed_at == NOON - timedelta(hours=3)
    tap(station, "third", "locked", at=NOON + timedelta(minutes=1))
    assert is_doubted(station)


def test_whoever_got_in_and_finds_something_broken_got_in(station: Station) -> None:
    tap(station, "first", "entered")
    tap(station, "first", "broken", at=NOON + timedelta(minutes=1))
    station.refresh_from_db()
    assert station.confirmed_at == NOON


def test_a_lock_found_later_does_not_take_back_that_one_got_in(station: Station) -> None:
    tap(station, "first", "entered")
    tap(station, "first", "locked", at=NOON + timedelta(hours=1))
    station.refresh_from_db()
    assert station.confirmed_at == NOON


@pytest.mark.parametrize("duty", ["counter", "review", "manage"])
def test_staff_doubt_and_clear_alone(station: Station, duty: str) -> None:
    steward = make_staff("steward", scope=station, duties=[duty])
    confirm(station=station, outcome="locked", actor=steward, at=NOON)
    assert is_doubted(station)
    confirm(station=station, outcome="entered", actor=steward, at=NOON)
    assert not is_doubted(station)
    assert station.confirmed_at == NOON


def test_getting_in_as_seen_from_afar_is_kept_but_proves_nothing(station: Station) -> None:
    tap(station, "first", "entered", at_door=False)
    assert Confirmation.objects.get().channel == "remote"
    station.refresh_from_db()
    assert station.confirmed_at is None


def test_the_same_tap_sent_twice_is_one_row(station: Station) -> None:
    first = tap(station, "first", "locked")
    again = tap(station, "first", "locked", at=NOON + timedelta(seconds=30))
    assert first.pk == again.pk
    later = tap(station, "first", "locked", at=NOON + timedelta(minutes=30))
    assert later.pk != first.pk


def test_a_witness_cannot_be_followed_from_station_to_station(station: Station) -> None:
    other = make_station()
    assert witness_at(station, "first") != witness_at(other, "first")
    assert witness_at(station, "first") == witness_at(station, "first")
    assert "first" not in witness_at(station, "first")


def test_uses_are_counted_per_wuhan_day(station: Station) -> None:
    before_midnight = NOON + timedelta(hours=11, minutes=59)  # 23:59 in Wuhan
    assert [confirming.record_use(station=station, at=before_midnight) for _ in range(3)] == [1, 2, 3]
    assert confirming.record_use(station=station, at=before_midnight + timedelta(minutes=1)) == 1
    assert confirming.record_satisfaction(station=station, satisfied=True, at=before_midnight) == 1
    assert confirming.record_satisfaction(station=station, satisfied=False, at=before_midnight) == 1
    day = StationUse.objects.get(date=before_midnight.date())
    assert (day.uses, day.satisfied, day.dissatisfied) == (3, 1, 1)


def test_a_doubt_fades_after_a_week_without_news_and_stands_while_it_is_renewed(station: Station) -> None:
    silent, renewed = station, make_station()
    for each in (silent, renewed):
        tap(each, "first", "locked")
        tap(each, "second", "locked")
    tap(renewed, "third", "locked", at=NOON + timedelta(days=3))
    tap(silent, "from afar", "locked", at=NOON + timedelta(days=3), at_door=False)
    week = timedelta(days=7)
    assert confirming.fade_doubts(now=NOON + week - timedelta(seconds=1)) == 0
    assert confirming.fade_doubts(now=NOON + week) == 1
    assert (is_doubted(silent), is_doubted(renewed)) == (False, True)
    assert AuditEvent.objects.get(kind="station.doubt-faded").subject_code == silent.code
    assert confirming.fade_doubts(now=NOON + week + timedelta(days=3)) == 1
    assert not is_doubted(renewed)
