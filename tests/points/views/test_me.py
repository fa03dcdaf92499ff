"""我的蜂巢: what a courier sees and does on his own phone, and what he is told when he cannot."""

import json
import re
import time
import uuid
from datetime import timedelta
from typing import Any
from unittest import mock
from urllib.parse import unquote

import pytest
from django.test import Client
from django.urls import reverse

from core import clock
from core.logs import without_keys
from couriers import devices, membership, registration
from couriers.models import Courier
from points import cabinet, disputes, earning, expiring, ledger, merging, passes, queue, redemption, stock
from points.models import (
    Account,
    Dispute,
    EarningRule,
    ExpiryRule,
    Gift,
    GiftPrice,
    GiftWanted,
    Pass,
    Posting,
    QueuePlace,
    Redemption,
)
from points.redemption import Presence
from points.views.me import looks
from stations import publishing
from stations.models import Station
from stations.views.wording import date_text
from tests.builders import NOON, make_courier, make_staff
from tests.couriers.views.phone import PIN
from tests.points.books import ACTOR, PRICE, Books, award, keep_books, op, order
from tests.points.test_admin import desk
from tests.points.test_stock import PAPER
from tests.proving import counted
from tests.query_counts import check_query_count

pytestmark = pytest.mark.django_db
GIFT = "/me/gifts/wc-umbrella/"
HERE = "/me/here/wc-umbrella/"


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOON)


@pytest.fixture
def books() -> Books:
    return keep_books()


def phone_of(courier: Courier | None, **more: Any) -> Client:
    """His phone: signed in, or nobody's."""
    phone = Client(**more)
    if courier is not None:
        phone.cookies["me"] = devices.sign_in(courier=courier, kind="tests", at=NOON)
    return phone


def scan(phone: Client, station: Station) -> Any:
    return phone.get(f"/c/{cabinet.token_of(station)}/")


def form(books: Books, **other: Any) -> dict[str, Any]:
    return {"op_id": str(op()), "points": PRICE, "station": books.station.code} | other


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def handed_over(books: Books, *, courier: Courier | None = None) -> Redemption:
    waiting = order(books, courier=courier)
    queue.join(redemption=waiting, at=NOON)
    return redemption.hand_over(
        redemption=waiting, presence=Presence(in_queue=True), op_id=op(), actor=ACTOR, at=NOON
    )  # fmt: skip


def test_what_no_column_can_hold_is_no_fault_of_ours(books: Books) -> None:
    phone = phone_of(books.courier)
    assert phone.post(GIFT, form(books, station="WH\0")).status_code == 400
    made = handed_over(books)
    assert phone.post(f"/me/redemptions/{made.code}/dispute/", {"words": "不是\0我"}).status_code == 302
    assert Dispute.objects.get().words == "不是我"


@pytest.mark.parametrize("address", [GIFT, HERE])
def test_no_number_that_the_program_makes_itself_can_be_used_up_by_a_form(books: Books, address: str) -> None:
    """His own order's expiry, and that of his points: done under their number beforehand, they would never come."""
    waiting = order(books)
    cut_off = clock.first_of_month(NOON.date(), months=1)
    phone = phone_of(books.courier)
    scan(phone, books.station)
    for own in (f"redemption-expiry:{waiting.code}", f"points-expiry:{books.wallet}:{cut_off.isoformat()}"):
        taken = uuid.uuid5(uuid.NAMESPACE_URL, own)
        assert phone.post(address, form(books, op_id=str(taken))).status_code == 302
        assert not Posting.objects.filter(op_id=taken).exists()
    assert redemption.expire_due(now=NOON + timedelta(days=8)) == 3
    assert set(Redemption.objects.values_list("status", flat=True)) == {"expired"}


# ── The first page and the statement ────────────────────────────────────────────────────────────────────────────────


def test_the_first_page_says_what_he_has_and_what_waits(books: Books) -> None:
    waiting = order(books)
    page = phone_of(books.courier).get("/me/")
    said = text(page)
    assert page["Cache-Control"] == "no-store"
    assert "800" in said
    assert "张**，您好" in said or "张*，您好" in said
    assert "已核实" in said
    assert f"/me/orders/{waiting.code}/" in page.content.decode()
    assert books.station.name in said


