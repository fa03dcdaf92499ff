"""The project's URLs, and some whose views fail."""

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as all_patterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def broken(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    raise RuntimeError("broken on purpose")


def away(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    raise OperationalError("server closed the connection unexpectedly")


urlpatterns = [
    path("broken/", broken),
    path("away/", away),
    path("api/v1/broken/", broken),
    path("api/v1/away/", away),
    *all_patterns,
]
