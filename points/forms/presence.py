"""What proves that a courier is at the counter: his pass, or a second person at the same screen, who signs with his own
name and password for what one person may not do alone."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from core.models import User
from core.signing_in import SignInForm
from couriers.models import Courier
from points import passes
from points.errors import CourierNotMet, OwnReset, PassWrong, PresenceUnproved
from points.forms.once import OnceForm
from points.redemption import AT_COUNTER, Presence
from stations import access
from stations.access import Scope
from stations.models import Station

__all__ = ["PresenceForm", "SecondPersonForm"]


class SecondPersonForm(OnceForm):
    """If it is left empty, nobody signs. What is typed is counted and checked as for signing in, but signs nobody in."""

    second_name = forms.CharField(
        label=_("second person"), max_length=150, required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        help_text=_("the account of a colleague who stands by you"),
    )  # fmt: skip
    second_password = forms.CharField(
        label=_("his or her password"), max_length=128, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text=_("typed by himself or herself; it is checked and not kept"),
    )  # fmt: skip

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def signed_by(self, duties: tuple[str, ...], covers: Callable[[Scope], bool]) -> User | None:
        """The person who signed, if anybody did and may: somebody with any of `duties` in a scope that `covers` what is done.

        To be called in `clean`, outside a transaction: a wrong password is counted whatever becomes of the form.
        """
        name, password = self.cleaned_data.get("second_name", ""), self.cleaned_data.get("second_password", "")
        if not name and not password:
            return None
        if not name or not password:
            self.add_error(
                "second_password" if name else "second_name", gettext("Account and password belong together.")
            )
            return None
        if name.strip() == self.request.user.get_username():
            self.add_error("second_name", gettext("That is you. Somebody else has to sign."))
            return None
        asked = SignInForm(self.request, data={"username": name, "password": password})
        if not asked.is_valid():
            for errors in asked.errors.values():
                self.add_error("second_password", errors)
            return None
        signed: Any = asked.get_user()
        if not isinstance(signed, User) or signed.pk == self.request.user.pk:
            self.add_error("second_name", gettext("That is you. Somebody else has to sign."))
            return None
        if not covers(access.scope_of(signed, *duties)):
            self.add_error("second_name", gettext("This colleague may not do it here, and so cannot sign for it."))
            return None
        return signed


class PresenceForm(SecondPersonForm):
    """What proves that the courier is here; if nobody has met him yet, that somebody has checked who he is."""

    met = forms.BooleanField(
        label=_("I have met him myself"), required=False,
        help_text=_("Nobody has met him before: look whether the man and the phone fit. No identity card is looked at, no number copied. It is asked once."),
    )  # fmt: skip
    digits = forms.CharField(
        label=_("his pass"), max_length=12, required=False,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text=_("six digits from his phone"),
    )  # fmt: skip
    reason = forms.CharField(
        label=_("why without a pass"), max_length=200, required=False, help_text=_("such as: his phone is broken")
    )
    said_at: ClassVar[Mapping[type[DomainError], str]] = {
        CourierNotMet: "met", OwnReset: "digits", PassWrong: "digits", PresenceUnproved: "digits",
    }  # fmt: skip
    folded = ("reason", "second_name", "second_password")
    folded_label = _("He has no pass: a second person signs")

    def __init__(self, *args: Any, station: Station | None = None, courier: Courier, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.at_station, self.courier = station, courier
        self.witness: Any = None
        if courier.status != Courier.Status.UNVERIFIED:
            self.fields["met"].widget = forms.HiddenInput()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        station = cleaned.get("station") or self.at_station
        if cleaned.get("digits") and not self.errors:
            passes.count_shown(courier=self.courier)
        # With a pass nobody else needs to sign, whatever a browser filled in.
        if station is not None and not self.errors and not cleaned.get("digits"):
            self.witness = self.signed_by(AT_COUNTER, lambda scope: scope.covers(station))
            if self.witness is not None and not cleaned.get("reason", "").strip():
                self.add_error("reason", gettext("Say why there is no pass, in a few words."))
        return cleaned

    def presence(self) -> Presence:
        said = self.cleaned_data
        if said["digits"]:
            return Presence(digits=said["digits"])
        return Presence(witness=self.witness, reason=said["reason"])
