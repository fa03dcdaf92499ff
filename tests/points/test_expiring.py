"""Points expire at month ends: the oldest first, once, and never more than there are."""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core import clock
from core.errors import InvalidValue, NotFound
from core.models import AuditEvent
from couriers.models import Courier
from points import expiring, funds, ledger, merging, redemption, reversing
from points.errors import NotEnoughPoints
from points.expiring import CutOff, Due, due, expire_due, set_rule
from points.models import Entry, ExpiryRule, GiftPrice, Posting, Redemption
from stations.access import DutyMissing
from stations.models import Division
from tests.builders import NOON, make_courier, make_staff
from tests.points.books import ACTOR, PRICE, Books, keep_books, op, order
from tests.proving import counted, times

pytestmark = pytest.mark.django_db


def at(month: int, day: int = 15, *, year: int = 2026) -> datetime:
    """Noon of a day in Wuhan."""
    return clock.local_midnight(date(year, month, day)) + timedelta(hours=12)


def after(month: int, *, year: int = 2026) -> datetime:
    """A moment after the end of a month."""
    return clock.local_midnight(clock.first_of_month(date(year, month, 1), months=1)) + timedelta(minutes=5)


def earn(books: Books, points: int, when: datetime, *, courier: Courier | None = None) -> Posting:
    moves = [(books.fund, -points), (ledger.wallet(courier or books.courier), points)]
    posted = ledger.post(kind="award", moves=moves, op_id=op(), actor=ACTOR, at=when)
    return Posting.objects.get(pk=posted.posting_id)


def good_for(months: int, *, since: date = date(2026, 1, 1)) -> ExpiryRule:
    return ExpiryRule.objects.create(months=months, valid_from=since)


@pytest.fixture
def books() -> Books:
    books = keep_books(points=0)
    GiftPrice.objects.update(valid_from=date(2020, 1, 1))
    return books


def left(books: Books) -> int:
    return ledger.balance_of(books.wallet)


# ── What expires when ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("months", "day", "before"),
    [
        (12, date(2026, 6, 30), date(2025, 7, 1)),
        (1, date(2026, 6, 30), date(2026, 6, 1)),
        (24, date(2026, 12, 31), date(2025, 1, 1)),
        (2, date(2026, 1, 31), date(2025, 12, 1)),
    ],
)
def test_points_are_good_to_the_end_of_the_month_so_many_months_on(months: int, day: date, before: date) -> None:
    assert CutOff(day, months).earned_before == before


def test_what_was_earned_in_a_month_expires_at_the_end_of_the_month_a_validity_later(books: Books) -> None:
    good_for(2)
    earn(books, 100, clock.local_midnight(date(2026, 2, 1)) - timedelta(seconds=1))  # the last second of January
    earn(books, 30, clock.local_midnight(date(2026, 2, 1)))
    assert due(courier=books.courier, at=at(2)) == [Due(100, date(2026, 3, 31)), Due(30, date(2026, 4, 30))]
    expire_due(now=clock.local_midnight(date(2026, 4, 1)) - timedelta(seconds=1))
    assert left(books) == 130
    assert expire_due(now=clock.local_midnight(date(2026, 4, 1))) == 1
    assert left(books) == 30
    expired = Posting.objects.get(kind="expiry")
    assert (expired.source, expired.actor_name) == ("2026-03-31", "worker")
    assert AuditEvent.objects.get(kind="points.expired").data == {"points": 100, "cut_off": "2026-03-31"}


def test_without_a_rule_nothing_expires(books: Books) -> None:
    earn(books, 100, at(1, year=2000))
    assert expire_due(now=NOON) == 0
    assert due(courier=books.courier, at=NOON) == []
    assert left(books) == 100


def test_the_oldest_points_are_spent_first(books: Books) -> None:
    good_for(1)
    earn(books, 250, at(1))
    earn(books, PRICE, at(2, 10))
    order(books, at=at(2, 20))
    expire_due(now=after(2))
    assert left(books) == PRICE  # of January's 250 the order took 200, so 50 were left to expire
    assert [each.amount for each in Entry.objects.filter(account=books.wallet, posting__kind="expiry")] == [-50]


