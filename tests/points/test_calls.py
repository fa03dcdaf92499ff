"""The functions that the program calls (points/sql/posting.sql, redemption.sql): they act as their caller, and what a
redemption checks is checked under the courier's lock. That the installed ones are those of the files: test_referee.py."""

import pytest
from django.db import connection

from config.roles import create_runtime_role
from couriers.models import Courier
from points import passes, redemption, verifying
from points.errors import NotEnoughPoints, PassWrong
from points.models import Account, Gift, Pass, Redemption
from tests.builders import NOON, make_courier
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.points.test_races import RACERS, refusals, together


def redeem(books: Books, digits: str, *, courier: Courier | None = None) -> Redemption:
    return redemption.redeem(
        courier=courier or books.courier, gift=books.gift, station=books.station, points=PRICE,
        presence=redemption.Presence(digits=digits), op_id=op(), actor=ACTOR, at=NOON,
    )  # fmt: skip


@pytest.mark.django_db
def test_the_programs_role_may_call_them() -> None:
    books = keep_books()
    digits = passes.issue(courier=books.courier, at=NOON)
    role = create_runtime_role(name="fengchao_tests", password="of-the-tests")
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {role}")
        done = redeem(books, digits)
        made = order(books)
        cursor.execute("RESET ROLE")
    assert (done.status, made.status) == ("handed-over", "ordered")
    assert list(verifying.broken_invariants()) == []


@pytest.mark.django_db
def test_what_comes_back_is_the_row_that_was_written() -> None:
    books = keep_books()
    for made in (order(books), redeem(books, passes.issue(courier=books.courier, at=NOON))):
        fields = [field.attname for field in Redemption._meta.concrete_fields]
        kept = Redemption.objects.get(pk=made.pk)
        assert [getattr(made, name) for name in fields] == [getattr(kept, name) for name in fields]
        made.save()  # changes the row, and makes none
    assert Redemption.objects.count() == 2


@pytest.mark.django_db
def test_a_refusal_leaves_the_pass_and_makes_no_account() -> None:
    books = keep_books(points=0)
    digits = passes.issue(courier=books.courier, at=NOON)
    accounts = Account.objects.count()
    with pytest.raises(NotEnoughPoints):
        redeem(books, digits)
    assert Account.objects.count() == accounts
    assert Pass.objects.get(courier=books.courier).digest == passes.digest_of(digits)
    # Outside of a transaction of its own the refusal undoes nothing of what was done before it.
    award(books, PRICE)
    with pytest.raises(PassWrong):
        redeem(books, "00000x")
    redeem(books, digits)


def test_of_sixteen_who_show_one_pass_one_gets_the_gift(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books(points=PRICE * RACERS, pieces=RACERS)
    for _round in range(3):
        digits = passes.issue(courier=books.courier, at=NOON)
        before = Redemption.objects.count()
        answers = together(lambda _number, digits=digits: redeem(books, digits))  # type: ignore[misc]
        assert refusals(answers) == RACERS - 1
        assert Redemption.objects.count() == before + 1
    assert list(verifying.verify_ledger()) == []


def test_of_sixteen_orders_at_once_no_more_than_the_month_allows(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books(points=PRICE * RACERS, pieces=RACERS)
    Gift.objects.update(most_a_month=3)
    stranger = make_courier()
    award(books, PRICE, courier=stranger)
    answers = together(lambda _number: order(books))
    assert refusals(answers) == RACERS - 3
    order(books, courier=stranger)
    assert list(verifying.verify_ledger()) == []


def test_accounts_that_all_need_first_are_made_once(transactional_db: None) -> None:  # noqa: ARG001
    books = keep_books(pieces=RACERS)
    couriers = [make_courier() for _number in range(RACERS)]
    for each in couriers:
        award(books, PRICE, courier=each)
    assert refusals(together(lambda number: order(books, courier=couriers[number]))) == 0
    assert Account.objects.filter(kind__in=["reserve", "redeemed"]).count() == 2
    assert list(verifying.verify_ledger()) == []
