"""Query strings, read strictly: every parameter must be known, in range, and given only once unless it may repeat; a
refusal names the parameter, the value, and the way out.
"""

import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime
from difflib import get_close_matches

from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import clock
from core.errors import InvalidValue

__all__ = [
    "ParameterMissing",
    "ParameterRepeated",
    "Parameters",
    "ParametersContradictory",
    "UnknownCode",
    "UnknownParameter",
    "nearest",
    "written_now",
]

_NUMBER = re.compile(r"-?\d{1,9}(\.\d{1,20})?", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
# A plus sign means a blank in a query string; most who write "+08:00" forget to escape it.
_LOST_PLUS = re.compile(r" (\d\d:?\d\d)$")


class UnknownParameter(InvalidValue):
    code = "unknown_parameter"
    title = gettext_lazy("There is no such parameter.")


class ParameterRepeated(InvalidValue):
    code = "repeated_parameter"
    title = gettext_lazy("A parameter is given twice.")


class ParameterMissing(InvalidValue):
    code = "missing_parameter"
    title = gettext_lazy("A parameter is missing.")


class ParametersContradictory(InvalidValue):
    code = "contradictory_parameters"
    title = gettext_lazy("Two parameters cannot be combined.")


class UnknownCode(InvalidValue):
    code = "unknown_code"
    title = gettext_lazy("There is no such code.")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, if any."""
    return next(iter(get_close_matches(word[:60], list(known), n=1, cutoff=0.6)), "")


def written_now(now: datetime) -> str:
    """The present moment as a caller could write it: the example in a refusal."""
    return clock.to_local(now).replace(microsecond=0).isoformat()


class Parameters:
    """The parameters of one request. Every method returns None or an empty tuple where nothing was given."""

    def __init__(self, query: QueryDict, *, single: Collection[str], many: Collection[str] = ()) -> None:
        """`single` may be given once, `many` several times or with commas. Raises: UnknownParameter, ParameterRepeated."""
        known = (*single, *many)
        for name, values in query.lists():
            if name not in known:
                self._refuse_name(name, values[0], known)
            if len(values) > 1 and name in single:
                raise ParameterRepeated(
                    name, _("Give {parameter} once.").format(parameter=name), value=", ".join(values)
                )
        self._values: dict[str, list[str]] = dict(query.lists())

    @staticmethod
    def _refuse_name(name: str, value: str, known: Collection[str]) -> None:
        meant = nearest(name, known)
        listed = ", ".join(known) or _("none")
        detail = (
            _("{parameter} is not known; did you mean {meant}? Known: {known}.")
            if meant
            else _("{parameter} is not known. Known: {known}.")
        ).format(parameter=name[:50] or "''", meant=meant, known=listed)
        refusal = UnknownParameter(name[:50], detail, value=value)
        if meant:
            refusal.data["did_you_mean"] = meant
        raise refusal

    def is_given(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, *, max_length: int = 100) -> str:
        if name not in self._values:
            return ""
        value = self._values[name][-1]
        if len(value) > max_length:
            raise InvalidValue(name, _("At most {most} characters.").format(most=max_length), value=value)
        if not value.strip():
            raise InvalidValue(name, _("It is empty. Give a value, or leave the parameter out."), value=value)
        return value.strip()

    def whole(self, name: str, *, least: int, most: int) -> int | None:
        """A whole number within bounds."""
        text = self.text(name)
        if not text:
            return None
        if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
            raise InvalidValue(
                name,
                _("Give a whole number from {least} to {most}.").format(least=least, most=most),
                value=text,
            )
        return int(text)

    def numbers(self, name: str, *, count: int, example: str) -> tuple[float, ...] | None:
        """The given number of decimal numbers, separated by commas; nan, inf and exponents are refused."""
        text = self.text(name)
        if not text:
            return None
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != count or not all(map(_NUMBER.fullmatch, parts)):
            raise InvalidValue(
                name,
                _("Give {count} decimal numbers with commas between, such as {example}.").format(
                    count=count, example=example
                ),
                value=text,
            )
        return tuple(map(float, parts))

    def choice(self, name: str, choices: Collection[str], *, default: str) -> str:
        text = self.text(name)
        if text and text not in choices:
            raise InvalidValue(name, _("Give one of: {choices}.").format(choices=", ".join(choices)), value=text)
        return text or default

    def words(self, name: str, *, most: int = 30) -> tuple[str, ...]:
        """The values of a parameter that may be repeated or hold commas, without duplicates, in the order given."""
        found = [part.strip() for text in self._values.get(name, ()) for part in text.split(",")]
        if not all(found):
            raise InvalidValue(name, _("It is empty. Give a value, or leave the parameter out."), value=",".join(found))
        unique = tuple(dict.fromkeys(found))
        if len(unique) > most:
            raise InvalidValue(name, _("At most {most} values.").format(most=most), value=",".join(unique))
        return unique

    def instant(self, name: str, *, now: datetime, or_now: bool = False) -> datetime | None:
        """An instant with its offset, as ISO 8601 writes it. `or_now` says that the caller has read "now" already.

        A refusal gives the present moment as an example.
        """
        text = self.text(name)
        if not text:
            return None
        at = _instant(text)
        if at is None:
            way_out = (
                _("Give now, or an instant with its offset, such as {example}.")
                if or_now
                else _("Give an instant with its offset, such as {example}.")
            )
            raise InvalidValue(name, way_out.format(example=written_now(now)), value=text)
        return at

    def canonical(self, *, without: Collection[str]) -> str:
        """The same text for the same question, however its parameters were ordered. A cursor is bound to it."""
        return repr([(name, self._values[name]) for name in sorted(self._values) if name not in without])


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(_LOST_PLUS.sub(r"+\1", text))
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):  # the second for the year 1 in a zone ahead of Greenwich
        return None
