"""Postings through the only door that writes them."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.errors import DomainError, InvalidValue
from core.models import AuditEvent
from points import funds, ledger
from points.errors import (
    FundEmpty,
    NotEnoughPoints,
    NothingReversed,
    OperationReused,
    OutOfStock,
    PostingReasonMissing,
    ReversedAlready,
)
from points.models import Account, Entry, Posting
from tests.builders import NOON, make_courier
from tests.points.books import Books, award, keep_books, op

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books()


def order(books: Books, points: int, *, op_id: uuid.UUID | None = None) -> ledger.Posted:
    """A gift ordered: points and piece in one posting."""
    return ledger.post(
        kind="order",
        moves=[
            (books.wallet, -points),
            (ledger.of_district("redeemed", books.district.code), points),
            (ledger.stock(books.gift, books.station), -1),
            (ledger.reserve(books.gift, books.station), 1),
        ],
        op_id=op_id or op(),
        actor="tests",
        at=NOON,
    )


def everything() -> tuple[Any, ...]:
    return (
        list(Account.objects.order_by("pk").values()),
        Posting.objects.count(),
        Entry.objects.count(),
        AuditEvent.objects.count(),
    )


def test_an_order_moves_points_and_piece_together(books: Books) -> None:
    posted = order(books, 400)
    stock, reserve = ledger.stock(books.gift, books.station), ledger.reserve(books.gift, books.station)
    assert posted.balances == {books.wallet: 600, stock: 9, reserve: 1}
    entries = Entry.objects.filter(posting=posted.posting_id).order_by("account")
    assert {each.account_id: (each.amount, each.balance_after) for each in entries if each.seq is not None} == {
        books.wallet: (-400, 600),
        stock: (-1, 9),
        reserve: (1, 1),
    }
    assert [each.balance_after for each in entries if each.seq is None] == [None]  # redeemed is not bounded


@pytest.mark.parametrize(
    ("points", "pieces", "refusal", "numbers"),
    [
        (1_001, 10, NotEnoughPoints, {"balance": 1_000, "needed": 1_001}),
        (1_000, 0, OutOfStock, {"balance": 0, "needed": 1}),
    ],
)
def test_what_is_not_there_is_not_taken(
    points: int, pieces: int, refusal: type[DomainError], numbers: dict[str, int]
) -> None:
    books = keep_books(pieces=pieces)
    ledger.stock(books.gift, books.station), ledger.reserve(books.gift, books.station)
    ledger.of_district("redeemed", books.district.code)
    before = everything()
    with pytest.raises(refusal) as refused, transaction.atomic():
        order(books, points)
    assert refused.value.data == numbers
    assert everything() == before
    if pieces:
        order(books, points - 1)


def test_an_empty_fund_awards_nothing(books: Books) -> None:
    left = funds.balance(books.district.code)
    with pytest.raises(FundEmpty) as refused, transaction.atomic():
        award(books, left + 1)
    assert refused.value.data == {"balance": left, "needed": left + 1}
    award(books, left)


def test_the_same_wish_twice_is_one_posting(books: Books) -> None:
    op_id = op()
    first = order(books, 400, op_id=op_id)
    before = everything()
    again = order(books, 400, op_id=op_id)
    assert (first.is_new, again.is_new) == (True, False)
    assert (again.posting_id, again.balances) == (first.posting_id, first.balances)
    assert everything() == before


def test_one_number_cannot_stand_for_two_wishes(books: Books) -> None:
    op_id = op()
    order(books, 400, op_id=op_id)
    with pytest.raises(OperationReused):
        order(books, 401, op_id=op_id)
    moves, op_id = [(books.fund, -5), (books.wallet, 5)], op()
    ledger.post(kind="award", moves=moves, op_id=op_id, actor="tests", at=NOON)
    with pytest.raises(OperationReused):
        ledger.post(kind="opening", moves=moves, op_id=op_id, actor="tests", at=NOON)


def test_a_reversal_is_equal_and_opposite_and_comes_once(books: Books) -> None:
    posting = Posting.objects.get(pk=order(books, 400).posting_id)
    op_id, later = op(), NOON + timedelta(hours=1)
    taken_back, again = (
        ledger.reverse(posting=posting, reason="拿错了", op_id=op_id, actor="li", at=later) for _told in range(2)
    )
    assert taken_back.balances[books.wallet] == 1_000
    assert (again.posting_id, again.is_new) == (taken_back.posting_id, False)
    assert AuditEvent.objects.get(kind="posting.reversed").data == {"reason": "拿错了"}
    with pytest.raises(ReversedAlready), transaction.atomic():
        ledger.reverse(posting=posting, reason="拿错了", op_id=op(), actor="li", at=NOON)
    reversal = Posting.objects.get(pk=taken_back.posting_id)
    with pytest.raises(NothingReversed):
        ledger.reverse(posting=reversal, reason="又要", op_id=op(), actor="li", at=NOON)


def test_a_reversal_says_why(books: Books) -> None:
    posting = Posting.objects.get(pk=order(books, 400).posting_id)
    with pytest.raises(PostingReasonMissing):
        ledger.reverse(posting=posting, reason=" ", op_id=op(), actor="li", at=NOON)


def test_what_was_given_and_is_spent_cannot_be_taken_back(books: Books) -> None:
    given = award(books, 200)
    order(books, 1_100)
    with pytest.raises(NotEnoughPoints) as refused, transaction.atomic():
        ledger.reverse(posting=given, reason="错发", op_id=op(), actor="li", at=NOON)
    assert refused.value.data == {"balance": 100, "needed": 200}


def test_one_of_two_people_is_not_two(books: Books) -> None:
    moves = [(books.fund, -5), (books.wallet, 5)]
    with pytest.raises(IntegrityError, match="approver_is_another"), transaction.atomic():
        ledger.post(kind="award", moves=moves, op_id=op(), actor="li", approver="li", at=NOON)
    ledger.post(kind="award", moves=moves, op_id=op(), actor="li", approver="wang", at=NOON)


@pytest.mark.parametrize("value", [0, -1, 10**30, 1.5, float("nan"), "5", True, None])
def test_an_amount_is_a_whole_number_from_1(value: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        ledger.checked_amount("points", value)
    assert refused.value.parameter == "points"
    assert [ledger.checked_amount("points", each) for each in (1, ledger.MOST)] == [1, ledger.MOST]


def test_a_wallet_is_made_once(books: Books) -> None:
    other = make_courier()
    assert ledger.wallet(other) == ledger.wallet(other) != books.wallet
    assert Account.objects.filter(kind="wallet").count() == 2
