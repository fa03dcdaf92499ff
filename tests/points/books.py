"""A small town with books: two districts with funds, a gift in a cabinet, couriers with points."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from couriers import registration
from couriers.models import Courier
from points import earning, funds, ledger, redemption, stock
from points.models import AwardLimit, Gift, GiftPrice, Posting, Redemption
from stations.models import Division, Station
from tests.builders import NOON, make_courier, make_district, make_station

__all__ = ["ACTOR", "PRICE", "Books", "award", "keep_books", "op", "order"]

ACTOR = "tests"
PRICE = 200


def op() -> uuid.UUID:
    return uuid.uuid4()


@dataclass
class Books:
    district: Division
    other: Division
    gift: Gift
    station: Station
    second: Station
    courier: Courier

    @property
    def wallet(self) -> int:
        return ledger.wallet(self.courier)

    @property
    def fund(self) -> int:
        return ledger.fund(self.district.code)


def keep_books(*, points: int = 1_000, pieces: int = 10) -> Books:
    """武昌 with 100,000 points in its fund and so many pieces of an umbrella, a courier with so many points, and 硚口."""
    district, other = make_district(), make_district(code="420104", name="硚口区", letters="QK")
    gift = Gift.objects.create(code="wc-umbrella", division=district, name="雨伞")
    GiftPrice.objects.create(gift=gift, points=PRICE, valid_from=NOON.date() - timedelta(days=30))
    AwardLimit.objects.create(most_alone=ledger.MOST, most_a_day=ledger.MOST, valid_from=NOON.date())
    courier = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    books = Books(
        district=district, other=other, gift=gift, station=make_station(), second=make_station(), courier=courier
    )
    funds.allocate(district=district, points=100_000, source="武财〔2026〕1号", op_id=op(), actor=ACTOR, at=NOON)
    if pieces:
        stock.receive(
            gift=gift,
            station=books.station,
            pieces=pieces,
            delivery=stock.Delivery(document_no="R-1", unit_price_cny=Decimal("12.50"), funding="union"),
            op_id=op(),
            actor=ACTOR,
            at=NOON,
        )
    if points:
        award(books, points)
    return books


def award(books: Books, points: int, *, courier: Courier | None = None, actor: str = ACTOR) -> Posting:
    given = earning.award_by_hand(
        courier=courier or books.courier, points=points, district=books.district, reason="tests", op_id=op(), actor=actor,
        at=NOON,
    )  # fmt: skip
    return given.posting


def order(books: Books, *, courier: Courier | None = None, op_id: uuid.UUID | None = None, **other: Any) -> Redemption:
    """A piece set aside for the courier, at its price."""
    said: dict[str, Any] = {
        "gift": books.gift,
        "station": books.station,
        "points": PRICE,
        "actor": "self",
        "at": NOON,
    } | other
    return redemption.order(courier=courier or books.courier, op_id=op_id or op(), **said)