def test_run_again_or_late_it_expires_the_same_points_once(books: Books) -> None:
    good_for(1)
    earn(books, 100, at(1))
    earn(books, 70, at(2))
    assert [expire_due(now=after(4)), expire_due(now=after(4)), expire_due(now=after(4))] == [2, 0, 0]
    # Missed cut-offs are made up for in order, each under its own date.
    told = Posting.objects.filter(kind="expiry").order_by("pk").values_list("source", flat=True)
    assert list(told) == ["2026-02-28", "2026-03-31"]
    done = AuditEvent.objects.filter(kind="points.expiry-done").order_by("id")
    assert [each.data["cut_off"] for each in done] == ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"]
    assert [each.data["points"] for each in done] == [0, 100, 70, 0]
    # What is brought over from paper after it was worked off waits for the next one.
    earn(books, 50, at(1), courier=make_courier())
    assert [expire_due(now=after(4)), expire_due(now=after(5))] == [0, 1]


def test_one_whose_points_cannot_expire_holds_up_no_other_and_is_tried_again(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    good_for(1)
    earn(books, 100, at(1))
    other = make_courier()
    earn(books, 70, at(1), courier=other)
    really_post = ledger.post

    def post(**said: Any) -> Any:
        if said["moves"][0][0] == books.wallet:
            raise InvalidValue("amount", "no")
        return really_post(**said)

    with monkeypatch.context() as broken:
        broken.setattr(ledger, "post", post)
        assert expire_due(now=after(2)) == 1
    assert (left(books), ledger.balance_of(ledger.wallet(other))) == (100, 0)
    assert books.courier.code in caplog.text
    done = AuditEvent.objects.filter(kind="points.expiry-done").order_by("id").values_list("data__cut_off", flat=True)
    assert list(done) == ["2026-01-31"]
    assert (expire_due(now=after(2)), left(books)) == (1, 0)
    assert list(done.all()) == ["2026-01-31", "2026-02-28"]


def test_each_cut_off_goes_by_the_rule_that_held_then(books: Books) -> None:
    ExpiryRule.objects.create(months=1, valid_from=date(2026, 1, 1), valid_through=date(2026, 2, 28))
    good_for(24, since=date(2026, 3, 1))
    earn(books, 100, at(1))
    earn(books, 70, at(2))
    assert (expire_due(now=after(4)), left(books)) == (1, 70)


def test_broken_off_it_goes_on_where_it_was(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    good_for(1)
    second = make_courier()
    for courier in (books.courier, second):
        earn(books, 100, at(1), courier=courier)
    monkeypatch.setattr(expiring, "CHUNK", 1)
    real = expiring._expire

    def dies_at_the_second(courier_id: int, *args: Any, **more: Any) -> int:
        if courier_id == second.pk:
            raise ConnectionError
        return real(courier_id, *args, **more)

    monkeypatch.setattr(expiring, "_expire", dies_at_the_second)
    with pytest.raises(ConnectionError):
        expire_due(now=after(2))
    monkeypatch.setattr(expiring, "_expire", real)
    assert not AuditEvent.objects.filter(kind="points.expiry-done", data__cut_off="2026-02-28").exists()
    # What comes back meanwhile waits for the next cut-off, although this one is not worked off.
    assert expire_due(now=after(2) + timedelta(hours=1)) == 1
    assert [left(books), ledger.balance_of(ledger.wallet(second))] == [0, 0]
    assert Posting.objects.filter(kind="expiry").count() == 2


def test_expired_points_that_come_back_expire_at_the_next_cut_off(books: Books) -> None:
    good_for(1)
    earn(books, PRICE, at(1))
    ordered = order(books, at=at(2, 27))
    expire_due(now=after(2))
    assert left(books) == 0
    redemption.cancel(redemption=ordered, reason="tests", op_id=op(), actor=ACTOR, at=at(3, 2))
    assert due(courier=books.courier, at=at(3, 2)) == [Due(PRICE, date(2026, 3, 31))]
    expire_due(now=at(3, 2))
    assert left(books) == PRICE
    expire_due(now=after(3))
    assert left(books) == 0


def test_given_back_before_a_late_worker_comes_it_still_waits_for_the_next(books: Books) -> None:
    good_for(1)
    earn(books, PRICE, at(1))
    ordered = order(books, at=at(2, 27))
    redemption.cancel(redemption=ordered, reason="tests", op_id=op(), actor=ACTOR, at=at(3, 2))
    expire_due(now=at(3, 3))
    assert left(books) == PRICE
    expire_due(now=after(3))
    assert left(books) == 0


def test_what_was_spent_after_a_missed_cut_off_is_spent(books: Books) -> None:
    good_for(1)
    earn(books, PRICE + 50, at(1))
    order(books, at=at(3, 2))
    expire_due(now=at(3, 3))
    assert left(books) == 0
    assert Entry.objects.get(account=books.wallet, posting__kind="expiry").amount == -50


def test_an_award_that_was_taken_back_was_never_earned(books: Books) -> None:
    good_for(1)
    wrong = earn(books, 100, at(1))
    earn(books, 40, at(2))
    reversing.take_back(posting=wrong, reason="tests", op_id=op(), actor=ACTOR, at=at(2, 20))
    expire_due(now=after(2))
    assert left(books) == 40


def test_of_two_workers_at_one_cut_off_one_lets_expire(books: Books) -> None:
    before, cut_off = (CutOff(day, 1) for day in (date(2026, 1, 31), date(2026, 2, 28)))
    earn(books, 100, at(1))
    assert expiring._expire(books.courier.pk, before, now=after(2)) == 0
    assert [expiring._expire(books.courier.pk, cut_off, now=after(2)) for _worker in range(2)] == [100, 0]
    # What is brought over from paper meanwhile waits for the next one.
    earn(books, 50, at(1))
    assert (expiring._expire(books.courier.pk, cut_off, now=after(2)), left(books)) == (0, 50)


def test_an_expiry_that_was_taken_back_expires_again_at_the_next_cut_off(books: Books) -> None:
    good_for(1)
    earn(books, 100, at(1))
    expire_due(now=after(2))
    expired = Posting.objects.get(kind="expiry")
    ledger.reverse(posting=expired, reason="tests", op_id=op(), actor=ACTOR, at=at(3, 2))
    expire_due(now=at(3, 3))
    assert left(books) == 100
    expire_due(now=after(3))
    assert left(books) == 0


def test_merged_profiles_keep_the_age_of_their_points(books: Books) -> None:
    good_for(2)
    duplicate = make_courier()
    earn(books, 100, at(1), courier=duplicate)
    earn(books, 30, at(3))
    merging.merge(
        kept=books.courier, duplicate=duplicate, reason="同一人", op_id=op(), actor=ACTOR, at=at(3, 20)
    )  # fmt: skip
    assert left(books) == 130
    assert due(courier=books.courier, at=at(3, 20)) == [Due(100, date(2026, 3, 31)), Due(30, date(2026, 5, 31))]
    duplicate.refresh_from_db()
    assert due(courier=duplicate, at=at(3, 20)) == []
    assert expiring._expire(duplicate.pk, CutOff(date(2026, 3, 31), 2), now=after(3)) == 0
    assert expire_due(now=after(3)) == 1
    assert left(books) == 30
    assert expire_due(now=after(5)) == 1
    assert left(books) == 0


def test_due_goes_by_the_rules_to_come(books: Books) -> None:
    ExpiryRule.objects.create(months=12, valid_from=date(2026, 1, 1), valid_through=date(2026, 6, 30))
    good_for(3, since=date(2026, 7, 1))
    earn(books, 100, at(1))
    earn(books, 20, at(5))
    assert due(courier=books.courier, at=at(5)) == [Due(100, date(2026, 7, 31)), Due(20, date(2026, 8, 31))]


# ── The rule ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_city_sets_the_rule_and_ends_it(books: Books) -> None:
    city = make_staff("shi", scope=Division.objects.get(pk="4201"), duties=["manage"])
    with pytest.raises(InvalidValue):
        set_rule(months=1, valid_from=clock.local_date(NOON) - timedelta(days=1), actor=city, at=NOON)
    set_rule(months=12, valid_from=date(2026, 7, 1), actor=city, at=NOON)
    set_rule(months=24, valid_from=date(2026, 9, 1), actor=city, at=NOON)
    set_rule(months=None, valid_from=date(2026, 12, 1), actor=city, at=NOON)
    kept = ExpiryRule.objects.order_by("valid_from").values_list("months", "valid_from", "valid_through")
    assert list(kept) == [
        (12, date(2026, 7, 1), date(2026, 8, 31)),
        (24, date(2026, 9, 1), date(2026, 11, 30)),
    ]
    told = AuditEvent.objects.filter(kind="expiry.rule-set").order_by("id")
    assert [each.data["changed"]["months"] for each in told] == [
        {"before": None, "after": 12},
        {"before": 12, "after": 24},
        {"before": 24, "after": None},
    ]
    with pytest.raises(InvalidValue, match="2026-09-01"):
        set_rule(months=1, valid_from=date(2026, 8, 1), actor=city, at=NOON)
    for months in (0, 121):
        with pytest.raises(ValidationError), transaction.atomic():
            set_rule(months=months, valid_from=date(2027, 1, 1), actor=city, at=NOON)
    reader = make_staff("du", scope=Division.objects.get(pk="4201"), duties=["audit"])
    district = make_staff("qu", scope=books.district, duties=["manage"])
    for actor, refusal in ((reader, DutyMissing), (district, NotFound)):
        with pytest.raises(refusal):
            set_rule(months=1, valid_from=date(2027, 1, 1), at=NOON, actor=actor)


@pytest.mark.parametrize("days", [0, 40], ids=["the-day-itself", "later"])
def test_where_nothing_expires_a_rule_that_begins_then_or_later_is_taken_back(books: Books, days: int) -> None:
    earn(books, 100, NOON)
    today = clock.local_date(NOON)
    first = today + timedelta(days=days)
    set_rule(months=1, valid_from=first, actor=ACTOR, at=NOON)
    # A new rule says which stands in its way, and what to do.
    with pytest.raises(InvalidValue, match=str(first)):
        set_rule(months=2, valid_from=today, actor=ACTOR, at=NOON)
    assert due(courier=books.courier, at=NOON)
    assert set_rule(months=None, valid_from=today, actor=ACTOR, at=NOON) is None
    assert (list(ExpiryRule.objects.all()), due(courier=books.courier, at=NOON)) == ([], [])
    assert AuditEvent.objects.latest("id").data["taken_back"] == [f"{first}: 1"]
    assert (expire_due(now=after(10)), left(books)) == (0, 100)
    assert set_rule(months=2, valid_from=today, actor=ACTOR, at=NOON) is not None
    assert (expire_due(now=after(10)), left(books)) == (1, 0)


def test_a_rule_begins_in_our_time(books: Books) -> None:
    """One that began in 9999 let no courier see his points."""
    earn(books, 100, NOON)
    for day in (date(2101, 1, 1), date(9999, 12, 31)):
        with pytest.raises(ValidationError, match="2100"), transaction.atomic():
            set_rule(months=120, valid_from=day, actor=ACTOR, at=NOON)
        with pytest.raises(IntegrityError), transaction.atomic():
            ExpiryRule.objects.create(months=120, valid_from=day)
    set_rule(months=120, valid_from=date(2100, 12, 31), actor=ACTOR, at=NOON)
    assert due(courier=books.courier, at=NOON) == [Due(100, date(2100, 12, 31))]


# ── Beside a naive model of lots ────────────────────────────────────────────────────────────────────────────────────


class Lots:
    """Lot by lot, as on paper: whoever spends takes from the oldest lot, what comes back goes to the youngest that was used."""

    def __init__(self, months: int) -> None:
        self.months = months
        self.lots: list[list[Any]] = []  # [when, points, used]

    def earn(self, when: datetime, points: int) -> list[Any]:
        """An older lot may join, with a profile that is merged: what was used before is then taken from it."""
        used = sum(each[2] for each in self.lots)
        for each in self.lots:
            each[2] = 0
        lot = [when, points, 0]
        self.lots.append(lot)
        self.lots.sort(key=lambda each: each[0])
        self.spend(used)
        return lot

    def spend(self, points: int) -> None:
        for lot in self.lots:
            taken = min(points, lot[1] - lot[2])
            lot[2] += taken
            points -= taken

    def give_back(self, points: int) -> None:
        for lot in reversed(self.lots):
            returned = min(points, lot[2])
            lot[2] -= returned
            points -= returned

    def forget(self, lot: list[Any]) -> None:
        self.lots.remove(lot)
        self.spend(lot[2])

    def expires_on(self, lot: list[Any]) -> date:
        return clock.first_of_month(clock.local_date(lot[0]), months=self.months + 1) - timedelta(days=1)

    def cut_off(self, day: date) -> None:
        for lot in self.lots:
            if self.expires_on(lot) <= day:
                lot[2] = lot[1]

    def due(self, today: date) -> list[Due]:
        end = clock.first_of_month(today, months=1) - timedelta(days=1)
        told: dict[date, int] = defaultdict(int)
        for lot in self.lots:
            told[max(end, self.expires_on(lot))] += lot[1] - lot[2]
        return [Due(points, day) for day, points in sorted(told.items()) if points]

    @property
    def balance(self) -> int:
        return sum(points - used for _when, points, used in self.lots)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("earn"), st.integers(1, 600)),
        st.tuples(st.just("order"), st.just(0)),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("take back"), st.integers(0, 5)),
        st.tuples(st.just("days"), st.integers(1, 45)),
        st.tuples(st.just("days"), st.integers(1, 45)),
        st.tuples(st.just("merge"), st.integers(1, 300)),
    ),
    min_size=4,
    max_size=25,
)


