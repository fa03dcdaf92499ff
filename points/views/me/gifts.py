"""What his points are good for: the gifts of a district, where they are near him, and ordering one."""

import uuid
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from core import clock
from core.errors import DomainError
from core.typed import posted
from couriers.models import Courier
from couriers.views.session import for_couriers
from points import catalogue, redemption, stock
from points.catalogue import Offer
from points.errors import GiftNotFound, OutOfStock
from points.forms.once import own_number
from points.models import Gift, Redemption
from points.views.me import looks
from points.views.me.orders import taken, to_fetch
from stations.models import Division, Station
from stations.views import devices

__all__ = ["Wish", "gift", "gifts", "wish_of"]

MOST = 200
MOST_STATIONS = 30


@dataclass(frozen=True, slots=True)
class Choice:
    """A gift compared with his points: how many are `missing`, and the best cabinet for him."""

    offer: Offer
    missing: int
    cabinet: looks.Held | None
    others: int

    @property
    def can_be_had(self) -> bool:
        return not self.missing and self.cabinet is not None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a tap sends: the form's one-time number, and the price that he was shown."""

    op_id: uuid.UUID
    points: int


def wish_of(request: HttpRequest) -> Wish | None:
    """The wish in a posted form; None if the form arrived broken."""
    points = request.POST.get("points", "")
    try:
        op_id = own_number(uuid.UUID(request.POST.get("op_id", "")))
    except ValueError:
        return None
    return Wish(op_id, int(points)) if points.isascii() and points.isdecimal() and len(points) < 8 else None


@for_couriers()
def gifts(request: HttpRequest, courier: Courier) -> HttpResponse:
    """Those he can afford come first, then those he nearly can. `?district=` shows another district's."""
    now = clock.now()
    districts = list(Division.objects.filter(gifts__is_offered=True).distinct().order_by("code"))
    asked = request.GET.get("district", "")
    district = asked if asked in {each.code for each in districts} else str(courier.division_id)
    balance = looks.balance_of(courier)
    offered = catalogue.offers(on=clock.local_date(now), district=district, most=MOST)
    near = devices.last_place(request)
    cabinets = catalogue.cabinets([each.gift for each in offered], near=near, now=now)
    choices = [
        Choice(
            each,
            max(0, each.points - balance),
            looks.held(cabinets[each.gift.pk][0], now=now) if each.gift.pk in cabinets else None,
            len(cabinets.get(each.gift.pk, ())) - 1,
        )
        for each in offered
    ]
    choices.sort(key=lambda each: (not each.can_be_had, bool(each.missing), each.offer.points, each.offer.gift.code))
    context = {
        "balance": balance,
        "choices": choices,
        "district": next((each for each in districts if each.code == district), courier.division),
        "others": [each for each in districts if each.code != district],
        "knows_place": near is not None,
    }
    return render(request, "points/me/gifts.html", context)


@for_couriers(methods=["GET", "HEAD", "POST"])
def gift(request: HttpRequest, courier: Courier, gift: str) -> HttpResponse:
    """One gift and its stations; a POST orders it. The same form sent twice is one order."""
    offer = next(iter(catalogue.offers(on=clock.local_date(clock.now()), code=gift, most=1)), None)
    if offer is None:
        raise GiftNotFound(_("It may have been taken off the list. Look at the gifts there are."))
    if request.method != "POST":
        return _asked(request, courier, offer)
    wish = wish_of(request)
    station = Station.objects.published().filter(code=posted(request, "station")).first()
    if wish is None or station is None:
        said = (_("Nothing was ordered yet."), _("Choose the station, and tap once more."))
        return _asked(request, courier, offer, said=said, status=400)
    try:
        made = redemption.order(
            courier=courier, gift=offer.gift, station=station, points=wish.points, op_id=wish.op_id, actor="self",
            at=clock.now(),
        )  # fmt: skip
    except DomainError as error:
        if isinstance(error, OutOfStock):
            stock.note_wanted(gift=offer.gift, station=station, at=clock.now())
        return _asked(request, courier, offer, said=looks.refusal(error), status=error.status, tried=station)
    return HttpResponseRedirect(reverse("points:order", args=[made.code]))


def _asked(
    request: HttpRequest, courier: Courier, offer: Offer, *, said: tuple[str, str] | None = None, status: int = 200,
    tried: Station | None = None,
) -> HttpResponse:  # fmt: skip
    now = clock.now()
    cabinets = catalogue.cabinets([offer.gift], near=devices.last_place(request), now=now).get(offer.gift.pk, [])
    codes = [each.station.code for each in cabinets]
    balance = looks.balance_of(courier)
    context = {
        "offer": offer,
        "balance": balance,
        "left": balance - offer.points,
        "missing": max(0, offer.points - balance),
        "cabinets": [looks.held(each, now=now) for each in cabinets[:MOST_STATIONS]],
        "chosen": tried.code if tried and tried.code in codes else next(iter(codes), ""),
        "op_id": uuid.uuid4(),
        "said": said,
        "waiting": to_fetch(courier, gift=offer.gift),
        "had": _had_this_month(courier, offer.gift) if offer.gift.most_a_month else 0,
    }
    return render(request, "points/me/gift.html", context, status=status)


def _had_this_month(courier: Courier, gift: Gift) -> int:
    """Counted as for the limit: in this month, under all his profiles, without what was taken back."""
    first = clock.local_midnight(clock.local_date(clock.now()).replace(day=1))
    had = taken(courier).filter(gift=gift, ordered_at__gte=first)
    return had.filter(status__in=[Redemption.Status.ORDERED, Redemption.Status.HANDED_OVER]).count()
