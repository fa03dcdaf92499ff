"""Every error of the API in one shape: application/problem+json (RFC 9457).

`type` and `code` are the promise to programs; `title` and `detail` are for people, in the request's language.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from django.core.exceptions import BadRequest, PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError, InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response

from core.api.errors import Unavailable
from core.errors import DomainError, NotFound

__all__ = ["KnownProblem", "exception_handler", "is_api", "known_problems", "problem_response", "unavailable"]

MEDIA_TYPE = "application/problem+json"
# As long as a killed database takes to come up again.
BACK_IN_S = 2
# A serialization failure, a deadlock, a full disk, a lock that was not granted in time, a statement that took too long.
_PASSING = {"40001", "40P01", "53100", "55P03", "57014"}
# Why a server turns a client away: it is stopping, has crashed, is not up yet, or has no room.
_SENT_AWAY = {"57P01", "57P02", "57P03", "53300"}


@dataclass(frozen=True, slots=True)
class KnownProblem:
    """What a code means, whatever the case."""

    status: int
    title: str | Promise
    way_out: str | Promise


# The problems that are no refusal of a verb: of HTTP, of the address, and of the program itself.
_OF_HTTP = {
    "bad_request": KnownProblem(
        400,
        gettext_lazy("The request cannot be read."),
        gettext_lazy("Send it again; if it fails again, compare it with the guide."),
    ),
    "parse_error": KnownProblem(
        400, gettext_lazy("The request cannot be read."), gettext_lazy("The body must be JSON in UTF-8.")
    ),
    "invalid": KnownProblem(
        400, gettext_lazy("A value cannot be used."), gettext_lazy("Compare the body with the guide.")
    ),
    "invalid_text": KnownProblem(
        400, gettext_lazy("The address cannot be read."), gettext_lazy("Send UTF-8 text without NUL bytes.")
    ),
    "query_too_long": KnownProblem(
        400, gettext_lazy("The address cannot be read."), gettext_lazy("Use fewer or shorter parameters.")
    ),
    "forbidden": KnownProblem(
        403, gettext_lazy("You may not do this."), gettext_lazy("Ask with an account or a key that may.")
    ),
    "csrf": KnownProblem(
        403,
        gettext_lazy("This page was open for too long, or cookies are off."),
        gettext_lazy("Load the page again and send the form once more."),
    ),
    "method_not_allowed": KnownProblem(
        405, gettext_lazy("This method is not allowed here."), gettext_lazy("The Allow header lists what is allowed.")
    ),
    "body_too_large": KnownProblem(
        413, gettext_lazy("The body is too large."), gettext_lazy("Send less at once, in several requests.")
    ),
    "unsupported_media_type": KnownProblem(
        415,
        gettext_lazy("The request cannot be read."),
        gettext_lazy("Send JSON and say so: Content-Type: application/json."),
    ),
    "throttled": KnownProblem(
        429,
        gettext_lazy("That is too often. Wait a little and try again."),
        gettext_lazy("The Retry-After header says how many seconds to wait."),
    ),
    "server_error": KnownProblem(
        500,
        gettext_lazy("Something broke on our side."),
        gettext_lazy("Try again in a minute; if it fails again, tell us when it happened."),
    ),
}


def known_problems() -> dict[str, KnownProblem]:
    """Every code that an answer may carry, in alphabetical order; refusals of the apps come from their classes."""
    found = dict(_OF_HTTP)
    classes: list[type[DomainError]] = [DomainError]
    while classes:
        error = classes.pop()
        # Two classes of one code mean the same; the more general one speaks.
        found.setdefault(error.code, KnownProblem(error.status, error.title, error.way_out))
        classes += error.__subclasses__()
    return dict(sorted(found.items()))


def is_api(request: HttpRequest) -> bool:
    """Whether the caller is a program: it asked below /api/."""
    return request.path.startswith("/api/")


def problem(*, status: int, code: str, title: str, detail: str = "", **members: Any) -> dict[str, Any]:
    """The body of a problem. `type` is the address at which the code is explained."""
    body: dict[str, Any] = {"type": f"/api/problems/{code}/", "status": status, "code": code, "title": title}
    if detail:
        body["detail"] = detail
    return body | members


def problem_response(
    request: HttpRequest, *, status: int, code: str, title: str, detail: str = "", **members: Any
) -> HttpResponse:
    """A problem outside the views: JSON below /api/, else a page that helps."""
    if is_api(request):
        body = problem(status=status, code=code, title=title, detail=detail, **members)
        return HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE)
    return render(request, "error.html", {"status": status, "title": title, "detail": detail}, status=status)


def is_gone(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database went away, rather than said no."""
    if isinstance(error, InterfaceError):
        return True
    code = getattr(error.__cause__, "pgcode", None)
    if code is None:
        # Without a code it was not the server that spoke, but the driver: for a broken connection it raises one of these
        # two, and for values it cannot write a more specific one.
        return type(error) in {DatabaseError, OperationalError}
    return str(code) in _SENT_AWAY or str(code).startswith("08")


