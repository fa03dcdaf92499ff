"""At the gift cabinet: its QR is scanned, a gift is chosen, and the phone shows the number that the steward calls.

The token in the QR is a key. So its URL only remembers that the phone is here and leads on: no other URL, page or log
learns it.
"""

import uuid
from contextlib import suppress

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from core import clock
from core.errors import DomainError
from couriers.models import Courier
from couriers.views.session import courier_of, for_couriers, unkept
from points import cabinet as cabinets
from points import catalogue, queue, redemption, stock
from points.catalogue import Offer
from points.errors import GiftNotFound, NotWaiting, OutOfStock, QueueFull
from points.models import Redemption
from points.views.me import looks
from points.views.me.gifts import wish_of
from points.views.me.orders import cancelled, his, is_in_queue, to_fetch
from stations.models import Station
from stations.views import devices
from stations.views.errors import READING, page

__all__ = ["cabinet", "here", "join", "leave", "take", "waiting", "waiting_now"]

MOST = 100
# A page of `couriers`; whoever comes from a cabinet is registered in its district.
REGISTER = "/me/register/"


@unkept
def cabinet(request: HttpRequest, token: str) -> HttpResponse:
    response = _scanned(request, token)
    response["Referrer-Policy"] = "strict-origin"
    return response


@page()
def _scanned(request: HttpRequest, token: str) -> HttpResponse:  # noqa: ARG001
    station = cabinets.station_of(token)
    response = HttpResponseRedirect(reverse("points:here"))
    devices.remember_cabinet(response, station)
    return response


@unkept
@page()
def here(request: HttpRequest) -> HttpResponse:
    """What waits for him in this cabinet, and what he could take now. If nobody is signed in, it offers signing in and registering."""
    station, courier = devices.cabinet_at(request), courier_of(request)
    if station is None:
        return _not_here(request)
    if courier is None:
        return render(request, "points/me/welcome.html", {"station": station, "register": REGISTER})
    now = clock.now()
    balance = looks.balance_of(courier)
    there = [each for each in catalogue.offers(on=clock.local_date(now), station=station, most=MOST) if each.pieces > 0]
    there.sort(key=lambda each: (each.points > balance, each.points, each.gift.code))
    ordered = courier.redemptions.filter(status=Redemption.Status.ORDERED, station=station)
    context = {
        "station": station,
        "balance": balance,
        "is_unverified": courier.status == Courier.Status.UNVERIFIED,
        "waiting": [
            (looks.fetched(each, now=now), is_in_queue(each))
            for each in ordered.select_related("gift", "station", "dispute", "queue_place").order_by("fetch_until")
        ],
        "offers": [(each, max(0, each.points - balance)) for each in there],
    }
    return render(request, "points/me/here.html", context)


def _not_here(request: HttpRequest) -> HttpResponse:
    """A place in the queue proves that the phone is here, so joining needs the scan."""
    return render(request, "points/me/not_here.html", status=403)


@for_couriers(methods=[*READING, "POST"])
def take(request: HttpRequest, courier: Courier, gift: str) -> HttpResponse:
    """One gift of this cabinet: asks once more, then orders it and puts him in the queue. A form sent twice is one order."""
    station = devices.cabinet_at(request)
    if station is None:
        return _not_here(request)
    offered = catalogue.offers(on=clock.local_date(clock.now()), code=gift, district=station.district_code, most=1)
    offer = next(iter(offered), None)
    if offer is None:
        raise GiftNotFound(_("It may have been taken off the list. Look at the gifts there are."))
    if request.method != "POST":
        return _asked(request, courier, offer, station)
    wish = wish_of(request)
    if wish is None:
        return _asked(request, courier, offer, station, status=400)
    try:
        made = redemption.order(
            courier=courier, gift=offer.gift, station=station, points=wish.points, op_id=wish.op_id, actor="self",
            at=clock.now(),
        )  # fmt: skip
    except DomainError as error:
        if isinstance(error, OutOfStock):
            stock.note_wanted(gift=offer.gift, station=station, at=clock.now())
        said = looks.refusal(error)
        return _asked(request, courier, offer, station, said=said, status=error.status)
    return _joined(made)


def _asked(
    request: HttpRequest, courier: Courier, offer: Offer, station: Station, *, said: tuple[str, str] | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    balance = looks.balance_of(courier)
    context = {
        "offer": offer,
        "station": station,
        "balance": balance,
        "left": balance - offer.points,
        "missing": max(0, offer.points - balance),
        "pieces": stock.on_hand(offer.gift, station),
        "is_unverified": courier.status == Courier.Status.UNVERIFIED,
        "op_id": uuid.uuid4(),
        "said": said,
        "waiting": to_fetch(courier, gift=offer.gift),
    }
    return render(request, "points/me/take.html", context, status=status)


@for_couriers(methods=["POST"])
def join(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """Put him in the queue for what he ordered before."""
    found, station = his(courier, redemption), devices.cabinet_at(request)
    return _joined(found) if station is not None and station.pk == found.station_id else _not_here(request)


def _joined(order: Redemption) -> HttpResponse:
    """Lead him on to his number. If the queue is full, the order stays and its page says so. What is done already says that."""
    try:
        queue.join(redemption=order, at=clock.now())
    except QueueFull:
        return HttpResponseRedirect(reverse("points:order", args=[order.code]) + "?queue=full")
    except NotWaiting:
        pass
    return HttpResponseRedirect(reverse("points:queue", args=[order.code]))


# ── Waiting ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@for_couriers()
def waiting(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """His number, until he has his gift; then the receipt."""
    return render(request, "points/me/queue.html", _place(request, courier, redemption))


@for_couriers()
def waiting_now(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """The part of that page that changes; the script asks for it every few seconds."""
    return render(request, "points/me/_queue_now.html", _place(request, courier, redemption))


def _place(request: HttpRequest, courier: Courier, code: str) -> dict[str, object]:
    now = clock.now()
    found, station = his(courier, code), devices.cabinet_at(request)
    place = found.queue_place if is_in_queue(found) and found.status == Redemption.Status.ORDERED else None
    ahead = 0
    if place is not None:
        order = list(queue.places(station=found.station, at=now).values_list("pk", flat=True))
        ahead = order.index(place.pk) if place.pk in order else 0
    return {
        "it": looks.fetched(found, now=now),
        "number": place.number if place else None,
        "ahead": ahead,
        "balance": looks.balance_of(courier),
        "is_unverified": courier.status == Courier.Status.UNVERIFIED,
        "is_here": station is not None and station.pk == found.station_id,
    }


@for_couriers(methods=[*READING, "POST"])
def leave(request: HttpRequest, courier: Courier, redemption: str) -> HttpResponse:
    """不领了: he decides whether the order stays to be fetched later, or is cancelled."""
    found = his(courier, redemption)
    own = HttpResponseRedirect(reverse("points:order", args=[found.code]))
    if request.method != "POST":
        it = looks.fetched(found, now=clock.now())
        return render(request, "points/me/leave.html", {"it": it}) if it.is_waiting else own
    if request.POST.get("do") != "cancel":
        queue.leave(redemption=found)
        return own
    with suppress(NotWaiting):
        cancelled(found)
    return own
