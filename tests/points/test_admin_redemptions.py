"""Redemptions at the desk: each counter sees its own, and a hand-over is proved by a pass or by two people."""

import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import openpyxl
import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from couriers import registration
from couriers.models import Courier
from points import gifts, ledger, passes, redemption, stock
from points.models import GiftPrice, Posting, Redemption
from points.redemption import Presence
from tests.builders import NOON, make_courier, make_staff, make_station
from tests.points.books import PRICE, Books, award, keep_books, op, order
from tests.points.test_admin import desk, said
from tests.points.test_admin_awards import PASSWORD, errors
from tests.proving import counted

pytestmark = pytest.mark.django_db

LIST, COUNTER = "/admin/points/redemption/", "/admin/points/counter/"


@pytest.fixture
def books() -> Books:
    return keep_books()


@pytest.fixture
def steward(books: Books) -> Browser:
    """At one counter, beside a colleague."""
    make_staff("wang", scope=books.station, duties=["counter"])
    return desk(make_staff("li", scope=books.station, duties=["counter"]))


def waiting(books: Books, **other: Any) -> Redemption:
    return order(books, at=clock.now(), **other)


def page_of(found: Redemption, step: str = "change") -> str:
    return reverse(f"admin:points_redemption_{step}", args=[found.pk])


def shown_pass(courier: Courier) -> str:
    return passes.issue(courier=courier, at=clock.now())


# ── Whose ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_each_sees_what_went_over_the_counters_in_his_scope(books: Books, steward: Browser) -> None:
    stock.move(
        gift=books.gift, source=books.station, target=books.second, pieces=3, op_id=op(), actor="tests", at=clock.now()
    )
    here, there = waiting(books), waiting(books, station=books.second)
    elsewhere = desk(make_staff("elsewhere", scope=books.other))
    district = desk(make_staff("district", scope=books.district, duties=["view"]))
    for browser, seen in ((steward, [here]), (district, [here, there]), (elsewhere, [])):
        for found in (here, there):
            assert browser.get(page_of(found)).status_code == (200 if found in seen else 404)
            assert browser.get(page_of(found, "hand_over")).status_code in ((200, 403) if found in seen else (404,))
        assert browser.get(LIST).context["cl"].result_count == len(seen)
        assert browser.get(f"{LIST}?status__exact=ordered").context["cl"].result_count == len(seen)
        assert browser.get(f"{LIST}?q={here.code}").context["cl"].result_count == int(here in seen)
        assert browser.get(f"{LIST}?q={books.courier.code}").context["cl"].result_count == len(seen)
        assert browser.get(f"{LIST}?q={books.second.code}").context["cl"].result_count == int(there in seen)
    assert district.get(f"{LIST}?station={books.second.code}").context["cl"].result_list[0] == there
    assert district.get(f"{LIST}?station={books.second.code}").context["cl"].result_count == 1
    assert district.get(f"{LIST}?gift={books.gift.code}").context["cl"].result_count == 2
    assert district.get(page_of(here, "hand_over")).status_code == 403
    assert district.post(page_of(here, "cancel"), {"op_id": op(), "reason": "x"}).status_code == 403
    page = district.get(page_of(here)).content.decode()
    assert "张三丰" not in page
    assert books.courier.code in page


def test_nobody_writes_into_one(books: Books) -> None:
    city, found = desk(make_staff("city")), waiting(books)
    assert city.post(page_of(found), {"status": "handed-over"}).status_code == 403
    assert city.get(f"{LIST}add/").status_code == 403
    assert city.get(reverse("admin:points_redemption_delete", args=[found.pk])).status_code == 403
    assert city.get(reverse("admin:points_redemption_history", args=[found.pk])).status_code == 200


