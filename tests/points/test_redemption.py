"""Gifts for points: ordered, handed over, cancelled, not fetched; and the passes that prove who is there."""

from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from core.errors import DomainError, NotFound
from core.limits import TooMany
from core.models import AuditEvent
from couriers import membership, privacy, registration
from couriers.errors import CourierBlocked, CourierErased
from points import earning, funds, ledger, merging, passes, queue, redemption, reversing, stock, verifying
from points.errors import (
    CourierNotMet,
    GiftNotOffered,
    GiftOfAnotherDistrict,
    LimitReached,
    NotEnoughPoints,
    NotWaiting,
    OperationReused,
    OutOfStock,
    OwnReset,
    PassWrong,
    PostingReasonMissing,
    PresenceUnproved,
    PriceChanged,
    StationNotOpen,
)
from points.models import Gift, GiftPrice, Pass, Posting, Redemption
from points.redemption import FETCH_WITHIN, Presence
from points.settlement import settlement
from stations import publishing
from stations.access import DutyMissing
from tests.builders import NOON, make_courier, make_staff, make_station, make_subdistrict
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.proving import counted

pytestmark = pytest.mark.django_db


@pytest.fixture
def books() -> Books:
    return keep_books()


def here(books: Books, *, at: Any = NOON) -> Presence:
    return Presence(digits=passes.issue(courier=books.courier, at=at))


def redeem(books: Books, **other: Any) -> Redemption:
    said: dict[str, Any] = {
        "courier": books.courier, "gift": books.gift, "station": books.station, "points": PRICE, "op_id": op(),
        "actor": ACTOR, "at": NOON,
    } | other  # fmt: skip
    if "presence" not in said:
        said["presence"] = here(books)
    return redemption.redeem(**said)


def hand_over(made: Redemption, **other: Any) -> Redemption:
    said: dict[str, Any] = {"op_id": op(), "actor": ACTOR, "at": NOON} | other
    return redemption.hand_over(redemption=made, **said)


def held(books: Books) -> tuple[int, int, int]:
    """Points, pieces on hand, pieces set aside."""
    reserve = ledger.reserve(books.gift, books.station)
    return ledger.balance_of(books.wallet), stock.on_hand(books.gift, books.station), ledger.balance_of(reserve)


def unchanged(books: Books) -> tuple[Any, ...]:
    return (*held(books), Posting.objects.count(), Redemption.objects.count(), AuditEvent.objects.count())


def test_what_has_a_row_beside_the_ledger_is_not_taken_back_without_it(books: Books) -> None:
    ordered = order(books)
    handed_over = hand_over(ordered, presence=here(books))
    before = unchanged(books)
    for posting in (ordered.ordered, handed_over.ended):
        assert posting is not None
        with pytest.raises(ValueError, match=posting.kind):
            reversing.take_back(posting=posting, reason="tests", op_id=op(), actor=ACTOR, at=NOON)
    assert unchanged(books) == before


def test_ordered_and_fetched(books: Books) -> None:
    made = order(books)
    assert (made.status, made.points, held(books)) == ("ordered", PRICE, (800, 9, 1))
    done = hand_over(made, presence=here(books))
    assert (done.status, held(books)) == ("handed-over", (800, 9, 0))
    kinds = list(
        AuditEvent.objects.filter(kind__startswith="redemption.").order_by("id").values_list("kind", flat=True)
    )
    assert kinds == ["redemption.ordered", "redemption.handed-over"]
    assert list(verifying.broken_invariants()) == []


def test_both_at_once_at_the_counter(books: Books) -> None:
    done = redeem(books)
    assert (done.status, held(books)) == ("handed-over", (800, 9, 0))
    assert done.ordered_id == done.ended_id
    assert list(verifying.broken_invariants()) == []


def test_the_same_wish_twice_is_one_gift(books: Books) -> None:
    op_id = op()
    first = redeem(books, op_id=op_id)
    before = held(books)
    assert redeem(books, op_id=op_id, presence=Presence()) == first
    made = order(books, op_id=(ordered := op()))
    assert order(books, op_id=ordered) == made
    done = hand_over(made, op_id=(handed := op()), presence=here(books))
    assert hand_over(made, op_id=handed, presence=Presence()) == done
    assert held(books) == (before[0] - PRICE, before[1] - 1, 0)