def ends_between(first: date, last: date) -> Iterator[date]:
    """The month ends from `first` to the day before `last`."""
    day = clock.first_of_month(first, months=1) - timedelta(days=1)
    while day < last:
        yield day
        day = clock.first_of_month(day, months=2) - timedelta(days=1)


@settings(max_examples=times(40, 1_500), deadline=None, suppress_health_check=list(HealthCheck))
@given(months=st.integers(1, 3), steps=STEPS)
@example(months=1, steps=[("earn", 200), ("order", 0), ("days", 60), ("cancel", 0), ("days", 30), ("days", 30)])
@example(months=1, steps=[("earn", 1), ("earn", 199), ("order", 0), ("merge", 1)])
@example(months=1, steps=[("earn", 300), ("days", 45), ("earn", 250), ("order", 0), ("days", 45), ("take back", 1)])
def test_whatever_happens_it_is_as_lot_by_lot(months: int, steps: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        try:
            live(months, steps)
        finally:
            transaction.set_rollback(True)


def live(months: int, steps: list[tuple[str, int]]) -> None:
    books = keep_books(points=0, pieces=1_000)
    GiftPrice.objects.update(valid_from=date(2020, 1, 1))
    funds.allocate(district=books.district, points=1_000_000, source="R", op_id=op(), actor=ACTOR, at=NOON)
    good_for(months)
    lots, now = Lots(months), at(1, 10)
    orders: list[Redemption] = []
    awards: list[tuple[Posting, list[Any]]] = []
    for what, number in steps:
        if what == "earn":
            awards.append((earn(books, number, now), lots.earn(now, number)))
        elif what == "order" and lots.balance >= PRICE:
            orders.append(order(books, at=now))
            lots.spend(PRICE)
        elif what == "cancel" and orders:
            ordered = orders.pop(number % len(orders))
            redemption.cancel(redemption=ordered, reason="tests", op_id=op(), actor=ACTOR, at=now)
            lots.give_back(PRICE)
        elif what == "take back" and awards:
            posting, lot = awards[number % len(awards)]
            wish: dict[str, Any] = {"posting": posting, "reason": "tests", "op_id": op(), "actor": ACTOR, "at": now}
            if lot[1] > lots.balance:
                with pytest.raises(NotEnoughPoints), transaction.atomic():
                    reversing.take_back(**wish)
            else:
                reversing.take_back(**wish)
                lots.forget(lot)
                awards.remove((posting, lot))
        elif what == "merge":
            duplicate = make_courier()
            earn(books, number, now - timedelta(days=20), courier=duplicate)
            lots.earn(now - timedelta(days=20), number)
            merging.merge(
                kept=books.courier, duplicate=duplicate, reason="同一人", op_id=op(), actor=ACTOR, at=now
            )  # fmt: skip
        elif what == "days":
            then = now + timedelta(days=number)
            for day in ends_between(clock.local_date(now), clock.local_date(then)):
                lots.cut_off(day)
            now = then
            expire_due(now=now)
            assert expire_due(now=now) == 0
        counted("T05", "steps of expiry beside a model that keeps lots", steps=1)
        assert left(books) == lots.balance >= 0
        told = due(courier=books.courier, at=now)
        assert told == lots.due(clock.local_date(now))
        assert sum(each.points for each in told) <= left(books)


def test_op_ids_come_from_account_and_cut_off(books: Books) -> None:
    good_for(1)
    earn(books, 100, at(1))
    expire_due(now=after(2))
    expected = uuid.uuid5(uuid.NAMESPACE_URL, f"points-expiry:{books.wallet}:2026-02-28")
    assert Posting.objects.get(kind="expiry").op_id == expected
