"""Any sequence of what people do (T05): the ledger against a model that is three dictionaries."""

import uuid
from collections import Counter
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from core.errors import DomainError
from points import funds, ledger, stock, verifying
from points.errors import FundEmpty, NotEnoughPoints, OperationReused, OutOfStock, ReversedAlready
from points.models import Account, Posting
from tests.builders import NOON, make_courier
from tests.points.books import keep_books, op
from tests.proving import counted, times

AMOUNTS = st.integers(1, 400)
WHO = st.integers(0, 2)
WHERE = st.integers(0, 1)


class Town(RuleBasedStateMachine):
    """Three couriers, two cabinets, one fund. Three in ten wishes are made to be refused."""

    steps = 0
    refused = 0

    @initialize()
    def open_books(self) -> None:
        self.books = keep_books(points=0, pieces=0)
        self.couriers = [self.books.courier, make_courier(), make_courier()]
        self.stations = [self.books.station, self.books.second]
        self.points: Counter[int] = Counter()
        self.pieces: Counter[int] = Counter()
        self.aside: Counter[int] = Counter()
        self.fund = 100_000
        self.orders: list[tuple[int, int, int, Posting]] = []
        self.awards: list[tuple[int, int, Posting]] = []
        self.last: tuple[uuid.UUID, list[tuple[int, int]]] | None = None

    # ── What one can wish, and what the model says to it ────────────────────────────────────────────────────────────

    def post(self, kind: str, moves: list[tuple[int, int]], refusal: type[DomainError] | None) -> Posting | None:
        op_id = op()

        def wish() -> ledger.Posted:
            return ledger.post(kind=kind, moves=moves, op_id=op_id, actor="tests", at=NOON)

        posted = self.expect(wish, refusal)
        if posted is None:
            return None
        self.last = (op_id, moves)
        return Posting.objects.get(pk=posted.posting_id)

    def expect(self, wish: Any, refusal: type[DomainError] | None) -> Any:
        Town.steps += 1
        if refusal is None:
            return wish()
        Town.refused += 1
        with pytest.raises(refusal), transaction.atomic():
            wish()
        return None

    @rule(who=WHO, points=AMOUNTS)
    def award(self, who: int, points: int) -> None:
        moves = [(self.books.fund, -points), (ledger.wallet(self.couriers[who]), points)]
        posting = self.post("award", moves, None if points <= self.fund else FundEmpty)
        if posting:
            self.fund -= points
            self.points[who] += points
            self.awards.append((who, points, posting))

    @rule(points=AMOUNTS)
    def allocate(self, points: int) -> None:
        self.expect(
            lambda: funds.allocate(
                district=self.books.district, points=points, source="R", op_id=op(), actor="tests", at=NOON
            ),
            None,
        )
        self.fund += points

    @rule(where=WHERE, pieces=st.integers(1, 4))
    def receive(self, where: int, pieces: int) -> None:
        paper = stock.Delivery(document_no="R", unit_price_cny=1, funding="union")  # type: ignore[arg-type]
        self.expect(
            lambda: stock.receive(
                gift=self.books.gift, station=self.stations[where], pieces=pieces, delivery=paper, op_id=op(),
                actor="tests", at=NOON,
            ),
            None,
        )  # fmt: skip
        self.pieces[where] += pieces

    @rule(who=WHO, where=WHERE, points=AMOUNTS)
    def order(self, who: int, where: int, points: int) -> None:
        gift, station = self.books.gift, self.stations[where]
        moves = [
            (ledger.wallet(self.couriers[who]), -points),
            (ledger.of_district("redeemed", self.books.district.code), points),
            (ledger.stock(gift, station), -1),
            (ledger.reserve(gift, station), 1),
        ]
        # The accounts are asked in the order of their ids: which of two refusals comes first is theirs to say.
        has_points, has_pieces = points <= self.points[who], self.pieces[where] >= 1
        refusal = None if has_points and has_pieces else DomainError
        if not has_points and has_pieces:
            refusal = NotEnoughPoints
        elif has_points and not has_pieces:
            refusal = OutOfStock
        posting = self.post("order", moves, refusal)
        if posting:
            self.points[who] -= points
            self.pieces[where] -= 1
            self.aside[where] += 1
            self.orders.append((who, where, points, posting))

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        who, where, points, _posting = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))
        del who, points
        gift = self.books.gift
        moves = [(ledger.reserve(gift, self.stations[where]), -1), (ledger.of_gift("handed-out", gift), 1)]
        self.post("handover", moves, None)
        self.aside[where] -= 1

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        who, where, points, posting = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))
        self.reverse(posting, None)
        self.points[who] += points
        self.pieces[where] += 1
        self.aside[where] -= 1
        self.reverse(posting, ReversedAlready)

    @precondition(lambda self: self.awards)
    @rule(data=st.data())
    def take_award_back(self, data: st.DataObject) -> None:
        place = data.draw(st.integers(0, len(self.awards) - 1))
        who, points, posting = self.awards[place]
        if points > self.points[who]:
            self.reverse(posting, NotEnoughPoints)
            return
        self.awards.pop(place)
        self.reverse(posting, None)
        self.points[who] -= points
        self.fund += points

    def reverse(self, posting: Posting, refusal: type[DomainError] | None) -> None:
        self.expect(
            lambda: ledger.reverse(posting=posting, reason="tests", op_id=op(), actor="tests", at=NOON), refusal
        )

    @rule(who=WHO, points=AMOUNTS)
    def expire(self, who: int, points: int) -> None:
        moves = [(ledger.wallet(self.couriers[who]), -points), (ledger._account("expired"), points)]
        if self.post("expiry", moves, None if points <= self.points[who] else NotEnoughPoints):
            self.points[who] -= points

    @rule(who=WHO, whom=WHO, points=AMOUNTS)
    def merge(self, who: int, whom: int, points: int) -> None:
        if who == whom:
            return
        moves = [(ledger.wallet(self.couriers[who]), -points), (ledger.wallet(self.couriers[whom]), points)]
        if self.post("merge", moves, None if points <= self.points[who] else NotEnoughPoints):
            self.points[who] -= points
            self.points[whom] += points

    @rule(where=WHERE, pieces=st.integers(1, 3))
    def carry(self, where: int, pieces: int) -> None:
        self.expect(
            lambda: stock.move(
                gift=self.books.gift, source=self.stations[where], target=self.stations[1 - where], pieces=pieces,
                op_id=op(), actor="tests", at=NOON,
            ),
            None if pieces <= self.pieces[where] else OutOfStock,
        )  # fmt: skip
        if pieces <= self.pieces[where]:
            self.pieces[where] -= pieces
            self.pieces[1 - where] += pieces

    @rule(where=WHERE, pieces=st.integers(1, 3))
    def scrap(self, where: int, pieces: int) -> None:
        self.expect(
            lambda: stock.scrap(
                gift=self.books.gift, station=self.stations[where], pieces=pieces, reason="tests", op_id=op(),
                actor="tests", at=NOON,
            ),
            None if pieces <= self.pieces[where] else OutOfStock,
        )  # fmt: skip
        if pieces <= self.pieces[where]:
            self.pieces[where] -= pieces

    @rule(where=WHERE, found=st.integers(0, 6))
    def count(self, where: int, found: int) -> None:
        done = self.expect(
            lambda: stock.count(
                gift=self.books.gift, station=self.stations[where], found=found, witness="wang", reason="tests",
                op_id=op(), actor="tests", at=NOON,
            ),
            None,
        )  # fmt: skip
        assert done.difference == found - self.pieces[where]
        self.pieces[where] = found

    @precondition(lambda self: self.last is not None)
    @rule(other=st.booleans())
    def wish_the_same_again(self, other: bool) -> None:
        assert self.last is not None
        op_id, moves = self.last
        kind = Posting.objects.get(op_id=op_id).kind
        if other:
            moves = [(account, amount * 2) for account, amount in moves]
        again = self.expect(
            lambda: ledger.post(kind=kind, moves=moves, op_id=op_id, actor="tests", at=NOON),
            OperationReused if other else None,
        )
        assert other or not again.is_new

    # ── What holds after every step ─────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        if not hasattr(self, "fund"):
            return
        found = dict(Account.objects.filter(is_bounded=True).values_list("pk", "balance"))
        gift = self.books.gift
        expected = {self.books.fund: self.fund}
        expected |= {ledger.wallet(each): self.points[who] for who, each in enumerate(self.couriers)}
        for where, station in enumerate(self.stations):
            expected |= {
                ledger.stock(gift, station): self.pieces[where],
                ledger.reserve(gift, station): self.aside[where],
            }
        assert {account: found.get(account, 0) for account in expected} == expected
        assert list(verifying.broken_invariants()) == []


@pytest.mark.django_db
def test_whatever_people_do_the_books_agree() -> None:
    Town.steps = Town.refused = 0

    class InATransaction(Town):
        """Each run begins with an empty ledger."""

        def __init__(self) -> None:
            super().__init__()
            self.block = transaction.atomic()
            self.block.__enter__()

        def teardown(self) -> None:
            transaction.set_rollback(True)
            self.block.__exit__(None, None, None)

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        InATransaction,
        settings=settings(
            max_examples=times(15, 600), stateful_step_count=times(25, 40), deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip
    assert Town.refused > Town.steps // 10
    counted(
        "T05", "steps of the stateful model, each followed by all invariants", steps=Town.steps, refused=Town.refused
    )
