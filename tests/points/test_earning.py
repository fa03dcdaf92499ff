"""Points for deeds: by rule, and by hand."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from core.errors import DomainError, InvalidValue, NotFound
from core.models import AuditEvent
from couriers import privacy, registration
from couriers.errors import CourierBlocked, CourierErased
from points import earning, funds, ledger
from points.errors import (
    CapReached,
    EarnedAlready,
    FundEmpty,
    NoRule,
    OperationReused,
    PostingReasonMissing,
    SecondPersonMissing,
)
from points.models import Award, AwardLimit, EarningRule, Posting
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, Books, keep_books, op

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    books = keep_books(points=0)
    EarningRule.objects.create(action="report-approved", points=50, most_a_day=2, valid_from=date(2026, 1, 1))
    AwardLimit.objects.all().delete()
    AwardLimit.objects.create(most_alone=200, most_a_day=500, valid_from=date(2026, 1, 1))
    return books


def by_rule(books: Books, matter: str = "R-1", **other: Any) -> Award:
    said: dict[str, Any] = {
        "courier": books.courier, "action": "report-approved", "district": books.district, "matter": matter,
        "op_id": op(), "actor": ACTOR, "at": NOON,
    } | other  # fmt: skip
    return earning.award(**said)


def by_hand(books: Books, points: Any = 100, **other: Any) -> Award:
    said: dict[str, Any] = {
        "courier": books.courier, "district": books.district, "reason": "帮老人搬煤气罐", "op_id": op(), "actor": ACTOR,
        "at": NOON,
    } | other  # fmt: skip
    return earning.award_by_hand(points=points, **said)


def test_a_deed_earns_what_its_rule_says_from_the_districts_fund(books: Books) -> None:
    fund = funds.balance(books.district.code)
    given = by_rule(books)
    assert (given.points, ledger.balance_of(books.wallet)) == (50, 50)
    assert funds.balance(books.district.code) == fund - 50
    event = AuditEvent.objects.get(kind="points.awarded")
    assert (event.subject_code, event.data) == (books.courier.code, {"points": 50, "district": "420106"})
    assert given.posting.source == "report-approved:R-1"


def test_whom_nobody_has_met_yet_earns(books: Books) -> None:
    assert by_rule(books, courier=make_courier()).points == 50


def test_one_matter_earns_once_for_ever(books: Books) -> None:
    given = by_rule(books)
    with pytest.raises(EarnedAlready), transaction.atomic():
        by_rule(books, courier=make_courier())
    ledger.reverse(posting=given.posting, reason="搞错了", op_id=op(), actor=ACTOR, at=NOON)
    with pytest.raises(EarnedAlready), transaction.atomic():
        by_rule(books)
    by_rule(books, "R-2")


def test_the_same_wish_twice_is_one_award(books: Books) -> None:
    op_id = op()
    assert by_rule(books, op_id=op_id) == by_rule(books, op_id=op_id)
    assert by_hand(books, op_id=(hand := op())) == by_hand(books, op_id=hand)
    assert Posting.objects.filter(kind="award").count() == 2


def test_another_wish_under_the_number_of_one_that_was_told_is_refused(books: Books) -> None:
    rule, hand, stranger = op(), op(), make_courier()
    by_rule(books, op_id=rule)
    by_hand(books, op_id=hand)
    others: list[Callable[[], Any]] = [
        lambda: by_rule(books, op_id=rule, courier=stranger),
        lambda: by_rule(books, "R-2", op_id=rule),
        lambda: by_rule(books, str(hand), op_id=hand),
        lambda: by_hand(books, op_id=hand, courier=stranger),
        lambda: by_hand(books, 101, op_id=hand),
        lambda: by_hand(books, 50, op_id=rule),
    ]
    for another in others:
        with pytest.raises(OperationReused), transaction.atomic():
            another()


def test_so_many_count_a_day_and_the_next_day_anew(books: Books) -> None:
    by_rule(books, "R-1")
    second = by_rule(books, "R-2")
    with pytest.raises(CapReached) as refused, transaction.atomic():
        by_rule(books, "R-3")
    assert refused.value.data == {"limit": 2}
    with pytest.raises(EarnedAlready), transaction.atomic():
        by_rule(books, "R-2")
    # Each action counts for itself; of another the number is another matter.
    EarningRule.objects.create(action="volunteer", points=30, most_a_day=1, valid_from=date(2026, 1, 1))
    by_rule(books, "R-2", action="volunteer")
    by_rule(books, "R-3", at=NOON + timedelta(days=1))
    # What was taken back does not count.
    ledger.reverse(posting=second.posting, reason="搞错了", op_id=op(), actor=ACTOR, at=NOON)
    by_rule(books, "R-4")


def test_of_two_versions_of_a_rule_the_one_of_the_day_holds(books: Books) -> None:
    first = EarningRule.objects.get()
    second = EarningRule(action="report-approved", points=80, most_a_day=2, valid_from=date(2026, 7, 1))
    with pytest.raises(ValidationError):
        second.full_clean()
    first.valid_through = date(2026, 6, 30)
    first.save()
    second.full_clean()
    second.save()
    assert by_rule(books, "R-1").points == 50
    assert by_rule(books, "R-2", at=NOON + timedelta(days=30)).points == 80
    other = EarningRule(action="volunteer", points=80, most_a_day=2, valid_from=date(2026, 1, 1))
    other.full_clean()


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [({"action": "volunteer"}, NoRule), ({"at": NOON - timedelta(days=400)}, NoRule)],
)
def test_without_a_rule_nothing_is_earned(books: Books, wrong: dict[str, Any], refusal: type[DomainError]) -> None:
    with pytest.raises(refusal), transaction.atomic():
        by_rule(books, **wrong)
    assert not Award.objects.exists()


def test_without_a_limit_nobody_gives_by_hand(books: Books) -> None:
    before = NOON - timedelta(days=400)
    with pytest.raises(NoRule):
        by_hand(books, at=before)
    assert earning.left_today(actor=ACTOR, at=before) is None
    by_hand(books)
    assert earning.left_today(actor=ACTOR, at=NOON) == 400


def test_who_is_blocked_earns_nothing(books: Books) -> None:
    registration.block(courier=books.courier, reason="冒领", actor=ACTOR, at=NOON)
    for give in (by_rule, by_hand):
        with pytest.raises(CourierBlocked), transaction.atomic():
            give(books)
    registration.unblock(courier=books.courier, reason="查清了", actor=ACTOR, at=NOON)
    by_rule(books)


def test_who_was_erased_earns_nothing(books: Books) -> None:
    privacy.erase(courier=books.courier, reason="本人申请", actor=ACTOR, at=NOON)
    for give in (by_rule, by_hand):
        with pytest.raises(CourierErased), transaction.atomic():
            give(books)


def test_an_empty_fund_pays_nothing(books: Books) -> None:
    with pytest.raises(FundEmpty) as refused, transaction.atomic():
        by_rule(books, district=books.other)
    assert refused.value.data == {"balance": 0, "needed": 50}
    funds.allocate(district=books.other, points=50, source="R", op_id=op(), actor=ACTOR, at=NOON)
    by_rule(books, district=books.other)


@pytest.mark.parametrize("points", [0, -5, 1.5, 10**30, float("nan"), "5"])
def test_by_hand_an_amount_is_an_amount(books: Books, points: object) -> None:
    with pytest.raises(InvalidValue):
        by_hand(books, points)
    by_hand(books, 5)


def test_by_hand_it_is_for_a_reason(books: Books) -> None:
    with pytest.raises(PostingReasonMissing):
        by_hand(books, reason="  ")
    assert by_hand(books, reason=" 帮老人搬煤气罐\n").posting.reason == "帮老人搬煤气罐"
    assert AuditEvent.objects.get(kind="points.awarded").data["reason"] == "帮老人搬煤气罐"


def test_above_the_limit_it_takes_a_second_person_with_the_same_duty(books: Books) -> None:
    li = make_staff("li", scope=books.district)
    with pytest.raises(SecondPersonMissing) as refused, transaction.atomic():
        by_hand(books, 201, actor=li)
    assert refused.value.data == {"limit": 200}
    with pytest.raises(SecondPersonMissing), transaction.atomic():
        by_hand(books, 201, actor=li, approver=li)
    away = make_staff("away", scope=books.other)
    with pytest.raises(NotFound), transaction.atomic():
        by_hand(books, 201, actor=li, approver=away)
    wang = make_staff("wang", scope=books.district)
    given = by_hand(books, 201, actor=li, approver=wang)
    assert (given.posting.actor_name, given.posting.approver_name) == ("li", "wang")
    assert AuditEvent.objects.get(kind="points.awarded").data["approver"] == "wang"
    by_hand(books, 200, actor=li)
    assert "approver" not in AuditEvent.objects.filter(kind="points.awarded").latest("pk").data


def test_a_member_of_staff_gives_so_much_a_day(books: Books) -> None:
    li, wang = make_staff("li", scope=books.district), make_staff("wang", scope=books.district)
    for points in (200, 200, 60):
        by_hand(books, points, actor=li)
    with pytest.raises(CapReached) as refused, transaction.atomic():
        by_hand(books, 41, actor=li)
    assert refused.value.data == {"left": 40}
    # What a rule gives does not count, nor what was taken back.
    by_rule(books, actor=li)
    last = by_hand(books, 40, actor=li)
    ledger.reverse(posting=last.posting, reason="搞错了", op_id=op(), actor=ACTOR, at=NOON)
    by_hand(books, 40, actor=li)
    by_hand(books, 41, actor=wang)
    by_hand(books, 41, actor=li, at=NOON + timedelta(days=1))


def test_who_may_not_review_does_not_give(books: Books) -> None:
    at_counter = make_staff("counter", scope=books.district, duties=["counter"])
    away = make_staff("away", scope=books.other)
    for give in (by_rule, by_hand):
        with pytest.raises(DutyMissing), transaction.atomic():
            give(books, actor=at_counter)
        with pytest.raises(NotFound), transaction.atomic():
            give(books, actor=away)
