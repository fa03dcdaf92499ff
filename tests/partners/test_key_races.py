"""Keys issued at the same time, and calls made at the same time: the database counts both. Each guard has its control."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, connections

from core import clock
from core.models import AuditEvent
from partners import keys
from partners.errors import TwoKeysLive
from partners.models import ApiKey, Client
from tests.builders import NOON, make_client, make_key
from tests.stations.api.partner import Partner


def _together(what: Callable[[int], object], *, racers: int = 8) -> list[str]:
    """What became of each of `racers` that begin together, by the name of its refusal."""
    start, outcomes = threading.Barrier(racers), list[str]()

    def run(number: int) -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            what(number)
            outcomes.append("done")
        except Exception as error:  # noqa: BLE001 - what it is, the test says
            outcomes.append(type(error).__name__)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return sorted(outcomes)


def _written_together(client: Client) -> list[str]:
    """Of eight that write a key at once; each has looked already, and found room."""
    fields: dict[str, Any] = {
        "client": client,
        "digest": "0" * 64,
        "made_at": NOON,
        "expires_at": NOON + timedelta(days=1),
    }
    return _together(lambda number: ApiKey.objects.create(prefix=f"racer{number}", **fields))


def test_of_eight_keys_asked_for_at_once_two_are_issued(transactional_db: None) -> None:  # noqa: ARG001
    """The others are told so: nobody meets the guard of the database."""
    client = make_client()
    outcomes = _together(lambda _number: keys.issue(client=client, at=NOON, actor="tests"))
    assert outcomes == [TwoKeysLive.__name__] * 6 + ["done"] * 2


def test_a_key_that_eight_revoke_at_once_is_revoked_once(transactional_db: None) -> None:  # noqa: ARG001
    key = keys.issue(client=make_client(), at=NOON, actor="tests").key
    assert _together(lambda _number: keys.revoke(key=key, reason="lost", at=NOON, actor="tests")) == ["done"] * 8
    assert AuditEvent.objects.filter(kind="client.key-revoked").count() == 1


def test_of_eight_keys_written_at_once_two_are_made(transactional_db: None) -> None:  # noqa: ARG001
    assert _written_together(make_client()) == [IntegrityError.__name__] * 6 + ["done"] * 2


def test_without_the_trigger_more_are_made(transactional_db: None) -> None:  # noqa: ARG001
    """The control: the same race without the guard."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE partners_apikey DISABLE TRIGGER guard_keys")
    assert _written_together(make_client()).count("done") > 2


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
