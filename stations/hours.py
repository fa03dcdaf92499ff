"""The arithmetic of opening hours.

The only place that knows periods, day types and exceptions; pure, without a database.

A schedule is what an office says ("weekdays 9 to 17, closed on holidays, in summer until 22"). `hours_on` answers what
that means on one date, `expand` turns it into intervals of time, and `state_at` says what a courier wants to know.
`opens` is included in a span, `closes` is not; a span whose `closes` is not after `opens` ends on the next day, so
equal times are 24 hours. Days are days in Wuhan, instants are aware UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal

from core.clock import WUHAN, local_midnight

__all__ = [
    "CLOSING_SOON",
    "HOLIDAY",
    "DatedException",
    "DayHours",
    "DayKind",
    "Interval",
    "OnHolidays",
    "OpenState",
    "Opening",
    "Period",
    "Schedule",
    "Span",
    "State",
    "covered_days",
    "expand",
    "holds_until",
    "hours_on",
    "kind_by_weekday",
    "state_at",
    "week",
]

HOLIDAY = 8  # beside the ISO weekdays 1-7 in `Span.days`
FRIDAY, SATURDAY, SUNDAY, MONDAY = 5, 6, 7, 1
CLOSING_SOON = timedelta(minutes=30)
FOREVER = datetime.max.replace(tzinfo=UTC)
ONE_DAY = timedelta(days=1)
# Where spans overlap, the easiest way in for a courier is named.
EASIEST_FIRST = ("staffed", "scan", "card", "code")


class DayKind(StrEnum):
    """What kind of day a date is in China, where weekends are swapped for workdays around holidays (调休)."""

    WORKDAY = "workday"
    REST_DAY = "rest-day"
    HOLIDAY = "holiday"
    SWAPPED_WORKDAY = "swapped-workday"


ORDINARY = (DayKind.WORKDAY, DayKind.REST_DAY)


class OnHolidays(StrEnum):
    """Which spans of a period count on a public holiday."""

    AS_SUNDAY = "as-sunday"
    AS_USUAL = "as-usual"
    OWN_HOURS = "own-hours"


class State(StrEnum):
    """What a courier reads first. Unknown is never shown as closed."""

    OPEN = "open"
    CLOSING_SOON = "closing-soon"
    CLOSED = "closed"
    UNKNOWN = "unknown"
    DOUBTED = "doubted"


@dataclass(frozen=True, slots=True)
class Span:
    """Opening from `opens` to `closes` on `days`: ISO weekdays 1-7, and 8 for public holidays."""

    days: frozenset[int]
    opens: time
    closes: time
    entry_mode: str = "staffed"


@dataclass(frozen=True, slots=True)
class Period:
    """A stretch of the calendar with its own weekly hours. Without dates it is the usual one."""

    spans: tuple[Span, ...]
    valid_from: date | None = None
    valid_through: date | None = None
    repeats_yearly: bool = False
    on_holidays: OnHolidays = OnHolidays.AS_SUNDAY
    name: str = ""


@dataclass(frozen=True, slots=True)
class DatedException:
    """Hours on certain dates that differ from the period: closed (no times), or open in just this span."""

    starts_on: date
    ends_on: date
    opens: time | None = None
    closes: time | None = None
    entry_mode: str = "staffed"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that is registered about when one station is open."""

    periods: tuple[Period, ...] = ()
    exceptions: tuple[DatedException, ...] = ()

    @property
    def is_registered(self) -> bool:
        """Whether any weekly hours are known. Exceptions alone say nothing about all the other days."""
        return any(period.spans for period in self.periods)


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of one day, on the wall clock."""

    opens: time
    closes: time
    entry_mode: str = "staffed"


@dataclass(frozen=True, slots=True)
class DayHours:
    """The hours of one date. With `is_registered` false nothing is known about it, which does not mean closed."""

    date: date
    spans: tuple[Opening, ...]
    kind: DayKind
    certainty: Literal["day-type", "weekday-only"]
    reason: str
    is_exception: bool
    is_registered: bool


@dataclass(frozen=True, slots=True)
class Interval:
    """The station is open from `opens_at` until before `closes_at`."""

    opens_at: datetime
    closes_at: datetime
    entry_mode: str


@dataclass(frozen=True, slots=True)
class OpenState:
    """Whether one can get in at a moment, until when (open), or when next (closed)."""

    state: State
    closes_at: datetime | None
    opens_at: datetime | None
    entry_mode: str | None
    is_round_the_clock: bool

    @property
    def is_open(self) -> bool:
        """Whether one who comes now gets in, as far as anybody knows."""
        return self.state in (State.OPEN, State.CLOSING_SOON)


# ── One date ────────────────────────────────────────────────────────────────────────────────────────────────────────


def kind_by_weekday(day: date) -> DayKind:
    """The kind of a date that the day-type table does not reach."""
    return DayKind.REST_DAY if day.isoweekday() >= SATURDAY else DayKind.WORKDAY


def hours_on(schedule: Schedule, day: date, day_types: Mapping[date, DayKind]) -> DayHours:
    """The hours of `day`: exceptions override a dated period, which overrides a yearly one, which overrides the usual hours."""
    kind = day_types.get(day)
    exceptions = [row for row in schedule.exceptions if row.starts_on <= day <= row.ends_on]
    period = None if exceptions else _period_on(schedule.periods, day)
    return DayHours(
        date=day,
        spans=tuple(
            Opening(opens, closes, entry_mode)
            for opens, closes, entry_mode in sorted(
                _openings_of(exceptions) if exceptions else _openings_on(period, day, kind) if period else ()
            )
        ),
        kind=kind or kind_by_weekday(day),
        # The dates of an exception leave nothing to guess.
        certainty="day-type" if kind or exceptions else "weekday-only",
        reason=next((row.reason for row in exceptions if row.reason), period.name if period else ""),
        is_exception=bool(exceptions),
        is_registered=bool(exceptions) or (period is not None and schedule.is_registered),
    )


def week(schedule: Schedule, first: date, day_types: Mapping[date, DayKind], days: int = 7) -> list[DayHours]:
    """The hours of `days` dates from `first` on."""
    return [hours_on(schedule, day, day_types) for day in _days(first, days)]


def covered_days(schedule: Schedule, *, first: date, days: int) -> int:
    """How many days from `first` on, without a gap, are registered: what comes after is unknown, not closed."""
    if not schedule.is_registered:
        return 0
    for step, day in enumerate(_days(first, days)):
        if _period_on(schedule.periods, day) is None and not any(
            row.starts_on <= day <= row.ends_on for row in schedule.exceptions
        ):
            return step
    return days


def _period_on(periods: Sequence[Period], day: date) -> Period | None:
    usual = yearly = None
    for period in periods:
        if period.repeats_yearly:
            if yearly is None and _is_in_season(period, day):
                yearly = period
        elif period.valid_from is None and period.valid_through is None:
            usual = usual or period
        elif (period.valid_from is None or period.valid_from <= day) and (
            period.valid_through is None or day <= period.valid_through
        ):
            return period
    return yearly or usual


def _is_in_season(period: Period, day: date) -> bool:
    """Whether month and day of `day` lie in a season that comes every year and may run over the new year.

    Months and days are compared as numbers, so that a season from or through 29 February works in every year.
    """
    if period.valid_from is None or period.valid_through is None:
        return False
    first = (period.valid_from.month, period.valid_from.day)
    last = (period.valid_through.month, period.valid_through.day)
    today = (day.month, day.day)
    return first <= today <= last if first <= last else today >= first or today <= last


_Opening = tuple[time, time, str]


def _openings_of(exceptions: Sequence[DatedException]) -> list[_Opening]:
    return [
        (row.opens, row.closes, row.entry_mode)
        for row in exceptions
        if row.opens is not None and row.closes is not None
    ]


def _openings_on(period: Period, day: date, kind: DayKind | None) -> list[_Opening]:
    weekday = _counts_as(day, kind, period.on_holidays)
    return [(span.opens, span.closes, span.entry_mode) for span in period.spans if weekday in span.days]


def _counts_as(day: date, kind: DayKind | None, on_holidays: OnHolidays) -> int:
    """The entry of `Span.days` that applies to `day`."""
    weekday = day.isoweekday()
    if kind is None or kind in ORDINARY:
        return weekday
    if kind == DayKind.SWAPPED_WORKDAY:
        # A weekend that is worked follows the workday next to it.
        return {SATURDAY: FRIDAY, SUNDAY: MONDAY}.get(weekday, weekday)
    if on_holidays == OnHolidays.AS_SUNDAY:
        return SUNDAY
    return weekday if on_holidays == OnHolidays.AS_USUAL else HOLIDAY


# ── Stretches of time ───────────────────────────────────────────────────────────────────────────────────────────────


def expand(schedule: Schedule, *, first: date, days: int, day_types: Mapping[date, DayKind]) -> list[Interval]:
    """The intervals that touch the `days` days from `first` on, sorted; those begun the evening before included.

    Intervals are whole: the last may end after the last day. Intervals of one entry mode that touch or overlap are one;
    intervals of two modes stay two, since both doors are open. A night that began before a holiday runs to its own end.
    """
    begins_at = local_midnight(first)
    exceptions = [row for row in schedule.exceptions if row.ends_on >= first - ONE_DAY]
    pending: dict[str, Interval] = {}  # by entry mode, what the next opening may still prolong
    done: list[Interval] = []
    for day in _days(first - ONE_DAY, days + 1):
        rows = [row for row in exceptions if row.starts_on <= day <= row.ends_on] if exceptions else None
        if rows:
            openings = _openings_of(rows)
        elif (period := _period_on(schedule.periods, day)) is not None:
            openings = _openings_on(period, day, day_types.get(day))
        else:
            continue
        if len(openings) > 1:
            openings.sort()
        for opens, closes, entry_mode in openings:
            interval = _interval(day, opens, closes, entry_mode)
            if interval.closes_at <= begins_at:
                continue
            before = pending.get(entry_mode)
            if before is None:
                pending[entry_mode] = interval
            elif interval.opens_at > before.closes_at:
                done.append(before)
                pending[entry_mode] = interval
            elif interval.closes_at > before.closes_at:
                pending[entry_mode] = Interval(before.opens_at, interval.closes_at, entry_mode)
    done += pending.values()
    if len(pending) > 1:
        done.sort(key=lambda interval: (interval.opens_at, interval.closes_at, interval.entry_mode))
    return done


# Both are kept, because an import asks for the same few thousand answers millions of times.
@lru_cache(maxsize=64)
def _days(first: date, days: int) -> tuple[date, ...]:
    return tuple(first + timedelta(days=step) for step in range(days))


@lru_cache(maxsize=50_000)
def _interval(day: date, opens: time, closes: time, entry_mode: str) -> Interval:
    ends_on = day if closes > opens else day + ONE_DAY
    return Interval(
        opens_at=datetime.combine(day, opens, tzinfo=WUHAN).astimezone(UTC),
        closes_at=datetime.combine(ends_on, closes, tzinfo=WUHAN).astimezone(UTC),
        entry_mode=entry_mode,
    )


def state_at(
    intervals: Sequence[Interval], at: datetime, *, expanded_until: datetime | None, doubted: bool = False
) -> OpenState:
    """What `intervals`, in the order of opening and known up to `expanded_until`, say about the moment `at`.

    Intervals that touch or overlap are one opening, whatever the entry modes. `doubted` means that people on the spot found
    the door locked: it overrides open and unknown, but closed stays closed.
    """
    modes = {interval.entry_mode for interval in intervals if interval.opens_at <= at < interval.closes_at}
    if not modes:
        if expanded_until is None or at >= expanded_until:
            return OpenState(State.DOUBTED if doubted else State.UNKNOWN, None, None, None, False)
        opens_at = next((interval.opens_at for interval in intervals if interval.opens_at > at), None)
        return OpenState(State.CLOSED, None, opens_at, None, False)

    starts_at, ends_at = intervals[0].opens_at, intervals[0].closes_at
    for interval in intervals:
        if interval.opens_at <= ends_at:
            ends_at = max(ends_at, interval.closes_at)
        elif ends_at > at:
            break
        else:
            starts_at, ends_at = interval.opens_at, interval.closes_at

    # More than a day, because a night that begins on the last known day runs past its end as well.
    is_round_the_clock = expanded_until is not None and ends_at >= expanded_until and ends_at - starts_at > ONE_DAY
    if doubted:
        state = State.DOUBTED
    elif not is_round_the_clock and ends_at - at <= CLOSING_SOON:
        state = State.CLOSING_SOON
    else:
        state = State.OPEN
    return OpenState(
        state=state,
        closes_at=None if is_round_the_clock else ends_at,
        opens_at=None,
        entry_mode=min(modes, key=EASIEST_FIRST.index),
        is_round_the_clock=is_round_the_clock,
    )


def holds_until(intervals: Sequence[Interval], at: datetime, *, expanded_until: datetime | None) -> datetime:
    """Up to when what `state_at` says of these intervals about the moment `at` stays true, at least."""
    changes = {
        moment for each in intervals for moment in (each.opens_at, each.closes_at, each.closes_at - CLOSING_SOON)
    }
    return min((moment for moment in changes | {expanded_until} if moment is not None and moment > at), default=FOREVER)
