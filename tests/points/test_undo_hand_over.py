"""发错了: a mistaken hand-over is taken back by the district, with both its postings, and by nobody who took part in it."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client as Browser
from django.urls import reverse

from core.errors import NotFound
from core.models import AuditEvent, User
from couriers import privacy
from couriers.errors import CourierErased
from points import disputes, ledger, merging, redemption, verifying
from points.errors import DisputeOpen, LimitReached, NotHandedOver, OwnHandOver, PostingReasonMissing
from points.models import Dispute, Gift, Redemption
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_staff
from tests.databases import own_database
from tests.points.books import PRICE, Books, keep_books, op, order
from tests.points.test_admin import desk, said
from tests.points.test_disputes import LATER, at_once, from_queue, held


@pytest.fixture
def books(db: None) -> Books:  # noqa: ARG001
    return keep_books(points=PRICE)


def undo(found: Redemption, actor: User | str = "office", **more: Any) -> Redemption:
    wish: dict[str, Any] = {"reason": "发错了人，东西拿回来了", "op_id": op(), "at": LATER} | more
    return redemption.undo_hand_over(redemption=found, actor=actor, **wish)


def page_of(found: Redemption, step: str = "change") -> str:
    return reverse(f"admin:points_redemption_{step}", args=[found.pk])


@pytest.mark.parametrize("taken", [from_queue, at_once], ids=["from-queue", "at-once"])
def test_points_and_piece_come_back_once_and_the_month_counts_it_no_more(
    books: Books, taken: Callable[[Books], Redemption]
) -> None:
    Gift.objects.update(most_a_month=1)
    before, done, wish = held(books), taken(books), op()
    assert held(books) == (0, before[1] - 1)
    for _tap in range(2):
        assert undo(done, op_id=wish).status == "returned"
    assert held(books) == before
    done.refresh_from_db()
    assert done.returned is not None
    assert done.returned.reverses == done.ordered
    assert AuditEvent.objects.get(kind="redemption.returned").data["reason"] == "发错了人，东西拿回来了"
    with pytest.raises(NotHandedOver):
        undo(done)
    assert taken(books).status == "handed-over"
    ledger.post(
        kind="opening", moves=[(ledger.of_district("opening", "420106"), -PRICE), (books.wallet, PRICE)], op_id=op(),
        actor="tests", at=NOON,
    )  # fmt: skip
    with pytest.raises(LimitReached):
        order(books)


def test_the_books_agree_afterwards(django_db_setup: None, django_db_blocker: Any) -> None:  # noqa: ARG001
    with django_db_blocker.unblock(), own_database():
        books = keep_books(points=2 * PRICE)
        for taken in (from_queue, at_once):
            undo(taken(books))
        assert Redemption.objects.filter(status="returned").count() == 2
        assert list(verifying.verify_ledger()) == []
        with connection.cursor() as cursor:
            cursor.execute("UPDATE points_redemption SET points = points + 1")
        assert {violation.invariant for violation in verifying.verify_ledger()} == {"I7"}


@pytest.mark.parametrize(
    ("scope", "duties", "refusal"),
    [
        ("station", ["counter"], NotFound), ("station", ["manage"], NotFound), ("other", ["manage"], NotFound),
        ("district", ["audit", "review", "counter"], DutyMissing),
    ],
    ids=["counter", "keeper-of-the-station", "other-district", "office-without-the-duty"],
)  # fmt: skip
def test_only_who_keeps_the_district_takes_it_back_and_says_why(
    books: Books, scope: str, duties: list[str], refusal: Any
) -> None:
    done = from_queue(books)
    place: Any = {"station": books.station, "other": books.other, "district": books.district}[scope]
    with pytest.raises(refusal):
        undo(done, make_staff("somebody", scope=place, duties=duties))
    keeper = make_staff("keeper", scope=books.district, duties=["manage"])
    with pytest.raises(PostingReasonMissing):
        undo(done, keeper, reason="  ")
    assert undo(done, keeper).status == "returned"


def test_who_handed_over_does_not_take_it_back_himself(books: Books) -> None:
    clerk, colleague = (make_staff(name, scope=books.district, duties=["counter", "manage"]) for name in ("li", "wang"))
    done = from_queue(books, clerk)
    with pytest.raises(OwnHandOver):
        undo(done, clerk)
    assert undo(done, colleague).status == "returned"


def test_what_waits_is_cancelled_and_what_is_disputed_is_decided(books: Books) -> None:
    waits = order(books)
    with pytest.raises(NotHandedOver):
        undo(waits)
    redemption.cancel(redemption=waits, reason="x", op_id=op(), actor="tests", at=NOON)
    done = from_queue(books)
    said = disputes.open_dispute(redemption=done, words="", at=NOON)
    with pytest.raises(DisputeOpen):
        undo(done)
    disputes.decide(
        dispute=said, ruling=Dispute.Ruling.DISMISSED, answer="签过字", op_id=op(), actor="office", at=LATER
    )
    assert undo(done).status == "returned"


def test_the_points_follow_a_merged_profile(books: Books) -> None:
    done, kept = from_queue(books), make_courier()
    merging.merge(kept=kept, duplicate=books.courier, reason="同一个人", op_id=op(), actor="tests", at=NOON)
    assert undo(Redemption.objects.get(pk=done.pk)).status == "returned"
    assert (ledger.balance_of(ledger.wallet(kept)), ledger.balance_of(books.wallet)) == (PRICE, 0)


def test_an_erased_couriers_hand_over_stays(books: Books) -> None:
    done = from_queue(books)
    privacy.erase(courier=books.courier, reason="本人要求", actor="tests", at=NOON)
    with pytest.raises(CourierErased):
        undo(Redemption.objects.get(pk=done.pk))


# ── At the desk ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_district_takes_it_back_on_its_page_and_the_posting_leads_there(books: Books) -> None:
    done = from_queue(books, make_staff("li", scope=books.station, duties=["counter"]))
    steward, other = desk(User.objects.get(username="li")), desk(make_staff("other", scope=books.other))
    office: Browser = desk(make_staff("wuchang", scope=books.district, duties=["manage", "audit"]))
    address, wish = page_of(done, "undo"), {"op_id": op(), "reason": "发错了"}
    assert address not in steward.get(page_of(done)).text
    for browser, status in ((steward, 403), (other, 404)):
        assert browser.get(address).status_code == status
        assert browser.post(address, wish).status_code == status
    assert address in office.get(page_of(done)).text
    for posting in (done.ordered_id, done.ended_id):
        assert page_of(done) in office.get(reverse("admin:points_posting_change", args=[posting])).text
    assert office.get(address).status_code == 200
    assert office.post(address, wish | {"reason": ""}).context["form"].errors["reason"]
    answers = [office.post(address, wish) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert str(PRICE) in said(answers[0])
    done.refresh_from_db()
    assert done.status == "returned"
    page = office.get(page_of(done)).text
    assert address not in page
    assert "发错了" in page


def test_while_it_is_disputed_its_page_leads_to_the_dispute(books: Books) -> None:
    done = from_queue(books)
    disputed = disputes.open_dispute(redemption=done, words="", at=NOON)
    page = desk(make_staff("wuchang", scope=books.district, duties=["manage"])).get(page_of(done)).text
    assert reverse("admin:points_dispute_change", args=[disputed.pk]) in page
    assert page_of(done, "undo") not in page
