"""Bodies that no write can accept: each gets a problem with its own code, and never a 500.

The writes are those of the contract, so a new one is tested with the same bodies without any change here.
"""

import time
from typing import Any

import pytest

from config.openapi import doors as doors_of_the_contract
from core import clock
from core.api.bodies import MAX_BYTES, MAX_DEPTH
from core.models import IdempotentRequest
from partners.models import Scope
from tests.builders import make_client, make_key, make_station
from tests.proving import counted
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db

DEEP = b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1)
BODIES: list[tuple[bytes, str]] = [
    (b" ", "body_missing"),
    (b"  \r\n\t ", "body_missing"),
    (b"[" * 100_000, "body_too_deep"),
    (b"{" * 60_000, "body_too_deep"),
    (b'{"a":' * 10_000, "body_too_deep"),
    (b"[" * 140_000, "body_too_large"),
    (b'{"a":"' + b"x" * MAX_BYTES + b'"}', "body_too_large"),
    (b" " * 10_000_000, "body_too_large"),
    (DEEP, "body_too_deep"),
    (b'{"a":' + b"[]," * 3 + b"}", "body_not_json"),
    (b"{", "body_not_json"),
    (b"}", "body_not_json"),
    (b'{"a"', "body_not_json"),
    (b'{"a":}', "body_not_json"),
    (b"{'a': 1}", "body_not_json"),
    (b'{"a":1,}', "body_not_json"),
    (b'{"a":1} {"b":2}', "body_not_json"),
    (b'{"a":01}', "body_not_json"),
    (b'{"a":+1}', "body_not_json"),
    (b'{"a":.5}', "body_not_json"),
    (b'{"a":0x1F}', "body_not_json"),
    (b'{"a":undefined}', "body_not_json"),
    (b'{"a":True}', "body_not_json"),
    (b'{"a":"\n"}', "body_not_json"),
    (b'{"a":"\x00"}', "body_not_json"),
    (b'{"a":"\\x41"}', "body_not_json"),
    (b'{"a":"\\u12"}', "body_not_json"),
    (b'{"a":"open', "body_not_json"),
    (b'{"a":"\\', "body_not_json"),
    (b"{/* hello */}", "body_not_json"),
    (b"outcome=entered", "body_not_json"),
    (b"<outcome>entered</outcome>", "body_not_json"),
    (b"entered", "body_not_json"),
    (b"\xef\xbb\xbf{}", "body_not_json"),
    ('{"outcome":"entered"}'.encode("utf-16-le"), "body_not_json"),
    ('{"outcome":"entered"}'.encode("utf-16"), "body_not_utf8"),
    (b'{"outcome":"entered","position":{"latitude":30.5', "body_not_json"),
    (b"PK\x03\x04", "body_not_json"),
    (b"\xff\xfe{\x00}\x00", "body_not_utf8"),
    (b'{"a":"\xff"}', "body_not_utf8"),
    (b'{"a":"\xed\xa0\x80"}', "body_not_utf8"),
    (b'{"a":"\xc0\xaf"}', "body_not_utf8"),
    ('{"outcome":"进"}'.encode("gbk"), "body_not_utf8"),
    (b'{"a":"\\ud800"}', "lone_surrogate"),
    (b'{"a":"\\udfff x"}', "lone_surrogate"),
    (b'{"\\ud83d":1}', "lone_surrogate"),
    (b'{"a":[{"b":"\\udc00\\ud800"}]}', "lone_surrogate"),
    (b'["\\ud800"]', "lone_surrogate"),
    (b'{"a":"x\\u0000"}', "nul_in_text"),
    (b'{"\\u0000":1}', "nul_in_text"),
    (b'{"a":[["\\u0000"]]}', "nul_in_text"),
    (b'{"a":NaN}', "number_not_finite"),
    (b'{"a":Infinity}', "number_not_finite"),
    (b'{"a":[-Infinity]}', "number_not_finite"),
    (b'{"a":1e999}', "number_not_finite"),
    (b'{"a":-1E400}', "number_not_finite"),
    (b'{"a":' + b"9" * 5_000 + b"}", "number_not_finite"),
    (b"NaN", "number_not_finite"),
    (b'{"outcome":"entered","outcome":"locked"}', "repeated_member"),
    (b'{"a":{"b":1,"b":1}}', "repeated_member"),
    (b'{"a":1,"\\u0061":2}', "repeated_member"),
    (b'{"\\ud800":1,"\\ud800":1}', "repeated_member"),
    (b"[]", "body_not_an_object"),
    (b'[{"outcome":"entered"}]', "body_not_an_object"),
    (b"null", "body_not_an_object"),
    (b"true", "body_not_an_object"),
    (b'"entered"', "body_not_an_object"),
    (b"1e5", "body_not_an_object"),
    (b'{"$schema":"x"}', "unknown_member"),
    (b'{"":1}', "unknown_member"),
    (b'{"__proto__":{"x":1}}', "unknown_member"),
    (b'{"' + b"n" * 60_000 + b'":1}', "unknown_member"),
]  # fmt: skip
TYPES = [
    "", "text/plain", "text/html", "application/xml", "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x", "application/json; charset=gbk", "application/json; charset=utf-16",
    "application/jsonp", "text/json", "application/problem+json", "application/json, text/plain",
]  # fmt: skip


