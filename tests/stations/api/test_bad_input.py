"""Whatever the input, the answer is a 4xx that names the parameter and the way out; never a 500."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from django.db import connection
from django.test import Client

from bench.serving import free_port
from core import clock
from stations.models import Station, Zone
from tests.builders import make_amenity, make_client, make_key, make_station

LIST = "/api/v1/stations/"

# Query string, the code of the problem, the parameter that it names.
GARBAGE: list[tuple[str, str, str]] = [
    ("near=91,114.34", "invalid_value", "near"),
    ("near=114.34,30.58", "invalid_value", "near"),
    ("near=30.58,181", "invalid_value", "near"),
    ("near=nan,nan", "invalid_value", "near"),
    ("near=inf,114", "invalid_value", "near"),
    ("near=-inf,114", "invalid_value", "near"),
    ("near=1e1,114", "invalid_value", "near"),
    ("near=30.58", "invalid_value", "near"),
    ("near=30.58,114.34,5", "invalid_value", "near"),
    ("near=", "invalid_value", "near"),
    ("near=here", "invalid_value", "near"),
    ("near=30.58;114.34", "invalid_value", "near"),
    ("near=３０.５,114", "invalid_value", "near"),
    ("near=" + "9" * 400 + ",114", "invalid_value", "near"),
    ("near=30.58,114.34&near=30.59,114.34", "repeated_parameter", "near"),
    ("near=30.58,114.34&near_crs=wgs72", "invalid_value", "near_crs"),
    ("radius_m=500", "missing_parameter", "near"),
    ("near=30.58,114.34&radius_m=0", "invalid_value", "radius_m"),
    ("near=30.58,114.34&radius_m=-5", "invalid_value", "radius_m"),
    ("near=30.58,114.34&radius_m=1.5", "invalid_value", "radius_m"),
    ("near=30.58,114.34&radius_m=999999999", "invalid_value", "radius_m"),
    ("bbox=114.36,30.55,114.29,30.60", "invalid_value", "bbox"),
    ("bbox=30.55,114.29,30.60,114.36", "invalid_value", "bbox"),
    ("bbox=114.29,30.60,114.36,30.55", "invalid_value", "bbox"),
    ("bbox=114.29,30.55,114.29,30.60", "invalid_value", "bbox"),
    ("bbox=114.29,30.55,114.36", "invalid_value", "bbox"),
    ("bbox=nan,nan,nan,nan", "invalid_value", "bbox"),
    ("limit=0", "invalid_value", "limit"),
    ("limit=-1", "invalid_value", "limit"),
    ("limit=101", "invalid_value", "limit"),
    ("limit=1000000000", "invalid_value", "limit"),
    ("limit=" + "9" * 4_500, "invalid_value", "limit"),
    ("limit=ten", "invalid_value", "limit"),
    ("limit=2e1", "invalid_value", "limit"),
    ("tier=4", "invalid_value", "tier"),
    ("tier=0", "invalid_value", "tier"),
    ("tier=1,x", "invalid_value", "tier"),
    ("tier=一类", "invalid_value", "tier"),
    ("tier=", "invalid_value", "tier"),
    ("amenity=jacuzzi", "unknown_code", "amenity"),
    ("amenity=hot-watr", "unknown_code", "amenity"),
    ("amenity=t:3", "unknown_code", "amenity"),  # other tags of the index are no amenities
    ("amenity=d:420106", "unknown_code", "amenity"),
    ("amenity=hot-water:*", "unknown_code", "amenity"),
    ("amenity=hot-water | toilet", "unknown_code", "amenity"),
    ("amenity=$tags$", "unknown_code", "amenity"),
    ("amenity=hot-water,hot-watr", "unknown_code", "amenity"),
    ("amenity=热水", "unknown_code", "amenity"),
    ("amenity=hot-water,", "invalid_value", "amenity"),
    ("amenity='; DROP TABLE stations_station; --", "unknown_code", "amenity"),
    ("amenity=" + ",".join(f"a{number}" for number in range(40)), "invalid_value", "amenity"),
    ("district=武昌", "invalid_value", "district"),
    ("district=999999", "unknown_code", "district"),
    ("district=4201", "invalid_value", "district"),
    ("division=x", "unknown_code", "division"),
    ("division=420106003&district=420104", "invalid_value", "division"),
    ("zone=atlantis", "unknown_code", "zone"),
    ("zone=east-lake' | 't:3", "unknown_code", "zone"),
    ("division=420106' | 't:3", "invalid_value", "division"),
    ("division=d:420106", "unknown_code", "division"),
    ("format=xml", "invalid_value", "format"),
    ("format=geojson&crs=gcj02", "invalid_value", "crs"),
    ("updated_since=2026-06-10", "invalid_value", "updated_since"),
    ("updated_since=nan", "invalid_value", "updated_since"),
    ("open=tomorrow", "invalid_value", "open"),
    ("open=2026-06-10T12:00:00", "invalid_value", "open"),
    ("open=1999-01-01T00:00:00Z", "invalid_value", "open"),
    ("open=2999-01-01T00:00:00Z", "invalid_value", "open"),
    ("open=0001-01-01T00:00:00%2B14:00", "invalid_value", "open"),
    ("open=9999-12-31T23:59:59-12:00", "invalid_value", "open"),
    ("open=now&open=now", "repeated_parameter", "open"),
    ("q=!!!", "invalid_value", "q"),
    ("q=" + "蜂" * 101, "invalid_value", "q"),
    ("crs=epsg:4326", "invalid_value", "crs"),
    ("fields=door_token", "invalid_value", "fields"),
    ("fields=code,,name", "invalid_value", "fields"),
    ("cursor=abc", "invalid_cursor", "cursor"),
    ("cursor=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "invalid_cursor", "cursor"),
    ("cursor=%E8%9C%82", "invalid_cursor", "cursor"),
    ("cursor=" + "A" * 301, "invalid_value", "cursor"),
    ("teir=1", "unknown_parameter", "teir"),
    ("page=2", "unknown_parameter", "page"),
    ("=1", "unknown_parameter", ""),
    ("tier[]=1", "unknown_parameter", "tier[]"),
]
# What is refused before a parameter has a meaning.
UNREADABLE = [
    "q=%00",
    "q=%ED%A0%80",
    "q=%FF%FE",
    "%00=1",
    "q=%CE%E4%B2%FD",  # 武昌 in GBK
    "amenity=hot-water%00",
    "cursor=%ED%BF%BF",
    "q=" + "a" * 9_000,
    "q=" + "a" * 5_000_000,
    "&".join(f"a{number}=" for number in range(2_500)),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("query", "code", "parameter"), GARBAGE)
def test_a_wrong_value_is_named_with_the_way_out(client: Client, query: str, code: str, parameter: str) -> None:
    make_station(at=clock.now(), amenities=["hot-water"])
    Zone.objects.create(code="east-lake", name="武汉东湖新技术开发区", short_name="东湖高新区")
    response = client.get(f"{LIST}?{quote(query, safe='=&%,')}", headers={"accept-language": "en"})
    problem = response.json()
    assert (response.status_code, problem["code"], problem["parameter"]) == (400, code, parameter), problem
    assert response.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"/api/problems/{code}/"
    assert problem["title"]
    assert len(problem["detail"]) > 10
    assert len(response.content) < 2_000
    # The same question without the wrong part is answered.
    assert client.get(LIST).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("query", UNREADABLE, ids=lambda query: query[:30])
@pytest.mark.parametrize(
    "address",
    [
        LIST,
        "/api/v1/districts/",
        "/api/v1/divisions/",
        "/api/v1/zones/",
        "/api/v1/amenities/",
        "/api/problems/",
        "/api/v1/none/",
    ],
)
def test_what_is_no_text_is_refused_at_every_address(client: Client, address: str, query: str) -> None:
    response = client.get(f"{address}?{query}")
    assert response.status_code in {400, 414}
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
@pytest.mark.parametrize(("encoding", "query"), [("utf-7", "zone=%2B2AA-"), ("unicode_escape", "zone=%5Cud800")])
def test_what_is_no_text_in_an_encoding_of_the_caller_s_own_is_refused(
    client: Client, encoding: str, query: str
) -> None:
    response = client.get(f"{LIST}?{query}", headers={"content-type": f"text/plain; charset={encoding}"})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_text")


@pytest.mark.django_db
def test_the_parameter_that_is_no_text_is_named_in_the_language_of_the_request(client: Client) -> None:
    refused = client.get(f"{LIST}?q=%00", headers={"accept-language": "en"}).json()
    assert (refused["parameter"], refused["title"]) == ("q", "The address cannot be read.")
    too_long = client.get(f"{LIST}?q={'a' * 9_000}", headers={"accept-language": "en"}).json()
    assert too_long["title"] == refused["title"]


@pytest.mark.django_db
def test_the_language_of_an_answer_comes_from_the_request_alone(client: Client) -> None:
    """A page's language cookie would make one address say two things to a cache that knows nothing of cookies."""
    client.cookies["django_language"] = "en"
    chosen = client.get(f"{LIST}?teir=1", headers={"Accept-Language": "zh-CN"})
    assert "没有" in chosen.json()["title"]
    assert "Cookie" not in chosen.headers.get("Vary", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("typed", "meant"), [("teir", "tier"), ("amenities", "amenity"), ("limits", "limit"), ("nearby", "near")]
)
def test_the_parameter_that_was_meant_is_suggested(client: Client, typed: str, meant: str) -> None:
    problem = client.get(f"{LIST}?{typed}=1").json()
    assert problem["did_you_mean"] == meant
    assert meant in problem["detail"]


