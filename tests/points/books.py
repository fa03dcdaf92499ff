"""A small town with books: two districts with funds, a gift in a cabinet, couriers with points."""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from core import clock
from couriers import privacy, registration
from couriers.models import Courier
from points import disputes, earning, funds, ledger, passes, proposals, redemption, stock
from points.models import (
    AwardLimit,
    Dispute,
    EarningRule,
    ExpiryRule,
    Gift,
    GiftPrice,
    LedgerCheck,
    Posting,
    Redemption,
    Seal,
    StockMark,
)
from points.redemption import Presence
from stations.models import Division, Station
from tests.builders import NOON, make_company, make_courier, make_district, make_outlet, make_staff, make_station

__all__ = ["ACTOR", "PRICE", "Books", "award", "keep_books", "live_in", "op", "order"]

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
    """武昌 with 100,000 points in its fund, so many umbrellas and a courier with so many points; and 硚口."""
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


def live_in(books: Books, *, rows: int) -> dict[str, Any]:
    """So many rows of everything that the desk lists; returns the keys of one of each, for its URLs."""
    now, auditor = clock.now(), make_staff("auditor")
    given = [award(books, 2 * PRICE) for _each in range(rows)]
    for number in range(rows):
        make_outlet(company=make_company(f"测试品牌{number}号"))
        gift = Gift.objects.create(code=f"wc-gift-{number}", division=books.district, name=f"礼品{number}")
        GiftPrice.objects.create(gift=gift, points=5, valid_from=clock.local_date(now))
        day = clock.local_date(now) - timedelta(days=number + 1)
        EarningRule.objects.create(action="volunteer", points=5, most_a_day=1, valid_from=day, valid_through=day)
        AwardLimit.objects.create(most_alone=5, most_a_day=50, valid_from=day - timedelta(days=500))
        ExpiryRule.objects.create(months=9, valid_from=day, valid_through=day)
        proposals.propose(station=books.station, name=f"礼品{number}", why="常有人问", actor="tests", at=now)
        StockMark.objects.create(gift=gift, station=books.station, pieces=10)
        ledger.stock(gift, books.station)
        award(books, 5, courier=make_courier())
        order(books, at=now)
        done = redemption.redeem(
            courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="tests", at=now,
            presence=Presence(digits=passes.issue(courier=books.courier, at=now)),
        )  # fmt: skip
        disputes.open_dispute(redemption=done, words="不是我领的", at=now)
        # Made by hand: what is not committed is sealed only by chance.
        Seal.objects.create(number=number + 1, postings=1, digest=f"{number:064x}", sealed_at=now)
        LedgerCheck.objects.create(asked_by="tests", asked_at=now, finished_at=now, postings=1, entries=2)
        privacy.reveal(courier=make_courier(), reason="x", actor=auditor, at=now)
    newest = Redemption.objects.latest("pk")
    return {
        "courier": books.courier.pk, "gift": books.gift.pk, "redemption": newest.pk, "award": given[0].pk,
        "station": books.station.code, "cabinet": books.station.pk, "month": f"{clock.local_date(now):%Y-%m}",
        "dispute": Dispute.objects.latest("pk").pk, "check": LedgerCheck.objects.latest("pk").pk,
    }  # fmt: skip