def _will_pass(error: DatabaseError | InterfaceError) -> bool:
    """Whether the database refused something that may succeed later: a lock or an answer that took too long, a deadlock, no
    room on its disk.
    """
    return getattr(error.__cause__, "pgcode", None) in _PASSING


def unavailable(error: BaseException | None) -> Unavailable | None:
    """The refusal to give instead of a fault that passes by itself: the database is away, or a lock did not come in time."""
    if not isinstance(error, DatabaseError | InterfaceError):
        return None
    if is_gone(error):
        # Throw the connection away, so that this thread's next request gets a new one.
        if not connection.in_atomic_block:
            connection.close()
    elif not _will_pass(error):
        return None
    return Unavailable(retry_after_s=BACK_IN_S)


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """What DRF asks for each exception of a view. Unknown ones go on to the 500 page of the API."""
    error = unavailable(error) or error
    match error:
        case DomainError():
            # A program is told the way out with every 404; on pages it would be said too often.
            detail = error.detail or (error.way_out if isinstance(error, NotFound) else "")
            body = problem(
                status=error.status, code=error.code, title=str(error.title), detail=str(detail), **error.data
            )
        case Http404():
            body = problem(status=404, code="not_found", title=str(NotFound.title), detail=str(NotFound.way_out))
        case RequestDataTooBig():
            body = problem(status=413, code="body_too_large", title=_("The body is too large."))
        case BadRequest() | SuspiciousOperation():
            body = problem(status=400, code="bad_request", title=_("The request cannot be read."))
        case PermissionDenied():
            body = problem(status=403, code="forbidden", title=_("You may not do this."))
        case exceptions.MethodNotAllowed():
            allowed = ", ".join(context["view"].allowed_methods)
            body = problem(
                status=405,
                code="method_not_allowed",
                title=_("This method is not allowed here."),
                detail=_("Allowed: {methods}.").format(methods=allowed),
            )
        case exceptions.APIException():
            code = error.get_codes()
            # DRF's general wording is a template; the wording of this error is whole.
            title = error.detail if isinstance(error.detail, str) else error.default_detail
            body = problem(
                status=error.status_code, code=code if isinstance(code, str) else "invalid", title=str(title)
            )
        case _:
            return None
    headers = {}
    # What refusals by our own limits, and by DRF's, call the seconds to wait.
    wait_s = body.get("retry_after_s") or getattr(error, "wait", None)
    if wait_s:
        headers["Retry-After"] = str(round(wait_s))
    if isinstance(error, exceptions.MethodNotAllowed):
        headers["Allow"] = ", ".join(context["view"].allowed_methods)
    return Response(body, status=body["status"], headers=headers, content_type=MEDIA_TYPE)
