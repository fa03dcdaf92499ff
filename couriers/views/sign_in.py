"""Signing in with phone or card and PIN."""

from django.http import Http404, HttpRequest, HttpResponse

__all__ = ["sign_in"]


def sign_in(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    raise Http404
