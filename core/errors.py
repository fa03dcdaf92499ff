"""Refusals. Each is a class with a stable code for machines and a title for people; the doors print them."""

from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

__all__ = ["DomainError", "InvalidValue", "NotFound", "SelfExplained", "sentences"]


def sentences(*said: str | Promise) -> str:
    """Sentences joined into one text, empty ones left out; a Chinese full stop brings its own space."""
    return " ".join(filter(None, map(str, said))).replace("。 ", "。")


class DomainError(Exception):
    """The program understood the request and refuses it. `data` holds the numbers and names that the title needs."""

    code: ClassVar[str] = "refused"
    status: ClassVar[int] = 409
    title: ClassVar[str | Promise] = _("This cannot be done.")
    # For whoever looks the code up; `detail` says it for the case at hand.
    way_out: ClassVar[str | Promise] = _("The detail of the answer says what is missing. Change that and try again.")

    def __init__(self, detail: str | Promise = "", **data: Any) -> None:
        super().__init__(str(self.code))
        self.detail = detail
        self.data = data

    def __str__(self) -> str:
        return sentences(self.title, self.detail)


class SelfExplained(DomainError):
    """A refusal whose way out is always the same, so every case gives it unless there is more to say."""

    def __init__(self, detail: str | Promise = "", **data: Any) -> None:
        super().__init__(detail or self.way_out, **data)


class NotFound(DomainError):
    """There is no such thing, or it lies outside the caller's scope: the answer is the same."""

    code, status = "not_found", 404
    title = _("Nothing is found under this code.")
    way_out = _("Check the address and the code. What is outside your scope looks the same as what does not exist.")


class InvalidValue(DomainError):
    """A value that came from outside cannot be used. `parameter` names it; `detail` says the way out."""

    code, status = "invalid_value", 400
    title = _("A value cannot be used.")
    way_out = _("The answer names the parameter and the value, and its detail says which values can be used.")

    def __init__(self, parameter: str, detail: str | Promise, *, value: object = None) -> None:
        super().__init__(detail, parameter=parameter, value="" if value is None else str(value)[:100])
        self.parameter = parameter
