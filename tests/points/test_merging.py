"""合并: two profiles of one person become one."""

from typing import Any

import pytest
from django.db import transaction

from core.errors import NotFound
from core.models import AuditEvent, User
from couriers import devices, finding, membership, privacy, registration
from couriers.errors import CardReplaced, CourierBlocked, CourierErased, CourierMerged, ReasonMissing
from couriers.models import Courier, Erasure
from points import earning, ledger, merging, passes, redemption, reversing, verifying
from points.errors import CapReached, LimitReached, NotEnoughPoints, OrdersWaiting, PassWrong, SameProfile
from points.models import EarningRule, Posting
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books(points=500)


@pytest.fixture
def duplicate(books: Books) -> Courier:
    """He registered a second time with another phone, and has 300 points there."""
    courier = registration.verify(courier=make_courier(name="李四", pin="739214"), actor=ACTOR, at=NOON)
    award(books, 300, courier=courier)
    return courier


@pytest.fixture
def desk(books: Books) -> User:
    return make_staff("shenhe", scope=books.district, duties=["review"])


def merge(kept: Courier, duplicate: Courier, **other: Any) -> Courier:
    said: dict[str, Any] = {"reason": "换手机号后重复注册", "op_id": op(), "actor": ACTOR, "at": NOON} | other
    with transaction.atomic():
        return merging.merge(kept=kept, duplicate=duplicate, **said)


def test_points_move_and_nothing_personal_is_left(books: Books, duplicate: Courier, desk: User) -> None:
    old = duplicate.code
    digits = passes.issue(courier=duplicate, at=NOON)
    membership.reset_pin_link(courier=duplicate, actor=ACTOR, at=NOON)
    devices.sign_in(courier=duplicate, kind="android", at=NOON)
    kept = merge(books.courier, duplicate, actor=desk)
    assert ledger.balance_of(books.wallet) == 800
    assert ledger.balance_of(ledger.wallet(duplicate)) == 0
    posting = Posting.objects.get(kind="merge")
    assert (posting.actor_name, posting.reason) == ("shenhe", "换手机号后重复注册")
    duplicate.refresh_from_db()
    assert (duplicate.status, duplicate.merged_into) == ("erased", kept)
    assert (duplicate.name_sealed, duplicate.phone_sealed, duplicate.phone_index, duplicate.pin_hash) == (None,) * 3 + (
        "",
    )
    assert not duplicate.pin_resets.exists()
    assert not duplicate.devices.exists()
    assert not Erasure.objects.filter(courier=duplicate).exists()  # that stands for a wish of his
    with pytest.raises(PassWrong):
        passes.whose(digits=digits, by="tests", at=NOON)
    assert list(verifying.broken_invariants()) == []
    told = AuditEvent.objects.filter(kind="courier.merged")
    said = {"points": 300, "kept": kept.code, "ended": old, "reason": "换手机号后重复注册"}
    also = said | {"told_under": kept.code}
    assert {each.subject_code: each.data for each in told} == {kept.code: said, old: also, duplicate.code: also}


def test_a_scan_of_the_old_card_says_that_there_is_a_newer(books: Books, duplicate: Courier) -> None:
    older, newer = duplicate.code, membership.replace_card(courier=duplicate, reason="丢失", actor=ACTOR, at=NOON).code
    kept = merge(books.courier, duplicate)
    for code in (older, newer):
        with pytest.raises(CardReplaced):
            finding.by_code(code)
    assert {each.code for each in kept.retired_codes.all()} == {older, newer}
    assert finding.by_code(kept.code) == kept


def test_his_phone_goes_free(books: Books, duplicate: Courier) -> None:
    phone = privacy._person(duplicate).phone
    before = privacy._person(books.courier)
    merge(books.courier, duplicate)
    books.courier.refresh_from_db()
    assert privacy._person(books.courier) == before
    assert make_courier(phone=phone).status == "unverified"


def test_his_phone_and_name_move_where_the_kept_one_has_none(books: Books, duplicate: Courier) -> None:
    Courier.objects.filter(pk=books.courier.pk).update(phone_sealed=None, phone_index=None, name_sealed=None)
    person = privacy._person(duplicate)
    kept = merge(books.courier, duplicate)
    kept.refresh_from_db()
    assert privacy._person(kept) == person
    city = make_staff("city")
    assert finding.by_phone(person.phone, actor=city, at=NOON) == kept


def test_without_points_nothing_is_posted(books: Books) -> None:
    merge(books.courier, make_courier())
    assert not Posting.objects.filter(kind="merge").exists()
    assert ledger.balance_of(books.wallet) == 500


def test_done_twice_it_is_done_once(books: Books, duplicate: Courier) -> None:
    op_id = op()
    assert merge(books.courier, duplicate, op_id=op_id) == merge(books.courier, duplicate, op_id=op_id)
    assert ledger.balance_of(books.wallet) == 800
    assert AuditEvent.objects.filter(kind="courier.merged").count() == 3


