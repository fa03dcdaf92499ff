"""Gifts in a cabinet: received, moved, counted, scrapped."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from core.errors import DomainError, InvalidValue, NotFound
from core.models import AuditEvent
from points import funds, ledger, stock
from points.errors import CountUnwitnessed, GiftOfAnotherDistrict, OutOfStock, PostingReasonMissing, ReceivedAlready
from points.models import Gift, GiftPrice, GiftWanted, Posting, Receipt
from stations.access import DutyMissing
from tests.builders import NOON, make_staff, make_station, make_subdistrict
from tests.points.books import PRICE, Books, keep_books, op, order

pytestmark = pytest.mark.django_db
PAPER = stock.Delivery(document_no="R-2", unit_price_cny=Decimal("3.20"), funding="donation", donor="某公司")


@pytest.fixture
def books() -> Books:
    return keep_books()


def receive(books: Books, **other: Any) -> ledger.Posted:
    said: dict[str, Any] = {
        "gift": books.gift,
        "station": books.station,
        "pieces": 5,
        "delivery": PAPER,
        "op_id": op(),
        "actor": "tests",
    } | other
    return stock.receive(**said, at=NOON)


def move(books: Books, **other: Any) -> ledger.Posted:
    said: dict[str, Any] = {
        "source": books.station,
        "target": books.second,
        "pieces": 4,
        "op_id": op(),
        "actor": "tests",
    } | other
    return stock.move(gift=books.gift, at=NOON, **said)


def scrap(books: Books, **other: Any) -> ledger.Posted:
    said: dict[str, Any] = {
        "station": books.station,
        "pieces": 1,
        "reason": "断了骨",
        "op_id": op(),
        "actor": "tests",
    } | other
    return stock.scrap(gift=books.gift, at=NOON, **said)


def counted(books: Books, found: int = 9, **other: Any) -> stock.Counted:
    said: dict[str, Any] = {"witness": "王监盘", "reason": "盘点", "actor": "li", "op_id": op()} | other
    return stock.count(gift=books.gift, station=books.station, found=found, at=NOON, **said)


def test_a_delivery_has_its_paper(books: Books) -> None:
    posted = receive(books)
    assert stock.on_hand(books.gift, books.station) == 15
    receipt = Receipt.objects.get(posting=posted.posting_id)
    assert (receipt.document_no, receipt.funding, receipt.donor) == ("R-2", "donation", "某公司")
    assert receipt.posting.source == "R-2"


def test_a_paper_brings_a_gift_into_a_cabinet_once_unless_more_is_said_to_have_come(books: Books) -> None:
    first = receive(books, is_more=False)
    with pytest.raises(ReceivedAlready) as refusal, transaction.atomic():
        receive(books, is_more=False)
    assert refusal.value.data["pieces"] == 5
    assert stock.on_hand(books.gift, books.station) == 15
    # Elsewhere, under another number, on purpose, or after the first was taken back it is none.
    receive(books, is_more=False, station=books.second)
    receive(books, is_more=False, delivery=replace(PAPER, document_no="R-3"))
    posting = Posting.objects.get(pk=first.posting_id)
    ledger.reverse(posting=posting, reason="登错了", op_id=op(), actor="tests", at=NOON)
    receive(books, is_more=False)
    receive(books)
    assert stock.on_hand(books.gift, books.station) == 25


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"pieces": 0}, InvalidValue),
        ({"pieces": 1.5}, InvalidValue),
        ({"delivery": stock.Delivery(document_no="", unit_price_cny=Decimal(1), funding="union")}, ValidationError),
        ({"delivery": stock.Delivery(document_no="R", unit_price_cny=Decimal(-1), funding="union")}, ValidationError),
        ({"delivery": stock.Delivery(document_no="R", unit_price_cny=Decimal(1), funding="donation")}, ValidationError),
        ({"delivery": stock.Delivery(document_no="R", unit_price_cny=Decimal(1), funding="luck")}, ValidationError),
    ],
)
def test_a_delivery_that_cannot_be_is_refused(books: Books, wrong: dict[str, Any], refusal: type[Exception]) -> None:
    postings = Posting.objects.count()
    with pytest.raises(refusal), transaction.atomic():
        receive(books, **wrong)
    assert Posting.objects.count() == postings
    receive(books)


def test_a_station_keeps_the_gifts_of_its_own_district(books: Books) -> None:
    foreign = Gift.objects.create(code="qk-soap", division=books.other, name="洗手液")
    with pytest.raises(GiftOfAnotherDistrict):
        receive(books, gift=foreign)


def test_a_count_told_again_is_answered_as_the_first_time(books: Books) -> None:
    said = op()
    first = counted(books, found=9, op_id=said)
    # Its answer was lost, and a piece is gone since.
    scrap(books)
    again = counted(books, found=9, op_id=said)
    assert (first.difference, first.expected, first.found) == (-1, 10, 9)
    assert (again.difference, again.expected, again.found) == (-1, 10, 9)
    assert first.posted is not None
    assert again.posted is not None
    assert (again.posted.posting_id, again.posted.is_new) == (first.posted.posting_id, False)
    assert stock.on_hand(books.gift, books.station) == 8
    assert AuditEvent.objects.filter(kind="stock.counted").count() == 1


def test_whoever_keeps_another_part_of_the_town_cannot(books: Books) -> None:
    away = make_staff("away", scope=books.other)
    looks_on = make_staff("looks-on", scope=books.district, duties=["view", "review", "audit"])
    keeps = make_staff("keeps", scope=books.station, duties=["counter"])
    for verb in (receive, scrap, counted):
        for actor, refusal in ((away, NotFound), (looks_on, DutyMissing)):
            with pytest.raises(refusal):
                verb(books, actor=actor)
        verb(books, actor=keeps)


@pytest.mark.parametrize("pieces", [0, -1, 1.5])
def test_only_whole_pieces_leave_a_cabinet_and_none_come_by_less_than_none(books: Books, pieces: Any) -> None:
    receive(books, station=books.second)
    with pytest.raises(InvalidValue):
        move(books, pieces=pieces)
    with pytest.raises(InvalidValue):
        scrap(books, pieces=pieces)
    assert [stock.on_hand(books.gift, each) for each in (books.station, books.second)] == [10, 5]


def test_the_same_wish_is_done_once_and_told_once_to_each_station(books: Books) -> None:
    before = AuditEvent.objects.latest("pk").pk
    for verb, said in ((receive, {}), (move, {}), (scrap, {"station": books.second, "reason": " 断了骨\n"})):
        wish = op()
        for _tap in range(2):
            verb(books, op_id=wish, **said)
    assert [stock.on_hand(books.gift, each) for each in (books.station, books.second)] == [11, 3]
    gift, here, there = books.gift.code, books.station.code, books.second.code
    told = AuditEvent.objects.filter(pk__gt=before).order_by("pk").values_list("kind", "subject_code", "data")
    assert list(told) == [
        ("stock.received", here, {"gift": gift, "pieces": 5}),
        ("stock.moved", here, {"gift": gift, "pieces": 4, "to": there}),
        ("stock.arrived", there, {"gift": gift, "pieces": 4, "sent_from": here}),
        ("stock.scrapped", there, {"gift": gift, "pieces": 1, "reason": "断了骨"}),
    ]
    assert Posting.objects.get(kind="scrap").reason == "断了骨"


def test_pieces_move_between_cabinets(books: Books) -> None:
    move(books)
    assert [stock.on_hand(books.gift, each) for each in (books.station, books.second)] == [6, 4]
    with pytest.raises(OutOfStock) as refused, transaction.atomic():
        move(books, source=books.second, target=books.station, pieces=5)
    assert refused.value.data == {"balance": 4, "needed": 5}


def test_who_keeps_a_cabinet_sends_from_it_alone_and_within_the_district(books: Books) -> None:
    keeper = make_staff("keeps", scope=books.station, duties=["counter"])
    move(books, pieces=1, actor=keeper)
    with pytest.raises(NotFound):
        move(books, source=books.second, target=books.station, pieces=1, actor=keeper)
    abroad = make_station(division=books.other)
    for source, target, actor in ((books.station, abroad, keeper), (abroad, books.station, "tests")):
        with pytest.raises(GiftOfAnotherDistrict):
            move(books, source=source, target=target, pieces=1, actor=actor)
    assert [stock.on_hand(books.gift, each) for each in (books.station, books.second)] == [9, 1]


def test_what_is_scrapped_says_why(books: Books) -> None:
    with pytest.raises(PostingReasonMissing):
        scrap(books, reason=" ")
    scrap(books)
    assert stock.on_hand(books.gift, books.station) == 9


@pytest.mark.parametrize(("found", "difference"), [(10, 0), (7, -3), (12, 2), (0, -10)])
def test_a_count_sets_right_what_is_in_the_cabinet(books: Books, found: int, difference: int) -> None:
    done = counted(books, found)
    assert (done.expected, done.difference) == (10, difference)
    assert (done.posted is None) == (difference == 0)
    assert stock.on_hand(books.gift, books.station) == found
    event = AuditEvent.objects.get(kind="stock.counted")
    assert (event.data["pieces"], event.data["difference"], event.data["witness"]) == (found, difference, "王监盘")


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        ({"found": -1}, InvalidValue),
        ({"found": False}, InvalidValue),
        ({"found": 9, "witness": ""}, CountUnwitnessed),
        ({"found": 9, "witness": " li\n"}, CountUnwitnessed),
        ({"found": 9, "reason": " "}, PostingReasonMissing),
    ],
)
def test_a_count_that_proves_nothing_is_refused(
    books: Books, wrong: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal), transaction.atomic():
        counted(books, **wrong)
    assert stock.on_hand(books.gift, books.station) == 10
    counted(books, 9)


def test_what_is_set_aside_is_not_counted(books: Books) -> None:
    redeemed, reserve = ledger.of_district("redeemed", books.district.code), ledger.reserve(books.gift, books.station)
    ordered = [(books.wallet, -1), (redeemed, 1), (ledger.stock(books.gift, books.station), -1), (reserve, 1)]
    ledger.post(kind="order", moves=ordered, op_id=op(), actor="tests", at=NOON)
    assert counted(books, 9).difference == 0
    assert [stock.set_aside(each) for each in (books.station, books.second)] == [{books.gift.pk: 1}, {}]


# ── Funds and prices ────────────────────────────────────────────────────────────────────────────────────────────────


def allocate(books: Books, **other: Any) -> ledger.Posted:
    said: dict[str, Any] = {
        "district": books.other,
        "points": 500,
        "source": "武财〔2026〕2号",
        "op_id": op(),
        "actor": "tests",
    } | other
    return funds.allocate(**said, at=NOON)


def test_the_city_allocates(books: Books) -> None:
    city, op_id = make_staff("city"), op()
    for _tap in range(2):
        posted = allocate(books, source=" 武财〔2026〕2号\n", actor=city, op_id=op_id)
    assert Posting.objects.get(pk=posted.posting_id).source == "武财〔2026〕2号"
    assert funds.balance(books.other.code) == 500
    event = AuditEvent.objects.get(kind="fund.allocated", subject_code=books.other.code)
    assert event.data == {"points": 500, "document": "武财〔2026〕2号"}


def test_a_district_does_not_allocate_to_itself(books: Books) -> None:
    with pytest.raises(DomainError):
        allocate(books, actor=make_staff("district", scope=books.other))
    with pytest.raises(DutyMissing):
        allocate(books, actor=make_staff("reviews", scope=books.other.parent, duties=["review"]))
    for elsewhere in (books.other.parent, make_subdistrict()):
        with pytest.raises(InvalidValue):
            allocate(books, district=elsewhere)
    assert funds.balance(books.other.code) == 0


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [({"points": 0}, InvalidValue), ({"points": 10**30}, InvalidValue), ({"source": " "}, PostingReasonMissing)],
)
def test_an_allocation_that_cannot_be_is_refused(
    books: Books, wrong: dict[str, Any], refusal: type[DomainError]
) -> None:
    with pytest.raises(refusal), transaction.atomic():
        allocate(books, **wrong)
    assert funds.balance(books.other.code) == 0
    allocate(books)


def test_on_one_day_a_gift_has_one_price(books: Books) -> None:
    first = books.gift.prices.get()
    second = GiftPrice(gift=books.gift, points=1_200, valid_from=NOON.date().replace(month=9))
    with pytest.raises(ValidationError):
        second.full_clean()
    first.valid_through = NOON.date().replace(month=9) - timedelta(days=1)
    first.save()
    second.full_clean()
    second.save()
    days = [first.valid_from - timedelta(days=1), first.valid_from, first.valid_through, second.valid_from]
    assert [books.gift.price_on(day) for day in days] == [None, PRICE, PRICE, 1_200]


# ── Asked for, and not there ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_wanted_in_vain_is_counted_by_gift_station_and_day(books: Books) -> None:
    told = [
        stock.note_wanted(gift=books.gift, station=station, at=at)
        for station, at in (
            (books.station, NOON), (books.station, NOON), (books.second, NOON), (books.station, NOON + timedelta(days=1)),
        )
    ]  # fmt: skip
    assert told == [1, 2, 1, 1]
    later = NOON + timedelta(days=1)
    here, there = (books.gift.pk, books.station.pk), (books.gift.pk, books.second.pk)
    assert stock.wanted(gifts=[books.gift], at=later) == {here: 3, there: 1}
    assert stock.wanted(gifts=[books.gift], at=later + timedelta(days=29)) == {here: 1}
    assert stock.wanted(gifts=[books.gift], at=NOON - timedelta(days=1)) == {}
    assert stock.wanted(gifts=[], at=later) == {}


def test_a_refusal_undoes_its_own_transaction_and_not_the_count_after_it(books: Books) -> None:
    """As a door does it: `order` says no, and what it wrote is gone; then it is counted."""
    with pytest.raises(OutOfStock):
        order(books, station=books.second)
    assert not GiftWanted.objects.exists()
    stock.note_wanted(gift=books.gift, station=books.second, at=NOON)
    counted = GiftWanted.objects.get()
    assert (counted.gift, counted.station, counted.times) == (books.gift, books.second, 1)
    # Nothing says who it was.
    assert {column.name for column in GiftWanted._meta.get_fields()} == {"id", "gift", "station", "date", "times"}