# ── Handing over, cancelling ────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_is_handed_over_with_a_pass_once(books: Books, steward: Browser) -> None:
    found = waiting(books)
    form = {"op_id": op(), "digits": shown_pass(books.courier)}
    assert steward.get(page_of(found, "hand_over")).status_code == 200
    answers = [steward.post(page_of(found, "hand_over"), form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert said(answers[1]).endswith(said(answers[0]))
    found.refresh_from_db()
    assert found.status == "handed-over"
    assert Posting.objects.filter(kind="handover").count() == 1
    assert errors(steward.post(page_of(found, "hand_over"), form | {"op_id": op()}))
    receipt = steward.get(page_of(found)).content.decode()
    assert page_of(found, "hand_over") not in receipt
    # Counters do not read the ledger.
    assert "/posting/" not in receipt


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "digits"),
        ({"digits": "000000"}, "digits"),
        ({"reason": "手机坏了"}, "digits"),
        ({"second_name": "wang", "second_password": PASSWORD}, "reason"),
        ({"second_name": "wang", "second_password": "x", "reason": "手机坏了"}, "second_password"),
        ({"second_name": "li", "second_password": PASSWORD, "reason": "手机坏了"}, "second_name"),
        ({"second_name": "away", "second_password": PASSWORD, "reason": "手机坏了"}, "second_name"),
    ],
    ids=str,
)
def test_nothing_is_handed_over_without_proof(
    books: Books, steward: Browser, wrong: dict[str, Any], field: str
) -> None:
    found = waiting(books)
    make_staff("away", scope=books.second, duties=["counter"])
    refused = errors(steward.post(page_of(found, "hand_over"), {"op_id": op()} | wrong))
    assert list(refused) == [field]
    found.refresh_from_db()
    assert found.status == "ordered"
    right = {"op_id": op(), "second_name": "wang", "second_password": PASSWORD, "reason": "手机坏了"}
    assert steward.post(page_of(found, "hand_over"), right).status_code == 302
    posting = Posting.objects.get(kind="handover")
    assert (posting.actor_name, posting.approver_name, posting.reason) == ("li", "wang", "手机坏了")
    counted("T19", "hand-overs at the desk without proof", asked=1, done=0)


