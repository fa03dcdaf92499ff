"""Limits are exact: of 2N racing calls N pass. Counting by reading first does not achieve that, which shows why it is done so."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, connections
from django.test import Client

from core import clock, limits
from core.limits import Limit, TooMany
from core.models import Counter
from tests.builders import make_client, make_key
from tests.proving import counted, times

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
def test_what_is_taken_back_was_not_counted_and_the_rest_was() -> None:
    limits.count(LIMIT, key="a", at=AT)
    limits.count(LIMIT, key="b", at=AT)
    limits.count(LIMIT, key="a", at=AT)
    limits.take_back(LIMIT, key="a", at=AT)
    assert (limits.count(LIMIT, key="a", at=AT), limits.count(LIMIT, key="b", at=AT)) == (2, 2)


@pytest.mark.django_db
def test_purge_forgets_past_windows_and_keeps_the_present_one() -> None:
    limits.count(LIMIT, key="a", at=AT - timedelta(minutes=2))
    limits.count(LIMIT, key="a", at=AT)
    assert limits.purge(now=AT) == 1
    assert limits.count(LIMIT, key="a", at=AT) == 2


@pytest.mark.django_db
def test_a_day_is_a_day_in_wuhan() -> None:
    day = Limit("looks", calls=2, window_s=86_400)
    late = datetime(2026, 6, 10, 15, 59, 30, tzinfo=UTC)  # half a minute to its midnight
    limits.enforce(day, key="a", at=datetime(2026, 6, 9, 16, tzinfo=UTC))
    limits.enforce(day, key="a", at=late)
    with pytest.raises(TooMany) as refusal:
        limits.enforce(day, key="a", at=late)
    assert refusal.value.data["retry_after_s"] == 30
    midnight = late + timedelta(seconds=30)
    assert Counter.objects.get().expires_at == midnight
    assert limits.count(day, key="a", at=midnight) == 1
    limits.forget(day, key="a", at=midnight + timedelta(hours=23))
    assert Counter.objects.get().expires_at == midnight


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
    rounds = times(10, 250)
    for round_number in range(rounds):
        key = f"round-{round_number}"
        assert _race(lambda key=key: limits.enforce(LIMIT, key=key, at=AT), racers=2 * LIMIT.calls) == LIMIT.calls
    counted("T18", "calls racing for a limit of 8", calls=rounds * 16, passed=rounds * 8, too_many=0)


@pytest.mark.usefixtures("transactional_db")
def test_of_a_programs_racing_calls_exactly_its_limit_is_answered() -> None:
    """The same through the door of the API: a key with a limit of N, and 2N calls at once."""
    limit, rounds = 20, times(1, 20)
    for number in range(rounds):
        key = make_key(make_client(code=f"racer-{number}", calls_per_minute=limit))
        together, statuses = threading.Barrier(2 * limit), list[int]()

        def call(key: str = key, together: threading.Barrier = together, statuses: list[int] = statuses) -> None:
            try:
                together.wait(timeout=30)
                headers = {"authorization": f"Bearer {key}"}
                statuses.append(Client().get("/api/v1/whoami/", headers=headers).status_code)
            finally:
                connections.close_all()

        with pytest.MonkeyPatch.context() as patch:
            now = clock.now()
            patch.setattr("core.clock.now", lambda now=now: now)
            threads = [threading.Thread(target=call) for _racer in range(2 * limit)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=60)
        assert sorted(statuses) == [200] * limit + [429] * limit
    counted(
        "T18",
        "calls of programs racing for a limit of 20",
        calls=rounds * 40,
        answered=rounds * 20,
        refused=rounds * 20,
    )


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

    passed = _race(enforce_naively, racers=2 * LIMIT.calls)
    assert passed > LIMIT.calls
    counted("T18", "a count that reads before it writes (control)", calls=16, passed=passed, too_many=passed - 8)
