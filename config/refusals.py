"""What gunicorn refuses by itself, before the program sees it: a request line or headers that are too long or cannot be read.

Said as the program says it elsewhere (RFC 9457), with the code that a partner's program knows, instead of gunicorn's own page.
gunicorn.conf.py puts it in its place.
"""

import contextlib
import socket
import time

import orjson
from django.conf import settings
from django.http import HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from gunicorn import util  # type: ignore[import-untyped]

from core.api.problems import MEDIA_TYPE, known_problems, problem

__all__ = ["write_refusal"]

# gunicorn's status for a request line that is too long; the program's own, for one a little shorter, is the code's.
TOO_LONG = 414
# Whoever is still sending reads no answer; so much of it is read and thrown away, for so long.
FINISH_BYTES, FINISH_S = 16 * 2**20, 2.0


def write_refusal(caller: socket.socket, status: int, reason: str, said: str) -> None:
    """Answer `caller` in the place of `gunicorn.util.write_error`, whose arguments these are."""
    code = {TOO_LONG: "query_too_long", 500: "server_error"}.get(status, "bad_request")
    known = known_problems()[code]
    with translation.override(settings.LANGUAGE_CODE):  # which language the caller speaks has not been read
        if code == "query_too_long":
            status, reason = known.status, "Bad Request"
            said = _("The address is too long. Use fewer or shorter parameters.")
        body = problem(status=status, code=code, title=str(known.title), detail=said or str(known.way_out))
    answer = HttpResponse(
        orjson.dumps(body),
        content_type=MEDIA_TYPE,
        headers={
            "Connection": "close",
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'",
            "X-Content-Type-Options": "nosniff",
        },
    )
    answer.headers["Content-Length"] = str(len(answer.content))
    util.write_nonblock(
        caller,
        f"HTTP/1.1 {status} {reason}\r\n".encode("latin-1") + answer.serialize_headers() + b"\r\n\r\n" + answer.content,
    )
    with contextlib.suppress(OSError):
        _let_finish(caller)


def _let_finish(caller: socket.socket) -> None:
    """A connection that is closed with something unread is reset, and the answer lost with it."""
    caller.shutdown(socket.SHUT_WR)
    left, ends_at = FINISH_BYTES, time.monotonic() + FINISH_S
    while left > 0 and (remaining_s := ends_at - time.monotonic()) > 0:
        caller.settimeout(remaining_s)
        piece = caller.recv(min(left, 2**16))
        if not piece:
            return
        left -= len(piece)
