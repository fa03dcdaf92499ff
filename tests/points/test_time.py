"""Where a day, a month, a year or five minutes end (T22). UTC is stored; days are those of Wuhan, eight hours before UTC's.

Each case is one instant, frozen: the last microsecond of something, or the first of what follows.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from core.errors import DomainError
from points import earning, gifts, ledger, passes, redemption, settlement, verifying
from points.errors import CapReached, LimitReached, NoRule, NotWaiting, PassWrong, PriceChanged
from points.models import AwardLimit, EarningRule, Gift, Seal
from stations import day_types, publishing
from stations.models import HoursPeriod, HoursSpan
from tests.builders import make_station
from tests.points.books import PRICE, Books, keep_books, op
from tests.points.test_sealing import seal
from tests.proving import counted

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
A_DEED = 30
Case = Callable[[Books, datetime], None]


def refusal(wish: Callable[[], Any]) -> type[DomainError] | None:
    try:
        wish()
    except DomainError as error:
        return type(error)
    return None


def deed(books: Books, at: datetime) -> Any:
    return earning.award(
        courier=books.courier, action="volunteer", district=books.district, matter=op().hex, op_id=op(), actor="tests",
        at=at,
    )  # fmt: skip


def by_hand(books: Books, at: datetime, points: int = 100) -> Any:
    return earning.award_by_hand(
        courier=books.courier, points=points, district=books.district, reason="tests", op_id=op(), actor="tests", at=at
    )


def order(books: Books, at: datetime, points: int = PRICE) -> Any:
    return redemption.order(
        courier=books.courier, gift=books.gift, station=books.station, points=points, op_id=op(), actor="self", at=at
    )


# ── What each instant is asked ──────────────────────────────────────────────────────────────────────────────────────


def the_cap_of_deeds(day: date, *, is_new: bool) -> Case:
    """One deed a day counts; there was one an hour before."""

    def ask(books: Books, at: datetime) -> None:
        EarningRule.objects.create(action="volunteer", points=A_DEED, most_a_day=1, valid_from=date(2026, 1, 1))
        assert deed(books, at - HOUR).day == (day - DAY if is_new else day)
        assert refusal(lambda: deed(books, at)) is (None if is_new else CapReached)

    return ask


def the_cap_of_staff(day: date, *, is_new: bool) -> Case:
    """One gives 100 points a day by hand, and gave them an hour before."""

    def ask(books: Books, at: datetime) -> None:
        AwardLimit.objects.update(most_alone=100, most_a_day=100, valid_from=date(2026, 1, 1))
        assert by_hand(books, at - HOUR).day == (day - DAY if is_new else day)
        assert refusal(lambda: by_hand(books, at)) is (None if is_new else CapReached)

    return ask


def the_rule(first: date, last: date, *, holds: bool) -> Case:
    def ask(books: Books, at: datetime) -> None:
        EarningRule.objects.create(
            action="volunteer", points=A_DEED, most_a_day=9, valid_from=first, valid_through=last
        )
        assert refusal(lambda: deed(books, at)) is (None if holds else NoRule)

    return ask


def the_price(new_from: date, *, is_new: bool) -> Case:
    """What is ordered keeps the price of the moment in which it was ordered."""

    def ask(books: Books, at: datetime) -> None:
        gifts.set_price(gift=books.gift, points=250, valid_from=new_from, actor="tests", at=at - DAY)
        now, other = (250, PRICE) if is_new else (PRICE, 250)
        assert refusal(lambda: order(books, at, other)) is PriceChanged
        made = order(books, at, now)
        redemption.cancel(redemption=made, reason="tests", op_id=op(), actor="tests", at=at + DAY)
        assert (made.points, ledger.balance_of(books.wallet)) == (now, 1_000)

    return ask


def the_limit_of_a_month(*, is_new: bool) -> Case:
    """One of these a month; one was ordered an hour before."""

    def ask(books: Books, at: datetime) -> None:
        Gift.objects.update(most_a_month=1)
        books.gift.refresh_from_db()
        order(books, at - HOUR)
        assert refusal(lambda: order(books, at)) is (None if is_new else LimitReached)

    return ask


def the_wait_for_an_order(ordered_at: datetime, *, is_over: bool) -> Case:
    """Fetched within seven days, to the microsecond; a turn of the year does not matter."""

    def ask(books: Books, at: datetime) -> None:
        made = order(books, ordered_at)
        assert redemption.expire_due(now=at) == (1 if is_over else 0)
        shown = passes.issue(courier=books.courier, at=at)
        presence = redemption.Presence(digits=shown)
        assert refusal(
            lambda: redemption.hand_over(redemption=made, presence=presence, op_id=op(), actor="tests", at=at)
        ) is (NotWaiting if is_over else None)

    return ask


def the_month_that_settles(month: date, other: date) -> Case:
    """An award and an order of this instant are of `month`, and not of `other`."""

    def ask(books: Books, at: datetime) -> None:
        AwardLimit.objects.update(valid_from=date(2026, 1, 1))
        by_hand(books, at, 70)
        order(books, at)
        found = {each.district: (each.paid, each.redeemed) for each in settlement.settlement(month=month)}
        assert found[books.district.code] == (70, PRICE)
        assert settlement.settlement(month=other) == []

    return ask


def the_pass(issued_at: datetime, *, is_good: bool) -> Case:
    def ask(books: Books, at: datetime) -> None:
        digits = passes.issue(courier=books.courier, at=issued_at)
        presence = redemption.Presence(digits=digits)
        assert refusal(
            lambda: redemption.redeem(
                courier=books.courier, gift=books.gift, station=books.station, points=PRICE, presence=presence,
                op_id=op(), actor="tests", at=at,
            )
        ) is (None if is_good else PassWrong)  # fmt: skip

    return ask


def the_counters_hours(opens: str) -> Case:
    """Weekdays 9 to 17, holidays as Sundays: 调休 says which day is which."""

    def ask(books: Books, at: datetime) -> None:
        day_types.fill(actor="tests", at=at)
        station = make_station(at=at, hours=False)
        period = HoursPeriod.objects.create(station=station, on_holidays="as-sunday")
        HoursSpan.objects.create(
            period=period, days=[1, 2, 3, 4, 5], opens="09:00", closes="17:00", entry_mode="staffed"
        )
        publishing.refresh([station.pk], now=at, facts_changed=False)
        station.refresh_from_db()
        assert station.open_state(at).state == opens
        assert order(books, at).fetch_until == at + redemption.FETCH_WITHIN

    return ask


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


LAST = "15:59:59.999999+00:00"  # the last microsecond of a day in Wuhan
FIRST = "16:00:00+00:00"  # … and the first of the next, whose date UTC does not have yet

INSTANTS: dict[str, tuple[str, Case]] = {
    "the day's cap, last": (f"2026-06-10T{LAST}", the_cap_of_deeds(date(2026, 6, 10), is_new=False)),
    "the day's cap, first": (f"2026-06-10T{FIRST}", the_cap_of_deeds(date(2026, 6, 11), is_new=True)),
    "midnight in UTC is 8 in the morning": ("2026-06-11T00:00:00+00:00", the_cap_of_deeds(date(2026, 6, 11), is_new=False)),
    "the staff's cap, last of a year": (f"2026-12-31T{LAST}", the_cap_of_staff(date(2026, 12, 31), is_new=False)),
    "the staff's cap, first of a year": (f"2026-12-31T{FIRST}", the_cap_of_staff(date(2027, 1, 1), is_new=True)),
    "a rule, before its first day": (f"2026-06-30T{LAST}", the_rule(date(2026, 7, 1), date(2026, 8, 31), holds=False)),
    "a rule, on its first day": (f"2026-06-30T{FIRST}", the_rule(date(2026, 7, 1), date(2026, 8, 31), holds=True)),
    "a rule, on its last day": (f"2026-08-31T{LAST}", the_rule(date(2026, 7, 1), date(2026, 8, 31), holds=True)),
    "a rule, after its last day": (f"2026-08-31T{FIRST}", the_rule(date(2026, 7, 1), date(2026, 8, 31), holds=False)),
    "a price, before the new one": (f"2026-12-31T{LAST}", the_price(date(2027, 1, 1), is_new=False)),
    "a price, the new one": (f"2026-12-31T{FIRST}", the_price(date(2027, 1, 1), is_new=True)),
    "a month's limit, last of February": (f"2027-02-28T{LAST}", the_limit_of_a_month(is_new=False)),
    "a month's limit, first of March": (f"2027-02-28T{FIRST}", the_limit_of_a_month(is_new=True)),
    "a month's limit, the 29th has begun": (f"2028-02-28T{FIRST}", the_limit_of_a_month(is_new=False)),
    "a month's limit, the 29th is over": (f"2028-02-29T{FIRST}", the_limit_of_a_month(is_new=True)),
    "an order, the last of seven days": (
        f"2027-01-01T{LAST}", the_wait_for_an_order(moment(f"2026-12-25T{FIRST}"), is_over=False),
    ),
    "an order, after seven days": (
        f"2027-01-01T{FIRST}", the_wait_for_an_order(moment(f"2026-12-25T{FIRST}"), is_over=True),
    ),
    "a settlement, last of the year": (f"2026-12-31T{LAST}", the_month_that_settles(date(2026, 12, 31), date(2027, 1, 1))),
    "a settlement, first of the year": (f"2026-12-31T{FIRST}", the_month_that_settles(date(2027, 1, 31), date(2026, 12, 1))),
    "a settlement, the 29th of February": (f"2028-02-29T{LAST}", the_month_that_settles(date(2028, 2, 1), date(2028, 3, 1))),
    "a pass, within five minutes": ("2026-12-31T16:02:29.999999+00:00", the_pass(moment("2026-12-31T15:57:30+00:00"), is_good=True)),
    "a pass, at five minutes": ("2026-12-31T16:02:30+00:00", the_pass(moment("2026-12-31T15:57:30+00:00"), is_good=False)),
    "调休: a Saturday that is worked": ("2026-10-10T04:00:00+00:00", the_counters_hours("open")),
    "调休: a Thursday that is a holiday": ("2026-10-01T04:00:00+00:00", the_counters_hours("closed")),
}  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("name", INSTANTS)
def test_at_this_instant(name: str) -> None:
    text, ask = INSTANTS[name]
    ask(keep_books(), moment(text))
    assert list(verifying.broken_invariants()) == []
    counted("T22", "frozen instants", instants=1)


def test_there_are_twenty_four() -> None:
    assert len(INSTANTS) == 24


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def test_a_seal_is_the_same_in_whatever_zone_the_server_thinks(transactional_db: None, zone: str) -> None:  # noqa: ARG001
    """Sealed at the turn of the year in Wuhan, read by a session that has another day, or another year."""
    books, at = keep_books(), moment(f"2026-12-31T{FIRST}")
    AwardLimit.objects.update(valid_from=date(2026, 1, 1))
    by_hand(books, at - timedelta(microseconds=1))
    assert seal(now=at) > 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('TimeZone', %s, false)", [zone])
    assert Seal.objects.filter(sealed_at=at).count() == 1
    by_hand(books, at + HOUR)
    seal(now=at + DAY)
    assert list(verifying.verify_ledger()) == []
    counted("T22", "zones in which a server reads the same seals", zones=1)
