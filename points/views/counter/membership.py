"""What a courier can have done at any counter, whichever district he belongs to: a new PIN, a new card, a new number."""

import base64
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from core import clock
from core.addresses import absolute
from core.errors import DomainError, NotFound
from couriers import codes, finding, membership, registration, sealing
from couriers.errors import PinResetClosed
from couriers.forms import PhoneForm, ReasonForm, tell
from couriers.models import Courier, PinReset
from points.views.counter.frame import BOTH, Counter, for_stewards, show
from points.views.counter.who import courier_here
from points.views.counter.words import person
from stations.access import DutyMissing
from stations.views.poster import qr_svg

__all__ = ["card", "phone", "pin", "printed"]

_LINK = "counter_pin"  # in the session: for whom a link was made last, and its token, sealed


class CardForm(ReasonForm):
    """With the code of the lost card, so that a second tap does not replace the new one too."""

    lost = forms.CharField(max_length=codes.LENGTH, widget=forms.HiddenInput)


def _shown(request: HttpRequest, counter: Counter, courier: Courier, word: str, **context: Any) -> HttpResponse:
    return show(request, counter, "membership.html", {"person": person(courier), "word": word, **context})


@for_stewards(methods=BOTH)
def pin(request: HttpRequest, counter: Counter, word: str) -> HttpResponse:
    """重设密码: a code that he scans with his own phone, to choose six digits there. It is shown as long as it is valid."""
    courier = courier_here(word, request)
    form = forms.Form(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            _reset, token = membership.reset_pin_link(courier=courier, actor=counter.actor, at=clock.now())
        except (DutyMissing, NotFound):
            raise
        except DomainError as refusal:
            tell(form, refusal)
        else:
            sealed = base64.b64encode(sealing.sealed(token, column=_LINK)).decode()
            request.session[_LINK] = [courier.pk, sealed]
            return HttpResponseRedirect(reverse("points:counter-pin", args=[word]))
    token, reset = _link(request, courier)
    context = {
        "title": _("New PIN"),
        "hint": _("Look whether the man and the phone fit. He scans a code with his own phone and chooses six digits."),
        "button": _("Show the code"),
        "form": form,
        "reset": reset,
        "qr": qr_svg(absolute(request, reverse("couriers:pin-reset", args=[token]))) if reset else "",
        "is_over": bool(token) and reset is None,
    }
    return _shown(request, counter, courier, word, **context)


def _link(request: HttpRequest, courier: Courier) -> tuple[str, PinReset | None]:
    """The token that was last made for him here, and its row while it is valid."""
    whose, sealed = request.session.get(_LINK, (None, ""))
    if whose != courier.pk:
        return "", None
    token = sealing.opened(base64.b64decode(sealed), column=_LINK)
    try:
        return token, membership.reset_of(token, at=clock.now())
    except PinResetClosed:
        del request.session[_LINK]
        return token, None


@for_stewards(methods=BOTH)
def card(request: HttpRequest, counter: Counter, word: str) -> HttpResponse:
    """补卡: the old card is invalid from then on, and the new one is shown to print, or for his phone's camera."""
    courier = courier_here(word, request)
    form = CardForm(request.POST if request.method == "POST" else None, initial={"lost": courier.code})
    if form.is_valid():
        said = form.cleaned_data
        try:
            with transaction.atomic():
                # If two taps come at once, the second waits here, and then finds what the first has done.
                if finding.locked(courier).code == said["lost"]:
                    membership.replace_card(courier=courier, reason=said["reason"], actor=counter.actor, at=clock.now())
        except (DutyMissing, NotFound):
            raise
        except DomainError as refusal:
            tell(form, refusal)
        else:
            return HttpResponseRedirect(reverse("points:counter-card-print", args=[word]))
    context = {
        "title": _("Replace the card"),
        "hint": _(
            "The old card opens nothing from then on. The new one is shown next: print it, or let him photograph it."
        ),
        "button": _("Replace the card"),
        "form": form,
        "has_card": True,
    }
    return _shown(request, counter, courier, word, **context)


@for_stewards()
def printed(request: HttpRequest, counter: Counter, word: str) -> HttpResponse:  # noqa: ARG001 - every page of the counter takes it
    """The card that he has now: the code as QR and as text, nothing about the person."""
    courier = courier_here(word, request)
    if courier.is_erased:
        raise NotFound
    context = {
        "qr": qr_svg(courier.code), "code": codes.in_groups(courier.code), "back_name": _("Back to the courier"),
        "back": reverse("points:counter-courier", args=[word]),
    }  # fmt: skip
    return render(request, "admin/couriers/card.html", context)


@for_stewards(methods=BOTH)
def phone(request: HttpRequest, counter: Counter, word: str) -> HttpResponse:
    """换手机号: from then on he signs in with the new number, and the old phone is signed out."""
    courier = courier_here(word, request)
    form = PhoneForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            registration.change_phone(courier=courier, actor=counter.actor, at=clock.now(), **form.cleaned_data)
        except (DutyMissing, NotFound):
            raise
        except DomainError as refusal:
            tell(form, refusal, asked_by=counter.actor)
        else:
            messages.success(request, _("He has the new number now, and signs in with it. His PIN is as it was."))
            return HttpResponseRedirect(reverse("points:counter-courier", args=[word]))
    context = {
        "title": _("Change the phone"),
        "hint": _("Look at the new phone yourself. On the old one he is signed out."),
        "button": _("Change the phone"),
        "form": form,
    }
    return _shown(request, counter, courier, word, **context)
