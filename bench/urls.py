"""The project's URLs, the bare view that everything is compared with, and the least that a look-up could cost."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path
from rest_framework.request import Request

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as project_urlpatterns
from core import prepared
from core.api.views import PublicView

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def bare(request: HttpRequest) -> JsonResponse:  # noqa: ARG001
    """What Django itself costs on this server: the project's middleware, a dictionary, no database."""
    return JsonResponse({"status": "ok"})


class Frame(PublicView):
    """What every look-up of the API costs before it looks for anything: DRF, and the contract's headers and ETag."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return self.answer({"status": "ok"})


class Ready(PublicView):
    """The same with one statement that returns 20 ready-made rows as large as a station's: nothing is looked up or worded."""

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        sql = "SELECT repeat('station ', 120) FROM generate_series(1, %(rows)s::int)"
        rows = prepared.fetch(sql, {"rows": 20}, keep_plan=True)
        return self.answer({"results": "".join(text for (text,) in rows)})


urlpatterns = [
    path("bench/bare/", bare),
    path("bench/frame/", Frame.as_view()),
    path("bench/ready/", Ready.as_view()),
    *project_urlpatterns,
]