def test_an_order_is_cancelled_with_a_reason_once(books: Books, steward: Browser) -> None:
    found = waiting(books)
    address = page_of(found, "cancel")
    assert "reason" in errors(steward.post(address, {"op_id": op(), "reason": " "}))
    form = {"op_id": op(), "reason": "他改主意了"}
    answers = [steward.post(address, form) for _tap in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    found.refresh_from_db()
    assert found.status == "cancelled"
    assert ledger.balance_of(books.wallet) == 1_000
    assert errors(steward.post(address, form | {"op_id": op()}))


# ── At the counter ──────────────────────────────────────────────────────────────────────────────────────────────────


def found_at(steward: Browser, who: str) -> str:
    """The page of whoever is found so."""
    answer = steward.post(COUNTER, {"who": who})
    assert answer.status_code == 302, answer.context["form"].errors
    return str(answer["Location"])


def taking(books: Books, **other: Any) -> dict[str, Any]:
    return {"op_id": op(), "station": books.station.pk, "gift": f"{books.gift.pk}-{PRICE}"} | other


def test_who_is_found_by_card_pass_or_phone_takes_a_gift_at_once(books: Books, steward: Browser) -> None:
    digits = shown_pass(books.courier)
    phone = registration.change_phone(courier=books.courier, phone="15400007777", actor="tests", at=clock.now())
    assert phone
    for who in (books.courier.code.lower(), "154 0000 7777", digits):
        address = found_at(steward, who)
        assert "7777" not in address
        assert digits not in address
    shown = steward.get(address)
    page = shown.content.decode()
    assert "15400007777" not in page
    assert "1000" in page
    assert re.search(rf'name="digits" value="{digits}"', page)
    form = taking(books, digits=digits)
    answers = [steward.post(address, form) for _tap in range(2)]
    done = Redemption.objects.get()
    assert [answer["Location"] for answer in answers] == [page_of(done)] * 2
    assert said(answers[1]).endswith(said(answers[0]))
    assert done.status == "handed-over"
    assert ledger.balance_of(books.wallet) == 1_000 - PRICE


def test_the_last_piece_tapped_twice_is_one_receipt(books: Books, steward: Browser) -> None:
    stock.scrap(
        gift=books.gift, station=books.station, pieces=9, reason="坏", op_id=op(), actor="tests", at=clock.now()
    )
    address = found_at(steward, books.courier.code)
    form = taking(books, digits=shown_pass(books.courier))
    answers = [steward.post(address, form) for _tap in range(2)]
    assert [answer["Location"] for answer in answers] == [page_of(Redemption.objects.get())] * 2
    refused = errors(steward.post(address, taking(books, digits=shown_pass(books.courier))))
    assert list(refused) == ["gift"]


def test_whom_nobody_has_met_is_met_in_the_same_step(books: Books, steward: Browser) -> None:
    new = make_courier()
    award(books, 500, courier=new)
    address = found_at(steward, new.code)
    assert 'type="checkbox" name="met"' in steward.get(address).content.decode()
    digits = shown_pass(new)
    assert list(errors(steward.post(address, taking(books, digits=digits)))) == ["met"]
    assert steward.post(address, taking(books, digits=digits, met="on")).status_code == 302
    new.refresh_from_db()
    assert (new.status, new.verified_by) == ("active", "li")
    assert 'type="checkbox" name="met"' not in steward.get(found_at(steward, new.code)).content.decode()


def test_a_refusal_after_the_meeting_undoes_it(books: Books, steward: Browser) -> None:
    new = make_courier()
    address = found_at(steward, new.code)
    refused = errors(steward.post(address, taking(books, digits=shown_pass(new), met="on")))
    assert str(PRICE) in str(refused["gift"])
    new.refresh_from_db()
    assert new.status == "unverified"


def test_an_order_is_met_and_handed_over_in_one_step(books: Books, steward: Browser) -> None:
    new = make_courier()
    award(books, 500, courier=new)
    found = waiting(books, courier=new)
    address, digits = page_of(found, "hand_over"), shown_pass(new)
    assert list(errors(steward.post(address, {"op_id": op(), "digits": digits}))) == ["met"]
    assert steward.post(address, {"op_id": op(), "digits": digits, "met": "on"}).status_code == 302


def test_a_price_that_moved_is_said_before_it_is_paid(books: Books, steward: Browser) -> None:
    address = found_at(steward, books.courier.code)
    form = taking(books, digits=shown_pass(books.courier))
    GiftPrice.objects.all().delete()
    gifts.set_price(
        gift=books.gift, points=PRICE + 50, valid_from=clock.local_date(clock.now()), actor="tests", at=clock.now()
    )
    refused = errors(steward.post(address, form))
    assert str(PRICE + 50) in str(refused["gift"])
    assert not Redemption.objects.exists()
    assert steward.post(address, form | {"gift": f"{books.gift.pk}-{PRICE + 50}"}).status_code == 302


@pytest.mark.parametrize("gift", ["", "x", "1-x", "7999999-200", "0-0", "-", f"{'9' * 40}-1", "²-1"])
def test_what_is_no_gift_is_no_choice(books: Books, steward: Browser, gift: str) -> None:
    address = found_at(steward, books.courier.code)
    refused = errors(steward.post(address, taking(books, digits=shown_pass(books.courier), gift=gift)))
    assert list(refused) == ["gift"]


def test_a_foreign_station_is_no_choice(books: Books, steward: Browser) -> None:
    address = found_at(steward, books.courier.code)
    for foreign in (books.second, make_station(code="WH-QK-0001", division=books.other)):
        refused = errors(steward.post(address, taking(books, digits=shown_pass(books.courier), station=foreign.pk)))
        assert list(refused) == ["station"]


def test_whom_one_found_is_ones_own_to_serve_and_not_for_long(
    books: Books, steward: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = found_at(steward, books.courier.code)
    other = desk(make_staff("other", scope=books.station, duties=["counter"]))
    assert books.courier.code in steward.get(address).content.decode()
    for browser, asked in ((other, address), (steward, address[:-1]), (steward, f"{COUNTER}?who=x")):
        page = browser.get(asked)
        assert page.status_code == 200
        assert books.courier.code not in page.content.decode()
    monkeypatch.setattr("points.forms.who.FOUND_FOR_S", -1)
    assert books.courier.code not in steward.get(address).content.decode()


@pytest.mark.parametrize("who", ["", "x", "000000", "15400000000", "0000000000Z", "9" * 30])
def test_who_is_not_found_is_said(books: Books, steward: Browser, who: str) -> None:  # noqa: ARG001
    assert list(errors(steward.post(COUNTER, {"who": who}))) == ["who"]


@pytest.mark.usefixtures("stopped_clock")
def test_wrong_passes_are_counted_and_then_not_listened_to(books: Books, steward: Browser) -> None:
    for number in range(passes.WRONG_PASSES.calls):
        steward.post(COUNTER, {"who": f"{number:06}"})
    told = str(errors(steward.post(COUNTER, {"who": "999999"})))
    assert "太频繁" in told or "too often" in told
    assert found_at(steward, books.courier.code)


def test_the_counter_is_for_those_who_stand_there(books: Books) -> None:
    looks_on = desk(make_staff("looks-on", scope=books.district, duties=["view", "audit", "review"]))
    assert looks_on.get(COUNTER).status_code == looks_on.post(COUNTER, {"who": "x"}).status_code == 403
    assert COUNTER not in looks_on.get(LIST).content.decode()


@pytest.mark.parametrize("gift", ["9" * 5_000, "9" * 19, "x"], ids=["huge", "long", "none"])
def test_a_gift_that_can_be_none_is_said_to_be_none(books: Books, steward: Browser, gift: str) -> None:
    address = found_at(steward, books.courier.code)
    answer = steward.post(address, taking(books, gift=f"{gift}-{PRICE}", digits=shown_pass(books.courier)))
    assert list(errors(answer)) == ["gift"]


# ── A courier's history ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_statement_says_what_came_and_went_and_why(books: Books) -> None:
    found = waiting(books)
    redemption.cancel(redemption=found, reason="他改主意了", op_id=op(), actor="tests", at=clock.now())
    redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE,
        presence=Presence(digits=shown_pass(books.courier)), op_id=op(), actor="tests", at=clock.now(),
    )  # fmt: skip
    own = desk(make_staff("own", scope=books.district))
    address = reverse("admin:points_courier_history", args=[books.courier.pk])
    shown = own.get(address)
    lines = shown.context["lines"]
    assert [(line.amount, line.balance) for line in lines] == [(-200, 800), (200, 1000), (-200, 800), (1000, 1000)]
    assert [line.is_taken_back for line in lines] == [False, False, True, False]
    assert "他改主意了" in lines[1].why
    assert "雨伞" in lines[0].why
    assert lines[0].where == books.station.name
    page = shown.content.decode()
    assert ("已退回" in page, "已收回" in page) == (True, False)
    assert "张三丰" not in page
    assert address in own.get(reverse("admin:couriers_courier_change", args=[books.courier.pk])).content.decode()


def test_a_statement_is_the_courier_s_districts_and_names_no_stranger(books: Books) -> None:
    address = reverse("admin:points_courier_history", args=[books.courier.pk])
    away = desk(make_staff("away", scope=books.other))
    counter = desk(make_staff("counter", scope=books.station, duties=["counter"]))
    assert away.get(address).status_code == 404
    assert counter.get(address).status_code == 403
    stranger = make_courier(district=books.other)
    award(books, 70, courier=stranger)
    shown = away.get(reverse("admin:points_courier_history", args=[stranger.pk]))
    line = shown.context["lines"][0]
    assert (line.amount, line.by, line.url) == (70, "", "")


def test_a_long_statement_is_leafed_through(books: Books) -> None:
    for _each in range(60):
        award(books, 1)
    own = desk(make_staff("own", scope=books.district))
    address = reverse("admin:points_courier_history", args=[books.courier.pk])
    first, second = (own.get(f"{address}?p={number}").context["lines"] for number in (1, 2))
    assert (len(first), len(second)) == (50, 11)
    assert first[-1].balance - first[-1].amount == second[0].balance
    assert own.get(f"{address}?p=x").status_code == 200


# ── The settlement ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_order_that_goes_back_in_another_month_is_subtracted_there_and_the_page_says_so(books: Books) -> None:
    found, address = order(books, at=NOON), reverse("admin:points_settlement")
    next_month = NOON + timedelta(days=30)
    redemption.cancel(redemption=found, reason="改主意", op_id=op(), actor="tests", at=next_month)
    own = desk(make_staff("own", scope=books.district))
    for month, taken_in in (("2026-06", PRICE), ("2026-07", -PRICE)):
        page = own.get(f"{address}?month={month}")
        assert [row.redeemed for _name, row in page.context["rows"]] == [taken_in]
        assert "在退回那天减去" in page.content.decode()


def sheet_of(answer: Any) -> list[tuple[Any, ...]]:
    return list(
        openpyxl.load_workbook(io.BytesIO(b"".join(answer.streaming_content))).active.iter_rows(values_only=True)
    )


def test_the_settlement_is_cut_to_the_scope_and_taken_along(books: Books) -> None:
    now = clock.now()
    waiting(books)
    away_gift = gifts.register(code="qk-soap", district=books.other, name="香皂", actor="tests", at=now)
    assert away_gift
    address = reverse("admin:points_settlement")
    this = f"{clock.local_date(now):%Y-%m}"
    city, own = desk(make_staff("city")), desk(make_staff("own", scope=books.district))
    for browser in (city, own):
        shown = browser.get(f"{address}?month={this}")
        assert [(name, row.redeemed) for name, row in shown.context["rows"]] == [(books.district.label, PRICE)]
    earlier = own.get(f"{address}?month=2026-06").context["rows"]
    assert [row.paid for _name, row in earlier] in ([1_000], [])
    away = desk(make_staff("away", scope=books.other))
    assert away.get(f"{address}?month={this}").context["rows"] == []
    counter = desk(make_staff("counter", scope=books.district, duties=["counter", "review"]))
    assert counter.get(address).status_code == 403
    book: Any = own.get(f"{address}?month={this}&format=xlsx")
    assert [row[0] for row in sheet_of(book)[1:]] == [books.district.label]
    whole: Any = city.get(f"{address}?month={this}&format=xlsx")
    total = city.get(f"{address}?month={this}").context["total"]
    assert sheet_of(whole)[-1] == ("合计", total.paid, total.redeemed, total.owes, total.late, total.after)
    assert f"settlement-{this}.xlsx" in book["Content-Disposition"]
    for odd in ("x", "2026-13", "9999-01", "9999"):
        page = own.get(f"{address}?month={odd}")
        assert f"没有“{odd}”的账，下面是{page.context['month']}的。" in page.content.decode()
    assert "没有“" not in own.get(f"{address}?month=").content.decode()


def test_a_settlement_of_a_year_is_the_sum_of_its_months(books: Books) -> None:
    last, next_year = datetime(2026, 12, 31, 15, 59, 59, tzinfo=UTC), datetime(2026, 12, 31, 16, tzinfo=UTC)
    for at in (NOON, last, next_year):
        order(books, at=at)
    address = reverse("admin:points_settlement")
    city = desk(make_staff("city"))

    def taken_in(asked: str) -> int:
        page = city.get(f"{address}?month={asked}").context
        assert page["month"] == asked
        return sum(row.redeemed for _name, row in page["rows"])

    assert (taken_in("2026-06"), taken_in("2026")) == (PRICE, 2 * PRICE)
    assert city.get(f"{address}?month=2026").context["runs"]
    assert city.get(f"{address}?month=2027").context["unknown"] == "2027"
    book: Any = city.get(f"{address}?month=2026&format=xlsx")
    assert "settlement-2026.xlsx" in book["Content-Disposition"]
