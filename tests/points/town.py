"""A town for the stateful model (T05): what people can wish there, and what must come of it according to three
dictionaries.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from unittest import mock
from weakref import WeakKeyDictionary

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from core import clock
from core.errors import DomainError, InvalidValue
from couriers import registration
from couriers.errors import CourierBlocked
from points import earning, funds, gifts, ledger, passes, redemption, stock, verifying
from points.errors import (
    CapReached,
    CountUnwitnessed,
    CourierNotMet,
    EarnedAlready,
    FundEmpty,
    GiftOfAnotherDistrict,
    LimitReached,
    NotEnoughPoints,
    NothingReversed,
    NotWaiting,
    OperationReused,
    OutOfStock,
    PassWrong,
    PriceChanged,
    ReversedAlready,
    SecondPersonMissing,
)
from points.models import Account, Award, AwardLimit, EarningRule, Posting, Redemption
from stations.models import Station
from tests.builders import NOON, make_courier, make_station, make_subdistrict
from tests.points.books import PRICE, keep_books, op

__all__ = ["Town"]

# The names of the statements whose plans a connection has kept.
_kept: WeakKeyDictionary[Any, dict[str, str]] = WeakKeyDictionary()


def _planned_once(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """The invariants are checked after every step of every walk: planning them takes longer than running them on so few rows."""
    if params is not None or not sql.startswith("SELECT said"):
        return execute(sql, params, many, context)
    names = _kept.setdefault(context["connection"].connection, {})
    if sql not in names:
        names[sql] = f"invariant_{len(names)}"
        execute(f"PREPARE {names[sql]} AS {sql}", None, many, context)
    return execute(f"EXECUTE {names[sql]}", None, many, context)


# What can be chosen in a wish, by name.
VALUES: dict[str, Sequence[Any]] = {
    "who": range(4),
    "whom": range(4),
    "where": range(2),
    "district": range(2),
    "points": range(1, 401),
    "price": (150, 200, 250),
    "more": (0, 0, 0, 0, 50),
    "pieces": range(1, 5),
    "found": range(7),
    "matter": range(40),
    "minutes": (6, 6, 5 * 60, 13 * 60, 26 * 60, 8 * 24 * 60),
    "yes": (True, False),
    "seldom": (True, False, False),
}
A_DEED, DEEDS_A_DAY = 60, 1
ALONE, A_DAY = 300, 400
A_MONTH = 2
BROUGHT, STOCKED = 700, 3
STRANGER = 3  # the one of the four couriers whom no steward has met

Refusal = type[Exception] | None


# What chooses: Hypothesis, which shrinks a failure, or a random generator.
Chooser = st.DataObject | Random
WISHES: list[tuple[str, tuple[str, ...], Callable[[Any], Any] | None]] = []


def wish(*names: str, when: Callable[[Any], Any] | None = None, often: int = 1) -> Callable[[Callable[..., None]], Any]:
    """A rule of the model: it is called with values of these names, and only `when` that holds. On a walk
    it comes `often` times as often as the others."""

    def decorate(verb: Callable[..., None]) -> Any:
        WISHES.extend([(verb.__name__, names, when)] * often)
        given = {name: st.data() if name == "chooser" else st.sampled_from(VALUES[name]) for name in names}
        made = rule(**given)(verb)  # type: ignore[call-overload]
        return made if when is None else precondition(when)(made)

    return decorate


def chosen(chooser: Chooser, values: Sequence[Any]) -> Any:
    return chooser.choice(values) if isinstance(chooser, Random) else chooser.draw(st.sampled_from(values))


@dataclass
class Kept:
    """A redemption as the model knows it."""

    who: int
    where: int
    points: int
    ordered_at: datetime
    status: str
    row: Redemption


@dataclass
class Given:
    """An award as the model knows it."""

    who: int
    district: int
    points: int
    day: date
    by_hand: bool
    posting: Posting
    is_taken_back: bool = False


class Town(RuleBasedStateMachine):
    """Four couriers, two cabinets, two funds, a clock. Three wishes in ten are meant to be refused."""

    steps = 0
    refused = 0

    @initialize()
    def open_books(self) -> None:
        self.books = keep_books(points=0, pieces=0)
        AwardLimit.objects.update(most_alone=ALONE, most_a_day=A_DAY)
        EarningRule.objects.create(
            action=EarningRule.Action.VOLUNTEER, points=A_DEED, most_a_day=DEEDS_A_DAY, valid_from=NOON.date()
        )
        self.books.gift.most_a_month = A_MONTH
        self.books.gift.save()
        others = [registration.verify(courier=make_courier(), actor="tests", at=NOON) for _number in range(2)]
        self.couriers = [self.books.courier, *others, make_courier()]
        self.is_met = [True, True, True, False]
        self.is_blocked = [False] * 4
        self.stations = [self.books.station, self.books.second]
        self.districts = [self.books.district, self.books.other]
        self.elsewhere: Station = make_station(
            division=make_subdistrict(code="420104001", name="古田街道", district=self.books.other)
        )
        self.at = NOON
        # Something to begin with, so that few steps lead far.
        for each in self.couriers:
            opening = ledger.of_district("opening", self.books.district.code)
            moves = [(opening, -BROUGHT), (ledger.wallet(each), BROUGHT)]
            ledger.post(kind="opening", moves=moves, op_id=op(), actor="tests", at=NOON)
        self.price, self.priced_on = PRICE, NOON.date() - timedelta(days=30)
        self.points: Counter[int] = Counter(dict.fromkeys(range(4), BROUGHT))
        self.pieces: Counter[int] = Counter()
        self.funds = [100_000, 0]
        self.kept: list[Kept] = []
        self.given: list[Given] = []
        self.matters: set[int] = set()
        # The pass that each courier shows, and until when; and those that were used.
        self.shown: dict[int, tuple[str, datetime]] = {}
        self.used: set[str] = set()
        self.last: tuple[uuid.UUID, list[tuple[int, int]]] | None = None
        for where in range(2):
            self.receive_now(where, STOCKED)
        self.wallets = [ledger.wallet(each) for each in self.couriers]
        self.fund_accounts = [ledger.fund(each.code) for each in self.districts]
        gift = self.books.gift
        self.cabinets = [(ledger.stock(gift, each), ledger.reserve(gift, each)) for each in self.stations]

    def walk(self, chance: Random, steps: int) -> None:
        """Wish at random, without Hypothesis: many steps in little time, and the same ones for the same seed."""
        self.open_books()
        for _step in range(steps):
            name, names, _when = chance.choice([each for each in WISHES if each[2] is None or each[2](self)])
            values = {each: chance if each == "chooser" else chance.choice(VALUES[each]) for each in names}
            getattr(self, name)(**values)
            self.the_books_say_what_the_model_says()

    # ── How a wish is told ──────────────────────────────────────────────────────────────────────────────────────────

    def expect(self, wish: Callable[[], Any], refusal: Refusal) -> Any:
        """What comes of the wish; None if it is refused as the model says."""
        Town.steps += 1
        if refusal is None:
            return wish()
        Town.refused += 1
        with pytest.raises(refusal) as said, transaction.atomic():
            wish()
        assert refusal is DomainError or type(said.value) is refusal
        return None

    def post(self, kind: str, moves: list[tuple[int, int]], refusal: Refusal) -> bool:
        op_id = op()
        posted = self.expect(
            lambda: ledger.post(kind=kind, moves=moves, op_id=op_id, actor="tests", at=self.at), refusal
        )
        if posted is not None:
            self.last = (op_id, moves)
        return posted is not None

    @property
    def day(self) -> date:
        return clock.local_date(self.at)

    def waiting(self) -> list[Kept]:
        return [each for each in self.kept if each.status == "ordered"]

    # ── Points ──────────────────────────────────────────────────────────────────────────────────────────────────────

    @wish("who", "points", "district", often=2)
    def award_by_hand(self, who: int, points: int, district: int) -> None:
        op_id = op()
        today = sum(each.points for each in self.given if each.by_hand and self.counts_today(each))

        def wish() -> Award:
            return earning.award_by_hand(
                courier=self.couriers[who], points=points, district=self.districts[district], reason="tests",
                op_id=op_id, actor="tests", at=self.at,
            )  # fmt: skip

        refusal: Refusal = None
        if self.is_blocked[who]:
            refusal = CourierBlocked
        elif points > ALONE:
            refusal = SecondPersonMissing
        elif points > A_DAY - today:
            refusal = CapReached
        elif points > self.funds[district]:
            refusal = FundEmpty
        self.awarded(wish, refusal, who, district, points, by_hand=True)

    @wish("who", "matter", "district", often=2)
    def award_for_a_deed(self, who: int, matter: int, district: int) -> None:
        op_id = op()
        today = sum(not each.by_hand and each.who == who and self.counts_today(each) for each in self.given)

        def wish() -> Award:
            return earning.award(
                courier=self.couriers[who], action="volunteer", district=self.districts[district],
                matter=f"deed {matter}", op_id=op_id, actor="tests", at=self.at,
            )  # fmt: skip

        refusal: Refusal = None
        if self.is_blocked[who]:
            refusal = CourierBlocked
        elif matter in self.matters:
            refusal = EarnedAlready
        elif today >= DEEDS_A_DAY:
            refusal = CapReached
        elif self.funds[district] < A_DEED:
            refusal = FundEmpty
        if self.awarded(wish, refusal, who, district, A_DEED, by_hand=False):
            self.matters.add(matter)

    def counts_today(self, given: Given) -> bool:
        return given.day == self.day and not given.is_taken_back

    def awarded(
        self, wish: Callable[[], Award], refusal: Refusal, who: int, district: int, points: int, *, by_hand: bool
    ) -> bool:
        found = self.expect(wish, refusal)
        if found is None:
            return False
        assert wish().pk == found.pk  # told again it is the same award
        assert (found.day, found.points) == (self.day, points)
        self.funds[district] -= points
        self.points[who] += points
        self.given.append(Given(who, district, points, self.day, by_hand, found.posting))
        return True

    @wish("points", "district")
    def allocate(self, points: int, district: int) -> None:
        self.expect(
            lambda: funds.allocate(
                district=self.districts[district], points=points, source="R", op_id=op(), actor="tests", at=self.at
            ),
            None,
        )
        self.funds[district] += points

    @wish("who", "points")
    def take_over_from_paper(self, who: int, points: int) -> None:
        opening = ledger.of_district("opening", self.books.district.code)
        self.post("opening", [(opening, -points), (self.wallets[who], points)], None)
        self.points[who] += points

    @wish("chooser", when=lambda self: self.given)
    def take_award_back(self, chooser: Chooser) -> None:
        given = self.given[chosen(chooser, range(len(self.given)))]
        refusal: Refusal = None
        if given.points > self.points[given.who]:
            # The database may report either of the two first.
            refusal = DomainError if given.is_taken_back else NotEnoughPoints
        elif given.is_taken_back:
            refusal = ReversedAlready

        def wish(posting: Posting = given.posting) -> ledger.Posted:
            return ledger.reverse(posting=posting, reason="tests", op_id=op(), actor="tests", at=self.at)

        posted = self.expect(wish, refusal)
        if posted is None:
            return
        given.is_taken_back = True
        self.points[given.who] -= given.points
        self.funds[given.district] += given.points
        self.expect(lambda: wish(Posting.objects.get(pk=posted.posting_id)), NothingReversed)

    @wish("who", "points")
    def expire(self, who: int, points: int) -> None:
        moves = [(self.wallets[who], -points), (ledger._account("expired"), points)]
        if self.post("expiry", moves, None if points <= self.points[who] else NotEnoughPoints):
            self.points[who] -= points

    @wish("who", "whom", "points")
    def merge(self, who: int, whom: int, points: int) -> None:
        if who == whom:
            return
        moves = [(self.wallets[who], -points), (self.wallets[whom], points)]
        if self.post("merge", moves, None if points <= self.points[who] else NotEnoughPoints):
            self.points[who] -= points
            self.points[whom] += points

    @wish("yes", when=lambda self: self.last is not None)
    def wish_the_same_again(self, yes: bool) -> None:
        assert self.last is not None
        op_id, moves = self.last
        kind = Posting.objects.get(op_id=op_id).kind
        if yes:
            moves = [(account, amount * 2) for account, amount in moves]
        again = self.expect(
            lambda: ledger.post(kind=kind, moves=moves, op_id=op_id, actor="tests", at=self.at),
            OperationReused if yes else None,
        )
        assert yes or not again.is_new

    # ── People and time ─────────────────────────────────────────────────────────────────────────────────────────────

    @wish("minutes")
    def time_passes(self, minutes: int) -> None:
        Town.steps += 1
        self.at += timedelta(minutes=minutes)

    @wish()
    def the_worker_comes(self) -> None:
        due = [each for each in self.waiting() if each.ordered_at + redemption.FETCH_WITHIN <= self.at]
        assert self.expect(lambda: redemption.expire_due(now=self.at), None) == len(due)
        for each in due:
            self.returned(each, "expired")

    @wish("who", "seldom")
    def block_or_unblock(self, who: int, seldom: bool) -> None:
        if not seldom and not self.is_blocked[who]:
            return
        verb = registration.unblock if self.is_blocked[who] else registration.block
        self.expect(lambda: verb(courier=self.couriers[who], reason="tests", actor="tests", at=self.at), None)
        self.is_blocked[who] = not self.is_blocked[who]

    @wish(when=lambda self: not self.is_met[STRANGER])
    def a_steward_meets_the_stranger(self) -> None:
        refusal = CourierBlocked if self.is_blocked[STRANGER] else None
        courier = self.couriers[STRANGER]
        if self.expect(lambda: registration.verify(courier=courier, actor="tests", at=self.at), refusal):
            self.is_met[STRANGER] = True

    @wish("who")
    def show_a_new_pass(self, who: int) -> None:
        refusal = CourierBlocked if self.is_blocked[who] else None
        digits = self.expect(lambda: passes.issue(courier=self.couriers[who], at=self.at), refusal)
        if digits:
            self.shown[who] = (digits, self.at + passes.LIFE)

    def may_show(self, who: int, digits: str) -> bool:
        known = self.shown.get(who)
        return known is not None and known[0] == digits and self.at < known[1] and digits not in self.used

    def a_pass(self, chooser: Chooser, who: int) -> str:
        """Digits that are shown for `who`: sometimes old ones, or somebody else's."""
        if chosen(chooser, VALUES["yes"]) and not self.is_blocked[who]:
            self.show_a_new_pass(who)
        known = [self.shown[each][0] for each in sorted(self.shown)]
        own = [self.shown[who][0]] * 3 if who in self.shown else []
        return chosen(chooser, [*own, *known]) if known else "none"

    # ── Gifts ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @wish("price")
    def set_the_price(self, price: int) -> None:
        is_used = any(clock.local_date(each.ordered_at) == self.day for each in self.kept)
        if self.expect(
            lambda: gifts.set_price(gift=self.books.gift, points=price, valid_from=self.day, actor="tests", at=self.at),
            InvalidValue if self.priced_on == self.day and is_used else None,
        ):
            self.price, self.priced_on = price, self.day

    def refusal_of(self, who: int, where: int, points: int, *, at_once: bool) -> Refusal:
        this_month = self.day.replace(day=1)
        had = sum(
            each.who == who
            and each.status in {"ordered", "handed-over"}
            and clock.local_date(each.ordered_at) >= this_month
            for each in self.kept
        )
        if self.is_blocked[who]:
            return CourierBlocked
        if at_once and not self.is_met[who]:
            return CourierNotMet
        if points != self.price:
            return PriceChanged
        if had >= A_MONTH:
            return LimitReached
        has_points, has_pieces = self.points[who] >= self.price, self.pieces[where] >= 1
        if has_points and has_pieces:
            return None
        if not has_points and not has_pieces:
            return DomainError  # accounts are booked in the order of their ids, which decides which refusal comes first
        return OutOfStock if has_points else NotEnoughPoints

    def redeemed(self, wish: Callable[[], Redemption], refusal: Refusal, who: int, where: int, status: str) -> None:
        found = self.expect(wish, refusal)
        if found is None:
            return
        assert wish().pk == found.pk  # told again it is the same one
        self.points[who] -= self.price
        self.pieces[where] -= 1
        self.kept.append(Kept(who, where, self.price, self.at, status, found))

    @wish("who", "where", "more", often=3)
    def order(self, who: int, where: int, more: int) -> None:
        op_id, points = op(), self.price + more

        def wish() -> Redemption:
            return redemption.order(
                courier=self.couriers[who], gift=self.books.gift, station=self.stations[where], points=points,
                op_id=op_id, actor="self", at=self.at,
            )  # fmt: skip

        self.redeemed(wish, self.refusal_of(who, where, points, at_once=False), who, where, "ordered")

    @wish("who")
    def order_in_another_district(self, who: int) -> None:
        self.expect(
            lambda: redemption.order(
                courier=self.couriers[who], gift=self.books.gift, station=self.elsewhere, points=self.price,
                op_id=op(), actor="self", at=self.at,
            ),
            CourierBlocked if self.is_blocked[who] else GiftOfAnotherDistrict,
        )  # fmt: skip

    @wish("who", "where", "chooser", often=2)
    def redeem_at_once(self, who: int, where: int, chooser: Chooser) -> None:
        digits, op_id = self.a_pass(chooser, who), op()

        def wish(op_id: uuid.UUID = op_id) -> Redemption:
            return redemption.redeem(
                courier=self.couriers[who], gift=self.books.gift, station=self.stations[where], points=self.price,
                presence=redemption.Presence(digits=digits), op_id=op_id, actor="tests", at=self.at,
            )  # fmt: skip

        may = self.may_show(who, digits)
        refusal = self.refusal_of(who, where, self.price, at_once=True) if may else PassWrong
        self.redeemed(wish, refusal, who, where, "handed-over")
        if refusal is None:
            self.used.add(digits)
            self.expect(lambda: wish(op()), PassWrong)

    @wish("chooser", when=lambda self: self.kept)
    def hand_over(self, chooser: Chooser) -> None:
        kept = chosen(chooser, [*self.waiting(), *self.kept[-2:]])
        digits = self.a_pass(chooser, kept.who)

        def wish() -> Redemption:
            presence = redemption.Presence(digits=digits)
            return redemption.hand_over(redemption=kept.row, presence=presence, op_id=op(), actor="tests", at=self.at)

        refusal: Refusal = None
        if kept.status != "ordered":
            refusal = NotWaiting
        elif self.is_blocked[kept.who]:
            refusal = CourierBlocked
        elif not self.is_met[kept.who]:
            refusal = CourierNotMet
        elif not self.may_show(kept.who, digits):
            refusal = PassWrong
        if self.expect(wish, refusal):
            kept.status = "handed-over"
            self.used.add(digits)
            self.expect(wish, NotWaiting)

    @wish("chooser", when=lambda self: self.kept)
    def cancel(self, chooser: Chooser) -> None:
        kept = chosen(chooser, [*self.waiting(), *self.kept[-2:]])

        def wish() -> Redemption:
            return redemption.cancel(redemption=kept.row, reason="tests", op_id=op(), actor="tests", at=self.at)

        if self.expect(wish, None if kept.status == "ordered" else NotWaiting):
            self.returned(kept, "cancelled")

    def returned(self, kept: Kept, status: str) -> None:
        kept.status = status
        self.points[kept.who] += kept.points
        self.pieces[kept.where] += 1

    # ── The cabinets ────────────────────────────────────────────────────────────────────────────────────────────────

    @wish("where", "pieces")
    def receive(self, where: int, pieces: int) -> None:
        self.receive_now(where, pieces)

    def receive_now(self, where: int, pieces: int) -> None:
        paper = stock.Delivery(document_no="R", unit_price_cny=1, funding="union")  # type: ignore[arg-type]
        self.expect(
            lambda: stock.receive(
                gift=self.books.gift, station=self.stations[where], pieces=pieces, delivery=paper, op_id=op(),
                actor="tests", at=self.at,
            ),
            None,
        )  # fmt: skip
        self.pieces[where] += pieces

    @wish("where", "pieces")
    def carry(self, where: int, pieces: int) -> None:
        moved = self.expect(
            lambda: stock.move(
                gift=self.books.gift, source=self.stations[where], target=self.stations[1 - where], pieces=pieces,
                op_id=op(), actor="tests", at=self.at,
            ),
            None if pieces <= self.pieces[where] else OutOfStock,
        )  # fmt: skip
        if moved:
            self.pieces[where] -= pieces
            self.pieces[1 - where] += pieces

    @wish("where", "pieces")
    def scrap(self, where: int, pieces: int) -> None:
        if self.expect(lambda: self.scrapped(where, pieces), None if pieces <= self.pieces[where] else OutOfStock):
            self.pieces[where] -= pieces

    def scrapped(self, where: int, pieces: int) -> ledger.Posted:
        return stock.scrap(
            gift=self.books.gift, station=self.stations[where], pieces=pieces, reason="tests", op_id=op(),
            actor="tests", at=self.at,
        )  # fmt: skip

    def counted(self, where: int, found: int, witness: str = "wang") -> stock.Counted:
        return stock.count(
            gift=self.books.gift, station=self.stations[where], found=found, witness=witness, reason="tests",
            op_id=op(), actor="tests", at=self.at,
        )  # fmt: skip

    @wish("where", "found", "seldom")
    def count(self, where: int, found: int, seldom: bool) -> None:
        done = self.expect(
            lambda: self.counted(where, found, "tests" if seldom else "wang"), CountUnwitnessed if seldom else None
        )
        if done:
            assert done.difference == found - self.pieces[where]
            self.pieces[where] = found

    @wish("found", when=lambda self: any(self.pieces.values()))
    def count_while_a_piece_goes(self, found: int) -> None:
        """Somebody scraps a piece between the first step of a count and its lock."""
        where = 0 if self.pieces[0] else 1
        account, is_first = ledger.stock, True

        def meanwhile(*args: Any) -> int:
            nonlocal is_first
            if is_first:
                is_first = False
                self.scrapped(where, 1)
            return account(*args)

        with mock.patch.object(ledger, "stock", meanwhile):
            done = self.expect(lambda: self.counted(where, found), None)
        assert done.difference == found - (self.pieces[where] - 1)
        self.pieces[where] = found

    # ── What holds after every step ─────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_books_say_what_the_model_says(self) -> None:
        if not hasattr(self, "cabinets"):
            return
        expected = dict(zip(self.fund_accounts, self.funds, strict=True))
        expected |= {account: self.points[who] for who, account in enumerate(self.wallets)}
        aside = Counter(each.where for each in self.waiting())
        for where, (on_hand, set_aside) in enumerate(self.cabinets):
            expected |= {on_hand: self.pieces[where], set_aside: aside[where]}
        found = dict(Account.objects.filter(is_bounded=True).values_list("pk", "balance"))
        assert found == expected
        told = {pk: (status, points) for pk, status, points in Redemption.objects.values_list("pk", "status", "points")}
        assert told == {each.row.pk: (each.status, each.points) for each in self.kept}
        with connection.execute_wrapper(_planned_once):
            assert list(verifying.broken_invariants()) == []