def test_what_was_merged_before_goes_on_with_the_last(books: Books, duplicate: Courier) -> None:
    third = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    merge(books.courier, duplicate)
    merge(third, books.courier)
    duplicate.refresh_from_db()
    assert duplicate.merged_into == third
    assert ledger.balance_of(ledger.wallet(third)) == 800
    assert {each.pk for each in Courier.objects.one_with(third)} == {third.pk, duplicate.pk, books.courier.pk}
    for kept, other in ((books.courier, make_courier()), (make_courier(), duplicate)):
        with pytest.raises(CourierMerged):
            merge(kept, other)


def test_refusals_say_what_is_wrong(books: Books, duplicate: Courier) -> None:
    with pytest.raises(SameProfile):
        merge(books.courier, books.courier)
    with pytest.raises(ReasonMissing):
        merge(books.courier, duplicate, reason=" ")
    waiting = order(books, courier=duplicate)
    with pytest.raises(OrdersWaiting) as refusal:
        merge(books.courier, duplicate)
    assert refusal.value.data == {"waiting": 1}
    redemption.cancel(redemption=waiting, reason="合并", op_id=op(), actor=ACTOR, at=NOON)
    gone = make_courier()
    privacy.erase(courier=gone, reason="本人申请", actor=ACTOR, at=NOON)
    for kept, other in ((gone, duplicate), (duplicate, gone)):
        with pytest.raises(CourierErased) as erased:
            merge(kept, other)
        assert not isinstance(erased.value, CourierMerged)
    registration.block(courier=duplicate, reason="代领", actor=ACTOR, at=NOON)
    with pytest.raises(CourierBlocked):
        merge(books.courier, duplicate)
    registration.unblock(courier=duplicate, reason="说清了", actor=ACTOR, at=NOON)
    assert merge(books.courier, duplicate) == books.courier


def test_it_takes_the_duty_for_both(books: Books, duplicate: Courier, desk: User) -> None:
    abroad = make_courier(district=books.other)
    counter = make_staff("guitai", scope=books.district, duties=["counter"])
    for kept, other, actor, refusal in (
        (books.courier, abroad, desk, NotFound),
        (abroad, books.courier, desk, NotFound),
        (books.courier, duplicate, counter, DutyMissing),
    ):
        with pytest.raises(refusal):
            merge(kept, other, actor=actor)
    assert not AuditEvent.objects.filter(kind="courier.merged").exists()
    merge(books.courier, duplicate, actor=desk)


def test_who_comes_with_a_merged_profile_hears_so(books: Books, duplicate: Courier) -> None:
    merge(books.courier, duplicate)
    duplicate.refresh_from_db()
    for wish in (
        lambda: order(books, courier=duplicate),
        lambda: passes.issue(courier=duplicate, at=NOON),
        lambda: membership.check_pin(courier=duplicate, pin="180374", at=NOON),
    ):
        with pytest.raises(CourierMerged):
            wish()


def test_limits_and_caps_count_what_the_merged_one_had(books: Books, duplicate: Courier) -> None:
    books.gift.most_a_month = 1
    books.gift.save()
    EarningRule.objects.create(action="volunteer", points=10, most_a_day=1, valid_from=NOON.date())
    deed: dict[str, Any] = {"action": "volunteer", "district": books.district, "actor": ACTOR, "at": NOON}
    redemption.redeem(
        courier=duplicate, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor=ACTOR, at=NOON,
        presence=redemption.Presence(digits=passes.issue(courier=duplicate, at=NOON)),
    )  # fmt: skip
    earning.award(courier=duplicate, matter="a", op_id=op(), **deed)
    merge(books.courier, duplicate)
    with pytest.raises(LimitReached):
        order(books)
    with pytest.raises(CapReached):
        earning.award(courier=books.courier, matter="b", op_id=op(), **deed)


def test_an_award_to_a_profile_that_was_merged_is_taken_from_the_one_that_goes_on(
    books: Books, duplicate: Courier
) -> None:
    given = award(books, 40, courier=duplicate)
    kept = merge(books.courier, duplicate)
    before, told = ledger.balance_of(ledger.wallet(kept)), op()
    for _tap in range(2):
        reversing.take_back(posting=given, reason="认错了人", op_id=told, actor=ACTOR, at=NOON)
    assert ledger.balance_of(ledger.wallet(kept)) == before - 40
    assert ledger.balance_of(ledger.wallet(duplicate)) == 0
    assert list(verifying.broken_invariants()) == []


def test_what_the_one_that_goes_on_has_spent_cannot_be_taken_back(books: Books, duplicate: Courier) -> None:
    given = award(books, 40, courier=duplicate)
    kept = merge(books.courier, duplicate)
    has = ledger.balance_of(ledger.wallet(kept))
    ledger.post(
        kind="expiry", moves=[(ledger.wallet(kept), 39 - has), (ledger.expired(), has - 39)], op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip
    postings = Posting.objects.count()
    with pytest.raises(NotEnoughPoints) as refusal, transaction.atomic():
        reversing.take_back(posting=given, reason="认错了人", op_id=op(), actor=ACTOR, at=NOON)
    assert (refusal.value.data["balance"], refusal.value.data["needed"]) == (39, 40)
    assert Posting.objects.count() == postings