def test_who_was_never_met_is_told_what_to_expect_and_how_points_come(books: Books) -> None:
    EarningRule.objects.create(action="report-approved", points=50, most_a_day=3, valid_from=NOON.date())
    said = text(phone_of(make_courier()).get("/me/"))
    assert "待核实" in said
    assert "第一次领礼品时，给管理员看一下是您本人。" in said
    assert "积分这样来" in said
    assert "+50" in said
    assert "积分这样来" not in text(phone_of(books.courier).get("/me/"))


def test_who_is_blocked_is_promised_no_gift(books: Books) -> None:
    EarningRule.objects.create(action="report-approved", points=50, most_a_day=3, valid_from=NOON.date())
    assert re.search("再拍.次就能换|种可换", text(phone_of(books.courier).get("/me/")))
    Courier.objects.filter(pk=books.courier.pk).update(status="blocked", blocked_reason="x")
    shown = text(phone_of(books.courier).get("/me/"))
    assert "已停用" in shown
    assert not re.search("就能换|种可换", shown)


@pytest.mark.parametrize(("rule", "said"), [(60, "再拍3次就能换雨伞"), (None, "再有150分就能换雨伞")])
def test_it_says_how_little_is_missing(rule: int | None, said: str) -> None:
    books = keep_books(points=50)
    if rule:
        EarningRule.objects.create(action="report-approved", points=rule, most_a_day=3, valid_from=NOON.date())
    page = text(phone_of(books.courier).get("/me/"))
    assert said in page
    assert f"{books.station.name}还有10件" in page


def test_it_says_what_expires_next(books: Books) -> None:
    ExpiryRule.objects.create(months=12, valid_from=NOON.date())
    due = expiring.due(courier=books.courier, at=NOON)[0]
    phone = phone_of(books.courier)
    day = date_text(due.expires_on, today=clock.local_date(clock.now()))
    assert f"{day} 有1000分到期" in text(phone.get("/me/"))
    assert f"积分什么时候到期 {day} 1000" in text(phone.get("/me/statement/"))


def test_each_line_of_the_statement_says_why_and_what_was_left(books: Books) -> None:
    ordered = order(books)
    redemption.cancel(redemption=ordered, reason="不要了", op_id=op(), actor="self", at=NOON)
    said = text(phone_of(books.courier).get("/me/statement/"))
    assert [said.index(part) for part in ("余1000", "余800")] == sorted(
        said.index(part) for part in ("余1000", "余800")
    )
    for part in (
        "收入 +200",
        "支出 -200",
        "收入 +1000",
        "雨伞 不要了",
        "预订礼品 已退回",
        "tests",
        books.station.name,
        ordered.code[:4],
    ):
        assert part in said
    # What he spent came back to him; only points that he was given are taken back.
    assert ("预订礼品 已退回" in said, "已收回" in said) == (True, False)


def test_the_english_statement_names_the_month(books: Books) -> None:
    award(books, points=30)
    said = text(phone_of(books.courier).get("/me/statement/", headers={"accept-language": "en"}))
    assert re.search(r"\b\d{1,2} (Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)", said)
    assert not re.search(r"\b\d{1,2}/\d{1,2}\b", said)


def test_the_statement_goes_on_where_the_page_before_ended(books: Books) -> None:
    for _each in range(34):
        award(books, 1)
    phone = phone_of(books.courier)
    first = phone.get("/me/statement/")
    earlier = re.search(r'href="\?before=(\d+)"', first.content.decode())
    assert earlier is not None
    second = phone.get(f"/me/statement/?before={earlier[1]}")
    lines = [page.content.decode().count('class="line-of"') for page in (first, second)]
    assert lines == [30, 5]
    assert phone.get("/me/statement/?before=x").status_code == 200