def test_an_order_keeps_its_price(books: Books) -> None:
    made = order(books)
    GiftPrice.objects.update(points=PRICE + 100)
    hand_over(made, presence=here(books))
    assert held(books)[0] == 1_000 - PRICE


def test_cancelled_everything_is_as_before(books: Books) -> None:
    made = order(books)
    with pytest.raises(PostingReasonMissing):
        redemption.cancel(redemption=made, reason="", op_id=op(), actor=ACTOR, at=NOON)
    op_id = op()
    done = redemption.cancel(redemption=made, reason="不要了", op_id=op_id, actor=ACTOR, at=NOON)
    assert redemption.cancel(redemption=made, reason="不要了", op_id=op_id, actor=ACTOR, at=NOON) == done
    assert (done.status, held(books)) == ("cancelled", (1_000, 10, 0))
    with pytest.raises(NotWaiting) as refused, transaction.atomic():
        redemption.cancel(redemption=made, reason="不要了", op_id=op(), actor=ACTOR, at=NOON)
    assert refused.value.data == {"found": "cancelled"}
    with pytest.raises(NotWaiting), transaction.atomic():
        hand_over(made, presence=here(books))
    assert list(verifying.broken_invariants()) == []


def test_what_nobody_fetches_goes_back_after_seven_days(books: Books) -> None:
    made, fetched = order(books), order(books)
    hand_over(fetched, presence=here(books))
    assert redemption.expire_due(now=made.fetch_until - timedelta(seconds=1)) == 0
    assert redemption.expire_due(now=NOON + FETCH_WITHIN) == 1
    assert redemption.expire_due(now=NOON + FETCH_WITHIN) == 0
    made.refresh_from_db()
    assert (made.status, held(books)) == ("expired", (800, 9, 0))
    assert list(verifying.broken_invariants()) == []


