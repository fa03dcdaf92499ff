"""A write sent twice is done once. Each race has its control: without the constraint, the harm is done."""

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError, connection, connections, transaction

from core import clock, idempotency
from core.idempotency import (
    KEPT_FOR,
    Answer,
    DatabaseBusy,
    KeyForAnotherRequest,
    KeyInvalid,
    KeyNotGiven,
    TwinInFlight,
    digest,
    is_kept,
    once,
    read_key,
)
from core.models import IdempotentRequest
from stations.models import Confirmation, StationUse
from tests.builders import NOON, make_client, make_key, make_station
from tests.stations.api.partner import Partner

UNIQUE = "core_idempotentrequest_client_key_uniq"
OF_THE_FIRST = b'{"station":"WH-WC-0001","date":"2026-06-10","uses":77}'


# ── One after the other ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("header", "key"), [("a", "a"), ('"8e03978e-40d5-43dd-bc93-6894a57f9324"', "8e03978e-40d5-43dd-bc93-6894a57f9324")]
)
def test_a_key_is_read_with_and_without_quotes(header: str, key: str) -> None:
    assert read_key(header) == key


@pytest.mark.parametrize("header", [" ", "a b", "钥匙", "x" * 101, '"', '""', "a,b", "a\\", "tab\t", '"a'])
def test_what_is_no_key_is_refused(header: str) -> None:
    with pytest.raises(KeyInvalid):
        read_key(header)


@pytest.mark.parametrize("header", [None, ""])
def test_a_missing_key_is_refused(header: str | None) -> None:
    with pytest.raises(KeyNotGiven):
        read_key(header)


def test_requests_are_the_same_whatever_the_order_of_their_members() -> None:
    one = digest("POST", "/a/", {"x": 1, "y": [1, 2]})
    assert one == digest("POST", "/a/", {"y": [1, 2], "x": 1})
    others = {digest("POST", "/b/", {"x": 1, "y": [1, 2]}), digest("PUT", "/a/", {"x": 1, "y": [1, 2]})}
    others.add(digest("POST", "/a/", {"x": 1, "y": [2, 1]}))
    assert len(others | {one}) == 4


@pytest.mark.parametrize(
    ("status", "kept"),
    [(200, True), (201, True), (404, True), (409, True), (410, True), (422, True), (400, False), (401, False),
     (403, False), (429, False), (500, False), (503, False)],
)  # fmt: skip
def test_only_what_stays_true_is_kept(status: int, kept: bool) -> None:
    assert is_kept(status) is kept


@pytest.mark.django_db
def test_a_client_that_is_nobody_is_one_client() -> None:
    for _try in range(2):
        once(client=None, key="k", digest="d" * 64, effect=lambda: Answer(201, b"{}"), at=NOON)
    assert IdempotentRequest.objects.count() == 1


@pytest.mark.django_db
def test_answers_are_forgotten_after_thirty_days() -> None:
    for key, age in (("old", KEPT_FOR + timedelta(seconds=1)), ("young", KEPT_FOR)):
        once(client="a", key=key, digest="d" * 64, effect=lambda: Answer(201, b"{}"), at=NOON - age)
    assert idempotency.purge(now=NOON) == 1
    assert IdempotentRequest.objects.get().key == "young"


@pytest.mark.django_db
def test_a_lock_that_does_not_come_is_tried_three_times_and_then_503() -> None:
    tries = []

    def busy() -> Answer:
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END $$")
        raise AssertionError

    with pytest.raises(DatabaseBusy) as refusal:
        once(client="a", key="k", digest="d" * 64, effect=busy, at=NOON)
    assert (len(tries), refusal.value.status) == (3, 503)
    assert not IdempotentRequest.objects.exists()


@pytest.mark.django_db
def test_a_fault_that_does_not_pass_is_no_503() -> None:
    def broken() -> Answer:
        with connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN RAISE EXCEPTION 'disk' USING ERRCODE = '53100'; END $$")
        raise AssertionError

    with pytest.raises(OperationalError):
        once(client="a", key="k", digest="d" * 64, effect=broken, at=NOON)


# ── Over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def partner(db: None) -> Partner:  # noqa: ARG001
    return Partner(make_key(make_client()))


def test_a_repetition_gets_the_same_answer_and_does_nothing(partner: Partner) -> None:
    station = make_station(at=clock.now())
    address = f"stations/{station.code}/uses/"
    first = partner.post(address, {"satisfied": True}, once="k")
    again = partner.post(address, {"satisfied": True}, once='"k"')
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"] == "application/json"
    assert StationUse.objects.get().uses == 1
    # Another client's key of the same text is another key.
    other = Partner(make_key(make_client(code="others")))
    theirs, theirs_again = (other.post(address, {"satisfied": True}, once="k") for _sent in range(2))
    assert "Idempotent-Replayed" not in theirs.headers
    assert theirs_again.content == theirs.content != first.content


def test_a_key_for_another_request_is_422(partner: Partner) -> None:
    station, other = make_station(at=clock.now()), make_station(at=clock.now())
    address = f"stations/{station.code}/uses/"
    partner.post(address, {}, once="k")
    for changed, body in (
        (address, {"satisfied": True}),
        (f"stations/{other.code}/uses/", {}),
        (f"stations/{station.code}/confirmations/", {"outcome": "entered"}),
    ):
        response = partner.post(changed, body, once="k")
        assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_reused")
    assert StationUse.objects.get().uses == 1
    assert not Confirmation.objects.exists()


