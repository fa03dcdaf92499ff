"""What a courier types on his phone, read and checked."""

import unicodedata
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError, InvalidValue
from couriers import membership, phones, registration
from couriers.models import Company, Courier
from stations.models import Division

__all__ = [
    "ChangePinForm",
    "DigitsField",
    "NewPinForm",
    "PhoneForm",
    "PinForm",
    "RegisterForm",
    "SignInForm",
    "say",
    "why",
]

LONGEST = 40


class DigitsField(forms.CharField):
    """Six digits, also in full width or with spaces in between. The verb says what they must be."""

    def __init__(self, **kwargs: Any) -> None:
        missing = _("Type your six digits.")
        super().__init__(max_length=LONGEST, error_messages={"required": missing, "max_length": missing}, **kwargs)

    def to_python(self, value: Any) -> Any:
        return "".join(unicodedata.normalize("NFKC", super().to_python(value) or "").split())


class NewPinField(DigitsField):
    """Six digits that he chooses: what is wrong with them is reported at once, together with all other mistakes."""

    def clean(self, value: Any) -> Any:
        pin = super().clean(value)
        try:
            membership.check_choice(pin)
        except InvalidValue as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal
        return pin


class PhoneField(forms.CharField):
    """His mobile number as he types it: an impossible one is reported at once, together with all other mistakes."""

    def __init__(self, **kwargs: Any) -> None:
        missing = _("Type your mobile number.")
        super().__init__(max_length=LONGEST, error_messages={"required": missing, "max_length": missing}, **kwargs)

    def clean(self, value: Any) -> Any:
        phone = super().clean(value)
        try:
            phones.read_phone(phone)
        except InvalidValue as refusal:
            raise forms.ValidationError(str(refusal.detail)) from refusal
        return phone


class RegisterForm(forms.Form):
    phone = PhoneField()
    code = DigitsField(required=False)
    kind = forms.ChoiceField(
        choices=Courier.Kind,
        error_messages={"required": _("Tap what you deliver."), "invalid_choice": _("Tap what you deliver.")},
    )
    company = forms.ModelChoiceField(
        Company.objects.all(),
        required=False,
        error_messages={"invalid_choice": _("Choose a brand of the list, or none.")},
    )
    district = forms.ModelChoiceField(
        Division.objects.districts(),
        error_messages={"required": _("Choose a district."), "invalid_choice": _("Choose a district.")},
    )
    pin = NewPinField()
    name = forms.CharField(
        max_length=registration.NAME_LENGTH,
        required=False,
        error_messages={"max_length": _("Give a name of at most 40 characters.")},
    )
    agreed = forms.BooleanField(
        error_messages={"required": _("Without your consent nothing is kept. Read it and tick.")}
    )
    notice_version = forms.CharField(max_length=20, required=False)


class SignInForm(forms.Form):
    phone = forms.CharField(max_length=LONGEST, required=False)
    card = forms.CharField(max_length=LONGEST, required=False)
    pin = DigitsField()

    def clean(self) -> dict[str, Any]:
        if not (self.cleaned_data.get("phone") or self.cleaned_data.get("card")) and not self.errors.get("phone"):
            self.add_error("phone", _("Type your mobile number, or the code of your card."))
        return self.cleaned_data


class PinForm(forms.Form):
    """He proves once more that it is he."""

    pin = DigitsField()


class NewPinForm(forms.Form):
    new_pin = NewPinField()


class ChangePinForm(PinForm, NewPinForm):
    pass


class PhoneForm(PinForm):
    phone = PhoneField()
    code = DigitsField(required=False)


def say(form: forms.Form, refusal: DomainError, *, at: dict[str, str], otherwise: str) -> None:
    """Show a refusal beside its field: `at` names a field for each code of a refusal, or for a parameter."""
    name = at.get(getattr(refusal, "parameter", ""), at.get(refusal.code, otherwise))
    form.add_error(name, str(refusal.detail) if hasattr(refusal, "parameter") else str(refusal))


def why(form: forms.Form) -> dict[str, str]:
    """The first mistake in each field."""
    return {name: str(errors[0]) for name, errors in form.errors.items()}