# ── Gifts and orders ────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_he_can_have_comes_first(books: Books) -> None:
    for code, points in (("wc-pot", 5_000), ("wc-soap", 900)):
        GiftPrice.objects.create(
            gift=Gift.objects.create(code=code, division=books.district, name=code), points=points,
            valid_from=NOON.date(),
        )  # fmt: skip
    page = phone_of(books.courier).get("/me/gifts/").content.decode()
    places = [page.index(f"/me/gifts/{code}/") for code in ("wc-umbrella", "wc-soap", "wc-pot")]
    assert places == sorted(places)
    assert "还有10件" in page
    assert "还差4000分" in page


def test_a_gift_is_ordered_and_the_same_form_again_is_the_same_order(books: Books) -> None:
    phone, sent = phone_of(books.courier), form(books)
    answers = [phone.post(GIFT, sent) for _tap in range(3)]
    made = Redemption.objects.get()
    assert {(each.status_code, each["Location"]) for each in answers} == {(302, f"/me/orders/{made.code}/")}
    said = text(phone.get(answers[0]["Location"]))
    assert "取消预订" in said
    assert books.station.name in said
    assert Account.objects.get(pk=books.wallet).balance == 800


@pytest.mark.parametrize("address", [GIFT, HERE])
def test_a_gift_that_was_withdrawn_while_he_chose_says_so(books: Books, address: str) -> None:
    phone = phone_of(books.courier)
    scan(phone, books.station)
    Gift.objects.filter(pk=books.gift.pk).update(is_offered=False)
    answer = phone.post(address, form(books))
    assert answer.status_code == 404
    assert "可能已经下架" in text(answer)
    assert not Redemption.objects.exists()


@pytest.mark.parametrize("address", [GIFT, HERE])
def test_who_missed_the_answer_to_his_order_is_shown_it_before_he_orders_another(books: Books, address: str) -> None:
    phone = phone_of(books.courier)
    scan(phone, books.station)
    waiting, cancelled = order(books), order(books)
    redemption.cancel(redemption=cancelled, reason="x", op_id=op(), actor="self", at=NOON)
    page = phone.get(address).content.decode()
    assert f'href="/me/orders/{waiting.code}/"' in page
    assert cancelled.code not in page


@pytest.mark.parametrize(("language", "said"), [("zh-CN", "6月17日 周三 12:00"), ("en", "Wed 17 Jun 12:00")])
def test_until_when_a_gift_waits_is_said_as_one_says_a_day(books: Books, language: str, said: str) -> None:
    ordered = order(books)
    assert said in text(
        phone_of(books.courier).get(f"/me/orders/{ordered.code}/", headers={"accept-language": language})
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        ("poor", "您有100分，需要200分"),
        ("dear", "现在要250分"),
        ("limit", "每月限领1件"),
        ("empty", "最后一件刚刚被领走"),
        ("blocked", "已被停用"),
        ("shut", "请选择站点"),
        ("other district", "这件礼品现在不能在这里领"),
    ],
)
def test_a_refusal_is_said_beside_the_choice(spoil: str, said: str) -> None:
    books = keep_books(points=100 if spoil == "poor" else 1_000, pieces=0 if spoil == "empty" else 10)
    phone, sent = phone_of(books.courier), form(books)
    match spoil:
        case "dear":
            GiftPrice.objects.update(points=250)
        case "limit":
            order(books)
            Gift.objects.update(most_a_month=1)
        case "blocked":
            Courier.objects.filter(pk=books.courier.pk).update(status="blocked", blocked_reason="x")
        case "shut":
            Station.objects.filter(pk=books.station.pk).update(status="suspended")
        case "other district":
            Gift.objects.update(division=books.other)
    before = Redemption.objects.count()
    answer = phone.post(GIFT, sent)
    assert answer.status_code in {400, 409}
    assert said in text(answer)
    assert Redemption.objects.count() == before
    assert GiftWanted.objects.exists() == (spoil == "empty")


def test_without_the_spoiling_the_same_form_orders(books: Books) -> None:
    assert phone_of(books.courier).post(GIFT, form(books)).status_code == 302


