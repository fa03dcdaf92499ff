"""The queue, and what is handed over: one tap, one piece, one receipt, however often the tap arrives."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import clock, limits
from core.admin import described_name
from core.errors import DomainError, NotFound
from core.limits import Limit
from couriers.forms import tell
from points import queue, serving
from points.errors import NotWaiting, OwnReset, PassWrong
from points.forms.once import OnceForm
from points.forms.presence import PresenceForm
from points.forms.who import WhoForm, forget_pass, shown_pass
from points.models import QueuePlace, Redemption
from points.redemption import Presence
from points.views.counter.frame import BOTH, Counter, for_stewards, show
from points.views.counter.words import Caller, person
from stations import confirming
from stations.access import DutyMissing

__all__ = ["counter", "hand_over", "leave", "receipt", "take_back_use", "today", "uses", "waiting"]

LAST = 20
# A tap that arrives twice under one number counts one guest.
_ONE_GUEST = Limit("counter-use", calls=1, window_s=86_400)
_ONE_TAKEN_BACK = Limit("counter-use-taken-back", calls=1, window_s=86_400)
_GUEST = "counter_guest"  # in the session: the last guest counted by this browser


def _callers(counter: Counter) -> list[dict[str, Any]]:
    """Who waits, each with the one-time number under which the button on his card hands over."""
    at = clock.now()
    return [
        {"caller": Caller.of(place, at=at), **OnceForm.fresh()}
        for place in queue.places(station=counter.station, at=at)
    ]


@for_stewards()
def counter(request: HttpRequest, counter: Counter) -> HttpResponse:
    """The first page: who waits, and one field for everybody else."""
    form = WhoForm()
    # On a phone the field is below the queue, and focus would scroll past it; at a desk the script puts the cursor there.
    del form.fields["who"].widget.attrs["autofocus"]
    context = {"callers": _callers(counter), "form": form, "last": _last(counter, 3), **OnceForm.fresh()}
    context["can_take_back"] = bool(_last_guest(request, counter))
    return show(request, counter, "counter.html", context)


@for_stewards()
def waiting(request: HttpRequest, counter: Counter) -> HttpResponse:
    """Only the queue, for the script that asks every few seconds."""
    return show(request, counter, "_queue.html", {"callers": _callers(counter)})


class HandOverForm(PresenceForm):
    field_order = ("met", "digits", "reason", "second_name", "second_password")


def _proof(request: HttpRequest, form: PresenceForm, found: Redemption) -> Presence:
    """What proves that he is here: a typed pass, a colleague who signs, his place in the queue, or the pass he was found by."""
    if form.cleaned_data["digits"] or form.witness is not None:
        return form.presence()
    kept = shown_pass(request, found.courier)
    if kept and not QueuePlace.objects.filter(redemption=found).exists():
        return Presence(digits=kept)
    return Presence(in_queue=True)


@for_stewards(methods=BOTH)
def hand_over(request: HttpRequest, counter: Counter, code: str) -> HttpResponse:
    """Give him what waits for him. GET asks for what is still missing: that he was met, or the proof that he is here."""
    found = counter.redemption(code)
    form = HandOverForm(
        request.POST or None, request=request, courier=found.courier, station=counter.station, initial=OnceForm.fresh()
    )
    asks_for_more = False
    if request.method == "POST" and form.is_valid():
        said, number = form.cleaned_data, request.POST.get("number", "")
        presence = _proof(request, form, found)
        try:
            done = serving.hand_over(
                waiting=found, presence=presence, has_met=said["met"], op_id=said["op_id"], actor=counter.actor,
                at=clock.now(),
            )  # fmt: skip
        except NotWaiting:
            # A colleague was faster, or the order was cancelled: its own page says so.
            return HttpResponseRedirect(f"{_receipt_of(found)}?before=1")
        except (DutyMissing, NotFound):
            raise
        except DomainError as refusal:
            if asks_for_more := isinstance(refusal, OwnReset | PassWrong):
                forget_pass(request)
            tell(form, refusal)
        else:
            if presence.digits:
                forget_pass(request)
            query = f"?{urlencode({'number': number})}" if _is_call_number(number) else ""
            return HttpResponseRedirect(_receipt_of(done) + query)
    if found.status != Redemption.Status.ORDERED:
        return HttpResponseRedirect(_receipt_of(found))
    place = queue.places(station=counter.station, at=clock.now()).filter(redemption=found).first()
    context = {
        "found": found,
        "person": person(found.courier),
        "form": form,
        "number": place.number if place else None,
        "is_proved": not asks_for_more and (place is not None or bool(shown_pass(request, found.courier))),
    }
    return show(request, counter, "hand_over.html", context)


def _receipt_of(found: Redemption) -> str:
    return reverse("points:counter-redemption", args=[found.code])


def _is_call_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text[:3]) in queue.NUMBERS


@for_stewards()
def receipt(request: HttpRequest, counter: Counter, code: str) -> HttpResponse:
    """What became of an order; if it was handed over, with the number that the courier's phone shows as well."""
    found = counter.redemption(code)
    number = request.GET.get("number", "")
    context = {
        "found": found,
        "person": person(found.courier),
        "by": described_name(found.ended.actor_name) if found.ended else "",
        "is_news": "before" in request.GET,
        "number": number if _is_call_number(number) else "",
        "waits": len(queue.places(station=counter.station, at=clock.now())),
    }
    return show(request, counter, "receipt.html", context)


