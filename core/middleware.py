"""What every response carries, and what no request may contain."""

import re
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware
from django.utils.translation import gettext as _

from core.api.problems import is_api, problem_response

__all__ = ["BadRequestMiddleware", "LanguageMiddleware", "SecurityHeadersMiddleware"]

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# A query of more than this is no search for a rest station; gunicorn.conf.py lets a little more through.
MAX_QUERY_BYTES = 8_000
# Enough for three photos of a door; more at the desk, so that a list that is too large is refused beside its field. Without a
# length no body is read.
MAX_BODY_MIB, MAX_BODY_AT_THE_DESK_MIB = 32, 80


class SecurityHeadersMiddleware:
    """Sets right the headers that Django has no setting for. Geolocation and camera stay with our own pages."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault(
            "Permissions-Policy", "geolocation=(self), camera=(self), microphone=(), payment=()"
        )
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if response.status_code == 304 and "Content-Length" in response.headers:
            # Django would give the length of the empty body; the header would have to be that of the answer the caller has.
            del response.headers["Content-Length"]
        return response


class LanguageMiddleware(LocaleMiddleware):
    """The language chosen on a page counts for pages only; a program's language comes from Accept-Language alone.

    So the API gives the same answer to the same question, as its `Vary` tells the caches on the way.
    """

    def process_request(self, request: HttpRequest) -> None:
        if is_api(request):
            request.COOKIES.pop(settings.LANGUAGE_COOKIE_NAME, None)
        super().process_request(request)


class BadRequestMiddleware:
    """Refuses what is too large and what is no text (NUL, lone surrogates, bytes that are not UTF-8), before any view."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Checked here, because the CSRF check reads the body, and so puts files on our disk, before any view can refuse
        # them.
        # As a number it may begin with any number of zeros.
        length, limit_mib = request.META.get("CONTENT_LENGTH", "").lstrip("0"), _max_body_mib(request)
        if length.isdecimal() and int(length[:20]) > limit_mib * 2**20:
            return self._refuse(
                request,
                "body_too_large",
                _("At most {limit} MB can be sent at once. Send less, or smaller photos.").format(limit=limit_mib),
                status=413,
                title=_("The body is too large."),
            )
        query = request.META.get("QUERY_STRING", "")
        if len(query) > MAX_QUERY_BYTES:
            return self._refuse(
                request, "query_too_long", _("The address is too long. Use fewer or shorter parameters.")
            )
        # Most queries hold nothing that could have to be refused, and need not be taken apart here. With an encoding of the
        # caller's own, such as UTF-7, any escape may.
        if not query.isascii() or _ESCAPED_BYTE.search(query) or request.encoding is not None:
            for name, values in request.GET.lists():
                if _NO_TEXT.search(name) or any(map(_NO_TEXT.search, values)):
                    return self._refuse(
                        request,
                        "invalid_text",
                        _("Parameter {parameter} holds bytes that are no UTF-8 text. Type it again.").format(
                            parameter=_NO_TEXT.sub("?", name)[:50]
                        ),
                        parameter=_NO_TEXT.sub("?", name)[:50],
                    )
        if _NO_TEXT.search(request.path):
            return self._refuse(request, "invalid_text", _("The address holds bytes that are no UTF-8 text."))
        return self.get_response(request)

    @staticmethod
    def _refuse(
        request: HttpRequest, code: str, detail: str, *, status: int = 400, title: str = "", **members: str
    ) -> HttpResponse:
        title = title or _("The address cannot be read.")
        return problem_response(request, status=status, code=code, title=title, detail=detail, **members)


def _max_body_mib(request: HttpRequest) -> int:
    return MAX_BODY_AT_THE_DESK_MIB if request.path.startswith("/admin/") else MAX_BODY_MIB


# An escape of NUL, or of a byte that is no character of ASCII and so has to be looked at in its word.
_ESCAPED_BYTE = re.compile("%(?:00|[89A-Fa-f])")
# NUL and lone surrogates, which PostgreSQL cannot hold, and the mark that Django puts for bytes it could not read.
_NO_TEXT = re.compile("[\x00\ud800-\udfff\ufffd]")
