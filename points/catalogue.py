"""What can be had for points: the gifts on offer, what each costs on a day, and how many pieces are where."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from core import clock, dated
from points.models import Account, Gift, GiftPrice
from stations import finding, intervals
from stations.finding import Card
from stations.geo import Point
from stations.hours import OpenState
from stations.models import Station

__all__ = ["Cabinet", "Offer", "Stocked", "cabinets", "offers", "where"]

MOST_STATIONS = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """A gift with its price of the day in points, and how many pieces can be ordered now."""

    gift: Gift
    points: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Stocked:
    """A published station, and how many pieces of a gift can be ordered there."""

    code: str
    name: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Cabinet:
    """The cabinet of a published station, how many pieces of a gift can be ordered there, and when somebody is there: now, and
    as tomorrow begins.
    """

    station: Card
    pieces: int
    attended: OpenState
    tomorrow: OpenState


def offers(
    *, on: date, code: str = "", district: str = "", station: Station | None = None, up_to: int | None = None,
    in_stock: bool = False, cheapest_first: bool = False, after: str = "", most: int,
) -> list[Offer]:  # fmt: skip
    """What is offered and priced on a day, by code: one gift; a district's gifts; or those of a station's district, with
    the pieces at the station. `up_to` is the highest price in points. Pieces at stations that are not published are not
    counted.
    """
    price = GiftPrice.objects.filter(dated.holds_on(on), gift=OuterRef("pk")).values("points")[:1]
    stock = Account.objects.filter(
        kind=Account.Kind.STOCK, gift=OuterRef("pk"), station__status=Station.Status.PUBLISHED
    )
    if station is not None:
        stock, district = stock.filter(station=station), station.district_code
    # One group of all rows; without `order_by()` the model's ordering would split it into single rows.
    pieces = stock.order_by().values("gift").annotate(pieces=Sum("balance")).values("pieces")
    found: QuerySet[Gift] = Gift.objects.filter(is_offered=True)
    if code:
        found = found.filter(code=code)
    if district:
        found = found.filter(division=district)
    if after:
        found = found.filter(code__gt=after)
    priced = found.annotate(price=Subquery(price), pieces=Coalesce(Subquery(pieces), Value(0))).filter(
        price__isnull=False
    )
    if up_to is not None:
        priced = priced.filter(price__lte=up_to)
    if in_stock:
        priced = priced.filter(pieces__gt=0)
    ordered = priced.select_related("division").order_by(*(["price"] if cheapest_first else []), "code")
    return [Offer(gift, gift.price, int(gift.pieces)) for gift in ordered[:most]]


def cabinets(
    gifts: Iterable[Gift], *, near: Point | None, now: datetime, also_empty: bool = False
) -> dict[int, list[Cabinet]]:
    """For each gift, by its key, the cabinets that hold it, the best first: those with somebody there come before those
    without, then the nearest, or the fullest. Two queries, however many gifts there are.

    With `also_empty` also those that held it before.
    """
    stock = Account.objects.filter(
        kind=Account.Kind.STOCK, gift__in=list(gifts), station__status=Station.Status.PUBLISHED
    )
    if not also_empty:
        stock = stock.filter(balance__gt=0)
    held = list(
        stock.values_list(
            "gift", "balance", "station__code", "station__intervals", "station__expanded_until", "station__doubted_at"
        )
    )
    codes = {code for _gift, _pieces, code, *_hours in held}
    stations = {card.code: card for card in finding.among(codes, near=near, at=now)}
    found: dict[int, list[Cabinet]] = {}
    for gift, pieces, code, hours, until, doubted_at in held:
        if code in stations:  # else it was taken off between the two look-ups
            somebody, tomorrow = (
                intervals.attended(hours, at, expanded_until=until, doubted=doubted_at is not None)
                for at in (now, clock.local_midnight(clock.local_date(now), days=1))
            )
            found.setdefault(gift, []).append(Cabinet(stations[code], pieces, somebody, tomorrow))
    for having in found.values():
        having.sort(key=_best_first)
    return found


def _best_first(cabinet: Cabinet) -> tuple[bool, float, int, str]:
    station = cabinet.station
    metres = float("inf") if station.distance_m is None else station.distance_m
    return not cabinet.attended.is_open, metres, -cabinet.pieces, station.code


def where(gift: Gift) -> list[Stocked]:
    """The stations at which it can be ordered now, the fullest first."""
    rows = Account.objects.filter(
        kind=Account.Kind.STOCK, gift=gift, balance__gt=0, station__status=Station.Status.PUBLISHED
    ).order_by("-balance", "station__code")
    return [
        Stocked(**row)
        for row in rows.annotate(code=F("station__code"), name=F("station__name"), pieces=F("balance")).values(
            "code", "name", "pieces"
        )[:MOST_STATIONS]
    ]
