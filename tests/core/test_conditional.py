"""Formats and ETags: what a caller prefers, what it has already, and which conditions it may not set."""

import gzip
import itertools
import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.models import IdempotentRequest
from stations.models import StationUse
from tests.builders import make_amenity, make_client, make_key, make_station
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db
LIST = "/api/v1/stations/"


def public(code: str) -> list[str]:
    return [
        "/api/v1/", LIST, f"{LIST}?near=30.58,114.34", f"{LIST}?updated_since=2000-01-01T00:00:00Z", f"{LIST}{code}/",
        "/api/v1/districts/", "/api/v1/divisions/", "/api/v1/zones/", "/api/v1/amenities/", "/api/problems/",
        "/api/problems/not_found/",
    ]  # fmt: skip


def test_who_has_an_answer_already_gets_304_at_every_public_look_up(client: Client, monkeypatch: Any) -> None:
    start = clock.now()
    station = make_station(at=start, hours={"opens": "00:00", "closes": "00:00"})
    seconds = itertools.count()
    monkeypatch.setattr(clock, "now", lambda: start + timedelta(seconds=next(seconds)))
    for address in public(station.code):
        full = client.get(address)
        tag = full.headers["ETag"]
        assert tag.startswith('W/"'), address
        for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
            again = client.get(address, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b""), address
            assert "Content-Length" not in again.headers
            for name in ("ETag", "Cache-Control", "Vary", "Access-Control-Allow-Origin"):
                assert again.headers[name] == full.headers[name], (address, name)
        for other in ('W/"x"', "x", '"', "", tag[:-1]):
            assert client.get(address, headers={"if-none-match": other}).status_code == 200, (address, other)
        head = client.head(address)
        assert (head.status_code, head.headers["ETag"], head.content) == (200, tag, b"")
        assert "Accept-Language" in full.headers["Vary"]


def test_the_tag_changes_with_what_is_said_and_not_with_the_moment(client: Client) -> None:
    station = make_station(at=clock.now())

    def tag(address: str = LIST, **headers: str) -> str:
        return str(client.get(address, headers=headers).headers["ETag"])

    first = tag()
    assert client.get(LIST).json()["at"]
    assert tag() == first
    others = {first, tag(f"{LIST}?crs=gcj02"), tag(f"{LIST}?fields=code"), tag(f"{LIST}?format=geojson")}
    english = tag(**{"accept-language": "en"})
    assert len(others | {english}) == 5
    station.doubted_at = clock.now()
    station.save()
    assert tag() != first