def test_a_write_without_a_key_is_refused(partner: Partner) -> None:
    station = make_station(at=clock.now())
    response = partner.post(f"stations/{station.code}/uses/", {}, once="")
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_missing")
    response = partner.post(f"stations/{station.code}/uses/", {}, once="a b")
    assert (response.status_code, response.json()["code"]) == (400, "idempotency_key_invalid")
    assert not StationUse.objects.exists()


def test_a_refusal_of_the_house_is_given_again(partner: Partner) -> None:
    first = partner.post("stations/WH-NO-0001/uses/", {}, once="k")
    again = partner.post("stations/WH-NO-0001/uses/", {}, once="k")
    assert (first.status_code, again.status_code) == (404, 404)
    assert first.content == again.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["Content-Type"] == "application/problem+json"


def test_after_a_fault_of_ours_nothing_is_left_and_the_key_is_free(
    partner: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    station = make_station(at=clock.now())
    address = f"stations/{station.code}/uses/"
    with monkeypatch.context() as broken:

        def fault(**_: Any) -> None:
            raise ZeroDivisionError

        broken.setattr("stations.confirming.record_satisfaction", fault)
        with pytest.raises(ZeroDivisionError):
            partner.post(address, {"satisfied": True}, once="k")
    assert not StationUse.objects.exists()
    assert partner.post(address, {"satisfied": True}, once="k").status_code == 201


# ── At the same time ────────────────────────────────────────────────────────────────────────────────────────────────


def together(racers: int, run: Callable[[], Any]) -> list[Any]:
    """What `racers` threads get that begin together."""
    start, got = threading.Barrier(racers), []

    def race() -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            got.append(run())
        finally:
            connections.close_all()

    threads = [threading.Thread(target=race) for _racer in range(racers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    return got


@pytest.fixture
def address(transactional_db: None) -> str:  # noqa: ARG001
    return f"stations/{make_station(at=clock.now()).code}/uses/"


def test_of_eight_twins_one_has_an_effect_and_all_get_its_answer(address: str) -> None:
    partner = Partner(make_key(make_client()))
    for number in range(10):
        got = together(8, partial(partner.post, address, {}, once=f"round-{number}"))
        assert [response.status_code for response in got] == [201] * 8
        assert len({response.content for response in got}) == 1
        assert sum("Idempotent-Replayed" in response.headers for response in got) == 7
        assert StationUse.objects.get().uses == number + 1


def test_without_the_constraint_twins_are_counted_twice(address: str) -> None:
    """The control: the same race with the referee sent off the field."""
    partner = Partner(make_key(make_client()))
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE core_idempotentrequest DROP CONSTRAINT {UNIQUE}")
    together(8, lambda: partner.post(address, {}, once="k"))
    assert StationUse.objects.get().uses > 1


class _Held:
    """An effect that another thread has begun and not ended: its transaction stays open until told."""

    def __init__(self, key: str, body: dict[str, Any], path: str) -> None:
        self.begun, self.end = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, args=(key, digest("POST", path, body)))
        self._thread.start()
        assert self.begun.wait(timeout=20)

    def _run(self, key: str, of: str) -> None:
        def effect() -> Answer:
            self.begun.set()
            self.end.wait(timeout=20)
            return Answer(201, OF_THE_FIRST)

        try:
            once(client="little-bees", key=key, digest=of, effect=effect, at=clock.now())
        finally:
            connections.close_all()

    def finish(self) -> None:
        self.end.set()
        self._thread.join(timeout=20)


def test_a_twin_that_waits_too_long_is_told_to_come_again(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    partner = Partner(make_key(make_client()))
    held = _Held("k", {}, f"/api/v1/{address}")
    try:
        monkeypatch.setattr(idempotency, "PATIENCE_S", 1)
        response = partner.post(address, {}, once="k")
        assert (response.status_code, response.json()["code"]) == (409, "twin_in_flight")
        assert int(response.headers["Retry-After"]) >= 1
    finally:
        held.finish()
    replayed = partner.post(address, {}, once="k")
    assert (replayed.status_code, replayed.content) == (201, OF_THE_FIRST)
    assert not StationUse.objects.exists()


def test_a_twin_gets_the_answer_of_a_first_that_ends_in_time(address: str) -> None:
    partner = Partner(make_key(make_client()))
    held = _Held("k", {}, f"/api/v1/{address}")
    threading.Timer(0.2, held.end.set).start()
    response = partner.post(address, {}, once="k")
    held.finish()
    assert (response.status_code, response.headers["Idempotent-Replayed"]) == (201, "true")


def test_a_first_that_fails_leaves_the_key_to_its_twin(transactional_db: None) -> None:  # noqa: ARG001
    begun, fail = threading.Event(), threading.Event()

    def first() -> None:
        def effect() -> Answer:
            begun.set()
            fail.wait(timeout=20)
            raise ZeroDivisionError

        try:
            with pytest.raises(ZeroDivisionError):
                once(client="a", key="k", digest="d" * 64, effect=effect, at=NOON)
        finally:
            connections.close_all()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(timeout=20)
    threading.Timer(0.2, fail.set).start()
    answer = once(client="a", key="k", digest="d" * 64, effect=lambda: Answer(201, b"second"), at=NOON)
    thread.join(timeout=20)
    assert (answer.body, answer.is_replayed) == (b"second", False)


def test_the_time_limit_ends_with_the_transaction(transactional_db: None) -> None:  # noqa: ARG001
    once(client="a", key="k", digest="d" * 64, effect=lambda: Answer(201, b""), at=NOON)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


def test_refusals_name_themselves() -> None:
    assert {TwinInFlight.status, KeyForAnotherRequest.status} == {409, 422}
