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
from couriers import registration
from points import funds, ledger, passes, redemption, stock, verifying
from points.errors import FundEmpty, NotEnoughPoints, NotWaiting, OperationReused, OutOfStock
from points.models import Account, Posting, Redemption
from tests.builders import NOON, make_courier
from tests.points.books import PRICE, award, keep_books, op, order
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
        others = [registration.verify(courier=make_courier(), actor="tests", at=NOON) for _number in range(2)]
        self.couriers = [self.books.courier, *others]
        self.stations = [self.books.station, self.books.second]
        self.points: Counter[int] = Counter()
        self.pieces: Counter[int] = Counter()
        self.aside: Counter[int] = Counter()
        self.fund = 100_000
        self.orders: list[tuple[int, int, Redemption]] = []
        self.awards: list[tuple[int, int, Posting]] = []
        self.last: tuple[uuid.UUID, list[tuple[int, int]]] | None = None

    # ── What one can wish, and what the model says to it ────────────────────────────────────────────────────────────

    def post(self, kind: str, moves: list[tuple[int, int]], refusal: type[DomainError] | None) -> bool:
        op_id = op()
        posted = self.expect(lambda: ledger.post(kind=kind, moves=moves, op_id=op_id, actor="tests", at=NOON), refusal)
        if posted is not None:
            self.last = (op_id, moves)
        return posted is not None

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
        posting = self.expect(
            lambda: award(self.books, points, courier=self.couriers[who]), None if points <= self.fund else FundEmpty
        )
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

    def refused_order(self, who: int, where: int) -> type[DomainError] | None:
        has_points, has_pieces = self.points[who] >= PRICE, self.pieces[where] >= 1
        if has_points and has_pieces:
            return None
        if not has_points and not has_pieces:
            return DomainError  # the accounts are asked in the order of their ids: which no comes first is theirs
        return OutOfStock if has_points else NotEnoughPoints

    @rule(who=WHO, where=WHERE)
    def order(self, who: int, where: int) -> None:
        made = self.expect(
            lambda: order(self.books, courier=self.couriers[who], station=self.stations[where]),
            self.refused_order(who, where),
        )
        if made:
            self.points[who] -= PRICE
            self.pieces[where] -= 1
            self.aside[where] += 1
            self.orders.append((who, where, made))

    @rule(who=WHO, where=WHERE)
    def redeem_at_once(self, who: int, where: int) -> None:
        def wish() -> Redemption:
            digits = passes.issue(courier=self.couriers[who], at=NOON)
            return redemption.redeem(
                courier=self.couriers[who], gift=self.books.gift, station=self.stations[where], points=PRICE,
                presence=redemption.Presence(digits=digits), op_id=op(), actor="tests", at=NOON,
            )  # fmt: skip

        if self.expect(wish, self.refused_order(who, where)):
            self.points[who] -= PRICE
            self.pieces[where] -= 1

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        who, where, made = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))

        def wish(digits: str) -> Redemption:
            presence = redemption.Presence(digits=digits)
            return redemption.hand_over(redemption=made, presence=presence, op_id=op(), actor="tests", at=NOON)

        digits = passes.issue(courier=self.couriers[who], at=NOON)
        self.expect(lambda: wish(digits), None)
        self.aside[where] -= 1
        self.expect(lambda: wish(digits), NotWaiting)

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        who, where, made = self.orders.pop(data.draw(st.integers(0, len(self.orders) - 1)))

        def wish() -> Redemption:
            return redemption.cancel(redemption=made, reason="tests", op_id=op(), actor="tests", at=NOON)

        self.expect(wish, None)
        self.points[who] += PRICE
        self.pieces[where] += 1
        self.aside[where] -= 1
        self.expect(wish, NotWaiting)

    @rule()
    def a_week_passes(self) -> None:
        self.expect(lambda: redemption.expire_due(now=NOON + redemption.FETCH_WITHIN), None)
        for who, where, _made in self.orders:
            self.points[who] += PRICE
            self.pieces[where] += 1
            self.aside[where] -= 1
        self.orders.clear()

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

    run_state_machine_as_test(
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
