"""A form that does one thing once, and says a refusal of the verbs where it belongs."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise

from core.errors import DomainError

__all__ = ["OnceForm", "own_number", "tell", "tell_invalid"]


def own_number(sent: uuid.UUID) -> uuid.UUID:
    """What is done under the number that a form sends. Anything can be sent; this is never one of the numbers that the program
    makes itself for what must be done once, such as points that expire, which somebody would use up beforehand."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"form:{sent}")


class OnceField(forms.UUIDField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> uuid.UUID:
        return own_number(super().clean(value))


class OnceForm(forms.Form):
    """A form that does one thing once: its number is made when the page is shown, so that a double tap is one posting."""

    op_id = OnceField()
    # Beside which field a refusal stands that names none itself.
    said_at: ClassVar[Mapping[type[DomainError], str]] = {}
    # What is needed in rare cases is folded away under a line that says when.
    folded: ClassVar[tuple[str, ...]] = ()
    folded_label: ClassVar[str | Promise] = ""

    @property
    def plain_rows(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name not in self.folded]

    @property
    def folded_rows(self) -> list[forms.BoundField]:
        return [field for field in self.visible_fields() if field.name in self.folded]

    @property
    def is_unfolded(self) -> bool:
        """Open where something in it was typed or is wrong."""
        return any(field.errors or field.value() for field in self.folded_rows)

    @staticmethod
    def fresh() -> dict[str, uuid.UUID]:
        """A number that nothing was done under yet."""
        return {"op_id": uuid.uuid4()}


def tell(form: forms.Form, refusal: DomainError) -> None:
    """Say in the form why not: at the field that the refusal names, or that the form has for its kind."""
    said_at = getattr(form, "said_at", {})
    name = getattr(refusal, "parameter", "") or next(
        (said_at[kind] for kind in said_at if isinstance(refusal, kind)), ""
    )
    if name in form.fields and not isinstance(form.fields[name].widget, forms.HiddenInput):
        form.add_error(name, str(refusal.detail if getattr(refusal, "parameter", "") else refusal))
    else:
        form.add_error(None, str(refusal))


def tell_invalid(form: forms.Form, refusal: ValidationError) -> None:
    """The same for what the tables refuse."""
    known: dict[str, Any] = getattr(refusal, "error_dict", {})
    for name, errors in known.items() if known else [("__all__", refusal.error_list)]:
        form.add_error(name if name in form.fields else None, errors)