@for_stewards(methods=["POST"])
def leave(request: HttpRequest, counter: Counter, code: str) -> HttpResponse:
    """不在了: he was called and is not there. His order stays set aside for him."""
    found = counter.redemption(code)
    queue.leave(redemption=found)
    messages.info(request, _("Taken out of the queue. His order stays; he can scan the code again."))
    return HttpResponseRedirect(reverse("points:counter"))


# ── The day so far ──────────────────────────────────────────────────────────────────────────────────────────────────


def _last(counter: Counter, most: int) -> list[dict[str, Any]]:
    """What was handed over here today, the newest first."""
    begins = clock.local_midnight(clock.local_date(clock.now()))
    found = (
        Redemption.objects.filter(
            station=counter.station, status=Redemption.Status.HANDED_OVER, ended_at__gte=begins,
            ended_at__lt=begins + timedelta(days=1),
        )
        .select_related("courier", "gift", "ended")
        .order_by("-ended_at", "-pk")
    )  # fmt: skip
    return [
        {"found": each, "person": person(each.courier), "by": described_name(each.ended.actor_name)}
        for each in found[:most]
        if each.ended
    ]


@for_stewards()
def today(request: HttpRequest, counter: Counter) -> HttpResponse:
    return show(request, counter, "today.html", {"last": _last(counter, LAST), "most": LAST, **OnceForm.fresh()})


@for_stewards(methods=["POST"])
def uses(request: HttpRequest, counter: Counter) -> HttpResponse:
    """我来歇脚, entered by the steward: one more guest, whoever it is."""
    at, form = clock.now(), OnceForm(request.POST)
    if form.is_valid() and limits.count(_ONE_GUEST, key=str(form.cleaned_data["op_id"]), at=at) == 1:
        with transaction.atomic():
            guests = confirming.record_use(station=counter.station, at=at)
        request.session[_GUEST] = [str(form.cleaned_data["op_id"]), counter.station.pk, str(clock.local_date(at))]
        messages.success(
            request,
            ngettext("Counted: {guests} guest today.", "Counted: {guests} guests today.", guests).format(guests=guests),
        )
    return HttpResponseRedirect(reverse("points:counter"))


def _last_guest(request: HttpRequest, counter: Counter) -> str:
    """The number of the tap that counted the last guest, if that was in this browser, here and today; else nothing."""
    number, *counted = request.session.get(_GUEST) or [""]
    return number if counted == [counter.station.pk, str(clock.local_date(clock.now()))] else ""


@for_stewards(methods=["POST"])
def take_back_use(request: HttpRequest, counter: Counter) -> HttpResponse:
    """Take back the last guest: that tap was one too many."""
    at, number = clock.now(), _last_guest(request, counter)
    request.session.pop(_GUEST, None)
    if number and limits.count(_ONE_TAKEN_BACK, key=number, at=at) == 1:
        guests = confirming.take_back_use(station=counter.station, at=at)
        messages.success(
            request,
            ngettext(
                "Taken back: {guests} guest today.", "Taken back: {guests} guests today.", guests
            ).format(guests=guests),
        )  # fmt: skip
    return HttpResponseRedirect(reverse("points:counter"))
