"""Time as this house counts it: instants are aware UTC, a day is a day in Wuhan."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone

__all__ = ["FIRST_DAY", "LAST_DAY", "WUHAN", "first_of_month", "local_date", "local_midnight", "now", "to_local"]

WUHAN = ZoneInfo("Asia/Shanghai")
# Days that somebody may name: no station is older, and no rule is made for later.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)


def now() -> datetime:
    """The present instant. Doors call it once and pass the value down; nothing below a door asks the clock."""
    return timezone.now()


def to_local(at: datetime) -> datetime:
    """`at` on a Wuhan wall clock."""
    return at.astimezone(WUHAN)


def local_date(at: datetime) -> date:
    """The calendar day in Wuhan, used for opening hours, daily caps and statistics."""
    return to_local(at).date()


def local_midnight(day: date, *, days: int = 0) -> datetime:
    """The instant (UTC) at which `day` + `days` begins in Wuhan."""
    return datetime.combine(day + timedelta(days=days), time.min, tzinfo=WUHAN).astimezone(UTC)


def first_of_month(day: date, *, months: int = 0) -> date:
    """The first day of the month of `day`, or of the one so many months after (before) it."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
