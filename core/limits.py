"""Exact limits: one statement counts and answers, so of 2N racing calls N pass."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.models import Counter

__all__ = ["Counted", "Limit", "TooMany", "count", "count_call", "enforce", "forget", "purge"]


class TooMany(DomainError):
    code, status = "too_many_requests", 429
    title = _("That is too often. Wait a little and try again.")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `calls` within each window of `window_s` seconds. `name` keeps the counters of two limits apart."""

    name: str
    calls: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Counted:
    """One call that was counted: how many that makes in its window, and how long the window lasts."""

    limit: Limit
    calls: int
    seconds_left: int

    @property
    def calls_left(self) -> int:
        return max(0, self.limit.calls - self.calls)

    def enforce(self) -> None:
        """Raises: TooMany, with the seconds to wait, if this call is past the limit."""
        if self.calls > self.limit.calls:
            raise TooMany(retry_after_s=self.seconds_left, limit=self.limit.calls)


def count(limit: Limit, *, key: str, at: datetime) -> int:
    """Count one call under `key` and answer how many that makes in this window."""
    window = int(at.timestamp()) // limit.window_s
    # A transaction of its own need not wait for the disk: what a crash forgets is less than a second of counting.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_counter (name, key, window_number, calls, expires_at)"
            " VALUES (%s, %s, %s, 1, to_timestamp(%s)) ON CONFLICT (name, key, window_number)"
            " DO UPDATE SET calls = core_counter.calls + 1 RETURNING calls,"
            " CASE WHEN %s THEN set_config('synchronous_commit', 'off', true) END",
            [limit.name, key, window, (window + 1) * limit.window_s, not connection.in_atomic_block],
        )
        return int(cursor.fetchone()[0])


def count_call(limit: Limit, *, key: str, at: datetime) -> Counted:
    """Count one call and answer where that leaves the caller, so that a door can say so."""
    return Counted(limit, count(limit, key=key, at=at), limit.window_s - int(at.timestamp()) % limit.window_s)


def enforce(limit: Limit, *, key: str, at: datetime) -> None:
    """Count one call and refuse it past the limit. Raises: TooMany, with the seconds to wait."""
    count_call(limit, key=key, at=at).enforce()


def forget(limit: Limit, *, key: str, at: datetime) -> None:
    """Begin this window anew under `key`: what was counted turned out to be rightful."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM core_counter WHERE name = %s AND key = %s AND window_number = %s",
            [limit.name, key, int(at.timestamp()) // limit.window_s],
        )


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Forget the counters of past windows; answer how many. The worker's job."""
    past = Counter.objects.filter(expires_at__lt=now)
    return past.count() if dry_run else past.delete()[0]
