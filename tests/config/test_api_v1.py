"""Every URL of the API: public and read-only, or closed without a scope. A new one that is neither fails here."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.request import Request
from rest_framework.views import APIView

from core import idempotency, limits
from core.api import errors
from core.api.callers import Caller
from core.api.scoped import ScopedView
from core.api.scopes import ANY_KEY
from core.api.views import PublicView
from core.errors import DomainError
from partners.models import Scope
from tests.builders import make_client, make_key

SAFE = {"get", "head", "options"}


def addresses() -> Iterator[tuple[str, Any]]:
    """(address, view class) of every pattern below /api/."""

    def walk(patterns: list[Any], before: str) -> Iterator[tuple[str, Any]]:
        for pattern in patterns:
            address = before + str(pattern.pattern)
            if isinstance(pattern, URLResolver):
                yield from walk(pattern.url_patterns, address)
            elif isinstance(pattern, URLPattern) and address.startswith("api/"):
                yield address, getattr(pattern.callback, "cls", None)

    yield from walk(get_resolver().url_patterns, "")


ADDRESSES = list(addresses())


def test_the_addresses_are_found() -> None:
    found = {address for address, _view in ADDRESSES}
    assert {"api/v1/stations/", "api/v1/whoami/", "api/v1/stations/<str:code>/uses/"} <= found


@pytest.mark.parametrize(("address", "view"), ADDRESSES, ids=[address for address, _view in ADDRESSES])
def test_every_view_is_public_and_reads_or_names_a_scope_for_each_method(address: str, view: Any) -> None:
    assert view is not None, f"{address} is no view class"
    methods = {name for name in view.http_method_names if hasattr(view, name)}
    if issubclass(view, PublicView):
        assert methods <= SAFE
        assert not view.authentication_classes
        return
    assert issubclass(view, ScopedView), f"{address} is neither public nor scoped"
    named = set(view.required_scopes)
    assert {method.upper() for method in methods - {"head"}} == named
    assert set(view.required_scopes.values()) <= {ANY_KEY, *Scope.values}
    assert "options" not in methods


class _Forgotten(APIView):
    """A view to which nobody gave a scope."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return HttpResponse("secret")


class _HalfNamed(ScopedView):
    required_scopes = {"GET": ANY_KEY}

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return HttpResponse("open")

    def post(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return HttpResponse("secret")


@pytest.mark.django_db
def test_a_view_without_a_scope_is_closed_even_to_a_good_key() -> None:
    key = make_key(make_client())

    def asked(view: Any, method: str, **headers: str) -> Any:
        response = view.as_view()(getattr(RequestFactory(), method)("/api/v1/x/", headers=headers))
        return response.status_code, getattr(response, "data", {}).get("code")

    bearer = {"authorization": f"Bearer {key}"}
    assert asked(_HalfNamed, "get", **bearer) == (200, None)
    assert asked(_HalfNamed, "post", **bearer) == (403, "view_closed")
    assert asked(_Forgotten, "get", **bearer) == (403, "view_closed")
    assert asked(_Forgotten, "get") == (401, "key_missing")
    assert asked(_HalfNamed, "delete", **bearer) == (405, "method_not_allowed")
    assert asked(_HalfNamed, "options", **bearer) == (405, "method_not_allowed")


def test_a_caller_cannot_be_changed() -> None:
    assert Caller.__dataclass_params__.frozen  # type: ignore[attr-defined]


def test_every_code_of_a_keyed_door_is_in_the_guide() -> None:
    guide = (settings.BASE_DIR / "docs/guide-partners.md").read_text(encoding="utf-8")
    refusals = [
        value
        for module in (errors, idempotency, limits)
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, DomainError) and value.__module__ == module.__name__
    ]
    assert len(refusals) > 25
    assert [refusal.code for refusal in refusals if f"`{refusal.code}`" not in guide] == []
