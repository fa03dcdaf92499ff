"""The first page of 我的蜂巢, and the statement: how many points he has, why, and what they are good for."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core import clock, dated
from core.typed import row_number
from couriers import privacy
from couriers.models import Courier
from couriers.views.session import for_couriers
from points import catalogue, earning, expiring, telling
from points.models import Account, EarningRule, Entry
from points.views.me import looks
from points.views.me.orders import to_fetch
from stations.views import devices
from stations.views.wording import date_text

__all__ = ["home", "statement"]

MOST_GIFTS = 200
A_PAGE = 30


@dataclass(frozen=True, slots=True)
class Within:
    """The next gift that he cannot afford yet, and how few points are missing."""

    offer: catalogue.Offer
    missing: int
    reports: int | None
    cabinet: catalogue.Cabinet


@for_couriers()
def home(request: HttpRequest, courier: Courier) -> HttpResponse:
    now = clock.now()
    today = clock.local_date(now)
    wallet = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
    balance = wallet.balance if wallet else 0
    is_blocked = courier.status == Courier.Status.BLOCKED
    # Whoever is blocked earns and orders nothing, so no gift is promised to him.
    offered = [] if is_blocked else catalogue.offers(on=today, district=str(courier.division_id), most=MOST_GIFTS)
    dues = expiring.due(courier=courier, at=now)
    context: dict[str, Any] = {
        "person": privacy.masked(courier),
        "is_unverified": courier.status == Courier.Status.UNVERIFIED,
        "is_blocked": is_blocked,
        "balance": balance,
        "waiting": to_fetch(courier),
        "within": _within(request, offered, balance),
        "affordable": sum(each.points <= balance and each.pieces > 0 for each in offered),
        "due": dues[0] if dues else None,
        "due_on": date_text(dues[0].expires_on, today=today) if dues else "",
        "is_new": wallet is None or not wallet.seq,
    }
    if context["is_new"]:
        context["rules"] = EarningRule.objects.filter(dated.holds_on(today)).order_by("action")
    return render(request, "points/me/home.html", context)


def _within(request: HttpRequest, offered: list[catalogue.Offer], balance: int) -> Within | None:
    """The cheapest gift in stock that he cannot afford yet."""
    beyond = [each for each in offered if each.points > balance and each.pieces > 0]
    if not beyond:
        return None
    offer = min(beyond, key=lambda each: (each.points, each.gift.code))
    now = clock.now()
    cabinets = catalogue.cabinets([offer.gift], near=devices.last_place(request), now=now).get(offer.gift.pk)
    if not cabinets:  # the last piece was taken between the two look-ups
        return None
    missing = offer.points - balance
    rule = earning.rule_on(EarningRule.Action.REPORT_APPROVED, clock.local_date(now))
    return Within(offer, missing, -(-missing // rule.points) if rule else None, cabinets[0])


@dataclass(frozen=True, slots=True)
class Line:
    """One movement, as its owner reads it."""

    entry: Entry
    said: telling.Told
    icon: str
    at: str
    receipt_no: str
    is_plus: bool
    is_late: bool


@for_couriers()
def statement(request: HttpRequest, courier: Courier) -> HttpResponse:
    """Newest first; `?before=` is the number of the entry with which the previous page ended."""
    wallet = Account.objects.filter(kind=Account.Kind.WALLET, courier=courier).first()
    entries = telling.entries_of(wallet)
    before = request.GET.get("before", "")
    if (number := row_number(before)) is not None:
        entries = entries.filter(seq__lt=number)
    shown = list(entries[: A_PAGE + 1])
    lines = [_line(entry) for entry in shown[:A_PAGE]]
    now = clock.now()
    today = clock.local_date(now)
    dues = expiring.due(courier=courier, at=now)
    context = {
        "balance": wallet.balance if wallet else 0,
        "months": [(month, list(of)) for month, of in groupby(lines, key=_month)],
        "earlier": shown[A_PAGE - 1].seq if len(shown) > A_PAGE else None,
        "is_first": not before,
        "dues": [(each.points, date_text(each.expires_on, today=today)) for each in dues],
    }
    return render(request, "points/me/statement.html", context)


def _month(line: Line) -> str:
    return date_format(clock.to_local(line.entry.posting.occurred_at), _("F Y"))


def _line(entry: Entry) -> Line:
    said = telling.told(entry)
    icon = "gift-counter" if said.redemption else "amenity" if said.award else "clock"
    return Line(
        entry=entry,
        said=said,
        icon=icon,
        at=looks.time_text(entry.posting.occurred_at),
        receipt_no=said.redemption.receipt_no if said.redemption else "",
        is_plus=entry.amount > 0,
        is_late=bool(said.redemption and said.redemption.is_late),
    )
