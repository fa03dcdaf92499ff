"""Pages for what went wrong: what it was, and where to go from here. Below /api/ the answer is problem+json."""

import sys
from collections.abc import Callable, Collection
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from core.api.problems import is_api, problem_response, unavailable
from core.errors import DomainError, InvalidValue
from stations.views.context import part_of

__all__ = ["bad_request", "csrf_failure", "not_found", "page", "permission_denied", "refused", "server_error"]

Arguments = ParamSpec("Arguments")
View = Callable[Concatenate[HttpRequest, Arguments], HttpResponse]
READING: Collection[str] = ("GET", "HEAD")


def page(*, methods: Collection[str] = READING) -> Callable[[View[Arguments]], View[Arguments]]:
    """A public page: it answers these methods, and its refusals are pages."""

    def decorate(view: View[Arguments]) -> View[Arguments]:
        @wraps(view)
        def answer(request: HttpRequest, *args: Arguments.args, **kwargs: Arguments.kwargs) -> HttpResponse:
            if request.method not in methods:
                response = render(
                    request,
                    "error.html",
                    {
                        "status": 405,
                        "title": _("This address is not opened in this way."),
                        "detail": _("Go back to the page before and use its buttons."),
                        # URLs that are only posted to are directly below the page with their buttons.
                        "station_url": request.path.rsplit("/", 2)[0] + "/" if "code" in kwargs else "",
                    },
                    status=405,
                )
                response["Allow"] = ", ".join(sorted(methods))
                return response
            try:
                return view(request, *args, **kwargs)
            except DomainError as error:
                return refused(request, error)

        return cast("View[Arguments]", answer)

    return decorate


def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    """The page of a refusal; for a value from the URL it names parameter and value, and offers a link without it."""
    context: dict[str, Any] = {"status": error.status, "title": error.title, "detail": error.detail}
    if isinstance(error, InvalidValue):
        context |= {"parameter": error.parameter, "value": error.data["value"]}
        if request.method in READING:
            kept = [(name, value) for name, value in _pairs(request) if name not in _with_twins(error.parameter)]
            context["without"] = f"{request.path}?{urlencode(kept)}" if kept else request.path
    response = render(request, "error.html", context, status=error.status)
    if retry_after_s := error.data.get("retry_after_s"):
        response["Retry-After"] = str(retry_after_s)
    return response


def _pairs(request: HttpRequest) -> list[tuple[str, str]]:
    # A page of a list whose conditions changed is another list, so the cursor goes too.
    return [(name, value) for name, values in request.GET.lists() for value in values if value and name != "cursor"]


def _with_twins(parameter: str) -> set[str]:
    """The parameters to drop together with `parameter`, itself included: half a position is none."""
    position = {"lat", "lng", "accuracy_m"}
    return position if parameter in position else {parameter}


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    return problem_response(
        request,
        status=403,
        code="csrf",
        title=_("This page was open for too long, or cookies are off."),
        detail=_("Nothing was sent. Go back, load the page again, and tap once more."),
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem_response(
        request,
        status=400,
        code="bad_request",
        title=_("The request cannot be read."),
        detail=_("The address or the form was broken on its way. Begin again from the first page."),
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem_response(
        request,
        status=403,
        code="forbidden",
        title=_("You may not do this."),
        detail=_("Sign in with an account that may, or ask the office of your district."),
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return problem_response(
        request,
        status=404,
        code="not_found",
        title=_("There is nothing at this address."),
        detail=_nothing_there(request),
    )


def _nothing_there(request: HttpRequest) -> str:
    if is_api(request):
        return _("The API has no such address. What it has is listed at /api/v1/.")
    if part_of(request):
        return _("A part of the address may be missing. Go back and find it from there.")
    return _("A station may have moved, or a letter of its code is missing. Look for it by name, or by street.")


def server_error(request: HttpRequest) -> HttpResponse:
    """What a view did not foresee; 503 if it will pass by itself. Needs neither database nor session, since either may have
    failed.
    """
    if (passing := unavailable(sys.exception())) is not None:
        retry_after_s = passing.data["retry_after_s"]
        if is_api(request):
            response = problem_response(
                request, status=503, code=passing.code, title=str(passing.title), detail=str(passing.detail),
                retry_after_s=retry_after_s,
            )  # fmt: skip
        else:
            again = request.get_full_path() if request.method in READING else ""
            response = HttpResponse(render_to_string("500.html", {"is_away": True, "again": again}), status=503)
        response["Retry-After"] = str(retry_after_s)
    elif is_api(request):
        response = problem_response(request, status=500, code="server_error", title=_("Something broke on our side."))
    else:
        response = HttpResponse(render_to_string("500.html"), status=500)
    response["Cache-Control"] = "no-store"
    return response
