"""The gifts in the station's cabinet: received, carried elsewhere, counted, scrapped."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from core import clock
from core.errors import DomainError, NotFound
from couriers.forms import tell
from points import low_stock
from points.forms.once import OnceForm
from points.forms.stock import STEPS, do_step
from points.models import Account, Gift, Redemption
from points.stock import set_aside
from points.views.counter.frame import BOTH, UNSEEN, Counter, for_stewards, show
from points.views.counter.words import person
from stations.access import DutyMissing
from stations.models import Station

__all__ = ["count", "step", "stock"]

# Marks are set in the office.
HERE = ("receive", "move", "count", "scrap")
MOST_WAITING = 50
_WITNESS = "counter_witness"  # in the session: who witnesses this count


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A gift in this cabinet: how many can be ordered, how many wait for those who ordered them."""

    gift: Gift
    pieces: int
    aside: int
    mark: int | None

    @classmethod
    def of(cls, gift: Gift, account: Any, aside: int) -> "_Shelf":
        return cls(gift, account.balance, aside, account.mark) if account else cls(gift, 0, aside, None)

    @property
    def is_low(self) -> bool:
        return self.mark is not None and self.pieces < self.mark


def _gifts(counter: Counter) -> list[Gift]:
    """What this cabinet may hold: the gifts that the district offers, and those that are in it."""
    held = Account.objects.filter(kind=Account.Kind.STOCK, station=counter.station, balance__gt=0).values("gift")
    of_district = Gift.objects.filter(division=counter.station.district_code)
    return list((of_district.filter(is_offered=True) | of_district.filter(pk__in=held)).order_by("code"))


def _other_cabinets(counter: Counter, gift: Gift) -> Any:
    """Where pieces may be sent: cabinets of the district that ever held something, and other stations of it that the steward
    keeps.
    """
    kept = Account.objects.filter(kind=Account.Kind.STOCK, division=gift.division_id).values("station")
    published = Station.objects.published().filter(division__code__startswith=gift.division_id)
    others = published.filter(counter.scope.of_station() | Q(pk__in=kept)).exclude(pk=counter.station.pk)
    return others.defer(*UNSEEN).order_by("name", "code")


@for_stewards()
def stock(request: HttpRequest, counter: Counter) -> HttpResponse:
    """Each gift with its pieces, those set aside, and whether it runs low; and for whom they are set aside."""
    here: dict[int | None, Any] = {
        each.gift_id: each for each in low_stock.with_marks().filter(station=counter.station)
    }
    aside = set_aside(counter.station)
    rows = [_Shelf.of(each, here.get(each.pk), aside.get(each.pk, 0)) for each in _gifts(counter)]
    ordered = (
        Redemption.objects.filter(station=counter.station, status=Redemption.Status.ORDERED)
        .select_related("courier", "gift")
        .order_by("fetch_until", "pk")
    )
    waiting = [{"found": each, "person": person(each.courier)} for each in ordered[:MOST_WAITING]]
    return show(request, counter, "stock.html", {"rows": rows, "waiting": waiting, "most": MOST_WAITING})


@for_stewards()
def count(request: HttpRequest, counter: Counter) -> HttpResponse:
    """盘点: one gift after another, from the first, or the one following `after`; after the last, back to the list."""
    after = request.GET.get("after", "")
    following = next((each for each in _gifts(counter) if each.code > after), None)
    if following is None:
        messages.success(request, _("That was the last one. The cabinet is counted."))
        return HttpResponseRedirect(reverse("points:counter-stock"))
    address = reverse("points:counter-stock-step", args=[following.code, "count"])
    return HttpResponseRedirect(f"{address}?tour=1")


@for_stewards(methods=BOTH)
def step(request: HttpRequest, counter: Counter, code: str, step: str) -> HttpResponse:
    """One step with one gift; the verbs decide who may."""
    if step not in HERE:
        raise Http404
    gift = next((each for each in _gifts(counter) if each.code == code), None)
    if gift is None:
        raise NotFound
    kind, label, hint = STEPS[step]
    is_tour = step == "count" and "tour" in request.GET
    initial = OnceForm.fresh() | ({"witness": request.session.get(_WITNESS, "")} if is_tour else {})
    form = kind(request.POST or None, stations=_other_cabinets(counter, gift), initial=initial)
    del form.fields["station"]  # it is this station
    if request.method == "POST" and form.is_valid():
        said = {**form.cleaned_data, "station": counter.station, "actor": counter.actor, "at": clock.now()}
        if is_tour:
            request.session[_WITNESS] = said["witness"]
        if _done(request, form, step, gift, said):
            after = f"{reverse('points:counter-count')}?{urlencode({'after': gift.code})}"
            return HttpResponseRedirect(after if is_tour else reverse("points:counter-stock"))
    place, places = None, []
    if is_tour:
        places = [each.code for each in _gifts(counter)]
        place = places.index(gift.code) + 1 if gift.code in places else None
    context = {
        "gift": gift, "step": step, "label": label, "hint": hint, "form": form, "is_tour": is_tour, "place": place,
        "places": len(places), "aside": set_aside(counter.station).get(gift.pk, 0) if step == "count" else 0,
        "skip": f"{reverse('points:counter-count')}?{urlencode({'after': gift.code})}",
    }  # fmt: skip
    return show(request, counter, "stock_step.html", context)


def _done(request: HttpRequest, form: forms.Form, step: str, gift: Gift, said: dict[str, Any]) -> bool:
    """Do it all or nothing, and say what is there now; otherwise the form says why not."""
    try:
        with transaction.atomic():
            sentence = do_step(step, gift, said)
    except (DutyMissing, NotFound):
        raise
    except (DomainError, ValidationError) as refusal:
        tell(form, refusal)
    else:
        messages.success(request, sentence)
        return True
    return False
