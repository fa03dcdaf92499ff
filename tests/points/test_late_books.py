"""补录 in the books: seals, what verify_ledger says, and one line entered by many people at once."""

from datetime import timedelta

from core import clock
from core.errors import DomainError
from couriers.models import Courier
from points import late, stock, verifying
from points.errors import LineEntered
from points.models import GiftPrice, Redemption
from stations.models import StaffRole, Station
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import award, keep_books
from tests.points.test_late import enter, form_of, open_since
from tests.points.test_races import refusals, together
from tests.points.test_sealing import seal


def test_who_came_to_the_counter_since_may_enter_it_and_the_ledger_stays_clean(
    transactional_db: None,  # noqa: ARG001 - seals
) -> None:
    books = keep_books()
    for station in (books.station, books.second):
        open_since(station)
    now = clock.now()
    Courier.objects.update(registered_at=now - timedelta(days=60))
    GiftPrice.objects.update(valid_from="2026-01-01")
    Station.objects.update(created_at=now - timedelta(days=60))
    li, wang = (make_staff(name, scope=books.station, duties=["counter"]) for name in ("li", "wang"))
    # Both serve here since an hour; the paper is of yesterday.
    StaffRole.objects.update(starts_at=now - timedelta(hours=1))
    assert seal(now=now) > 0
    number = late.new_form_no(books.station, at=now - timedelta(days=3))
    enter(books, li, wang, form_no=number, happened_at=now - timedelta(days=1), at=now)
    assert seal(now=now + timedelta(minutes=10)) == 1
    assert list(verifying.verify_ledger()) == []
    # Had they come only afterwards, it would be named; and so is a line that was rewritten.
    StaffRole.objects.update(starts_at=clock.now() + timedelta(hours=1))
    assert {each.invariant for each in verifying.verify_ledger()} == {"I12"}
    StaffRole.objects.update(starts_at=now - timedelta(hours=1))
    Redemption.objects.update(form_line=9)
    assert {each.invariant for each in verifying.verify_ledger()} == {"I7"}


def test_one_of_many_enters_a_line(transactional_db: None) -> None:  # noqa: ARG001 - threads
    books = keep_books(pieces=50)
    Courier.objects.update(registered_at=NOON - timedelta(days=60))
    open_since(books.station)
    li, wang = (make_staff(name, scope=books.station, duties=["counter"]) for name in ("li", "wang"))
    couriers = [make_courier(at=NOON - timedelta(days=1)) for _each in range(8)]
    Courier.objects.update(status="active", verified_at=NOON, verified_by="tests")
    for each in couriers:
        award(books, 500, courier=each)
    number = form_of(books)
    answers = together(lambda turn: enter(books, li, wang, form_no=number, courier=couriers[turn]), racers=8)
    assert refusals(answers) == 7
    assert {type(each) for each in answers if isinstance(each, DomainError)} == {LineEntered}
    assert Redemption.objects.count() == 1
    assert stock.on_hand(books.gift, books.station) == 49
    assert list(verifying.broken_invariants()) == []
