"""Bodies, read strictly and in one place: JSON in UTF-8, small, flat, each member known, named once, and of its kind."""

import json
import math
import re
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, NoReturn
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _

from core.api.errors import (
    BodyMissing,
    BodyNoJson,
    BodyNoObject,
    BodyNoUtf8,
    BodyTooDeep,
    BodyTooLarge,
    LoneSurrogate,
    MemberMissing,
    MemberRepeated,
    NulInText,
    NumberNotFinite,
    UnknownMember,
    UnsupportedMediaType,
)
from core.api.parameters import nearest, written_now
from core.errors import InvalidValue

__all__ = ["MAX_BYTES", "MAX_DEPTH", "Members", "read_body"]

MAX_BYTES = 131_072
MAX_DEPTH = 16
_MEDIA_TYPE = re.compile(r'application/json\s*(;\s*charset\s*=\s*"?utf-?8"?\s*)?', re.IGNORECASE)
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
_SURROGATE = re.compile("[\ud800-\udfff]")


def read_body(request: HttpRequest) -> dict[str, Any]:
    """The JSON object that was sent. A body that is unacceptable as a whole is refused before any member is read.

    Raises: UnsupportedMediaType, BodyTooLarge, BodyMissing, BodyNoUtf8, BodyTooDeep, BodyNoJson, BodyNoObject,
    NumberNotFinite, NulInText, LoneSurrogate, MemberRepeated.
    """
    if not _MEDIA_TYPE.fullmatch(request.META.get("CONTENT_TYPE", "").strip()):
        raise UnsupportedMediaType
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").lower() != "identity":
        raise UnsupportedMediaType
    length = request.META.get("CONTENT_LENGTH") or "0"
    # Refused by its declared length: a body that is too large is not even read.
    if not length.isdigit() or int(length) > MAX_BYTES:
        raise BodyTooLarge(_("At most {most} bytes.").format(most=MAX_BYTES), most_bytes=MAX_BYTES)
    sent = request.body
    if not sent.strip():
        raise BodyMissing
    try:
        text = sent.decode()
    except UnicodeDecodeError as error:
        raise BodyNoUtf8 from error
    _refuse_depth(text)
    try:
        found = json.loads(
            text, object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite, parse_int=_whole
        )
    except json.JSONDecodeError as error:
        raise BodyNoJson(
            _("It goes wrong at line {line}, column {column}.").format(line=error.lineno, column=error.colno)
        ) from error
    # Neither can get into a body except as an escape.
    if "\\u" in text:
        _refuse_no_text(found)
    if not isinstance(found, dict):
        raise BodyNoObject
    return found


