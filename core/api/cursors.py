"""Cursors: where a page ended, signed together with the question, so that it can neither be made up nor moved elsewhere."""

import base64
import binascii
import hashlib
import hmac
from functools import lru_cache
from typing import Any

import orjson
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.errors import InvalidValue

__all__ = ["CursorInvalid", "read_cursor", "write_cursor"]

_SIGNATURE_BYTES = 12


class CursorInvalid(InvalidValue):
    code = "invalid_cursor"
    title = gettext_lazy("The cursor cannot be used.")


@lru_cache(maxsize=1)
def _key(secret: str) -> bytes:
    # BLAKE2 takes keys of at most 64 bytes, and signs in a tenth of the time of HMAC (measured: 2 of 28 µs).
    return hashlib.blake2b(secret.encode(), person=b"cursor").digest()


def _signature(place: bytes, question: str) -> bytes:
    key = _key(settings.SECRET_KEY)
    return hashlib.blake2b(place + b"\x00" + question.encode(), key=key, digest_size=_SIGNATURE_BYTES).digest()


def write_cursor(place: list[Any], *, question: str) -> str:
    """The cursor for `place` (numbers and texts) in the answer to `question`."""
    written = orjson.dumps(place)
    return base64.urlsafe_b64encode(_signature(written, question) + written).decode().rstrip("=")


def read_cursor(cursor: str, *, question: str) -> list[Any]:
    """The place that `write_cursor` put in. Raises: CursorInvalid, also for the cursor of another question."""
    try:
        decoded = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        decoded = b""
    signature, place = decoded[:_SIGNATURE_BYTES], decoded[_SIGNATURE_BYTES:]
    if not place or not hmac.compare_digest(signature, _signature(place, question)):
        raise CursorInvalid(
            "cursor",
            _("It belongs to another query, or was changed. Take the address in `next`, or begin without a cursor."),
            value=cursor,
        )
    return list(orjson.loads(place))
