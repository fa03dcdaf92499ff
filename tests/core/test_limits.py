"""Limits are exact: of 2N racing calls N pass. The same count made by reading first does not hold, which shows why."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections

from core import limits
from core.limits import Limit, TooMany
from core.models import Counter

AT = datetime(2026, 6, 10, 4, 0, 5, tzinfo=UTC)
LIMIT = Limit("taps", calls=8, window_s=60)


@pytest.mark.django_db
def test_enforce_lets_so_many_pass_and_says_how_long_to_wait() -> None:
    for _call in range(LIMIT.calls):
        limits.enforce(LIMIT, key="a", at=AT)
    with pytest.raises(TooMany) as refusal:
        limits.enforce(LIMIT, key="a", at=AT)
    assert refusal.value.data == {"retry_after_s": 55, "limit": 8}


@pytest.mark.django_db
def test_keys_limits_and_windows_are_counted_apart() -> None:
    assert limits.count(LIMIT, key="a", at=AT) == 1
    assert limits.count(LIMIT, key="a", at=AT) == 2
    assert limits.count(LIMIT, key="b", at=AT) == 1
    assert limits.count(Limit("others", calls=8, window_s=60), key="a", at=AT) == 1
    assert limits.count(LIMIT, key="a", at=AT + timedelta(seconds=60)) == 1


@pytest.mark.django_db
def test_purge_forgets_past_windows_and_keeps_the_present_one() -> None:
    limits.count(LIMIT, key="a", at=AT - timedelta(minutes=2))
    limits.count(LIMIT, key="a", at=AT)
    assert limits.purge(now=AT) == 1
    assert limits.count(LIMIT, key="a", at=AT) == 2


def _race(call: object, *, racers: int) -> int:
    """How many of `racers` threads pass when they start together."""
    start, passed = threading.Barrier(racers), []

    def run() -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            call()  # type: ignore[operator]
            passed.append(1)
        except TooMany:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _racer in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return len(passed)


@pytest.mark.usefixtures("transactional_db")
def test_of_twice_as_many_racing_calls_exactly_the_limit_passes() -> None:
    for round_number in range(10):
        key = f"round-{round_number}"
        assert _race(lambda key=key: limits.enforce(LIMIT, key=key, at=AT), racers=2 * LIMIT.calls) == LIMIT.calls


@pytest.mark.usefixtures("transactional_db")
def test_a_count_that_reads_before_it_writes_lets_too_many_pass() -> None:
    """The control: the same race, and the same table, with the arithmetic in Python."""
    meet = threading.Barrier(2 * LIMIT.calls)

    def enforce_naively() -> None:
        row, _made = Counter.objects.get_or_create(
            name="naive", key="k", window_number=0, defaults={"calls": 0, "expires_at": AT}
        )
        calls = Counter.objects.get(pk=row.pk).calls
        meet.wait(timeout=20)
        if calls + 1 > LIMIT.calls:
            raise TooMany
        Counter.objects.filter(pk=row.pk).update(calls=calls + 1)

    assert _race(enforce_naively, racers=2 * LIMIT.calls) > LIMIT.calls
