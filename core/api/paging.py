"""Pages of a list: how long one is, where it goes on, and the address of the next."""

import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request

from core.api.cursors import read_cursor, write_cursor
from core.api.parameters import Parameters

__all__ = ["Pages", "base_url", "next_address"]

_CURSOR = re.compile(r"(^|&)cursor=[^&]*")
MAX_CURSOR = 300
Row = TypeVar("Row")


def base_url(request: HttpRequest | Request) -> str:
    """Scheme and host of the addresses in an answer."""
    return settings.PUBLIC_BASE_URL.rstrip("/") or f"{request.scheme}://{request.get_host()}"


def next_address(request: Request, base: str, cursor: str | None) -> str | None:
    """The address of the next page of the same question."""
    if cursor is None:
        return None
    query = _CURSOR.sub("", request.META.get("QUERY_STRING", "")).lstrip("&")
    return f"{base}{request.path}?{query}{'&' if query else ''}cursor={cursor}"


class Pages:
    """A list ordered by a value that is unique to each row. `after` is the value of the previous page's last row."""

    def __init__(self, request: Request, asked: Parameters, *, question: str, default: int, most: int) -> None:
        """Read `limit` and `cursor`; `question` binds a cursor to its list.   Raises: InvalidValue, CursorInvalid."""
        self._request, self._question = request, question
        self.limit = asked.whole("limit", least=1, most=most) or default
        place = asked.text("cursor", max_length=MAX_CURSOR)
        self.after = read_cursor(place, question=question)[0] if place else None

    def cut(self, rows: Iterable[Row], value: Callable[[Row], Any]) -> tuple[list[Row], str | None]:
        """The rows of this page, out of the `limit` + 1 that were fetched, and the URL of the next page."""
        found = list(rows)
        if len(found) <= self.limit:
            return found, None
        kept = found[: self.limit]
        cursor = write_cursor([value(kept[-1])], question=self._question)
        return kept, next_address(self._request, base_url(self._request), cursor)