def test_two_lists_of_stations_have_the_same_tag_if_and_only_if_they_say_the_same(
    client: Client, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    start = clock.local_midnight(clock.local_date(clock.now())) + timedelta(hours=9)
    stations = [make_station(name=f"{place}号站", latitude=30.55 + place / 1_000, at=start) for place in range(4)]
    said: dict[str, set[str]] = {}

    def look_up() -> None:
        for near in ("", "&near=30.55,114.31", "&near=30.552,114.31", "&near=30.552,114.311"):
            for limit in (1, 2, 3, 4, 5):
                for language in ("zh-Hans", "en"):
                    for crs in ("wgs84", "gcj02", "bd09"):
                        address = f"{LIST}?limit={limit}{near}&crs={crs}"
                        answer = client.get(address, headers={"accept-language": language})
                        body = answer.json()
                        del body["at"]
                        said.setdefault(answer.headers["ETag"], set()).add(json.dumps(body))

    for hours in (0, 0.01, 11, 11.01):  # open, then closed, each twice
        monkeypatch.setattr(clock, "now", lambda hours=hours: start + timedelta(hours=hours))
        look_up()
    settings.PUBLIC_BASE_URL = "https://other.example"
    look_up()
    stations[2].doubted_at = start
    stations[2].save()
    look_up()
    stations[0].name = "改名站"
    stations[0].save()
    look_up()
    assert all(len(bodies) == 1 for bodies in said.values())
    assert len(set().union(*said.values())) == len(said) > 400


def test_a_compressed_answer_has_the_same_tag(client: Client) -> None:
    make_station(at=clock.now())
    plain = client.get(LIST)
    packed = client.get(LIST, headers={"accept-encoding": "gzip"})
    assert packed.headers["ETag"] == plain.headers["ETag"]
    assert gzip.decompress(packed.content)[:10] == plain.content[:10]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (None, "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/*", "application/json"),
        ("application/json, application/geo+json", "application/json"),
        ("application/geo+json", "application/geo+json"),
        ("Application/GEO+JSON;charset=utf-8", "application/geo+json"),
        ("application/json;q=0.4, application/geo+json;q=0.5", "application/geo+json"),
        ("application/json;q=0, */*", "application/geo+json"),
        ("application/geo+json;q=0, */*;q=0.1", "application/json"),
        ("application/geo+json, */*;q=0.1", "application/geo+json"),
    ],
)
def test_the_format_is_the_one_that_accept_likes_best(client: Client, accept: str | None, media_type: str) -> None:
    response = client.get(LIST, headers={} if accept is None else {"accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)
    assert "Accept," in response.headers["Vary"]


@pytest.mark.parametrize(
    "accept", ["text/html", "application/xml", "nonsense", "*/*;q=0", "application/json;q=nan", "text/*;q=1, image/png"]
)
def test_a_format_that_is_not_to_be_had_is_refused_with_those_that_are(client: Client, accept: str) -> None:
    refused = client.get(LIST, headers={"accept": accept})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    assert refused.json()["supported"] == ["application/json", "application/geo+json"]
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.headers["Cache-Control"] == "no-store"
    assert client.get("/api/v1/districts/", headers={"accept": accept}).json()["supported"] == ["application/json"]
    assert client.get(LIST, headers={"accept": f"{accept}, application/json"}).status_code == 200


@pytest.mark.parametrize(
    ("header", "code"),
    [("*", "if_match_any"), (" * ", "if_match_any"), ('"abc"', "precondition_failed"), ("", "precondition_failed"),
     ('W/"abc", *', "precondition_failed")],
)  # fmt: skip
def test_a_write_bound_to_a_version_is_refused_and_nothing_is_done(header: str, code: str) -> None:
    station = make_station(at=clock.now())
    partner = Partner(make_key(make_client()))
    for door, body in (("confirmations", {"outcome": "entered"}), ("uses", {})):
        address = f"stations/{station.code}/{door}/"
        refused = partner.post(address, body, once=door, **{"if-match": header})
        assert (refused.status_code, refused.json()["code"]) == (412, code)
        assert not IdempotentRequest.objects.filter(key=door).exists()
        assert partner.post(address, body, once=door).status_code == 201
    assert StationUse.objects.get().uses == 1
    assert partner.get("whoami/", **{"if-match": header}).status_code == 412


def test_who_calls_is_asked_before_what_it_is_bound_to() -> None:
    station = make_station(at=clock.now())
    response = Partner("wrong").post(f"stations/{station.code}/uses/", {}, **{"if-match": "*"})
    assert response.status_code == 401


def test_a_look_up_bound_to_a_version_is_refused(client: Client) -> None:
    tag = client.get(LIST).headers["ETag"]
    for header, code in ((tag, "precondition_failed"), ("*", "if_match_any")):
        refused = client.get(LIST, headers={"if-match": header})
        assert (refused.status_code, refused.json()["code"]) == (412, code)


def test_unknown_parameters_are_refused_and_methods_named_at_every_public_look_up(client: Client) -> None:
    make_amenity()
    station = make_station(at=clock.now())
    for address in public(station.code):
        joined = "&" if "?" in address else "?"
        refused = client.get(f"{address}{joined}teir=1")
        assert (refused.status_code, refused.json()["code"]) == (400, "unknown_parameter"), address
        for method in ("post", "put", "patch", "delete"):
            response = getattr(client, method)(address)
            assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD, OPTIONS"), address
        assert client.options(address).status_code == 204
