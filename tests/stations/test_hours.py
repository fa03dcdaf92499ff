"""The arithmetic of opening hours, against a slow oracle and against the calendar of 2026."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from chinese_calendar import get_holiday_detail
from hypothesis import given, settings
from hypothesis import strategies as st

from stations.hours import (
    HOLIDAY,
    DatedException,
    DayKind,
    Interval,
    OnHolidays,
    Period,
    Schedule,
    Span,
    State,
    covered_days,
    expand,
    hours_on,
    state_at,
    week,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
EVERY_DAY = frozenset(range(1, 8))


def kind_by_package(day: date) -> DayKind:
    is_off, name = get_holiday_detail(day)
    if name:
        return DayKind.HOLIDAY if is_off else DayKind.SWAPPED_WORKDAY
    return DayKind.REST_DAY if is_off else DayKind.WORKDAY


KINDS_2026 = {day: kind_by_package(day) for day in (date(2026, 1, 1) + timedelta(days=n) for n in range(365))}


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=SHANGHAI).astimezone(UTC)


def daily(opens: time, closes: time, *, days: frozenset[int] = EVERY_DAY, entry_mode: str = "staffed") -> Span:
    return Span(days=days, opens=opens, closes=closes, entry_mode=entry_mode)


def times_on(schedule: Schedule, day: date, kinds: Mapping[date, DayKind] = KINDS_2026) -> list[str]:
    return [f"{span.opens:%H:%M}-{span.closes:%H:%M}" for span in hours_on(schedule, day, kinds).spans]


# ── Against an oracle that looks at one moment at a time ────────────────────────────────────────────────────────────

clock_times = st.integers(0, 287).map(lambda step: time(step * 5 // 60, step * 5 % 60))
modes = st.sampled_from(["staffed", "scan"])
some_days = st.dates(date(2026, 1, 1), date(2026, 12, 31))
spans = st.builds(
    Span,
    days=st.frozensets(st.integers(1, 8), min_size=1),
    opens=clock_times,
    closes=clock_times,
    entry_mode=modes,
)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    bound = st.dates(date(2025, 11, 1), date(2027, 2, 28))
    kind = draw(st.sampled_from(["usual", "usual", "yearly", "both", "from", "through"]))
    first, last = draw(bound), draw(bound)
    if kind != "yearly" and first > last:
        first, last = last, first
    return Period(
        spans=tuple(draw(st.lists(spans, max_size=3))),
        valid_from=first if kind in ("yearly", "both", "from") else None,
        valid_through=last if kind in ("yearly", "both", "through") else None,
        repeats_yearly=kind == "yearly",
        on_holidays=draw(st.sampled_from(OnHolidays)),
    )


@st.composite
def exceptions(draw: st.DrawFn, near: date) -> DatedException:
    first = near + timedelta(days=draw(st.integers(-3, 4)))
    is_closed = draw(st.booleans())
    return DatedException(
        starts_on=first,
        ends_on=first + timedelta(days=draw(st.integers(0, 2))),
        opens=None if is_closed else draw(clock_times),
        closes=None if is_closed else draw(clock_times),
        entry_mode=draw(modes),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[Schedule, date, int]:
    first = draw(some_days)
    schedule = Schedule(
        periods=tuple(draw(st.lists(periods(), max_size=3))),
        exceptions=tuple(draw(st.lists(exceptions(first), max_size=3))),
    )
    return schedule, first, draw(st.integers(1, 3))


@lru_cache(maxsize=64)
def oracle_rows(schedule: Schedule, day: date) -> list[tuple[time, time, str]]:
    """What opens on `day`, told in the words of the rules."""
    special = [row for row in schedule.exceptions if row.starts_on <= day and day <= row.ends_on]
    if special:
        return [
            (row.opens, row.closes, row.entry_mode)
            for row in special
            if row.opens is not None and row.closes is not None
        ]
    for wanted in ("dated", "yearly", "usual"):
        for period in schedule.periods:
            has_dates = period.valid_from is not None or period.valid_through is not None
            is_a = "yearly" if period.repeats_yearly else "dated" if has_dates else "usual"
            if is_a != wanted:
                continue
            if is_a == "dated" and not (period.valid_from or date.min) <= day <= (period.valid_through or date.max):
                continue
            if is_a == "yearly":
                # Walk the season day by day through a leap year.
                assert period.valid_from is not None
                assert period.valid_through is not None
                walk, last = period.valid_from.replace(year=2024), period.valid_through.replace(year=2024)
                season = set()
                while True:
                    season.add((walk.month, walk.day))
                    if walk == last:
                        break
                    walk = (walk + timedelta(days=1)).replace(year=2024)
                if (day.month, day.day) not in season:
                    continue
            entry = day.isoweekday()
            if KINDS_2026.get(day) == "swapped-workday":
                entry = {6: 5, 7: 1}[entry]
            if KINDS_2026.get(day) == "holiday":
                entry = {"as-sunday": 7, "as-usual": entry, "own-hours": 8}[period.on_holidays]
            return [(span.opens, span.closes, span.entry_mode) for span in period.spans if entry in span.days]
    return []


def oracle_modes(schedule: Schedule, moment: datetime) -> set[str]:
    """The ways in at a moment of the Wuhan clock (naive)."""
    found = set()
    for day in (moment.date(), moment.date() - timedelta(days=1)):
        for opens, closes, mode in oracle_rows(schedule, day):
            begins = datetime.combine(day, opens)
            ends = datetime.combine(day, closes)
            if ends <= begins:
                ends += timedelta(days=1)
            if begins <= moment < ends:
                found.add(mode)
    return found


# The oracle is slow by design; a busy machine must not fail it.
@settings(deadline=None)
@given(cases())
def test_expansion_agrees_with_the_oracle_at_every_step_of_five_minutes(case: tuple[Schedule, date, int]) -> None:
    schedule, first, days = case
    intervals = expand(schedule, first=first, days=days, day_types=KINDS_2026)
    moment = datetime.combine(first, time.min)
    for _step in range(days * 288):
        instant = moment.replace(tzinfo=SHANGHAI)
        covering = {each.entry_mode for each in intervals if each.opens_at <= instant < each.closes_at}
        assert covering == oracle_modes(schedule, moment), moment
        moment += timedelta(minutes=5)


@given(cases())
def test_intervals_are_sorted_and_apart_within_each_mode(case: tuple[Schedule, date, int]) -> None:
    schedule, first, days = case
    intervals = expand(schedule, first=first, days=days, day_types=KINDS_2026)
    assert intervals == sorted(intervals, key=lambda each: (each.opens_at, each.closes_at, each.entry_mode))
    for mode in ("staffed", "scan"):
        own = [each for each in intervals if each.entry_mode == mode]
        assert all(before.closes_at < after.opens_at for before, after in pairwise(own))
    begins, ends = at(first, 0), at(first + timedelta(days=days), 0)
    assert all(begins < each.closes_at and each.opens_at < ends for each in intervals)
    assert all(each.opens_at < each.closes_at and each.opens_at.tzinfo is UTC for each in intervals)


@given(cases(), st.integers(1, 3))
def test_expanding_in_two_pieces_opens_the_same_moments(case: tuple[Schedule, date, int], more: int) -> None:
    schedule, first, days = case
    middle = first + timedelta(days=days)
    whole = expand(schedule, first=first, days=days + more, day_types=KINDS_2026)
    pieces = expand(schedule, first=first, days=days, day_types=KINDS_2026) + expand(
        schedule, first=middle, days=more, day_types=KINDS_2026
    )
    edges = {edge for each in (*whole, *pieces) for edge in (each.opens_at, each.closes_at)}
    for edge in edges:
        for moment in (edge, edge - timedelta(minutes=1)):
            # Before the first day each tells only of what reaches into it.
            if moment >= at(first, 0):
                assert _modes_at(whole, moment) == _modes_at(pieces, moment)


def _modes_at(intervals: list[Interval], moment: datetime) -> set[str]:
    return {each.entry_mode for each in intervals if each.opens_at <= moment < each.closes_at}


@given(cases(), st.integers(-1, 5), st.integers(0, 1439), st.booleans(), st.booleans())
def test_state_is_open_exactly_when_some_interval_covers_the_moment(
    case: tuple[Schedule, date, int], day: int, minute: int, doubted: bool, is_expanded: bool
) -> None:
    schedule, first, days = case
    intervals = expand(schedule, first=first, days=days, day_types=KINDS_2026)
    until = at(first + timedelta(days=days), 0) if is_expanded else None
    moment = at(first + timedelta(days=day), 0) + timedelta(minutes=minute)
    found = state_at(intervals, moment, expanded_until=until, doubted=doubted)
    is_covered = bool(_modes_at(intervals, moment))
    is_known = until is not None and moment < until
    if is_covered:
        assert found.state in ((State.DOUBTED,) if doubted else (State.OPEN, State.CLOSING_SOON))
        assert found.entry_mode in _modes_at(intervals, moment)
        assert found.is_round_the_clock or (found.closes_at is not None and found.closes_at > moment)
        if found.closes_at is not None:
            assert not _modes_at(intervals, found.closes_at)
    elif is_known:
        assert found.state == State.CLOSED
        assert found.opens_at is None or found.opens_at > moment
    else:
        assert found.state == (State.DOUBTED if doubted else State.UNKNOWN)


# ── The calendar of 2026 ────────────────────────────────────────────────────────────────────────────────────────────

OFFICE = Schedule(
    periods=(
        Period(
            spans=(
                daily(time(9), time(17), days=frozenset({1})),
                daily(time(8), time(17), days=frozenset({2, 3, 4})),
                daily(time(8), time(16), days=frozenset({5})),
                daily(time(10), time(15), days=frozenset({6})),
                daily(time(10), time(12), days=frozenset({7})),
            )
        ),
    )
)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        (date(2026, 1, 4), "09:00-17:00"),  # Sundays follow Monday,
        (date(2026, 2, 14), "08:00-16:00"),  # Saturdays follow Friday
        (date(2026, 2, 28), "08:00-16:00"),
        (date(2026, 5, 9), "08:00-16:00"),
        (date(2026, 9, 20), "09:00-17:00"),
        (date(2026, 10, 10), "08:00-16:00"),
    ],
)
def test_a_weekend_that_is_worked_follows_the_workday_beside_it(day: date, hours: str) -> None:
    found = hours_on(OFFICE, day, KINDS_2026)
    assert times_on(OFFICE, day) == [hours]
    assert (found.kind, found.certainty) == (DayKind.SWAPPED_WORKDAY, "day-type")
    assert times_on(OFFICE, day, {}) == (["10:00-15:00"] if day.isoweekday() == 6 else ["10:00-12:00"])


@pytest.mark.parametrize(
    "day",
    [
        date(2026, 1, 1),
        date(2026, 2, 16),  # 除夕, a Monday
        date(2026, 2, 17),
        date(2026, 2, 23),
        date(2026, 4, 6),
        date(2026, 5, 1),
        date(2026, 6, 19),
        date(2026, 9, 25),
        date(2026, 10, 1),
        date(2026, 10, 7),
    ],
)
def test_holidays_follow_sunday_the_weekday_or_their_own_hours(day: date) -> None:
    (usual,) = OFFICE.periods
    weekday = times_on(OFFICE, day, {})
    assert times_on(OFFICE, day) == ["10:00-12:00"]
    assert times_on(Schedule(periods=(Period(usual.spans, on_holidays=OnHolidays.AS_USUAL),)), day) == weekday
    assert times_on(Schedule(periods=(Period(usual.spans, on_holidays=OnHolidays.OWN_HOURS),)), day) == []
    own = (*usual.spans, daily(time(9), time(13), days=frozenset({HOLIDAY})))
    assert times_on(Schedule(periods=(Period(own, on_holidays=OnHolidays.OWN_HOURS),)), day) == ["09:00-13:00"]


def test_no_ordinary_day_of_2026_is_taken_for_another() -> None:
    for day, kind in KINDS_2026.items():
        if kind in (DayKind.WORKDAY, DayKind.REST_DAY):
            assert times_on(OFFICE, day) == times_on(OFFICE, day, {})


def test_the_day_after_the_table_ends_goes_by_weekday_and_says_so() -> None:
    last, after, saturday = week(OFFICE, date(2026, 12, 31), KINDS_2026, days=3)
    assert (last.certainty, after.certainty) == ("day-type", "weekday-only")
    assert (after.kind, saturday.kind) == (DayKind.WORKDAY, DayKind.REST_DAY)
    assert times_on(OFFICE, date(2027, 1, 1)) == ["08:00-16:00"]
    assert expand(OFFICE, first=date(2027, 1, 1), days=1, day_types=KINDS_2026) == [
        Interval(at(date(2027, 1, 1), 8), at(date(2027, 1, 1), 16), "staffed")
    ]


def test_a_night_that_began_before_a_holiday_runs_to_its_own_end() -> None:
    night = Schedule(
        periods=(Period((daily(time(22), time(6), days=frozenset(range(1, 8))),), on_holidays=OnHolidays.OWN_HOURS),)
    )
    eve, holiday = date(2026, 9, 30), date(2026, 10, 1)
    intervals = expand(night, first=holiday, days=1, day_types=KINDS_2026)
    assert intervals == [Interval(at(eve, 22), at(holiday, 6), "staffed")]


def test_the_first_night_after_a_holiday_begins_in_the_evening() -> None:
    night = Schedule(periods=(Period((daily(time(22), time(6)),), on_holidays=OnHolidays.OWN_HOURS),))
    after = date(2026, 10, 8)
    assert expand(night, first=after, days=1, day_types=KINDS_2026) == [
        Interval(at(after, 22), at(date(2026, 10, 9), 6), "staffed")
    ]


# ── Periods and exceptions ──────────────────────────────────────────────────────────────────────────────────────────

USUAL = Period((daily(time(8), time(20)),))


def season(first: date, last: date) -> Period:
    return Period((daily(time(10), time(22)),), valid_from=first, valid_through=last, repeats_yearly=True, name="夏季")


@pytest.mark.parametrize(
    ("day", "is_in"),
    [
        (date(2026, 7, 14), False),
        (date(2026, 7, 15), True),
        (date(2031, 7, 15), True),
        (date(2026, 9, 30), True),
        (date(2026, 10, 8), False),
    ],
)
def test_a_yearly_season_includes_its_first_and_last_day(day: date, is_in: bool) -> None:
    schedule = Schedule(periods=(USUAL, season(date(2020, 7, 15), date(2020, 9, 30))))
    assert times_on(schedule, day) == (["10:00-22:00"] if is_in else ["08:00-20:00"])
    assert hours_on(schedule, day, KINDS_2026).reason == ("夏季" if is_in else "")


@pytest.mark.parametrize(
    ("day", "is_in"),
    [
        (date(2026, 11, 30), False),
        (date(2026, 12, 1), True),
        (date(2027, 1, 1), True),
        (date(2028, 2, 29), True),
        (date(2027, 3, 1), False),
    ],
)
def test_a_yearly_season_runs_over_the_new_year(day: date, is_in: bool) -> None:
    schedule = Schedule(periods=(USUAL, season(date(2024, 12, 1), date(2024, 2, 29))))
    assert times_on(schedule, day) == (["10:00-22:00"] if is_in else ["08:00-20:00"])


def test_a_yearly_season_may_be_a_single_day() -> None:
    schedule = Schedule(periods=(USUAL, season(date(2020, 7, 1), date(2020, 7, 1))))
    assert [times_on(schedule, date(2026, 7, day)) for day in (1, 2)] == [["10:00-22:00"], ["08:00-20:00"]]


def test_a_dated_period_goes_before_a_yearly_one() -> None:
    renovation = Period((daily(time(9), time(12)),), valid_from=date(2026, 8, 1), valid_through=date(2026, 8, 31))
    schedule = Schedule(periods=(USUAL, season(date(2020, 7, 1), date(2020, 9, 30)), renovation))
    assert times_on(schedule, date(2026, 7, 31)) == ["10:00-22:00"]
    assert times_on(schedule, date(2026, 8, 1)) == ["09:00-12:00"]
    assert times_on(schedule, date(2026, 8, 31)) == ["09:00-12:00"]
    assert times_on(schedule, date(2026, 9, 1)) == ["10:00-22:00"]
    assert times_on(schedule, date(2027, 8, 31)) == ["10:00-22:00"]


def test_exceptions_are_that_days_hours_and_closed_rows_add_nothing() -> None:
    day = date(2026, 6, 10)
    closed = DatedException(day, day + timedelta(days=1), reason="停电")
    morning, evening = DatedException(day, day, time(9), time(11)), DatedException(day, day, time(17), time(19))
    schedule = Schedule(periods=(USUAL,), exceptions=(evening, closed, morning))
    assert times_on(schedule, day) == ["09:00-11:00", "17:00-19:00"]
    assert hours_on(schedule, day, {}).reason == "停电"
    assert times_on(schedule, day + timedelta(days=1)) == []
    assert times_on(schedule, day + timedelta(days=2)) == ["08:00-20:00"]
    found = hours_on(schedule, day + timedelta(days=1), {})
    assert (found.is_exception, found.is_registered, found.reason, found.certainty) == (True, True, "停电", "day-type")
    in_summer = Schedule(periods=(season(date(2020, 6, 1), date(2020, 9, 30)),), exceptions=(morning,))
    assert hours_on(in_summer, day, {}).reason == ""


def test_days_without_a_period_are_unknown_and_not_closed() -> None:
    summer = Period((daily(time(8), time(20)),), valid_from=date(2026, 6, 1), valid_through=date(2026, 6, 30))
    schedule = Schedule(periods=(summer,), exceptions=(DatedException(date(2026, 7, 1), date(2026, 7, 1)),))
    assert [each.is_registered for each in week(schedule, date(2026, 6, 30), {}, days=3)] == [True, True, False]
    assert covered_days(schedule, first=date(2026, 6, 20), days=14) == 12
    assert covered_days(Schedule(periods=(summer,)), first=date(2026, 6, 20), days=14) == 11
    assert covered_days(schedule, first=date(2026, 7, 2), days=14) == 0


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(),
        Schedule(periods=(Period(()),)),
        Schedule(exceptions=(DatedException(date(2026, 6, 10), date(2026, 6, 10)),)),
    ],
)
def test_hours_without_any_span_are_not_registered(schedule: Schedule) -> None:
    assert not schedule.is_registered
    assert not hours_on(schedule, date(2026, 6, 11), {}).is_registered
    assert covered_days(schedule, first=date(2026, 6, 10), days=14) == 0


# ── The state at a moment ───────────────────────────────────────────────────────────────────────────────────────────

WEDNESDAY = date(2026, 6, 10)
UNTIL = at(WEDNESDAY + timedelta(days=14), 0)


def rows(*spans: Span) -> list[Interval]:
    return expand(Schedule(periods=(Period(spans),)), first=WEDNESDAY, days=14, day_types=KINDS_2026)


def test_opens_is_included_and_closes_is_not() -> None:
    intervals = rows(daily(time(8), time(20)))
    closed = state_at(intervals, at(WEDNESDAY, 7, 59), expanded_until=UNTIL)
    assert (closed.state, closed.opens_at) == (State.CLOSED, at(WEDNESDAY, 8))
    open_ = state_at(intervals, at(WEDNESDAY, 8), expanded_until=UNTIL)
    assert (open_.state, open_.closes_at, open_.entry_mode) == (State.OPEN, at(WEDNESDAY, 20), "staffed")
    shut = state_at(intervals, at(WEDNESDAY, 20), expanded_until=UNTIL)
    assert (shut.state, shut.opens_at) == (State.CLOSED, at(WEDNESDAY + timedelta(days=1), 8))


def test_it_closes_soon_from_thirty_minutes_before() -> None:
    intervals = rows(daily(time(8), time(20)))
    moments = [at(WEDNESDAY, 19, 29), at(WEDNESDAY, 19, 30), at(WEDNESDAY, 20)]
    told = [state_at(intervals, moment, expanded_until=UNTIL) for moment in moments]
    assert [each.state for each in told] == [State.OPEN, State.CLOSING_SOON, State.CLOSED]
    # Whoever comes shortly before still gets in.
    assert [each.is_open for each in told] == [True, True, False]


@pytest.mark.parametrize("wall_clock", [time(0), time(8)])
def test_equal_times_are_round_the_clock(wall_clock: time) -> None:
    found = state_at(rows(daily(wall_clock, wall_clock)), at(WEDNESDAY, 23, 50), expanded_until=UNTIL)
    assert (found.state, found.is_round_the_clock, found.closes_at) == (State.OPEN, True, None)
    last = state_at(rows(daily(wall_clock, wall_clock)), UNTIL - timedelta(minutes=10), expanded_until=UNTIL)
    assert (last.state, last.is_round_the_clock) == (State.OPEN, True)


def test_staff_by_day_and_a_code_by_night_are_one_opening() -> None:
    intervals = rows(daily(time(8), time(20)), daily(time(20), time(8), entry_mode="scan"))
    by_day = state_at(intervals, at(WEDNESDAY, 19, 50), expanded_until=UNTIL)
    by_night = state_at(intervals, at(WEDNESDAY, 20), expanded_until=UNTIL)
    assert (by_day.state, by_day.entry_mode, by_day.is_round_the_clock) == (State.OPEN, "staffed", True)
    assert (by_night.state, by_night.entry_mode, by_night.is_round_the_clock) == (State.OPEN, "scan", True)


@pytest.mark.parametrize(("easier", "harder"), list(pairwise(["staffed", "scan", "card", "code"])))
def test_the_easier_way_in_is_named_where_two_overlap(easier: str, harder: str) -> None:
    intervals = rows(daily(time(0), time(0), entry_mode=harder), daily(time(8), time(20), entry_mode=easier))
    assert state_at(intervals, at(WEDNESDAY, 12), expanded_until=UNTIL).entry_mode == easier
    assert state_at(intervals, at(WEDNESDAY, 22), expanded_until=UNTIL).entry_mode == harder


def test_a_night_over_the_last_known_day_is_not_round_the_clock() -> None:
    found = state_at(rows(daily(time(22), time(6))), UNTIL - timedelta(hours=1), expanded_until=UNTIL)
    assert (found.is_round_the_clock, found.closes_at) == (False, UNTIL + timedelta(hours=6))
    # Nor are the 24 hours of that day, a Tuesday, alone.
    last_day = rows(daily(time(0), time(0), days=frozenset({2})))
    found = state_at(last_day, UNTIL - timedelta(hours=1), expanded_until=UNTIL)
    assert (found.is_round_the_clock, found.closes_at) == (False, UNTIL)


def test_past_the_expansion_it_is_unknown_and_never_closed() -> None:
    intervals = rows(daily(time(8), time(20)))
    assert state_at(intervals, UNTIL - timedelta(minutes=1), expanded_until=UNTIL).state == State.CLOSED
    assert state_at(intervals, UNTIL, expanded_until=UNTIL).state == State.UNKNOWN
    assert state_at([], at(WEDNESDAY, 12), expanded_until=None).state == State.UNKNOWN


def test_no_later_opening_known_names_none() -> None:
    found = state_at(rows(daily(time(8), time(20))), UNTIL - timedelta(hours=1), expanded_until=UNTIL)
    assert (found.state, found.opens_at) == (State.CLOSED, None)


def test_doubt_goes_before_open_and_unknown_but_not_before_closed() -> None:
    intervals = rows(daily(time(8), time(20)))
    doubted = state_at(intervals, at(WEDNESDAY, 12), expanded_until=UNTIL, doubted=True)
    assert (doubted.state, doubted.closes_at) == (State.DOUBTED, at(WEDNESDAY, 20))
    assert state_at(intervals, at(WEDNESDAY, 7), expanded_until=UNTIL, doubted=True).state == State.CLOSED
    assert state_at([], at(WEDNESDAY, 12), expanded_until=None, doubted=True).state == State.DOUBTED