def test_what_is_fetched_while_the_worker_takes_back_another_stays_fetched(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    due, fetched, waits = (order(books, at=NOON + timedelta(hours=each)) for each in (0, 1, 200))
    reverse = ledger.reverse

    def meanwhile(**named: Any) -> Any:
        monkeypatch.setattr(ledger, "reverse", reverse)
        hand_over(fetched, presence=here(books))
        return reverse(**named)

    monkeypatch.setattr(ledger, "reverse", meanwhile)
    assert redemption.expire_due(now=NOON + timedelta(days=8)) == 1
    for each in (due, fetched, waits):
        each.refresh_from_db()
    assert (due.status, fetched.status, waits.status) == ("expired", "handed-over", "ordered")


def test_one_that_cannot_be_taken_back_holds_up_no_other(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, other = order(books), order(books, at=NOON + timedelta(hours=1))
    reverse = ledger.reverse

    def refuse(*, posting: Posting, **named: Any) -> Any:
        if posting.pk == stuck.ordered_id:
            raise OperationReused
        return reverse(posting=posting, **named)

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "reverse", refuse)
        assert redemption.expire_due(now=NOON + timedelta(days=8)) == 1
    assert stuck.code in caplog.text
    other.refresh_from_db()
    stuck.refresh_from_db()
    assert (stuck.status, other.status) == ("ordered", "expired")
    assert redemption.expire_due(now=NOON + timedelta(days=8)) == 1


@pytest.mark.parametrize("door", ["order", "redeem"])
@pytest.mark.parametrize(
    ("what", "refusal", "numbers"),
    [
        ("poor", NotEnoughPoints, {"balance": 100, "needed": PRICE}),
        ("empty", OutOfStock, {"balance": 0, "needed": 1}),
        ("price", PriceChanged, {"price": PRICE}),
        ("no price", GiftNotOffered, None),
        ("not offered", GiftNotOffered, None),
        ("suspended", StationNotOpen, None),
        ("blocked", CourierBlocked, None),
        ("other district", GiftOfAnotherDistrict, None),
        ("month", LimitReached, {"limit": 1}),
    ],
)
def test_what_cannot_be_had_is_refused_and_nothing_written(
    books: Books, door: str, what: str, refusal: type[DomainError], numbers: dict[str, Any] | None
) -> None:
    other: dict[str, Any] = {}
    presence = here(books)
    match what:
        case "poor":
            moves = [(books.wallet, -900), (ledger._account("expired"), 900)]
            ledger.post(kind="expiry", moves=moves, op_id=op(), actor=ACTOR, at=NOON)
        case "empty":
            other["station"] = books.second
        case "price":
            other["points"] = PRICE - 1
        case "no price":
            GiftPrice.objects.all().delete()
        case "not offered":
            Gift.objects.update(is_offered=False)
            other["gift"] = Gift.objects.get()
        case "suspended":
            other["station"] = publishing.suspend(station=books.station, reason="装修", actor=ACTOR, at=NOON)
        case "blocked":
            registration.block(courier=books.courier, reason="冒领", actor=ACTOR, at=NOON)
        case "other district":
            other["station"] = make_station(division=make_subdistrict(code="420104001", district=books.other))
        case "month":
            Gift.objects.update(most_a_month=1)
            other["gift"] = Gift.objects.get()
            order(books)
    for account in (ledger.stock, ledger.reserve):  # made where they are first needed, and not what is counted below
        account(books.gift, books.second)
    ledger.of_district("redeemed", books.district.code), ledger.of_gift("handed-out", books.gift)
    before = unchanged(books)
    with pytest.raises(refusal) as refused, transaction.atomic():
        order(books, **other) if door == "order" else redeem(books, presence=presence, **other)
    if numbers is not None:
        assert refused.value.data == numbers
    assert unchanged(books) == before


def test_a_month_is_a_month_in_wuhan_and_what_went_back_does_not_count(books: Books) -> None:
    Gift.objects.update(most_a_month=1)
    books.gift.refresh_from_db()
    made = order(books)
    redemption.cancel(redemption=made, reason="不要了", op_id=op(), actor=ACTOR, at=NOON)
    order(books)
    last_second = NOON.replace(day=30, hour=15, minute=59, second=59)  # 23:59:59 in Wuhan
    with pytest.raises(LimitReached), transaction.atomic():
        order(books, at=last_second)
    order(books, at=last_second + timedelta(seconds=1))
    with pytest.raises(LimitReached), transaction.atomic():
        order(books, at=last_second + timedelta(seconds=2))


def test_the_limit_counts_all_profiles_of_a_courier_and_nothing_that_was_taken_back(books: Books) -> None:
    Gift.objects.update(most_a_month=2)
    duplicate = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    award(books, PRICE, courier=duplicate)
    redeem(books, courier=duplicate, presence=Presence(digits=passes.issue(courier=duplicate, at=NOON)))
    merging.merge(kept=books.courier, duplicate=duplicate, reason="同一个人", op_id=op(), actor=ACTOR, at=NOON)
    given = redeem(books)
    with pytest.raises(LimitReached), transaction.atomic():
        redeem(books)
    redemption.undo_hand_over(redemption=given, reason="发错了", op_id=op(), actor="chief", at=NOON)
    redeem(books)


def test_the_limit_of_a_gift_counts_no_other(books: Books) -> None:
    cup = Gift.objects.create(code="wc-cup", division=books.district, name="杯", most_a_month=1)
    GiftPrice.objects.create(gift=cup, points=PRICE, valid_from=NOON.date())
    order(books)
    with pytest.raises(OutOfStock):
        order(books, gift=cup)


def test_who_is_erased_orders_nothing(books: Books) -> None:
    privacy.erase(courier=books.courier, reason="本人申请", actor=ACTOR, at=NOON)
    before = unchanged(books)
    with pytest.raises(CourierErased), transaction.atomic():
        order(books)
    assert unchanged(books) == before


def test_the_first_gift_is_for_whom_a_steward_has_met(books: Books) -> None:
    books.courier = make_courier()
    award(books, 500)
    made = order(books)
    with pytest.raises(CourierNotMet), transaction.atomic():
        hand_over(made, presence=here(books))
    with pytest.raises(CourierNotMet), transaction.atomic():
        redeem(books)
    registration.verify(courier=books.courier, actor=ACTOR, at=NOON)
    hand_over(made, presence=here(books))
    redeem(books)


# ── Presence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pass_is_good_once_and_for_five_minutes(books: Books) -> None:
    digits = passes.issue(courier=books.courier, at=NOON)
    assert passes.whose(digits=f" {digits} ", by="li", at=NOON + passes.LIFE - timedelta(seconds=1)) == books.courier
    with pytest.raises(PassWrong):
        passes.whose(digits=digits, by="li", at=NOON + passes.LIFE)
    with pytest.raises(PassWrong):
        passes.use(courier=books.courier, digits=digits, at=NOON + passes.LIFE)
    with pytest.raises(PassWrong):
        redeem(books, presence=Presence(digits=digits), at=NOON + passes.LIFE)
    passes.use(courier=books.courier, digits=digits, at=NOON)
    with pytest.raises(PassWrong):
        passes.use(courier=books.courier, digits=digits, at=NOON)
    with pytest.raises(PassWrong):
        passes.whose(digits=digits, by="li", at=NOON)


def test_a_new_pass_ends_the_one_before_and_serves_nobody_else(books: Books) -> None:
    first = passes.issue(courier=books.courier, at=NOON)
    second = passes.issue(courier=books.courier, at=NOON)
    other = make_courier()
    for courier, digits in ((books.courier, first), (other, second)):
        if first != second:
            with pytest.raises(PassWrong):
                passes.use(courier=courier, digits=digits, at=NOON)
    registration.verify(courier=other, actor=ACTOR, at=NOON)
    award(books, PRICE, courier=other)
    with pytest.raises(PassWrong), transaction.atomic():
        redeem(books, courier=other, presence=Presence(digits=second))
    his = Presence(digits=passes.issue(courier=other, at=NOON))
    assert redeem(books, courier=other, presence=his).courier == other
    with pytest.raises(PassWrong):
        redeem(books, courier=other, presence=his)
    passes.use(courier=books.courier, digits=second, at=NOON)


def test_who_is_blocked_gets_no_pass(books: Books) -> None:
    registration.block(courier=books.courier, reason="冒领", actor=ACTOR, at=NOON)
    with pytest.raises(CourierBlocked):
        passes.issue(courier=books.courier, at=NOON)
    registration.unblock(courier=books.courier, reason="查清了", actor=ACTOR, at=NOON)
    assert passes.issue(courier=books.courier, at=NOON)


def test_two_couriers_never_show_the_same_digits(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    draws = iter([5, 5, 7, 5])
    monkeypatch.setattr("secrets.randbelow", lambda _below: next(draws))
    other = make_courier()
    assert passes.issue(courier=books.courier, at=NOON) == "000005"
    assert passes.issue(courier=other, at=NOON) == "000007"
    # What has run out keeps nobody from them.
    assert passes.issue(courier=other, at=NOON + passes.LIFE) == "000005"


def test_who_guesses_passes_is_not_listened_to(books: Books) -> None:
    digits = passes.issue(courier=books.courier, at=NOON)
    wrong = f"{(int(digits) + 1) % 1_000_000:06}"
    for _guess in range(20):
        with pytest.raises(PassWrong):
            passes.whose(digits=wrong, by="guesser", at=NOON)
    # Nor is the right one heard of: whoever goes on would find somebody's sooner or later.
    for guess in (wrong, digits):
        with pytest.raises(TooMany):
            passes.whose(digits=guess, by="guesser", at=NOON)
    # At a counter right ones are shown all day.
    for _shown in range(21):
        assert passes.whose(digits=digits, by="li", at=NOON) == books.courier


@pytest.mark.parametrize(("wrong_tries", "is_good"), [(19, True), (20, False)])
def test_whoever_guesses_one_couriers_pass_has_twenty_tries(books: Books, wrong_tries: int, is_good: bool) -> None:
    def guess(digits: str) -> None:
        redeem(books, presence=Presence(digits=digits))

    def show(digits: str) -> None:
        passes.count_shown(courier=books.courier)
        passes.use(courier=books.courier, digits=digits, at=NOON)

    other = make_courier()
    for door in (guess, show):
        digits = passes.issue(courier=books.courier, at=NOON)
        passes.issue(courier=other, at=NOON)
        for _guess in range(wrong_tries):
            with pytest.raises(PassWrong):
                door(f"{(int(digits) + 1) % 1_000_000:06}")
        # What is guessed of one is not held against another.
        assert Pass.objects.get(courier=other).tries == 0
        with nullcontext() if is_good else pytest.raises(PassWrong):
            door(digits)


def test_without_a_pass_it_takes_two_of_the_counter_and_a_reason(books: Books) -> None:
    li, wang = make_staff("li", scope=books.station, duties=["counter"]), make_staff("wang", scope=books.district)
    away = make_staff("away", scope=books.other)
    made = order(books)
    for presence in (
        Presence(),
        Presence(witness=wang),
        Presence(reason="手机没电"),
        Presence(witness=li, reason="手机没电"),
    ):
        with pytest.raises(PresenceUnproved), transaction.atomic():
            hand_over(made, actor=li, presence=presence)
    with pytest.raises(NotFound), transaction.atomic():
        hand_over(made, actor=li, presence=Presence(witness=away, reason="手机没电"))
    done = hand_over(made, actor=li, presence=Presence(witness=wang, reason="手机没电"))
    assert done.ended is not None
    assert (done.ended.actor_name, done.ended.approver_name, done.ended.reason) == ("li", "wang", "手机没电")
    redeem(books, actor=li, presence=Presence(witness=wang, reason="手机没电"))
    told = AuditEvent.objects.filter(kind="redemption.handed-over")
    assert [(each.actor_name, each.data["approver"], each.data["reason"]) for each in told] == [
        ("li", "wang", "手机没电")
    ] * 2


def let_in(books: Books, *, by: Any, at: Any, way: str = "new PIN") -> None:
    """His phone is let in by an account of the counter; with "new card" he has another code afterwards."""
    if way == "another number":
        registration.change_phone(courier=books.courier, phone="15499990001", actor=by, at=at)
        return
    membership.reset_pin_link(courier=books.courier, actor=by, at=at)
    if way == "new card":
        membership.replace_card(courier=books.courier, reason="丢了", actor=by, at=at)
        books.courier.refresh_from_db()


@pytest.mark.parametrize("way", ["new PIN", "new card", "another number"])
def test_what_comes_from_a_phone_proves_nobody_to_the_account_that_let_it_in(
    books: Books, settings: Any, way: str
) -> None:
    """Or a steward could make himself the courier, and hand over to himself (T19)."""
    settings.SMS_BACKEND = "console"
    li, wang = make_staff("li", scope=books.station, duties=["counter"]), make_staff("wang", scope=books.district)
    made = order(books)
    let_in(books, by=li, at=NOON - passes.LET_IN_FOR + timedelta(seconds=1), way=way)
    queue.join(redemption=made, at=NOON)
    before = unchanged(books)
    for presence in (here(books), Presence(in_queue=True)):
        with pytest.raises(OwnReset), transaction.atomic():
            hand_over(made, actor=li, presence=presence)
    with pytest.raises(OwnReset):
        redeem(books, actor=li)
    assert unchanged(books) == before
    # A colleague, a second person, and the same account a day later.
    assert hand_over(made, actor=wang, presence=here(books)).status == "handed-over"
    award(books, 2 * PRICE)
    assert redeem(books, actor=li, presence=Presence(witness=wang, reason="刚重设密码")).status == "handed-over"
    later = NOON + timedelta(seconds=2)
    assert redeem(books, actor=li, at=later, presence=here(books, at=later)).status == "handed-over"
    counted(
        "T19", "hand-overs to a phone that the same account had let in, by pass, queue and at once", asked=3, done=0
    )


def test_where_no_code_is_sent_to_a_number_another_number_lets_nobody_in(books: Books) -> None:
    li = make_staff("li", scope=books.station, duties=["counter"])
    let_in(books, by=li, at=NOON, way="another number")
    assert redeem(books, actor=li).status == "handed-over"


def test_what_is_done_stays_done_though_the_phone_was_let_in_since(books: Books) -> None:
    li = make_staff("li", scope=books.station, duties=["counter"])
    wish: dict[str, Any] = {"op_id": op(), "actor": li, "presence": here(books)}
    done = redeem(books, **wish)
    let_in(books, by=li, at=NOON)
    assert redeem(books, **wish) == done
    with pytest.raises(OwnReset):
        redeem(books, **wish | {"op_id": op()})


def test_without_a_pass_the_same_wish_for_somebody_else_is_no_success(books: Books) -> None:
    li, wang = make_staff("li", scope=books.station, duties=["counter"]), make_staff("wang", scope=books.station)
    other = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    award(books, PRICE, courier=other)
    wish: dict[str, Any] = {"op_id": op(), "actor": li, "presence": Presence(witness=wang, reason="手机没电")}
    done = redeem(books, **wish)
    assert redeem(books, **wish) == done
    for another in ({"courier": other}, {"station": books.second}, {"points": PRICE + 1}):
        with pytest.raises(OperationReused):
            redeem(books, **wish | another | {"actor": ACTOR})
    assert (ledger.balance_of(ledger.wallet(other)), held(books)) == (PRICE, (800, 9, 0))
    assert redeem(books, **wish | {"courier": other, "op_id": op()}).courier == other


def test_a_wrong_pass_hands_nothing_over(books: Books) -> None:
    made = order(books)
    before = unchanged(books)
    with pytest.raises(PassWrong), transaction.atomic():
        hand_over(made, presence=Presence(digits="12345x"))
    assert unchanged(books) == before


def test_who_has_no_duty_here_hands_nothing_over(books: Books) -> None:
    made = order(books)
    looks_on = make_staff("looks-on", scope=books.district, duties=["view"])
    away = make_staff("away", scope=books.other, duties=["counter"])
    for actor, refusal in ((looks_on, DutyMissing), (away, NotFound)):
        with pytest.raises(refusal), transaction.atomic():
            hand_over(made, actor=actor, presence=here(books))
        with pytest.raises(refusal), transaction.atomic():
            redeem(books, actor=actor)
        with pytest.raises(refusal), transaction.atomic():
            redemption.cancel(redemption=made, reason="不要了", op_id=op(), actor=actor, at=NOON)
    assert held(books) == (800, 9, 1)


# ── Between districts ───────────────────────────────────────────────────────────────────────────────────────────────


def test_points_are_the_citys_and_districts_settle(books: Books) -> None:
    """武昌 pays 1000 points, of which 硚口's counter takes 200: 武昌 owes what its own couriers took elsewhere."""
    gift = Gift.objects.create(code="qk-soap", division=books.other, name="洗手液")
    GiftPrice.objects.create(gift=gift, points=PRICE, valid_from=NOON.date())
    station = make_station(division=make_subdistrict(code="420104001", district=books.other))
    paper = stock.Delivery(document_no="R", unit_price_cny=5, funding="union")  # type: ignore[arg-type]
    stock.receive(gift=gift, station=station, pieces=3, delivery=paper, op_id=op(), actor=ACTOR, at=NOON)
    order(books)
    redeem(books, gift=gift, station=station)
    made = redeem(books, gift=gift, station=station)
    ledger.reverse(posting=made.ordered, reason="坏的", op_id=op(), actor=ACTOR, at=NOON)
    # What the city gives, or takes back, is paid to nobody.
    posted = funds.allocate(district=books.other, points=70, source="R", op_id=op(), actor=ACTOR, at=NOON)
    allocated = Posting.objects.get(pk=posted.posting_id)
    ledger.reverse(posting=allocated, reason="记错了", op_id=op(), actor=ACTOR, at=NOON)
    found = {row.district: (row.paid, row.redeemed, row.owes) for row in settlement(month=NOON.date())}
    assert found == {"420106": (1_000, PRICE, 800), "420104": (0, PRICE, -PRICE)}
    assert settlement(month=NOON.date() + timedelta(days=40)) == []
    assert earning.limit_on(NOON.date()) is not None
