"""Conditional requests (RFC 9110, section 13): "only if it is another one than mine", and "only if it is still mine"."""

import re

from rest_framework.request import Request

from core.api.errors import MatchAny, PreconditionFailed

__all__ = ["has_tag", "refuse_if_match"]

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def has_tag(header: str, tag: str) -> bool:
    """Whether `If-None-Match` names `tag`, as weak comparison sees it."""
    return header.strip() == "*" or tag.removeprefix("W/") in _TAG.findall(header)


def refuse_if_match(request: Request) -> None:
    """Refuse a request that is bound to a version. The tags here are weak, so none can match, and no address edits anything
    that has a version.

    Doing it all the same would be doing what the caller forbade.   Raises: MatchAny, PreconditionFailed.
    """
    header = request.META.get("HTTP_IF_MATCH")
    if header is None:
        return
    if header.strip() == "*":
        raise MatchAny
    raise PreconditionFailed
