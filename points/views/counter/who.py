"""Who is here, what he may take, and giving it to him at once."""

import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core import clock
from core.errors import DomainError, NotFound
from couriers.errors import CourierErased, CourierMerged
from couriers.forms import tell
from couriers.models import Courier
from points import catalogue, ledger, serving, stock
from points.errors import OutOfStock, OwnReset, PassWrong
from points.forms.once import OnceForm, own_number
from points.forms.presence import PresenceForm
from points.forms.who import WhoForm, courier_of, forget_pass, shown_pass, word_for
from points.models import Gift, Redemption
from points.redemption import Presence
from points.views.counter.frame import BOTH, Counter, for_stewards, show
from points.views.counter.words import person
from stations.access import DutyMissing

__all__ = ["courier_here", "gift", "who", "who_is_here"]

MOST_GIFTS = 100
MOST_POINTS = 1_000_000


@dataclass(frozen=True, slots=True)
class OnOffer:
    """A gift in this cabinet, at today's price; `short` is how many points he lacks for it."""

    gift: Gift
    points: int
    pieces: int
    short: int
    op_id: uuid.UUID


class GiveForm(PresenceForm):
    points = forms.IntegerField(min_value=1, max_value=MOST_POINTS, widget=forms.HiddenInput)
    field_order = ("met", "digits", "reason", "second_name", "second_password")


@for_stewards(methods=BOTH)
def who(request: HttpRequest, counter: Counter) -> HttpResponse:
    """One field, to scan or type what he shows."""
    form = WhoForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        courier = form.found(request)
        if courier is not None:
            return HttpResponseRedirect(reverse("points:counter-courier", args=[word_for(courier, request)]))
    return show(request, counter, "who.html", {"form": form})


def courier_here(word: str, request: HttpRequest) -> Courier:
    """Raises: NotFound for a word that is not this account's, or is too old."""
    found = courier_of(word, request)
    if found is None:
        raise NotFound
    return found


def _once(word: str, gift: Gift, points: int) -> uuid.UUID:
    """A courier who was found once gets a gift once: reloading the page cannot give it again. For a second piece he must be
    found again."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"counter {word} {gift.pk} {points}")


def _on_offer(counter: Counter, word: str, balance: int) -> list[OnOffer]:
    """The gifts that are here and have a price: first those he can afford, the dearest first; then those he is nearest to."""
    today = clock.local_date(clock.now())
    offers = catalogue.offers(on=today, station=counter.station, most=MOST_GIFTS)
    found = [
        OnOffer(each.gift, each.points, each.pieces, max(0, each.points - balance), _once(word, each.gift, each.points))
        for each in offers
        if each.pieces > 0
    ]
    return sorted(found, key=lambda each: (each.short, -each.points, each.gift.code))


def _waiting_here(counter: Counter, courier: Courier) -> list[dict[str, Any]]:
    orders = Redemption.objects.filter(courier=courier, station=counter.station, status=Redemption.Status.ORDERED)
    return [{"found": each, **OnceForm.fresh()} for each in orders.select_related("gift").order_by("ordered_at")]


def _of_him(request: HttpRequest, courier: Courier, word: str) -> dict[str, Any]:
    return {
        "word": word,
        "person": person(courier),
        "balance": ledger.balance_of(ledger.wallet(courier)),
        "has_pass": bool(shown_pass(request, courier)),
        "gone": str(CourierMerged() if courier.is_merged else CourierErased()) if courier.is_erased else "",
    }


@for_stewards()
def who_is_here(request: HttpRequest, counter: Counter, word: str) -> HttpResponse:
    """The courier who was found: what waits for him, and what he can have."""
    courier = courier_here(word, request)
    context = _of_him(request, courier, word)
    here = _on_offer(counter, word, context["balance"])
    context |= {
        "orders": _waiting_here(counter, courier),
        "offers": [each for each in here if not each.short],
        "too_dear": [each for each in here if each.short],
    }
    return show(request, counter, "courier.html", context)


@for_stewards(methods=BOTH)
def gift(request: HttpRequest, counter: Counter, word: str, code: str) -> HttpResponse:
    """One gift for him, at once: one tap if he was found by his pass; otherwise this page asks for the proof."""
    courier = courier_here(word, request)
    found = Gift.objects.filter(code=code, division=counter.station.district_code).first()
    if found is None:
        raise NotFound
    price = found.price_on(clock.local_date(clock.now())) or 0
    number = _once(word, found, price)
    if request.method != "POST":
        given = Redemption.objects.filter(ordered__op_id=own_number(number)).first()
        if given is not None:  # the answer to the tap was lost, and the page was loaded anew
            return HttpResponseRedirect(reverse("points:counter-redemption", args=[given.code]))
    form = GiveForm(
        request.POST or None, request=request, courier=courier, station=counter.station,
        initial={"op_id": number, "points": price},
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        kept = shown_pass(request, courier)
        is_shown = kept and not said["digits"] and form.witness is None
        presence = Presence(digits=kept) if is_shown else form.presence()
        try:
            done = serving.give(
                courier=courier, gift=found, station=counter.station, points=said["points"], presence=presence,
                has_met=said["met"], op_id=said["op_id"], actor=counter.actor, at=clock.now(),
            )  # fmt: skip
        except (DutyMissing, NotFound):
            raise
        except DomainError as refusal:
            if isinstance(refusal, OutOfStock):  # outside the transaction that the refusal rolled back
                stock.note_wanted(gift=found, station=counter.station, at=clock.now())
            if isinstance(refusal, OwnReset | PassWrong):  # no proof that he is here: the page asks for more
                forget_pass(request)
            tell(form, refusal)
        else:
            forget_pass(request)
            return HttpResponseRedirect(reverse("points:counter-redemption", args=[done.code]))
    # The current price, whatever was posted: whoever reads that it changed decides again.
    context = _of_him(request, courier, word) | {
        "gift": found, "price": price, "form": form, "op_id": _once(word, found, price),
    }  # fmt: skip
    return show(request, counter, "gift.html", context)
