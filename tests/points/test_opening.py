"""期初: what a district's paper ledger says is taken over once, by two people."""

from typing import Any

import pytest
from django.db import transaction

from core.errors import InvalidValue, NotFound
from core.models import AuditEvent, User
from couriers import privacy, registration
from couriers.errors import CourierBlocked, CourierErased
from points import ledger, merging, reversing, verifying
from points.errors import NotEnoughPoints, OpenedAlready, SecondPersonMissing
from points.ledger import Posted
from points.models import Posting
from points.opening import open_balance
from points.settlement import settlement
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_staff, make_subdistrict
from tests.points.books import ACTOR, Books, award, keep_books, op, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=0)


@pytest.fixture
def clerk(books: Books) -> User:
    return make_staff("wuchang", scope=books.district, duties=["manage"])


@pytest.fixture
def second(books: Books) -> User:
    return make_staff("zhao", scope=books.district, duties=["manage"])


@pytest.fixture
def opened(books: Books, clerk: User, second: User) -> Any:
    def wish(**other: Any) -> Posted:
        said: dict[str, Any] = {
            "courier": books.courier, "points": 380, "district": books.district, "document": "武昌纸质台账 2025 第3页",
            "actor": clerk, "approver": second, "at": NOON,
        } | other  # fmt: skip
        with transaction.atomic():
            return open_balance(**said)

    return wish


def test_two_take_over_what_the_paper_says(books: Books, opened: Any) -> None:
    done = opened()
    assert ledger.balance_of(books.wallet) == 380
    posting = Posting.objects.get(pk=done.posting_id)
    assert (posting.kind, posting.actor_name, posting.approver_name) == ("opening", "wuchang", "zhao")
    assert posting.source == "武昌纸质台账 2025 第3页"
    told = AuditEvent.objects.get(kind="balance.opened", subject_code=books.courier.code)
    assert told.data == {
        "points": 380, "district": "420106", "document": "武昌纸质台账 2025 第3页", "approver": "zhao"
    }  # fmt: skip
    assert list(verifying.broken_invariants()) == []


def test_the_settlement_counts_it_as_given_by_the_district_of_the_paper(opened: Any) -> None:
    done = opened()
    [own] = settlement(month=NOON.date())
    assert (own.district, own.paid, own.redeemed, own.owes) == ("420106", 380, 0, 380)
    posting = Posting.objects.get(pk=done.posting_id)
    ledger.reverse(posting=posting, reason="登错了", op_id=op(), actor="tests", at=NOON)
    assert [each.paid for each in settlement(month=NOON.date())] == [0]


@pytest.mark.parametrize("points", [0, -1, 1.5, True, "5", 10**30, float("nan"), None], ids=repr)
def test_what_is_no_number_of_points_is_refused(opened: Any, points: object) -> None:
    with pytest.raises(InvalidValue, match="1000000000"):
        opened(points=points)


@pytest.mark.parametrize("document", ["", "  ", "页" * 121], ids=["none", "blank", "long"])
def test_the_document_is_named(opened: Any, document: str) -> None:
    with pytest.raises(InvalidValue) as refusal:
        opened(document=document)
    assert refusal.value.parameter == "document"
    opened(document="页" * 120)


def test_always_a_second_person_who_has_the_duty_too(books: Books, opened: Any, clerk: User) -> None:
    with pytest.raises(SecondPersonMissing):
        opened(approver=clerk)
    counter = make_staff("guitai", scope=books.district, duties=["counter"])
    stranger = make_staff("qiaokou", scope=books.other, duties=["manage"])
    for other, refusal in ((counter, DutyMissing), (stranger, NotFound)):
        with pytest.raises(refusal):
            opened(approver=other)
        with pytest.raises(refusal):
            opened(actor=other)
    with pytest.raises(InvalidValue):
        opened(district=make_subdistrict())
    assert not Posting.objects.filter(kind="opening").exists()


def test_one_of_a_courier_and_a_district_for_ever(books: Books, opened: Any) -> None:
    first = opened()
    again = opened()
    assert (again.posting_id, again.is_new) == (first.posting_id, False)
    for other in ({"points": 381}, {"document": "武昌纸质台账 2025 第4页"}):
        with pytest.raises(OpenedAlready):
            opened(**other)
    assert ledger.balance_of(books.wallet) == 380
    # Of another district there is another paper ledger.
    opened(points=20, district=books.other, actor=ACTOR, approver="tests-2")
    assert ledger.balance_of(books.wallet) == 400
    assert AuditEvent.objects.filter(kind="balance.opened").count() == 2


def test_what_else_was_taken_back_opens_it_no_second_time(books: Books, opened: Any) -> None:
    first = opened()
    away = {"district": books.other, "actor": ACTOR, "approver": "tests-2"}
    for other in (
        opened(**away).posting_id, opened(courier=make_courier()).posting_id, award(books, 10).pk
    ):  # fmt: skip
        reversing.take_back(posting=Posting.objects.get(pk=other), reason="错了", op_id=op(), actor=ACTOR, at=NOON)
        assert opened().posting_id == first.posting_id
    assert ledger.balance_of(books.wallet) == 380


def test_after_it_was_taken_back_a_corrected_one_follows(books: Books, opened: Any, clerk: User) -> None:
    for points in (380, 308, 38):
        posting = Posting.objects.get(pk=opened(points=points).posting_id)
        assert ledger.balance_of(books.wallet) == points
        with pytest.raises(OpenedAlready):
            opened(points=points + 1)
        reversing.take_back(posting=posting, reason="抄错了", op_id=op(), actor=clerk, at=NOON)
        assert ledger.balance_of(books.wallet) == 0
    opened(points=380)
    with pytest.raises(OpenedAlready):
        opened(points=308)


def test_what_is_spent_is_not_taken_back(books: Books, opened: Any, clerk: User) -> None:
    posting = Posting.objects.get(pk=opened().posting_id)
    order(books)
    with pytest.raises(NotEnoughPoints), transaction.atomic():
        reversing.take_back(posting=posting, reason="抄错了", op_id=op(), actor=clerk, at=NOON)


def test_what_was_opened_for_a_merged_profile_was_opened_for_him(books: Books, opened: Any) -> None:
    kept = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    opened()
    merging.merge(kept=kept, duplicate=books.courier, reason="同一人", op_id=op(), actor=ACTOR, at=NOON)
    with pytest.raises(OpenedAlready):
        opened(courier=kept)
    assert ledger.balance_of(ledger.wallet(kept)) == 380


def test_not_for_who_is_blocked_or_erased(opened: Any) -> None:
    blocked, erased = make_courier(), make_courier()
    registration.block(courier=blocked, reason="tests", actor=ACTOR, at=NOON)
    privacy.erase(courier=erased, reason="tests", actor=ACTOR, at=NOON)
    for courier, refusal in ((blocked, CourierBlocked), (erased, CourierErased)):
        with pytest.raises(refusal):
            opened(courier=courier)
