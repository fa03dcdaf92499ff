"""Keys issued at once, and calls made at once: the database counts both. Each guard has its control."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, connections

from core import clock
from partners.models import ApiKey, Client
from tests.builders import NOON, make_client, make_key
from tests.stations.api.partner import Partner


def _issued_together(client: Client, *, racers: int = 8) -> int:
    """How many of `racers` that begin together get a key; each has looked already, and found room."""
    start, issued = threading.Barrier(racers), []

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            ApiKey.objects.create(
                client=client,
                prefix=f"racer{number}",
                digest="0" * 64,
                made_at=NOON,
                expires_at=NOON + timedelta(days=1),
            )
            issued.append(1)
        except IntegrityError:
            pass
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return len(issued)


def test_of_eight_keys_issued_at_once_two_are_made(transactional_db: None) -> None:  # noqa: ARG001
    assert _issued_together(make_client()) == 2


def test_without_the_trigger_more_are_made(transactional_db: None) -> None:  # noqa: ARG001
    """The control: the same race without the guard."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE partners_apikey DISABLE TRIGGER guard_keys")
    assert _issued_together(make_client()) > 2


def test_of_twice_as_many_calls_at_once_exactly_the_limit_is_let_in(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 8
    client = make_client(calls_per_minute=most)
    # Two keys of one client share its limit.
    texts = [make_key(client), make_key(client)]
    for round_number in range(5):
        at = clock.now().replace(second=5) + timedelta(minutes=round_number)
        with monkeypatch.context() as frozen:
            frozen.setattr(clock, "now", lambda at=at: at)
            start = threading.Barrier(2 * most)
            statuses: list[int] = []

            def run(number: int, start: threading.Barrier = start, statuses: list[int] = statuses) -> None:
                try:
                    connection.ensure_connection()
                    start.wait(timeout=20)
                    statuses.append(Partner(texts[number % 2]).get("whoami/").status_code)
                finally:
                    connections.close_all()

            threads = [threading.Thread(target=run, args=(number,)) for number in range(2 * most)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(timeout=30)
        assert sorted(statuses) == [200] * most + [429] * most