@pytest.mark.parametrize("broken", [{"op_id": "x"}, {"points": "many"}, {"station": "WH-XX-0000"}])
def test_a_broken_form_orders_nothing(books: Books, broken: dict[str, str]) -> None:
    assert phone_of(books.courier).post(GIFT, form(books, **broken)).status_code == 400
    assert not Redemption.objects.exists()


def test_an_order_at_a_station_that_was_shut_meanwhile_says_so_everywhere(books: Books) -> None:
    waiting, phone = order(books), phone_of(books.courier)
    assert "我到柜台了" in text(phone.get(f"/me/orders/{waiting.code}/"))
    queue.join(redemption=waiting, at=NOON)
    pages = ["/me/", f"/me/orders/{waiting.code}/", f"/me/queue/{waiting.code}/", f"/me/queue/{waiting.code}/now/"]
    assert not any("这个站点现在不发礼品" in text(phone.get(page)) for page in pages)
    publishing.suspend(station=books.station, reason="装修到月底", actor=ACTOR, at=NOON)
    assert all("这个站点现在不发礼品" in text(phone.get(page)) for page in pages)
    assert "这个站点现在不发礼品" in text(scan(phone, books.station))
    for page in pages[1:]:
        assert "装修到月底" in text(phone.get(page))
        assert "别白跑" in text(phone.get(page))
    queue.leave(redemption=waiting)
    assert "我到柜台了" not in text(phone.get(pages[1]))
    # What is over is over wherever it was.
    redemption.cancel(redemption=waiting, reason="x", op_id=op(), actor=ACTOR, at=NOON)
    assert not any("这个站点现在不发礼品" in text(phone.get(page)) for page in pages)


def test_an_order_is_cancelled_once_and_asked_before(books: Books) -> None:
    waiting, phone = order(books), phone_of(books.courier)
    address = f"/me/orders/{waiting.code}/cancel/"
    assert "确认取消预订" in text(phone.get(address))
    assert Redemption.objects.get().status == "ordered"
    for _tap in range(2):
        assert phone.post(address)["Location"] == f"/me/orders/{waiting.code}/"
    assert Redemption.objects.get().status == "cancelled"
    assert Posting.objects.filter(kind="reversal").count() == 1
    assert phone.get(address).status_code == 302
    assert "已退回" in text(phone.get(f"/me/orders/{waiting.code}/"))


def test_why_an_order_was_cancelled_is_kept_in_the_language_of_the_office(books: Books) -> None:
    waiting, phone = order(books), phone_of(books.courier, headers={"accept-language": "en"})
    assert "Cancel" in text(phone.get(f"/me/orders/{waiting.code}/cancel/"))
    phone.post(f"/me/orders/{waiting.code}/cancel/")
    assert Posting.objects.get(kind="reversal").reason == "骑手本人取消"


# ── The pass ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_a_tap_makes_a_pass(books: Books) -> None:
    phone = phone_of(books.courier)
    page = phone.get("/me/pass/")
    assert not Pass.objects.exists()
    assert "digits" not in page.content.decode()
    shown = phone.post("/me/pass/")
    digits = re.search(r"<span>(\d{3})</span> <span>(\d{3})</span>", shown.content.decode())
    assert digits is not None
    assert Pass.objects.get().courier == books.courier
    assert shown["Cache-Control"] == "no-store"
    assert "<svg" in shown.content.decode()
    assert passes.whose(digits=digits[1] + digits[2], by="tests", at=NOON) == books.courier


def test_who_is_blocked_gets_no_pass(books: Books) -> None:
    phone = phone_of(books.courier)
    Courier.objects.filter(pk=books.courier.pk).update(status="blocked", blocked_reason="x")
    answer = phone.post("/me/pass/")
    assert answer.status_code == 409
    assert "已被停用" in text(answer)
    assert not Pass.objects.exists()


