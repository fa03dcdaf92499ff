"""What can be had for points: the gifts on offer, what each costs on a day, and where how many pieces are."""

from dataclasses import dataclass
from datetime import date

from django.db.models import F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce

from core import dated
from points.models import Account, Gift, GiftPrice
from stations.models import Station

__all__ = ["Offer", "Stocked", "offers", "where"]

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
    *, on: date, code: str = "", district: str = "", station: Station | None = None, after: str = "", most: int
) -> list[Offer]:
    """What is offered and priced on a day, by code: one gift, a district's, or a station's district's with the pieces that
    are there. Pieces at stations that are not published count for nobody."""
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
    return [
        Offer(gift, gift.price, int(gift.pieces)) for gift in priced.select_related("division").order_by("code")[:most]
    ]


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
