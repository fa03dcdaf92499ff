"""Errors in one shape: application/problem+json below /api/, for every kind of refusal."""

import json
from typing import Any

import pytest
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.http import Http404
from django.test import Client, RequestFactory
from django.utils import translation
from rest_framework import exceptions
from rest_framework.views import APIView

from core.api.problems import exception_handler, is_api, problem_response
from core.errors import DomainError, InvalidValue, NotFound
from core.limits import TooMany

CONTEXT = {"view": APIView()}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotFound(), 404, "not_found"),
        (InvalidValue("limit", "1 to 100", value="0"), 400, "invalid_value"),
        (TooMany(retry_after_s=30, limit=5), 429, "too_many_requests"),
        (Http404(), 404, "not_found"),
        (RequestDataTooBig(), 413, "body_too_large"),
        (BadRequest(), 400, "bad_request"),
        (SuspiciousOperation(), 400, "bad_request"),
        (PermissionDenied(), 403, "forbidden"),
        (exceptions.MethodNotAllowed("POST"), 405, "method_not_allowed"),
        (exceptions.UnsupportedMediaType("text/csv"), 415, "unsupported_media_type"),
        (exceptions.ParseError(), 400, "parse_error"),
        (exceptions.Throttled(wait=12.4), 429, "throttled"),
        (exceptions.ValidationError({"name": ["bad"]}), 400, "invalid"),
    ],
)
def test_every_refusal_has_status_code_type_and_title(error: Exception, status: int, code: str) -> None:
    response = exception_handler(error, CONTEXT)
    assert response is not None
    body: dict[str, Any] = response.data
    assert (response.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/api/problems/{code}/"
    assert body["title"]
    assert "{" not in body["title"]
    assert response.content_type == "application/problem+json"


def test_a_refusal_carries_its_data_and_the_way_out() -> None:
    response = exception_handler(InvalidValue("limit", "Give 1 to 100.", value="9" * 500), CONTEXT)
    assert response is not None
    assert response.data["parameter"] == "limit"
    assert response.data["detail"] == "Give 1 to 100."
    assert response.data["value"] == "9" * 100  # an answer does not grow with what was sent


def test_sentences_stand_apart_by_a_space_where_their_full_stop_brings_none() -> None:
    with translation.override("zh-hans"):
        assert str(DomainError("先补齐。")) == "无法办理。先补齐。"
    with translation.override("en"):
        assert str(DomainError("Fill it in.")) == "This cannot be done. Fill it in."
        assert str(DomainError()) == "This cannot be done."


def test_the_seconds_to_wait_are_a_header_too() -> None:
    for error, seconds in ((TooMany(retry_after_s=30), "30"), (exceptions.Throttled(wait=12.4), "13")):
        response = exception_handler(error, CONTEXT)
        assert response is not None
        assert response.headers["Retry-After"] == seconds


def test_what_nobody_foresaw_is_left_to_the_500_page() -> None:
    assert exception_handler(ZeroDivisionError(), CONTEXT) is None


def test_outside_the_views_a_program_gets_json() -> None:
    request = RequestFactory().get("/api/v1/nowhere/")
    assert is_api(request)
    assert not is_api(RequestFactory().get("/apiary/"))
    response = problem_response(request, status=404, code="not_found", title="没有", detail="看一看地址", tried="x")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(response.content) == {
        "type": "/api/problems/not_found/",
        "status": 404,
        "code": "not_found",
        "title": "没有",
        "detail": "看一看地址",
        "tried": "x",
    }


@pytest.mark.django_db
@pytest.mark.parametrize("address", ["/api/", "/api/v1/nowhere/", "/api/v2/stations/", "/api/v1/%ED%A0%80/"])
def test_an_unknown_address_below_api_is_a_problem_and_no_page(client: Client, address: str) -> None:
    response = client.get(address)
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["code"] == "not_found"
    if "%" not in address:
        assert "/api/v1/" in response.json()["detail"]


@pytest.mark.django_db
def test_the_index_names_addresses_that_answer(client: Client) -> None:
    addresses = client.get("/api/v1/").json()
    assert set(addresses) == {
        "stations",
        "districts",
        "divisions",
        "zones",
        "amenities",
        "gifts",
        "notices",
        "whoami",
        "problems",
        "openapi",
        "docs",
    }
    for name, address in addresses.items():
        assert client.get(address).status_code == (401 if name == "whoami" else 200)


@pytest.mark.django_db
def test_the_type_of_every_problem_explains_it_in_both_languages(client: Client) -> None:
    refused = client.get("/api/v1/stations/?teir=1").json()
    explained = client.get(refused["type"]).json()
    assert (explained["code"], explained["status"]) == ("unknown_parameter", 400)
    listed = client.get("/api/problems/").json()["results"]
    assert explained in listed
    assert {row["code"] for row in listed} >= {"station_not_found", "too_many_requests", "server_error", "not_found"}
    for row in listed:
        assert client.get(f"/api/problems/{row['code']}/").json() == row
        assert all(row["title"].values())
        assert all(row["way_out"].values())


@pytest.mark.django_db
def test_a_code_that_no_answer_carries_is_not_found(client: Client) -> None:
    assert client.get("/api/problems/nonsense/").json()["code"] == "not_found"


@pytest.mark.django_db
def test_a_fault_of_the_program_is_a_problem_without_its_words(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fault(*_: object, **__: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr("stations.finding.find", fault)
    client.raise_request_exception = False
    response = client.get("/api/v1/stations/")
    assert response.status_code == 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert b"secret" not in response.content


def test_a_refusal_says_itself_in_logs() -> None:
    assert str(DomainError("because")).endswith("because")