# ── 不是我领的 ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dispute_goes_to_the_district_and_its_answer_is_shown(books: Books) -> None:
    done, phone = handed_over(books), phone_of(books.courier)
    address = f"/me/redemptions/{done.code}/dispute/"
    assert address in phone.get("/me/redemptions/").content.decode()
    assert "不交给本站管理员" in text(phone.get(address))
    for _tap in range(2):
        assert phone.post(address, {"words": "那天我不在"}).status_code == 302
    assert Dispute.objects.get().words == "那天我不在"
    assert "区里正在核查" in text(phone.get(address))
    Dispute.objects.update(ruling="upheld", answer="已核实", decided_at=NOON, decided_by="office")
    said = text(phone.get(address))
    assert "属实，积分已退回" in said
    assert "办公室答复：已核实" in said


def test_what_a_merged_profile_had_is_his_to_dispute_and_counts_as_had(books: Books) -> None:
    Gift.objects.update(most_a_month=1)
    other = registration.verify(courier=make_courier(), actor=ACTOR, at=NOON)
    award(books, PRICE, courier=other)
    done, phone = handed_over(books, courier=other), phone_of(books.courier)
    address = f"/me/redemptions/{done.code}/dispute/"

    def seen() -> tuple[int, bool, bool]:
        listed = address in phone.get("/me/redemptions/").content.decode()
        return phone.get(address).status_code, listed, "您已领1件" in text(phone.get(GIFT))

    assert seen() == (404, False, False)
    merging.merge(kept=books.courier, duplicate=other, reason="同一人", op_id=op(), actor=ACTOR, at=NOON)
    assert seen() == (200, True, True)
    assert phone.post(address, {"words": "那天我不在"}).status_code == 302
    assert Dispute.objects.get().redemption == done
    assert phone.post(GIFT, form(books)).status_code == 409


@pytest.mark.parametrize("late", [False, True])
def test_what_cannot_be_disputed_says_why(books: Books, monkeypatch: pytest.MonkeyPatch, *, late: bool) -> None:
    found, phone = handed_over(books) if late else order(books), phone_of(books.courier)
    if late:
        monkeypatch.setattr(disputes, "OPEN_WITHIN", timedelta(0))
    answer = phone.post(f"/me/redemptions/{found.code}/dispute/")
    assert answer.status_code == 409
    assert ("不能再提异议" if late else "还没有发放") in text(answer)
    assert not Dispute.objects.exists()


def test_a_status_that_comes_later_is_shown_by_its_word(books: Books) -> None:
    order(books)
    with mock.patch.object(looks, "_STATES", {}):
        page = phone_of(books.courier).get("/me/redemptions/")
    assert "已预订" in text(page)
    assert "icons.svg#info" in page.content.decode()


# ── The cabinet ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_code_on_the_cabinet_leads_to_what_is_in_it(books: Books) -> None:
    phone = phone_of(books.courier)
    answer = scan(phone, books.station)
    assert (answer.status_code, answer["Location"]) == (302, "/me/here/")
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "strict-origin")
    page = phone.get("/me/here/").content.decode()
    assert HERE in page
    assert cabinet.token_of(books.station) not in page
    stale = phone.get("/c/WH-WC-0001-0000000000000000/")
    assert (stale.status_code, "出示通行码" in text(stale)) == (404, True)


def test_who_is_not_signed_in_is_shown_both_ways_in_and_comes_back(books: Books) -> None:
    phone = phone_of(None)
    scan(phone, books.station)
    page = phone.get("/me/here/").content.decode()
    assert "/me/sign-in/?next=/me/here/" in page
    assert f"station={books.station.code}" in page
    assert phone.get("/me/").status_code == 302


def test_the_key_stays_out_of_logs_and_of_the_links_of_its_page(books: Books) -> None:
    token = cabinet.token_of(books.station)
    assert token not in without_keys(f"Not Found: /c/{token}/")
    wrong = "WH-WC-0001-0000000000000000"
    assert wrong not in phone_of(None).get(f"/c/{wrong}/").content.decode()


