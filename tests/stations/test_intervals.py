"""The two columns that keep a station's open intervals."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stations import intervals, publishing
from stations.hours import CLOSING_SOON, Interval, OpenState, State, state_at
from stations.models import Station
from tests.builders import NOON, make_hours, make_station

WHOLE_SECONDS = st.integers(0, 60_000_000).map(lambda seconds: NOON + timedelta(seconds=seconds))
INTERVALS = st.builds(
    lambda opens_at, minutes, mode: Interval(opens_at, opens_at + timedelta(minutes=minutes), mode),
    WHOLE_SECONDS,
    st.integers(1, 3_000),
    st.sampled_from(["staffed", "scan", "card", "code"]),
)


@given(st.lists(INTERVALS, max_size=20))
def test_what_was_written_is_read(found: list[Interval]) -> None:
    assert list(intervals.read(intervals.written(found))) == found


@given(
    st.lists(INTERVALS, max_size=8).map(lambda found: sorted(found, key=lambda each: each.opens_at)),
    st.none() | WHOLE_SECONDS,
    st.booleans(),
    st.lists(st.integers(-4_000, 60_200_000), min_size=2, max_size=20),
)
def test_a_state_that_is_kept_is_the_one_that_would_be_worked_out(
    found: list[Interval], until: datetime | None, doubted: bool, seconds: list[int]
) -> None:
    text = intervals.written(found)
    edges = [moment for each in found for moment in (each.opens_at, each.closes_at, each.closes_at - CLOSING_SOON)]
    moments = [NOON + timedelta(seconds=second) for second in seconds]
    for edge in [*edges, *([until] if until else [])]:
        moments += [edge - timedelta(microseconds=1), edge]
    for at in (*sorted(moments), *moments):
        assert intervals.state(text, at, expanded_until=until, doubted=doubted) == state_at(
            found, at, expanded_until=until, doubted=doubted
        )


def test_stations_with_the_same_hours_share_what_was_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[datetime] = []

    def ask(found: Sequence[Interval], at: datetime, **known: Any) -> OpenState:
        asked.append(at)
        return state_at(found, at, **known)

    monkeypatch.setattr(intervals, "state_at", ask)
    text = intervals.written([Interval(NOON, NOON + timedelta(minutes=47), "scan")])
    one, other = (intervals.open_times(text, NOON + timedelta(days=1), doubted=False) for _time in range(2))
    later = [NOON + timedelta(minutes=minutes) for minutes in (0, 1, 16, 20, 47)]
    assert [one.held(at).state.is_open for at in later] == [other.held(at).state.is_open for at in later]
    assert len(asked) == 3 + 3  # open, closing soon and closed, forwards twice


def test_the_state_is_that_of_the_second() -> None:
    text = intervals.written([Interval(NOON, NOON + timedelta(hours=1), "scan")])
    until = NOON + timedelta(days=1)

    def state(at: datetime) -> State:
        return intervals.state(text, at, expanded_until=until, doubted=False).state

    moments = [
        NOON - timedelta(microseconds=1),
        NOON,
        NOON + timedelta(microseconds=999_999),
        NOON + timedelta(hours=1),
    ]
    assert [state(at) for at in moments] == [State.CLOSED, State.OPEN, State.OPEN, State.CLOSED]


@pytest.mark.django_db
def test_both_columns_say_the_same() -> None:
    """Nights, two modes that touch, 24 hours, days off, none at all: at every quarter of an hour of the days ahead."""
    make_station(hours={"opens": time(22), "closes": time(6)})
    by_turns = make_station(hours={"opens": time(8), "closes": time(20)})
    make_hours(by_turns, opens=time(20), closes=time(8), entry_mode="card")
    make_station(hours={"opens": time(0), "closes": time(0)})
    make_station(hours={"days": [6, 7], "opens": time(9), "closes": time(17)})
    make_station(hours=False)
    publishing.refresh_all(now=NOON)
    stations = list(Station.objects.all())
    for quarter in range(0, publishing.HORIZON_DAYS * 96, 7):
        at = NOON + timedelta(minutes=15 * quarter)
        by_text = {
            each.pk
            for each in stations
            if any(one.opens_at <= at < one.closes_at for one in intervals.read(each.intervals))
        }
        assert set(Station.objects.filter(open_times__hold=at).values_list("pk", flat=True)) == by_text


@pytest.mark.django_db
def test_a_stretch_is_met_without_its_end() -> None:
    station = make_station(hours={"opens": time(8), "closes": time(20)})  # 00:00-12:00 UTC
    opens_at, hour = NOON.replace(hour=0), timedelta(hours=1)

    def met(begins: datetime, ends: datetime) -> bool:
        return Station.objects.filter(pk=station.pk, open_times__meet=(begins, ends)).exists()

    assert met(opens_at - hour, opens_at + hour)
    assert met(opens_at + 11 * hour, opens_at + 13 * hour)
    assert not met(opens_at - hour, opens_at)
    assert not met(opens_at + 12 * hour, opens_at + 13 * hour)
