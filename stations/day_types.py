"""The calendar of workdays and holidays (调休) in the database.

Filled from a package or from the State Council's notice itself, edited by staff, asked by date.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from importlib.metadata import version

from chinese_calendar import Holiday
from chinese_calendar.constants import holidays as public_holidays
from chinese_calendar.constants import workdays as swapped_workdays
from django.db import transaction

from core import audit, clock
from core.models import User
from stations.holiday_notice import Notice
from stations.hours import DayKind, kind_by_weekday
from stations.models import DayType

__all__ = ["ENOUGH_DAYS", "PACKAGE", "Filled", "days_left", "enter", "fill", "kinds", "overruled"]

PACKAGE = "chinesecalendar"
# The State Council's notice comes in November; with fewer days left, next year's are to be entered.
ENOUGH_DAYS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What one run did: `kept` rows have a different answer by staff and were left alone."""

    source: str
    first: date
    last: date
    added: int
    changed: int
    unchanged: int
    kept: int


def kinds(first: date, days: int) -> dict[date, DayKind]:
    """The kinds of the `days` days from `first` on that the table knows. One query."""
    rows = DayType.objects.filter(date__gte=first, date__lt=first + timedelta(days=days)).values_list("date", "kind")
    return {day: DayKind(kind) for day, kind in rows}


def days_left(today: date) -> int:
    """How many days after `today` the table knows."""
    return DayType.objects.filter(date__gt=today).count()


@transaction.atomic
def fill(*, actor: User | str, at: datetime) -> Filled:
    """Write all days from last year on that the package knows.

    Rows whose source is not the package are staff's and stay. The caller expands the hours anew afterwards
    (`publishing.refresh_all`) when something was added or changed.
    Locks: DayType rows in ascending date.   Source: the State Council's notices, through the package chinesecalendar.
    """
    source = f"{PACKAGE} {version(PACKAGE)}"
    wanted = _days_of_package(clock.local_date(at).year - 1, source=source)
    return _write(wanted, source, lambda row: not row.source.startswith(PACKAGE), actor=actor, at=at)


@transaction.atomic
def enter(notice: Notice, *, source: str, actor: User | str, at: datetime) -> Filled:
    """Write all days of a notice's year as it says. The notice decides: where the table differs, it is changed.

    The caller expands the hours anew afterwards, as with `fill`.
    Locks: DayType rows in ascending date.
    """
    return _write(_days_of_notice(notice, source=source), source, lambda _row: False, actor=actor, at=at)


def overruled(notice: Notice) -> list[tuple[DayType, DayType]]:
    """The days on which the table differs from the notice: as they are, and as `enter` would write them."""
    wanted = {row.date: row for row in _days_of_notice(notice, source="")}
    present = DayType.objects.filter(date__in=wanted).order_by("date")
    return [(row, wanted[row.date]) for row in present if row.kind != wanted[row.date].kind]


def _write(
    rows: Iterable[DayType], source: str, stays: Callable[[DayType], bool], *, actor: User | str, at: datetime
) -> Filled:
    """Add and change rows; one that differs and `stays` is left alone and counted."""
    wanted = list(rows)
    present = {row.date: row for row in DayType.objects.select_for_update().order_by("date")}
    added = [row for row in wanted if row.date not in present]
    changed, kept = [], 0
    for row in wanted:
        before = present.get(row.date)
        if before is None or before.kind == row.kind:
            continue
        if stays(before):
            kept += 1
        else:
            changed.append(row)
    # A row that staff adds in this very moment wins as well.
    DayType.objects.bulk_create(added, ignore_conflicts=True)
    DayType.objects.bulk_update(changed, ["kind", "name", "source"])
    filled = Filled(
        source=source,
        first=wanted[0].date,
        last=wanted[-1].date,
        added=len(added),
        changed=len(changed),
        unchanged=len(wanted) - len(added) - len(changed) - kept,
        kept=kept,
    )
    if added or changed:
        audit.record(
            "day_types.filled",
            subject=("day_types", f"{filled.first:%Y}-{filled.last:%Y}"),
            actor=actor,
            at=at,
            data=asdict(filled) | {"first": filled.first.isoformat(), "last": filled.last.isoformat()},
        )
    return filled


def _days_of_notice(notice: Notice, *, source: str) -> Iterator[DayType]:
    for day, kind, name in notice.days():
        yield DayType(date=day, kind=kind.value, name=name, source=source)


def _days_of_package(first_year: int, *, source: str) -> Iterator[DayType]:
    last_year = max(public_holidays).year  # the package raises for dates after it
    names = {holiday.value: holiday.chinese for holiday in Holiday}
    day = date(min(first_year, last_year), 1, 1)
    while day.year <= last_year:
        name = ""
        if day in public_holidays:
            kind, name = DayKind.HOLIDAY, names[public_holidays[day]]
        elif day in swapped_workdays:
            kind, name = DayKind.SWAPPED_WORKDAY, names[swapped_workdays[day]]
        else:
            kind = kind_by_weekday(day)
        yield DayType(date=day, kind=kind.value, name=name, source=source)
        day += timedelta(days=1)