@pytest.mark.django_db
def test_the_code_that_was_meant_is_suggested(client: Client) -> None:
    make_amenity("hot-water")
    problem = client.get(f"{LIST}?amenity=hot-watr").json()
    assert "hot-water" in problem["detail"]
    assert problem["did_you_mean"] == "hot-water"


@pytest.mark.django_db
def test_codes_of_amenities_are_read_in_either_case(client: Client) -> None:
    station = make_station(at=clock.now(), amenities=["hot-water"])
    make_station(at=clock.now())
    for written in ("hot-water", "Hot-Water", "HOT-WATER,hot-water"):
        assert [row["code"] for row in client.get(f"{LIST}?amenity={written}").json()["results"]] == [station.code]


@pytest.mark.django_db
def test_known_codes_that_nothing_has_are_an_empty_answer(client: Client) -> None:
    make_station(at=clock.now(), amenities=["hot-water"])
    make_amenity("toilet")
    assert client.get(f"{LIST}?amenity=toilet&district=420106").json()["results"] == []


@pytest.mark.django_db
def test_the_words_are_chinese_unless_another_language_is_asked_for(client: Client) -> None:
    chinese = client.get(f"{LIST}?limit=0").json()
    english = client.get(f"{LIST}?limit=0", headers={"accept-language": "en"}).json()
    assert english["detail"] == "Give a whole number from 1 to 100."
    assert chinese["code"] == english["code"]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "address", ["/api/v1/stations/NOPE/", "/api/v1/stations/%27/", "/api/v1/stations/" + "x" * 3_000 + "/"]
)
def test_an_unknown_station_is_a_problem(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "station_not_found"


@pytest.fixture
def gunicorn(transactional_db: None) -> Iterator[int]:  # noqa: ARG001
    """The real server, as in production, on the test's database; its port."""
    port = free_port()
    make_station(at=clock.now(), amenities=["hot-water"])
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "bench.settings",
        "BENCH_DATABASE": str(connection.settings_dict["NAME"]),
    }
    server = subprocess.Popen(
        [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "2", "-b", f"127.0.0.1:{port}",
         "--log-level", "critical", "config.wsgi"],
        cwd=Path(__file__).resolve().parents[3], env=environment, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        for _try in range(150):
            try:
                asked(port, "/livez")
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(timeout=20)


def asked(port: int, target: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str, bytes]:
    connected = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connected.putrequest(method, target, skip_accept_encoding=True)
        if body is not None:
            connected.putheader("Content-Length", str(len(body)))
        connected.endheaders(body)
        response = connected.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read()
    except (BrokenPipeError, ConnectionResetError):
        return 400, "", b""  # the server hung up on a line that it need not read
    finally:
        connected.close()


def test_a_real_server_answers_garbage_with_4xx_and_goes_on(gunicorn: int) -> None:
    targets = [f"{LIST}?{quote(query, safe='=&%,')}" for query, _code, _parameter in GARBAGE]
    targets += [f"{LIST}?{query}" for query in UNREADABLE]
    targets += ["/api/v1/stations/%00/", "/api/v1/%ED%A0%80/", "/api/v1/stations/..%2f..%2fetc/", "/api/"]
    statuses: dict[str, Any] = {}
    for target in targets:
        status, kind, _body = asked(gunicorn, target)
        statuses[target[:80]] = status
        assert 400 <= status < 500, (target[:80], status)
        if target.startswith(f"{LIST}?") and len(target) < 8_000:
            assert kind == "application/problem+json", target
    assert asked(gunicorn, LIST, "POST", b"[" * 100_000)[0] == 405
    status, kind, body = asked(gunicorn, f"{LIST}?near=30.58,114.34&open=now")
    assert (status, kind) == (200, "application/json")
    assert len(statuses) > 60
    assert b"results" in body


@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (
            b"GET /api/v1/stations/?q=" + b"x" * 8_100 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            "query_too_long",
            "缩短参数",
        ),
        (
            b"GET /api/v1/stations/?q=" + b"x" * 5_000_000 + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
            "query_too_long",
            "缩短参数",
        ),
        (b"GET /api/v1/stations/ HTTP/9.9\r\nHost: 127.0.0.1\r\n\r\n", "bad_request", "(9, 9)"),
        (
            b"GET /api/v1/stations/ HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: " + b"x" * 9_000 + b"\r\n\r\n",
            "bad_request",
            "limit",
        ),
    ],
    ids=["a little too long", "5 MB", "another HTTP", "a long header"],
)
def test_what_the_server_refuses_by_itself_is_a_problem_too(gunicorn: int, sent: bytes, code: str, said: str) -> None:
    with socket.create_connection(("127.0.0.1", gunicorn), timeout=20) as caller:
        caller.sendall(sent)
        answer = http.client.HTTPResponse(caller)
        answer.begin()
        body = orjson.loads(answer.read())
    assert (answer.headers["Content-Type"], body["code"], body["type"]) == (
        "application/problem+json", code, f"/api/problems/{code}/",
    )  # fmt: skip
    assert 400 <= answer.status < 500
    assert answer.status == body["status"]
    assert said in body["detail"]
    assert asked(gunicorn, "/livez")[0] == 200


