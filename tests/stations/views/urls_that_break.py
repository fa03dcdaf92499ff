"""The project's addresses, and two whose views fail."""

from django.http import HttpRequest, HttpResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as all_patterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def broken(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    raise RuntimeError("broken on purpose")


urlpatterns = [path("broken/", broken), path("api/v1/broken/", broken), *all_patterns]
