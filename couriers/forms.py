"""What staff type about a courier, in the office and at the counter; and why it was refused, in words meant for staff."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import DomainError
from core.limits import TooMany
from core.models import User
from couriers import finding
from couriers.errors import PhoneTaken

__all__ = ["PhoneForm", "ReasonForm", "tell"]


class ReasonForm(forms.Form):
    reason = forms.CharField(label=_("reason"), max_length=120, help_text=_("stays in the trail"))


class PhoneForm(forms.Form):
    phone = forms.CharField(
        label=_("new phone"),
        max_length=30,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    takes_over_because = forms.CharField(
        label=_("the number was another courier's: how do you know that it is his now?"),
        max_length=120,
        required=False,
        help_text=_("only where the phone is said to be taken; the other profile loses it"),
    )


def tell(form: forms.Form, refusal: DomainError | ValidationError, *, asked_by: User | None = None) -> None:
    """Say in the form why a verb or a table refused: beside the field that the refusal names, or that the form has for its
    kind (`said_at`).

    If it may say that a number is taken, `asked_by` is the one who learns it: that counts as one of his look-ups by phone
    (0018).
    """
    if isinstance(refusal, PhoneTaken) and asked_by is not None:
        try:
            finding.count_taken(actor=asked_by, at=clock.now())
        except TooMany as too_many:
            refusal = too_many
    if isinstance(refusal, ValidationError):
        known: dict[str, Any] = getattr(refusal, "error_dict", {})
        for field, errors in known.items() if known else [("__all__", refusal.error_list)]:
            form.add_error(field if field in form.fields else None, errors)
        return
    if isinstance(refusal, PhoneTaken) and "takes_over_because" in form.fields:
        # The refusal's own way out is meant for the courier; staff have another one, a line below.
        form.add_error("phone", str(refusal.title))
        way_out = gettext(
            "If the carrier has given the number to him since, say here how you know, and send it again: the other profile loses it. "
            "If both profiles are his, the district's office merges them instead."
        )
        form.add_error("takes_over_because", way_out)
        return
    said_at: Mapping[type[DomainError], str] = getattr(form, "said_at", {})
    named = getattr(refusal, "parameter", "")
    name = named or next((field for kind, field in said_at.items() if isinstance(refusal, kind)), "")
    if name in form.fields and not isinstance(form.fields[name].widget, forms.HiddenInput):
        form.add_error(name, str(refusal.detail if named else refusal))
    else:
        form.add_error(None, str(refusal))
