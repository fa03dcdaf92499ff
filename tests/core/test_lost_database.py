"""The database goes away in the middle of a request: 503 with the way out, nothing half done, and the next request finds it."""

import uuid
from collections.abc import Callable
from typing import Any

import psycopg2
import pytest
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.test import Client

from core import clock, idempotency, prepared
from core.idempotency import Answer
from core.logs import KeylessFormatter
from core.models import IdempotentRequest
from stations import confirming, finding
from stations.models import StationUse
from tests.builders import make_client, make_key, make_station
from tests.stations.api.partner import Partner


def killed() -> None:
    """End this thread's server process, as an operator or a crash does."""
    line = connection.get_connection_params()
    victim = connection.connection.info.backend_pid
    with psycopg2.connect(**{name: line[name] for name in ("dbname", "host", "port", "user") if name in line}) as other:
        other.cursor().execute("SELECT pg_terminate_backend(%s, 1000)", [victim])
    other.close()


def after(verb: Callable[..., Any]) -> Callable[..., Any]:
    def deed(*args: Any, **named: Any) -> Any:
        done = verb(*args, **named)
        killed()
        return done

    return deed


def before(verb: Callable[..., Any]) -> Callable[..., Any]:
    def deed(*args: Any, **named: Any) -> Any:
        killed()
        return verb(*args, **named)

    return deed


@pytest.fixture
def partner(transactional_db: None) -> Partner:  # noqa: ARG001
    return Partner(make_key(make_client()))


def require_503(response: Any) -> None:
    assert response.status_code == 503, response.content
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "2"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.json()["code"] == "unavailable"


WHERE: list[tuple[Any, str, Callable[..., Any]]] = [
    (idempotency, "_claimed", before),
    (confirming, "record_use", before),
    (confirming, "record_use", after),
]


@pytest.mark.parametrize(
    ("module", "name", "when"), WHERE, ids=["before the key", "before the deed", "before the commit"]
)
def test_a_write_is_not_done_and_its_repetition_is(
    partner: Partner, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, when: Any
) -> None:
    address = f"stations/{make_station(at=clock.now()).code}/uses/"
    with monkeypatch.context() as patch:
        patch.setattr(module, name, when(getattr(module, name)))
        require_503(partner.post(address, {"satisfied": True}, once="k"))
    assert not StationUse.objects.exists()
    assert not IdempotentRequest.objects.exists()
    again = partner.post(address, {"satisfied": True}, once="k")
    assert again.status_code == 201
    assert "Idempotent-Replayed" not in again.headers
    assert again.json()["uses"] == 1


@pytest.mark.parametrize("error", [InterfaceError, OperationalError, DatabaseError])
def test_all_names_of_a_broken_line_are_known(
    db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    error: type[Exception],
) -> None:
    """The driver has three; which one comes depends on what it was doing."""

    def find(*_args: Any, **_named: Any) -> None:
        raise error("server closed the connection unexpectedly")

    monkeypatch.setattr(finding, "find", find)
    require_503(Client().get("/api/v1/stations/"))


def test_where_the_answer_to_the_commit_is_lost_the_repetition_tells_it(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"stations/{make_station(at=clock.now()).code}/uses/"
    done = idempotency.once

    def once(**named: Any) -> Answer:
        done(**named)
        raise InterfaceError("connection already closed")

    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "once", once)
        require_503(partner.post(address, {"satisfied": True}, once="k"))
    again = partner.post(address, {"satisfied": True}, once="k")
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert StationUse.objects.get().uses == 1


def test_a_look_up_says_so_too_and_the_next_one_is_answered(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_station(at=clock.now())
    with monkeypatch.context() as patch:
        patch.setattr(finding, "find", before(finding.find))
        require_503(Client().get("/api/v1/stations/"))
    assert Client().get("/api/v1/stations/").json()["results"]


def test_a_page_says_so_too_and_what_was_tapped_is_not_half_done(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    station, phone = make_station(at=clock.now()), Client(raise_request_exception=False)
    address = f"/stations/{station.code}/uses/"
    with monkeypatch.context() as patch:
        patch.setattr(finding, "find", before(finding.find))
        patch.setattr(confirming, "record_use", before(confirming.record_use))
        for response in (phone.get("/?tier=1"), phone.post(address)):
            assert (response.status_code, response.headers["Retry-After"]) == (503, "2"), response.content
            assert response.headers["Content-Type"].startswith("text/html")
    assert not StationUse.objects.exists()
    assert phone.get("/?tier=1").status_code == 200
    assert phone.post(address).status_code == 302
    assert StationUse.objects.get().uses == 1


def test_a_line_that_breaks_while_a_plan_is_kept_is_one_that_broke(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A statement that comes for the second time is prepared, which is a statement of its own."""
    prepared._kept.clear()
    assert partner.get("whoami/").status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(prepared, "_numbered", before(prepared._numbered))
        require_503(partner.get("whoami/"))
    assert partner.get("whoami/").status_code == 200


@pytest.mark.parametrize("limit", ["lock_timeout", "statement_timeout"])
def test_a_lock_that_does_not_come_outside_a_write_is_told_as_passing(partner: Partner, limit: str) -> None:
    """The count of calls waits for another's row, in the first statement of a request; a moment later it goes through."""
    partner.get("whoami/")
    line = connection.get_connection_params()
    with psycopg2.connect(**{name: line[name] for name in ("dbname", "host", "port", "user") if name in line}) as other:
        other.cursor().execute("SELECT FROM core_counter FOR UPDATE")
        with connection.cursor() as cursor:
            cursor.execute(f"SET {limit} = '100ms'")
        require_503(partner.get("whoami/"))
        other.rollback()
    other.close()
    assert partner.get("whoami/").status_code == 200
    connection.close()


def test_a_full_disk_is_told_as_passing(db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    """Look-ups go on; what is written is not, and may be sent again once the operator has made room."""

    def full(*_args: Any, **_named: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END $$")

    monkeypatch.setattr(finding, "find", full)
    require_503(Client().get("/api/v1/stations/"))


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT pg_terminate_backend(pg_backend_pid())", "OperationalError: "),
        ("SELECT 1 FROM no_such_table", "Traceback (most recent call last):"),
    ],
)
def test_the_log_says_in_a_line_that_the_database_is_away_and_where_anything_else_went_wrong(
    transactional_db: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    statement: str,
    said: str,
) -> None:
    def broken(*_args: Any, **_named: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    monkeypatch.setattr(finding, "find", broken)
    Client(raise_request_exception=False).get("/?tier=1")
    (record,) = (each for each in caplog.records if each.name == "django.request")
    record.exc_text = None  # what another handler has made of it
    _line, *below = KeylessFormatter().format(record).splitlines()
    assert below[0].startswith(said)
    assert (len(below) == 1) is said.startswith("Operational")


def test_what_the_database_refuses_is_no_503(db: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    def broken(*_args: Any, **_named: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT 1 FROM no_such_table_{uuid.uuid4().hex}")  # noqa: S608

    monkeypatch.setattr(finding, "find", broken)
    response = Client(raise_request_exception=False).get("/api/v1/stations/")
    assert (response.status_code, response.json()["code"]) == (500, "server_error")
