"""What every page needs for its frame."""

from typing import Any

from django.http import HttpRequest
from django.utils.http import urlencode
from django.utils.translation import get_language

__all__ = ["part_of", "site"]

# Pages whose address is a key.
KEYS = ("stations:visit", "couriers:pin-reset", "points:cabinet")

# Parts for people who are signed in, by the beginning of their URLs.
PARTS = ("admin", "counter", "me")


def part_of(request: HttpRequest) -> str:
    """The part that the URL belongs to; "" for what is open to everybody."""
    first = request.path.split("/")[1]
    return first if first in PARTS else ""


def site(request: HttpRequest) -> dict[str, Any]:
    """Text size, language, and the query that brings whoever changes a preference back to this page."""
    is_big = request.COOKIES.get("text") == "big"
    is_english = get_language() == "en"
    match = request.resolver_match
    # A form that was posted cannot be returned to; its response is a page of errors. A URL that is a key stays out of
    # other URLs, and so out of the logs.
    is_key = match is not None and match.view_name in KEYS
    back = request.get_full_path() if request.method in {"GET", "HEAD"} and not is_key else "/"
    return {
        "is_big": is_big,
        "is_english": is_english,
        "part": part_of(request),
        "language_query": urlencode({"language": "zh-hans" if is_english else "en", "next": back}),
        "text_query": urlencode({"text": "usual" if is_big else "big", "next": back}),
    }
