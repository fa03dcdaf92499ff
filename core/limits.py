"""Exact limits: one statement counts and answers, so of 2N racing calls N pass.

Windows are cut by the wall clock of Wuhan, so that a daily window begins at midnight there; shorter ones divide that zone's
eight-hour offset evenly.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import DomainError
from core.models import Counter

__all__ = [
    "Counted", "Limit", "TooMany", "count", "count_call", "counted", "counting", "enforce", "forget", "purge", "take_back",
    "values_of",
]  # fmt: skip


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


def counting(keys: str) -> str:
    """The statement that counts one call under each key that the query `keys` returns, and returns the number in the window
    so far, as `calls`. `values_of` gives its values.
    """
    # A transaction of its own need not wait for the disk: what a crash forgets is less than a second of counting.
    return (
        "INSERT INTO core_counter (name, key, window_number, calls, expires_at)"  # noqa: S608 - statements of the program's own
        " SELECT %(limit)s::varchar, asked.key, %(window)s::bigint, 1, to_timestamp(%(window_ends)s::bigint)"
        f" FROM ({keys}) asked (key) ON CONFLICT (name, key, window_number) DO UPDATE SET calls = core_counter.calls + 1"
        " RETURNING calls, CASE WHEN %(is_apart)s::boolean THEN set_config('synchronous_commit', 'off', true) END"
    )


def values_of(limit: str, *, window_s: int, at: datetime) -> dict[str, Any]:
    """The values of a statement of `counting`, for the limit of this name."""
    return {
        "limit": limit,
        "window": _window_number(window_s, at),
        "window_ends": int(at.timestamp()) + _seconds_left(window_s, at),
        "is_apart": not connection.in_atomic_block,
    }


_COUNTING_ONE = counting("SELECT %(key)s::varchar")


def count(limit: Limit, *, key: str, at: datetime) -> int:
    """Count one call under `key` and answer how many that makes in this window."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNTING_ONE, {"key": key, **values_of(limit.name, window_s=limit.window_s, at=at)})
        return int(cursor.fetchone()[0])


def count_call(limit: Limit, *, key: str, at: datetime) -> Counted:
    """Count one call and answer where that leaves the caller, so that a door can say so."""
    return counted(limit, count(limit, key=key, at=at), at=at)


def counted(limit: Limit, calls: int, *, at: datetime) -> Counted:
    """What was counted by a statement of one's own (`counting`)."""
    return Counted(limit, calls, _seconds_left(limit.window_s, at))


def enforce(limit: Limit, *, key: str, at: datetime) -> None:
    """Count one call and refuse it past the limit. Raises: TooMany, with the seconds to wait."""
    count_call(limit, key=key, at=at).enforce()


def forget(limit: Limit, *, key: str, at: datetime) -> None:
    """Start this window's count under `key` at zero again: the counted calls turned out to be legitimate."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM core_counter WHERE name = %s AND key = %s AND window_number = %s",
            [limit.name, key, _window_number(limit.window_s, at)],
        )


def take_back(limit: Limit, *, key: str, at: datetime) -> None:
    """Uncount one call under `key`, which was counted before it was known to be legitimate. All others stay counted."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE core_counter SET calls = calls - 1 WHERE name = %s AND key = %s AND window_number = %s",
            [limit.name, key, _window_number(limit.window_s, at)],
        )


def _wall_seconds(at: datetime) -> int:
    return int(clock.to_local(at).replace(tzinfo=UTC).timestamp())


def _window_number(window_s: int, at: datetime) -> int:
    return _wall_seconds(at) // window_s


def _seconds_left(window_s: int, at: datetime) -> int:
    return window_s - _wall_seconds(at) % window_s


def purge(*, now: datetime, dry_run: bool = False) -> int:
    """Forget the counters of past windows; answer how many. The worker's job."""
    past = Counter.objects.filter(expires_at__lt=now)
    return past.count() if dry_run else past.delete()[0]
