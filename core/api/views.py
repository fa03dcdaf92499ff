"""What every public look-up of the API has in common."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api.problems import KnownProblem, known_problems
from core.api.renderers import JSONRenderer
from core.errors import NotFound

__all__ = ["FirstRenderer", "ProblemDetail", "ProblemList", "PublicView"]

LANGUAGES = ("zh-hans", "en")


class FirstRenderer(BaseContentNegotiation):
    """Always the view's own format: who asks /api/ for HTML gets JSON, not a refusal."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002 - DRF's signature
        return next(iter(parsers), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002
        renderers: Any,
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class PublicView(APIView):
    """A look-up that anybody may make from anywhere: no key, no cookie, read only, the same answer for all."""

    content_negotiation_class = FirstRenderer
    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head", "options"]
    max_age_s = 15

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:  # noqa: ARG002
        """What a browser asks before a look-up from another site."""
        return Response(
            status=204,
            headers={
                "Allow": ", ".join(self.allowed_methods),
                "Access-Control-Allow-Methods": ", ".join(self.allowed_methods),
                "Access-Control-Allow-Headers": "Accept-Language, If-None-Match",
                "Access-Control-Max-Age": "86400",
            },
        )

    def answer(self, data: Any) -> HttpResponse:
        """`data` as JSON, without the detour over a template response."""
        return HttpResponse(JSONRenderer().render(data), content_type=JSONRenderer.media_type)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        headers = response.headers
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        # A refusal is not kept: the next try may be right.
        headers["Cache-Control"] = f"public, max-age={self.max_age_s}" if response.status_code == 200 else "no-store"
        return response


def _problem_answer(code: str, problem: KnownProblem) -> dict[str, Any]:
    """A problem in every language at once: it is looked up by programmers, and shown to people who speak another."""
    answer: dict[str, Any] = {"code": code, "status": problem.status, "title": {}, "way_out": {}}
    for language in LANGUAGES:
        with translation.override(language):
            answer["title"][language] = str(problem.title)
            answer["way_out"][language] = str(problem.way_out)
    return answer


class ProblemList(PublicView):
    """All codes that an answer may carry."""

    max_age_s = 3_600

    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        return self.answer({"results": [_problem_answer(code, each) for code, each in known_problems().items()]})


class ProblemDetail(PublicView):
    """What one code means, at the address that a problem's `type` names."""

    max_age_s = 3_600

    def get(self, request: Request, code: str) -> HttpResponse:  # noqa: ARG002
        problem = known_problems().get(code)
        if problem is None:
            raise NotFound
        return self.answer(_problem_answer(code, problem))
