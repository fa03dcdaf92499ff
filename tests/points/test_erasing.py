"""A courier erased at his own wish: orders are cancelled and points written off, and before that he can get a copy of it all."""

import json

import pytest

from core.models import AuditEvent
from couriers import privacy, registration
from couriers.models import Consent
from points import disputes, ledger, merging, passes, redemption, stock, verifying
from points.errors import PassWrong
from points.models import Dispute, Posting, Redemption
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=500)


def test_orders_are_cancelled_and_the_balance_is_written_off(books: Books) -> None:
    """By whoever answers for his district; at the counter where the gift waits he need have no duty."""
    desk = make_staff("shenhe", scope=books.district, duties=["review"])
    waiting = order(books)
    digits = passes.issue(courier=books.courier, at=NOON)
    assert (ledger.balance_of(books.wallet), stock.on_hand(books.gift, books.station)) == (300, 9)
    privacy.erase(courier=books.courier, reason="本人申请", actor=desk, at=NOON)
    assert (ledger.balance_of(books.wallet), stock.on_hand(books.gift, books.station)) == (0, 10)
    assert Redemption.objects.get(pk=waiting.pk).status == "cancelled"
    written_off = Posting.objects.get(kind="expiry")
    assert (written_off.actor_name, [abs(each.amount) for each in written_off.entries.all()]) == ("shenhe", [500, 500])
    assert AuditEvent.objects.get(kind="points.written-off").data == {"points": 500}
    with pytest.raises(PassWrong):
        passes.whose(digits=digits, by="tests", at=NOON)
    assert list(verifying.broken_invariants()) == []


def test_in_a_restored_backup_an_open_dispute_is_decided_first(books: Books) -> None:
    had, other = order(books), make_courier()
    digits = passes.issue(courier=books.courier, at=NOON)
    had = redemption.hand_over(
        redemption=had, presence=redemption.Presence(digits=digits), op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip
    disputes.open_dispute(redemption=had, words="不是我领的", at=NOON)
    erased, held = privacy.erase_again(codes={books.courier.code, other.code, "没有这个码"}, at=NOON)
    assert (erased, list(held)) == ([other], [books.courier])


@pytest.mark.usefixtures("books")
def test_who_has_nothing_is_erased_without_a_posting() -> None:
    courier = make_courier()
    before = Posting.objects.count()
    privacy.erase(courier=courier, reason="本人申请", actor=ACTOR, at=NOON)
    assert Posting.objects.count() == before


def test_what_was_handed_over_stays_in_the_books(books: Books) -> None:
    had = order(books)
    digits = passes.issue(courier=books.courier, at=NOON)
    redemption.hand_over(
        redemption=had, presence=redemption.Presence(digits=digits), op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip
    privacy.erase(courier=books.courier, reason="本人申请", actor=ACTOR, at=NOON)
    assert Redemption.objects.get(pk=had.pk).status == "handed-over"
    assert list(verifying.broken_invariants()) == []


def test_his_copy_holds_account_awards_and_redemptions(books: Books) -> None:
    waiting, duplicate = order(books), make_courier()
    award(books, 40, courier=duplicate)
    merging.merge(kept=books.courier, duplicate=duplicate, reason="同一人", op_id=op(), actor=ACTOR, at=NOON)
    books.courier.refresh_from_db()
    copy = privacy.access_copy(courier=books.courier, reason="本人申请", actor=ACTOR, at=NOON)["points"]
    json.dumps(copy)
    assert copy["balance"] == 340
    assert [(each["kind"], each["points"]) for each in copy["entries"]] == [
        ("award", 500), ("order", -PRICE), ("award", 40), ("merge", 40), ("merge", -40)
    ]  # fmt: skip
    assert [(each["points"], each["paid_by"]) for each in copy["awards"]] == [(500, "武昌区"), (40, "武昌区")]
    assert [(each["code"], each["gift"], each["status"]) for each in copy["redemptions"]] == [
        (waiting.code, "雨伞", "ordered")
    ]


def test_his_copy_holds_what_he_disputed_and_his_words_are_forgotten_with_him(books: Books) -> None:
    other = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    award(books, PRICE, courier=other)
    said = {}
    for courier, words in ((books.courier, "那天我不在"), (other, "字不是我签的")):
        digits = passes.issue(courier=courier, at=NOON)
        had = redemption.redeem(
            courier=courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor=ACTOR, at=NOON,
            presence=redemption.Presence(digits=digits),
        )  # fmt: skip
        said[had.code] = words
        dispute = disputes.open_dispute(redemption=had, words=words, at=NOON)
        disputes.decide(dispute=dispute, ruling="dismissed", answer="监控看过了", op_id=op(), actor="office", at=NOON)
    kept = merging.merge(kept=books.courier, duplicate=other, reason="同一人", op_id=op(), actor=ACTOR, at=NOON)
    copy = privacy.access_copy(courier=kept, reason="本人申请", actor=ACTOR, at=NOON)
    json.dumps(copy)
    assert {each["redemption"]: each["words"] for each in copy["points"]["disputes"]} == said
    columns = {column.name for column in Dispute._meta.concrete_fields}
    assert all(columns - {"id", "decided_by"} == set(each) for each in copy["points"]["disputes"])
    assert len(copy["consents"]) == Consent.objects.filter(courier__in=[kept, other]).count() > 1
    privacy.erase(courier=kept, reason="本人申请", actor=ACTOR, at=NOON)
    assert set(Dispute.objects.values_list("words", "answer")) == {("", "监控看过了")}
    assert list(verifying.broken_invariants()) == []