def _refuse_depth(text: str) -> None:
    """Counted before parsing, since the parser of the standard library recurses."""
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return
    depth = 0
    for char in _STRING.sub("", text):
        if char in "[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise BodyTooDeep(_("At most {most} levels.").format(most=MAX_DEPTH), most_levels=MAX_DEPTH)
        elif char in "]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _value in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise MemberRepeated(parameter=_quotable(twice))
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise NumberNotFinite(value=name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NumberNotFinite(value=text[:100])
    return number


def _whole(text: str) -> int | float:
    # Python refuses to read whole numbers of thousands of digits; no member needs one.
    return int(text) if len(text) <= 30 else _finite(text)


def _refuse_no_text(value: Any) -> None:
    """No NUL and no lone surrogate in any text or name: PostgreSQL holds neither. `MAX_DEPTH` bounds the recursion."""
    if isinstance(value, str):
        if "\x00" in value:
            raise NulInText
        if _SURROGATE.search(value):
            raise LoneSurrogate
    elif isinstance(value, dict):
        for name, member in value.items():
            _refuse_no_text(name)
            _refuse_no_text(member)
    elif isinstance(value, list):
        for member in value:
            _refuse_no_text(member)


def _quotable(name: str) -> str:
    """A name from outside as it can stand in an answer."""
    return _SURROGATE.sub("?", name[:50])


class Members:
    """The members of one object of a body. Every method returns None if nothing, or null, was given."""

    def __init__(self, found: dict[str, Any], *, known: Collection[str], inside: str = "") -> None:
        """`inside` is the name of the member whose value this object is.   Raises: UnknownMember."""
        self._inside = f"{inside}." if inside else ""
        for name in found:
            if name not in known:
                self._refuse_name(name, known)
        self._found = {name: value for name, value in found.items() if value is not None}

    def _refuse_name(self, name: str, known: Collection[str]) -> NoReturn:
        meant = nearest(name, known)
        said = f"{self._inside}{name[:50]}" or "''"
        refusal = UnknownMember(
            f"{self._inside}{name[:50]}",
            (
                _("{member} is not known; did you mean {meant}? Known: {known}.")
                if meant
                else _("{member} is not known. Known: {known}.")
            ).format(member=said, meant=meant, known=", ".join(known)),
        )
        if meant:
            refusal.data["did_you_mean"] = meant
        raise refusal

    def _refuse(self, name: str, detail: str, value: Any) -> NoReturn:
        raise InvalidValue(f"{self._inside}{name}", detail, value=value)

    def require(self, *names: str) -> None:
        """Raises: MemberMissing for the first of `names` that is not given."""
        for name in names:
            if name not in self._found:
                said = f"{self._inside}{name}"
                raise MemberMissing(said, _("Give {member}.").format(member=said))

    def text(self, name: str, *, most: int) -> str | None:
        """A text of 1 to `most` characters, without the spaces around it, which make no other name of anything."""
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip() or len(value) > most:
            self._refuse(name, _("Give a text of 1 to {most} characters.").format(most=most), value)
        return value.strip()

    def choice(self, name: str, choices: Collection[str]) -> str | None:
        value = self._found.get(name)
        if value is not None and not (isinstance(value, str) and value in choices):
            self._refuse(name, _("Give one of: {choices}.").format(choices=", ".join(choices)), value)
        return value

    def number(self, name: str, *, least: float, most: float) -> float | None:
        """A number, whole or not, within bounds; true and false are none."""
        value = self._found.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self._refuse(
                name, _("Give a number from {least} to {most}.").format(least=f"{least:g}", most=f"{most:g}"), value
            )
        return float(value)

    def whole(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number within bounds; 5.0, true and false are none."""
        value = self._found.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            self._refuse(name, _("Give a whole number from {least} to {most}.").format(least=least, most=most), value)
        return value

    def uuid(self, name: str) -> UUID | None:
        """A UUID in its usual form."""
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, str) or not _UUID.fullmatch(value):
            self._refuse(name, _("Give a UUID, such as 6a1f6b0e-6f9a-4f0e-9d6d-0f6f0c8a2c11."), value)
        return UUID(value)

    def truth(self, name: str) -> bool | None:
        value = self._found.get(name)
        if value is not None and not isinstance(value, bool):
            self._refuse(name, _("Give true or false."), value)
        return value

    def instant(self, name: str, *, now: datetime) -> datetime | None:
        """An instant with its offset, as ISO 8601 writes it. A refusal gives the present moment as an example."""
        value = self._found.get(name)
        if value is None:
            return None
        try:
            at = datetime.fromisoformat(value) if isinstance(value, str) and len(value) <= 40 else None
            at = at.astimezone(UTC) if at and at.tzinfo else None
        except (ValueError, OverflowError):
            at = None
        if at is None:
            self._refuse(
                name,
                _("Give an instant with its offset, such as {example}.").format(example=written_now(now)),
                value,
            )
        return at

    def members(self, name: str, *, known: Collection[str]) -> "Members | None":
        """The members of an object inside this one."""
        value = self._found.get(name)
        if value is None:
            return None
        if not isinstance(value, dict):
            self._refuse(name, _("Give an object with: {known}.").format(known=", ".join(known)), value)
        return Members(value, known=known, inside=f"{self._inside}{name}")
