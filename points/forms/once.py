"""A form that does one thing once."""

import uuid
from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.functional import Promise

from core.errors import DomainError

__all__ = ["OnceForm", "own_number"]


def own_number(sent: uuid.UUID) -> uuid.UUID:
    """The number under which a form's request is done. A form can send anything; this is never one of the numbers that the
    program itself makes for what must be done once, such as expiring points, which somebody could use up beforehand."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"form:{sent}")


class OnceField(forms.UUIDField):
    widget = forms.HiddenInput

    def clean(self, value: Any) -> uuid.UUID:
        return own_number(super().clean(value))


class OnceForm(forms.Form):
    """A form that does one thing once: its number is made when the page is shown, so a double tap is one posting."""

    op_id = OnceField()
    # The field beside which a refusal is shown if it names none itself.
    said_at: ClassVar[Mapping[type[DomainError], str]] = {}
    # Fields that are rarely needed are folded away under a line that says when they are.
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
        """Unfolded if something in it was typed or is wrong."""
        return any(field.errors or field.value() for field in self.folded_rows)

    @staticmethod
    def fresh() -> dict[str, uuid.UUID]:
        """A number under which nothing was done yet."""
        return {"op_id": uuid.uuid4()}
