"""What can be had for points: the gifts on offer, what each costs on a day, and where how many pieces are."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from core import dated
from points.models import Account, Gift, GiftPrice
from stations.models import Station

__all__ = ["Offer", "Stocked", "cabinets", "offers", "where"]

MOST_STATIONS = 200


@dataclass(frozen=True, slots=True)
class Offer:
    """A gift with its price of the day in points, and how many pieces can be ordered now."""

    gift: Gift
    points: int
    pieces: int


@dataclass(frozen=True, slots=True)
class Stocked:
    """A published station that has so many pieces of a gift to be ordered."""

    code: str
    name: str
    pieces: int


def offers(
    *, on: date, code: str = "", district: str = "", station: Station | None = None, up_to: int | None = None,
    in_stock: bool = False, cheapest_first: bool = False, after: str = "", most: int,
) -> list[Offer]:  # fmt: skip
    """What is offered and priced on a day, by code: one gift, a district's, or a station's district's with the pieces that
    are there; `up_to` so many points. Pieces at stations that are not published count for nobody."""
    price = GiftPrice.objects.filter(dated.holds_on(on), gift=OuterRef("pk")).values("points")[:1]
    stock = Account.objects.filter(
        kind=Account.Kind.STOCK, gift=OuterRef("pk"), station__status=Station.Status.PUBLISHED
    )
    if station is not None:
        stock, district = stock.filter(station=station), station.district_code
    # One group of all rows; without `order_by` the ordering of the model would cut it into single ones.
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


def cabinets(gifts: Iterable[Gift], *, also_empty: bool = False) -> dict[int, dict[str, int]]:
    """Of each gift, by its key: the published stations that have it, by code, and how many pieces can be ordered there.

    With `also_empty` those whose cabinet it was in before as well.
    """
    stock = Account.objects.filter(
        kind=Account.Kind.STOCK, gift__in=list(gifts), station__status=Station.Status.PUBLISHED
    )
    if not also_empty:
        stock = stock.filter(balance__gt=0)
    found: dict[int, dict[str, int]] = {}
    for gift, code, pieces in stock.order_by("station__code").values_list("gift", "station__code", "balance"):
        found.setdefault(gift, {})[code] = pieces
    return found


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
