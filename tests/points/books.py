"""A small town with books: two districts with funds, a gift in a cabinet, couriers with points."""

import uuid
from dataclasses import dataclass
from decimal import Decimal

from couriers.models import Courier
from points import funds, ledger, stock
from points.models import Gift, Posting
from stations.models import Division, Station
from tests.builders import NOON, make_courier, make_district, make_station

__all__ = ["Books", "award", "keep_books", "op"]

ACTOR = "tests"


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
    books = Books(
        district=district, other=other, gift=gift, station=make_station(), second=make_station(), courier=make_courier()
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


def award(books: Books, points: int, *, courier: Courier | None = None) -> Posting:
    posted = ledger.post(
        kind="award",
        moves=[(books.fund, -points), (ledger.wallet(courier or books.courier), points)],
        op_id=op(),
        actor=ACTOR,
        at=NOON,
        source="tests",
    )
    return Posting.objects.get(pk=posted.posting_id)