def test_taking_a_gift_at_the_cabinet_gives_a_number_once(books: Books) -> None:
    phone = phone_of(books.courier)
    scan(phone, books.station)
    assert "确认，排队领取" in text(phone.get(HERE))
    sent = form(books)
    answers = [phone.post(HERE, sent) for _tap in range(3)]
    made = Redemption.objects.get()
    assert {each["Location"] for each in answers} == {f"/me/queue/{made.code}/"}
    place = QueuePlace.objects.get()
    page = phone.get(answers[0]["Location"])
    assert str(place.number) in text(page)
    assert "请告诉管理员这个口令" in text(page)
    assert "下一个就是您" in text(page)
    redemption.hand_over(redemption=made, presence=Presence(in_queue=True), op_id=op(), actor=ACTOR, at=NOON)
    for address in (f"/me/queue/{made.code}/", f"/me/queue/{made.code}/now/", f"/me/orders/{made.code}/"):
        said = text(phone.get(address))
        assert "已领取" in said
        assert made.code[:4] in said
        assert "800" in said
    # A reload of the old form after all of it is still the same gift.
    assert phone.post(HERE, sent)["Location"] == f"/me/queue/{made.code}/"
    assert Redemption.objects.count() == 1


@pytest.mark.parametrize("scanned", ["nothing", "another", "long ago"])
def test_without_the_scan_nobody_waits(books: Books, monkeypatch: pytest.MonkeyPatch, scanned: str) -> None:
    waiting, phone = order(books), phone_of(books.courier)
    if scanned != "nothing":
        scan(phone, books.second if scanned == "another" else books.station)
    if scanned == "long ago":
        later = time.time() + 16 * 60
        monkeypatch.setattr(time, "time", lambda: later)
    answer = phone.post(f"/me/orders/{waiting.code}/queue/")
    assert answer.status_code == 403
    assert "请扫礼品柜上的码" in text(answer)
    if scanned != "another":
        assert phone.post(HERE, form(books)).status_code == 403
    assert not QueuePlace.objects.exists()
    assert Redemption.objects.count() == 1


def test_with_the_scan_he_waits_for_what_he_ordered(books: Books) -> None:
    waiting, phone = order(books), phone_of(books.courier)
    scan(phone, books.station)
    assert "这里有您待领的礼品" in text(phone.get("/me/here/"))
    for _tap in range(2):
        assert phone.post(f"/me/orders/{waiting.code}/queue/")["Location"] == f"/me/queue/{waiting.code}/"
    assert QueuePlace.objects.count() == 1


def test_where_the_queue_is_full_the_order_stays(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "NUMBERS", range(10, 10))
    phone = phone_of(books.courier)
    scan(phone, books.station)
    answer = phone.post(HERE, form(books))
    assert Redemption.objects.get().status == "ordered"
    assert "预订还在" in text(phone.get(answer["Location"]))


@pytest.mark.parametrize(("do", "status"), [("keep", "ordered"), ("cancel", "cancelled")])
def test_he_leaves_the_queue_with_or_without_his_order(books: Books, do: str, status: str) -> None:
    waiting, phone = order(books), phone_of(books.courier)
    queue.join(redemption=waiting, at=NOON)
    address = f"/me/queue/{waiting.code}/leave/"
    assert "继续排队" in text(phone.get(address))
    for _tap in range(2):
        assert phone.post(address, {"do": do}).status_code == 302
    assert not QueuePlace.objects.exists()
    assert Redemption.objects.get().status == status


def test_it_says_how_many_are_before_him(books: Books) -> None:
    other = make_courier()
    award(books, PRICE, courier=other)
    queue.join(redemption=order(books, courier=other), at=NOON - timedelta(minutes=1))
    mine = order(books)
    queue.join(redemption=mine, at=NOON)
    assert "前面还有1人" in text(phone_of(books.courier).get(f"/me/queue/{mine.code}/now/"))


def test_after_half_an_hour_he_scans_again(books: Books) -> None:
    mine = order(books)
    queue.join(redemption=mine, at=NOON - queue.LIFE)
    said = text(phone_of(books.courier).get(f"/me/queue/{mine.code}/"))
    assert "您现在没有排队" in said


# ── Whose it is ─────────────────────────────────────────────────────────────────────────────────────────────────────