def test_a_real_server_joins_repeated_headers_and_they_are_refused(gunicorn: int) -> None:
    key = make_key(make_client())
    station = Station.objects.get()

    def sent(*headers: tuple[str, str]) -> tuple[int, str]:
        connected = http.client.HTTPConnection("127.0.0.1", gunicorn, timeout=20)
        try:
            connected.putrequest("POST", f"{LIST}{station.code}/uses/")
            for name, value in (("Content-Type", "application/json"), ("Content-Length", "2"), *headers):
                connected.putheader(name, value)
            connected.endheaders(b"{}")
            response = connected.getresponse()
            return response.status, orjson.loads(response.read()).get("code", "")
        finally:
            connected.close()

    bearer, once = ("Authorization", f"Bearer {key}"), ("Idempotency-Key", "a")
    assert sent(bearer, bearer, once) == (401, "authorization_repeated")
    assert sent(bearer, once, ("Idempotency-Key", "b")) == (400, "idempotency_key_invalid")
    assert sent(bearer, once) == (201, "")


def test_a_real_server_answers_bodies_of_any_kind_and_goes_on(gunicorn: int) -> None:
    """What the test client cannot send: pieces without a length, less than was announced, and much."""
    key = make_key(make_client())
    station = Station.objects.get()

    def sent(body: Any, **headers: str) -> tuple[int, str]:
        connected = http.client.HTTPConnection("127.0.0.1", gunicorn, timeout=20)
        given = {"Content-Type": "application/json", "Authorization": f"Bearer {key}", "Idempotency-Key": "a"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            # Bytes that come one by one, of a length unknown before, are sent in chunks.
            connected.request("POST", f"{LIST}{station.code}/uses/", body, given, encode_chunked=False)
            if "Content-Length" in given:
                connected.sock.shutdown(socket.SHUT_WR)
            response = connected.getresponse()
            return response.status, orjson.loads(response.read()).get("code", "")
        except (BrokenPipeError, ConnectionResetError):
            return 0, "hung up"
        finally:
            connected.close()

    # Refused by its announced length and not read: who goes on sending may find the line closed before he reads why.
    assert sent(b" " * 10_000_000) in {(413, "body_too_large"), (0, "hung up")}
    assert sent(iter([b'{"satisfied"', b":true}"])) == (400, "body_missing")
    assert sent(b'{"satisfied"', Content_Length="100")[0] == 400
    assert sent(b"{}") == (201, "")


@pytest.mark.django_db
def test_of_districts_a_district_is_meant_and_where_they_are_listed_is_said(client: Client) -> None:
    make_station(at=clock.now())
    problem = client.get(f"{LIST}?district=420199").json()
    # 4201, the city, looks more like it, but is none.
    assert (problem["parameter"], problem["did_you_mean"]) == ("district", "420106")
    assert "/api/v1/districts/" in problem["detail"]