WRITES = [door for door in doors_of_the_contract() if door.operation.body is not None]


@pytest.fixture
def doors() -> list[str]:
    """The addresses of every write of the contract, below /api/v1/."""
    station = make_station(at=clock.now())
    return [door.path.removeprefix("/api/v1/").replace("{code}", station.code) for door in WRITES]


@pytest.fixture
def partner() -> Partner:
    made = Partner(make_key(make_client(scopes=Scope.values)))
    made.get("whoami/")  # the first request of a process loads the program
    return made


@pytest.mark.parametrize(("body", "code"), BODIES, ids=[f"{code}-{number}" for number, (_, code) in enumerate(BODIES)])
def test_garbage_is_a_problem_with_its_own_code(doors: list[str], partner: Partner, body: bytes, code: str) -> None:
    slow = 0
    for door in doors:
        began = time.process_time()
        response = partner.post(door, body)
        # Told in the report and asked of nobody: how long a machine takes is no property of the code.
        slow += time.process_time() - began >= 1.0
        problem: dict[str, Any] = response.json()
        assert (response.status_code, problem["code"]) == (413 if code == "body_too_large" else 400, code), problem
        assert response.headers["Content-Type"] == "application/problem+json"
        assert len(response.content) < 2_000
        assert len(problem["title"]) > 10
    assert not IdempotentRequest.objects.exists()
    counted(
        "T17",
        "garbage bodies at the doors that write",
        bodies=1,
        requests=len(doors),
        faults=0,
        longer_than_1_s_of_CPU=slow,
    )


def test_there_are_sixty_of_them_and_no_write_is_left_out() -> None:
    assert len({body for body, _code in BODIES}) >= 60
    assert {door.operation.name for door in WRITES} >= {"create_confirmation", "create_use"}
    # Every address that takes a POST is declared as one that reads a body.
    assert [door.path for door in doors_of_the_contract() if door.method != "GET" and door not in WRITES] == []


@pytest.mark.parametrize("kind", TYPES)
def test_what_is_not_said_to_be_json_is_415(doors: list[str], partner: Partner, kind: str) -> None:
    for door in doors:
        response = partner.post(door, b"{}", content_type=kind)
        assert (response.status_code, response.json()["code"]) == (415, "unsupported_media_type")


def test_a_compressed_body_is_415(doors: list[str], partner: Partner) -> None:
    for door in doors:
        assert partner.post(door, b"{}", **{"content-encoding": "gzip"}).status_code == 415


@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"]
)
def test_json_in_utf8_is_taken(doors: list[str], partner: Partner, kind: str) -> None:
    for door in doors:
        body = (
            b'{"outcome":"entered","device":"\\ud83d\\udc1d \xe8\x9c\x82"}'
            if door.endswith("confirmations/")
            else b"{}"
        )
        response = partner.post(door, body, content_type=kind)
        # What it is about is asked next: elsewhere a courier is missing.
        assert response.status_code == 201 or response.json()["code"] == "missing_member"
        assert response.status_code == (201 if door.startswith("stations/") else 400)


def test_a_length_that_is_no_number_is_refused(doors: list[str], partner: Partner) -> None:
    for door in doors:
        assert partner.post(door, b"{}", **{"content-length": "many"}).status_code == 413


def test_a_query_is_refused_like_an_unknown_member(doors: list[str], partner: Partner) -> None:
    for door in doors:
        response = partner.post(door + "?dry_run=1", {})
        assert (response.status_code, response.json()["code"]) == (400, "unknown_parameter")