OWN = (
    ("get", "/me/orders/{}/"), ("get", "/me/orders/{}/cancel/"), ("post", "/me/orders/{}/cancel/"),
    ("post", "/me/orders/{}/queue/"), ("get", "/me/redemptions/{}/dispute/"), ("post", "/me/redemptions/{}/dispute/"),
    ("get", "/me/redemptions/?before={}"), ("get", "/me/queue/{}/"), ("get", "/me/queue/{}/now/"),
    ("get", "/me/queue/{}/leave/"), ("post", "/me/queue/{}/leave/"),
)  # fmt: skip


def test_the_copy_of_everything_is_said_in_words(books: Books) -> None:
    membership.set_pin(courier=books.courier, pin=PIN, actor=ACTOR, at=NOON)
    EarningRule.objects.create(action="report-approved", points=5, most_a_day=1, valid_from=NOON.date())
    earning.award(
        courier=books.courier, action="report-approved", district=books.district, matter="R-7", op_id=op(), actor=ACTOR,
        at=NOON,
    )  # fmt: skip
    done = handed_over(books)
    disputes.open_dispute(redemption=done, words="我没领", at=NOON)
    phone = phone_of(books.courier)
    shown = phone.post("/me/data/copy/", {"pin": PIN, "do": "read"}).content.decode()
    lines = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", shown))
    assert not [name for name in re.findall(r"<dt>([^<]+)</dt>", shown) if re.search("[a-z]{3}", name)]
    assert lines["领取编号"] == done.code
    assert lines["会员码"] == books.courier.code
    assert books.station.name in shown
    for raw in ("report-approved", "handed-over", ">award<", ">order<", ">open<"):
        assert raw not in shown
    for said in (EarningRule.Action.REPORT_APPROVED, Posting.Kind.AWARD, Redemption.Status.HANDED_OVER):
        assert f">{said.label}<" in shown
    kept = json.loads(phone.post("/me/data/copy/", {"pin": PIN, "do": "file"}).content)
    assert kept["points"]["redemptions"][0]["status"] == "handed-over", "a machine reads the file"


def test_leaving_costs_what_its_page_says(books: Books) -> None:
    membership.set_pin(courier=books.courier, pin=PIN, actor=ACTOR, at=NOON)
    waiting, phone = order(books), phone_of(books.courier)
    page = phone.get("/me/data/erase/").content.decode()
    assert "预订了还没领的，一并取消，积分同样作废。" in page
    staff = desk(make_staff("office", scope=books.district))
    asked = staff.get(reverse("admin:couriers_courier_step", args=[books.courier.pk, "erase"])).content.decode()
    left = f"现有积分：{ledger.balance_of(books.wallet)}。"
    for said in (left, f"预订未领：{books.gift.label}，{PRICE}分，{books.station.name}。"):
        assert said in page
        assert said in asked
    blocks = staff.get(reverse("admin:couriers_courier_step", args=[books.courier.pk, "block"])).content.decode()
    assert left not in blocks
    assert phone.post("/me/data/erase/", {"pin": PIN, "sure": "yes"})["Location"] == "/me/goodbye/"
    waiting.refresh_from_db()
    assert (waiting.status, stock.on_hand(books.gift, books.station)) == ("cancelled", 10)
    assert ledger.balance_of(books.wallet) == 0


def test_what_is_somebody_elses_looks_like_what_is_not_there(books: Books) -> None:
    waiting = order(books)
    queue.join(redemption=waiting, at=NOON)
    stranger, owner = phone_of(make_courier()), phone_of(books.courier)
    for phone in (stranger, owner):
        scan(phone, books.station)
    for method, pattern in OWN:
        found, missing = (getattr(stranger, method)(pattern.format(code)) for code in (waiting.code, "0" * 11))
        assert found.status_code == missing.status_code == 404, pattern
        assert found.content.decode().replace(waiting.code, "0" * 11) == missing.content.decode(), pattern
    assert Redemption.objects.get().status == "ordered"
    assert QueuePlace.objects.exists()
    for method, pattern in OWN:
        assert getattr(owner, method)(pattern.format(waiting.code)).status_code != 404, pattern
    counted("T11", "another courier's order, place and dispute asked for", asked=len(OWN), told=0)


