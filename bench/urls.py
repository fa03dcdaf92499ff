"""The project's addresses, and the bare view that everything is compared with."""

from django.http import HttpRequest, JsonResponse
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as project_urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """What Django itself costs on this server: the project's middleware, a dictionary, no database."""
    return JsonResponse({"status": "ok"})


urlpatterns = [path("bench/bare/", bare), *project_urlpatterns]
