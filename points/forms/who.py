"""Who is at the counter: found by card, pass or phone, and then named by a signed word, which nobody can make up or pass on."""

import re

from django import forms
from django.core import signing
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import clock
from core.errors import DomainError
from core.models import User
from couriers import codes, finding
from couriers.errors import CourierNotFound
from couriers.models import Courier
from points import passes

__all__ = ["WhoForm", "courier_of", "forget_pass", "shown_pass", "word_for"]

# How long a courier who was found may be served without being found again.
FOUND_FOR_S = 15 * 60
_SALT = "points.counter"
_KEPT = "counter"  # in the session: who was found last, and the pass if he showed it
_DIGITS = 6
# A scanner types the whole URL if the code contains one.
_ADDRESS = re.compile(r"^https?://\S+?/([^/\s]+)/?$", re.IGNORECASE)


class WhoForm(forms.Form):
    who = forms.CharField(
        label=_("card, pass or phone"), max_length=200,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autofocus": True, "autocapitalize": "characters"}),
        help_text=_("the code on his card, the six digits on his phone, or his whole number"),
    )  # fmt: skip

    def clean_who(self) -> str:
        who: str = self.cleaned_data["who"]
        address = _ADDRESS.match(who.strip())
        return address[1] if address else who

    def found(self, request: HttpRequest) -> Courier | None:
        """The courier who was meant; otherwise the form says why not. A pass that was shown is kept for what he takes."""
        who: str = self.cleaned_data["who"]
        actor, at, digits = _account(request), clock.now(), "".join(who.split())
        is_pass = digits.isdecimal() and len(digits) == _DIGITS
        is_code = codes.read_code(who) is not None
        if not is_code and (mistake := _mistyped(who)):
            self.add_error("who", mistake)
            return None
        try:
            if is_pass:
                courier = passes.whose(digits=digits, by=f"user {actor.pk}", at=at)
            else:
                courier = finding.by_code_or_phone(who, actor=actor, at=at)
        except CourierNotFound as refusal:
            # A phone finds only couriers of one's own district; a pass or card finds those of any.
            by_phone = gettext(
                "No courier of this district has this phone. Use his pass or card, which work for any district. Who has "
                "neither goes to the office of his district, which also registers him if he is new."
            )
            self.add_error("who", str(refusal) if is_code else by_phone)
            return None
        except DomainError as refusal:
            self.add_error("who", str(refusal))
            return None
        # A pass reaches the next page out of sight, since many eyes may see a URL.
        request.session[_KEPT] = [courier.pk, digits if is_pass else ""]
        return courier


def _mistyped(text: str) -> str:
    """What is wrong with an invalid card's code; nothing if a phone was meant."""
    signs = codes.folded(text)
    if not (signs.isascii() and signs.isalnum()) or signs.isdecimal():
        return ""
    if len(signs) == codes.LENGTH:
        return gettext("This is no card's code: a sign is wrong, or two have changed places. Look at the card again.")
    return gettext("A card's code has {whole} signs, and this has {number}. Look at the card again.").format(
        whole=codes.LENGTH, number=len(signs)
    )


def shown_pass(request: HttpRequest, courier: Courier) -> str:
    """The pass that this courier showed just now, if he did."""
    whose, digits = request.session.get(_KEPT, (None, ""))
    return str(digits) if whose == courier.pk else ""


def forget_pass(request: HttpRequest) -> None:
    """The pass is used up, or too old."""
    request.session.pop(_KEPT, None)


def word_for(courier: Courier, request: HttpRequest) -> str:
    """A signed word for the courier whom this account has found just now."""
    return signing.dumps([courier.pk, _account(request).pk], salt=_SALT)


def courier_of(word: str, request: HttpRequest) -> Courier | None:
    """The courier whom the word names, if it was made recently for this account."""
    try:
        courier, by = signing.loads(word, salt=_SALT, max_age=FOUND_FOR_S)
    except signing.BadSignature:
        return None
    return Courier.objects.filter(pk=courier).first() if by == _account(request).pk else None


def _account(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # noqa: S101 - the doors let in nobody else
    return request.user