@pytest.mark.parametrize(("address", "query"), [(GIFT, f"?next={GIFT}"), ("/me/orders/X/queue/", "")])
def test_a_form_from_a_phone_that_was_signed_out_leads_back_to_its_page_if_it_has_one(address: str, query: str) -> None:
    assert unquote(phone_of(None).post(address)["Location"]) == f"/me/sign-in/{query}"


def test_nobody_sees_anything_without_signing_in(books: Books) -> None:
    waiting = order(books)
    addresses = ["/me/", "/me/statement/", "/me/gifts/", GIFT, "/me/pass/", "/me/redemptions/", HERE]
    addresses += [pattern.format(waiting.code) for method, pattern in OWN if method == "get"]
    for address in addresses:
        answer = phone_of(None).get(address)
        assert answer.status_code == 302
        assert answer["Location"].startswith("/me/sign-in/?next=")
        assert phone_of(books.courier).get(address).status_code != 302 or "before" in address or address == HERE


POSTED = (GIFT, HERE, "/me/pass/", *(pattern for method, pattern in OWN if method == "post"))


@pytest.mark.parametrize("address", POSTED)
def test_another_site_makes_his_phone_do_nothing(books: Books, address: str) -> None:
    waiting = order(books)
    phone = phone_of(books.courier, enforce_csrf_checks=True)
    scan(phone, books.station)
    answer = phone.post(address.format(waiting.code), form(books))
    assert answer.status_code == 403
    assert Redemption.objects.get().status == "ordered"
    assert not any(kept.objects.exists() for kept in (Pass, QueuePlace, Dispute))
    counted("T14", "posts to a courier's own pages without our token", asked=1, done=0)


def test_no_page_carries_who_he_is_in_an_address_and_none_is_kept(books: Books) -> None:
    done = handed_over(books)
    phone = phone_of(books.courier)
    scan(phone, books.station)
    phone_no = "154"
    pages = ["/me/", "/me/statement/", "/me/gifts/", GIFT, "/me/pass/", "/me/redemptions/", "/me/here/", HERE,
             f"/me/orders/{done.code}/", f"/me/queue/{done.code}/", f"/me/redemptions/{done.code}/dispute/"]  # fmt: skip
    for address in pages:
        page = phone.get(address)
        assert page.status_code == 200, address
        assert page["Cache-Control"] == "no-store", address
        links = re.findall(r'(?:href|action|src|data-now)="([^"]*)"', page.content.decode())
        assert links
        for link in links:
            assert books.courier.code not in link
            assert "张" not in link
            assert not re.search(rf"{phone_no}\d{{8}}", link)
        assert books.courier.code not in page.content.decode()
    counted("T20", "a courier's own pages, and what is personal in their addresses", pages=len(pages), found=0)


# ── Queries ─────────────────────────────────────────────────────────────────────────────────────────────────────────


LISTS = {
    "page:me": "/me/", "page:statement": "/me/statement/", "page:my-gifts": "/me/gifts/", "page:redemptions": "/me/redemptions/",
    "page:here": "/me/here/",
}  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_the_number_of_queries_is_as_recorded_for_two_and_for_twenty(books: Books, name: str) -> None:
    phone, address = phone_of(books.courier), LISTS[name]
    scan(phone, books.station)

    def add(number: int) -> None:
        gift = Gift.objects.create(code=f"wc-more-{number}", division=books.district, name=f"礼品{number}")
        GiftPrice.objects.create(gift=gift, points=10, valid_from=NOON.date())
        stock.receive(gift=gift, station=books.station, pieces=3, delivery=PAPER, op_id=op(), actor=ACTOR, at=NOON)
        order(books, gift=gift, points=10)

    for number in range(2):
        add(number)
    assert phone.get(address).status_code == 200
    check_query_count(name, lambda: phone.get(address))
    for number in range(2, 20):
        add(number)
    check_query_count(name, lambda: phone.get(address))
