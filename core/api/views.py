"""What every public look-up of the API has in common."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import contract
from core.api.contract import Operation
from core.api.errors import NotAcceptable
from core.api.parameters import Parameters
from core.api.preconditions import has_tag, refuse_if_match
from core.api.problems import KnownProblem, known_problems
from core.api.renderers import JSONRenderer
from core.errors import NotFound

__all__ = ["AcceptedRenderer", "FirstRenderer", "ProblemDetail", "ProblemList", "PublicView"]

LANGUAGES = ("zh-hans", "en")

_BOTH = contract.members({language: contract.text() for language in LANGUAGES})
_EXPLAINED = contract.named(
    "ExplainedProblem",
    contract.members(
        {
            "code": contract.text(),
            "status": contract.whole(minimum=400, maximum=599),
            "title": _BOTH,
            "way_out": _BOTH,
        }
    ),
)
PROBLEM_LIST = Operation(
    name="list_problems",
    noun="problems",
    title=_("All problem codes, in both languages"),
    answer=contract.members({"results": contract.listing(_EXPLAINED)}),
)
PROBLEM_DETAIL = Operation(
    name="get_problem",
    noun="problems",
    title=_("What one problem code means"),
    meaning=_("The address that a problem's `type` names."),
    parameters=(
        contract.Parameter(
            name="code",
            place="path",
            schema=contract.text(),
            meaning=_("The code of a problem."),
            example="unknown_parameter",
        ),
    ),
    answer=_EXPLAINED,
    problems=(NotFound,),
)


class FirstRenderer(BaseContentNegotiation):
    """Always the view's own format, whatever `Accept` says."""

    def select_parser(self, request: Request, parsers: Any) -> Any:  # noqa: ARG002 - DRF's signature
        return next(iter(parsers), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002
        renderers: Any,
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        return renderers[0], renderers[0].media_type


class AcceptedRenderer(FirstRenderer):
    """Of the view's formats the one that the caller prefers; `format=` in the query overrides `Accept`."""

    def select_renderer(
        self,
        request: Request,
        renderers: Any,
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        """Raises: NotAcceptable."""
        asked = request.query_params.get("format")
        if asked is not None and len(renderers) > 1:
            # A word that names no format is refused with the other parameters.
            chosen = next((each for each in renderers if each.format == asked), renderers[0])
            return chosen, chosen.media_type
        media_types = tuple(each.media_type for each in renderers)
        place = _liked_best(request.META.get("HTTP_ACCEPT", ""), media_types)
        if place is None:
            raise NotAcceptable(supported=list(media_types))
        return renderers[place], media_types[place]


@lru_cache(maxsize=1_000)  # programs say the same with each call
def _liked_best(accept: str, media_types: tuple[str, ...]) -> int | None:
    """The place of the type that `Accept` likes best, the first of equals; None if it likes none."""
    liked = _Liked(accept)
    qualities = [liked.quality(each) for each in media_types]
    return qualities.index(max(qualities)) if any(qualities) else None


class _Liked:
    """The media ranges of an `Accept` header, each with its quality (RFC 9110, 12.5.1); what cannot be read is left out."""

    def __init__(self, accept: str) -> None:
        self._qualities: dict[str, float] = {}
        for part in accept.lower().split(","):
            media_range, *parameters = map(str.strip, part.split(";"))
            quality = next((text[2:] for text in parameters if text.startswith("q=")), "1")
            if media_range.count("/") == 1:
                self._qualities[media_range] = float(quality) if _QUALITY.fullmatch(quality) else 0.0
        if not accept.strip():
            self._qualities = {"*/*": 1.0}

    def quality(self, media_type: str) -> float:
        """The quality of the most specific range that matches; 0 if none does."""
        ranges: Sequence[str] = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
        return next((self._qualities[each] for each in ranges if each in self._qualities), 0.0)


_QUALITY = re.compile(r"(0(\.\d{0,3})?|1(\.0{0,3})?)", re.ASCII)


_json = JSONRenderer().render


class PublicView(APIView):
    """A look-up that anybody may make from anywhere: no key, no cookie, read-only, the same answer for everybody."""

    content_negotiation_class = AcceptedRenderer
    authentication_classes = ()
    permission_classes = ()
    http_method_names = ["get", "head", "options"]
    max_age_s = 15
    format_kwarg = None  # for DRF: no format is part of an address
    # Method → what it does, for the contract.
    operations: ClassVar[Mapping[str, Operation]] = {}

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

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:  # noqa: ARG002 - DRF's signature
        """Of what DRF gives to a request nothing but the format of its answer: there is no body, and nobody signs in."""
        made = Request(request, negotiator=self.get_content_negotiator())
        # DRF would find each of these by way of an exception, each time that it is asked for.
        made.method, made.META, made.path = request.method, request.META, request.path
        return made

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:  # noqa: ARG002 - DRF's signature
        """Of DRF's steps the one that a look-up has: nobody signs in, everybody may, and the version is in the address."""
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        refuse_if_match(request)

    def answer(self, data: dict[str, Any], *, at: datetime | None = None, told: bytes | None = None) -> HttpResponse:
        """`data` without the detour over a template response, or a 304 if the caller has it already.

        `at`, the moment for which the answer is true, becomes its last member and is left out of the tag, since an answer
        that says the same a second later is the same. For this reason the tag is weak, and because open states follow the
        clock. `told` stands for `data` in the tag: other bytes whenever `data` is another one, and fewer of them. Hashing a
        long answer costs a look-up twice, since hashlib lets another thread of the process run meanwhile.
        """
        body = _json(data)
        tag = f'W/"{hashlib.sha256(body if told is None else told).hexdigest()[:24]}"'
        if at is not None:
            body = body[:-1] + (b',"at":' if data else b'"at":') + _json(at) + b"}"
        response: HttpResponse
        if has_tag(self.request.META.get("HTTP_IF_NONE_MATCH", ""), tag):
            response = HttpResponseNotModified()
        else:
            response = HttpResponse(body, content_type=self.request.accepted_renderer.media_type)
        response.headers["ETag"] = tag
        return response

    @classmethod
    @cache
    def get_renderers(cls) -> list[BaseRenderer]:
        return [each() for each in cls.renderer_classes]

    @classmethod
    @cache
    def _headers(cls) -> Mapping[str, str]:
        # A 304 is too short to be compressed, so the middleware would not name Accept-Encoding; the 200 may have had it.
        return {
            "Allow": ", ".join(cls.http_method_names).upper(),
            "Vary": "Accept, Accept-Encoding" if len(cls.renderer_classes) > 1 else "Accept-Encoding",
            "Access-Control-Allow-Origin": "*",
            "Access-Control-Expose-Headers": "ETag, Retry-After",
            "Cross-Origin-Resource-Policy": "cross-origin",
        }

    @property
    def default_response_headers(self) -> dict[str, str]:
        return {}  # DRF would make them anew for each answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self._headers().items():
            response.headers[name] = value
        # A refusal is not kept: the next try may be right.
        is_kept = response.status_code in (200, 304)
        response.headers["Cache-Control"] = f"public, max-age={self.max_age_s}" if is_kept else "no-store"
        return response


def _problem_answer(code: str, problem: KnownProblem) -> dict[str, Any]:
    """A problem in all languages at once: programmers look it up for users who may speak another language."""
    answer: dict[str, Any] = {"code": code, "status": problem.status, "title": {}, "way_out": {}}
    for language in LANGUAGES:
        with translation.override(language):
            answer["title"][language] = str(problem.title)
            answer["way_out"][language] = str(problem.way_out)
    return answer


class ProblemList(PublicView):
    """All codes that an answer may carry."""

    max_age_s = 3_600
    operations = {"GET": PROBLEM_LIST}

    def get(self, request: Request) -> HttpResponse:
        Parameters(request.GET, single=())
        return self.answer({"results": [_problem_answer(code, each) for code, each in known_problems().items()]})


class ProblemDetail(PublicView):
    """What one code means, at the address that a problem's `type` names."""

    max_age_s = 3_600
    operations = {"GET": PROBLEM_DETAIL}

    def get(self, request: Request, code: str) -> HttpResponse:
        Parameters(request.GET, single=())
        problem = known_problems().get(code)
        if problem is None:
            raise NotFound
        return self.answer(_problem_answer(code, problem))
