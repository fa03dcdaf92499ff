"""The steward's counter: who is let in, the queue, what is handed over on which proof, the cabinet, and who acts."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client as Browser
from django.urls import reverse

from core import clock
from core.models import User
from couriers import membership, registration
from couriers.models import Courier
from points import ledger, merging, passes, queue, redemption, stock
from points.models import Gift, Posting, QueuePlace, Redemption
from stations import publishing
from stations.models import StaffRole, StationUse
from tests.builders import make_courier, make_staff, make_station
from tests.points.books import PRICE, Books, award, keep_books, op, order
from tests.proving import counted
from tests.query_counts import check_query_count
from tests.stations.views.pages import read, text

pytestmark = pytest.mark.django_db
PASSWORD = "just-for-tests"
QUEUE, WHO, STOCK, SIGN_IN = "/counter/", "/counter/who/", "/counter/stock/", "/counter/sign-in/"


@pytest.fixture
def books() -> Books:
    return keep_books()


@pytest.fixture
def li(books: Books) -> Browser:
    """A steward at the counter, beside a colleague."""
    make_staff("wang", scope=books.station, duties=["counter"])
    return signed_in(make_staff("li", scope=books.station, duties=["counter"]))


def signed_in(user: User) -> Browser:
    browser = Browser()
    browser.force_login(user)
    return browser


def waiting(books: Books, *, courier: Courier | None = None, queues: bool = True) -> Redemption:
    found = order(books, courier=courier, at=clock.now())
    if queues:
        queue.join(redemption=found, at=clock.now())
    return found


def hand_over(found: Redemption) -> str:
    return reverse("points:counter-hand-over", args=[found.code])


def receipt(found: Redemption) -> str:
    return reverse("points:counter-redemption", args=[found.code])


def found_by(browser: Browser, shown: str) -> str:
    answer = browser.post(WHO, {"who": shown})
    assert answer.status_code == 302
    return str(answer["Location"])


def newcomer(books: Books, points: int = 500) -> Courier:
    courier = make_courier()
    award(books, points, courier=courier)
    return courier


# ── Who gets in ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_steward_signs_in_and_stands_at_his_station(books: Books, li: Browser) -> None:  # noqa: ARG001
    browser = Browser()
    assert browser.get(QUEUE)["Location"] == f"{SIGN_IN}?next=%2Fcounter%2F"
    # 账户 is what the books have.
    asked = browser.get(SIGN_IN).content.decode()
    assert (">账号<" in asked, "账户" in asked) == (True, False)
    assert browser.post(SIGN_IN, {"username": "li", "password": "wrong"}).status_code == 200
    answer = browser.post(SIGN_IN, {"username": "li", "password": PASSWORD, "next": "https://elsewhere.example/"})
    assert answer["Location"] == QUEUE
    page = browser.get(QUEUE)
    assert books.station.name in page.content.decode()
    assert page["Cache-Control"] == "no-store"
    assert browser.post("/counter/sign-out/").status_code == 302
    assert browser.get(QUEUE).status_code == 302


def test_the_names_on_a_device_are_kept_in_any_script(books: Books) -> None:
    """A header that is not ASCII is refused by the server, and with it the whole answer."""
    make_staff("王丽", scope=books.station, duties=["counter"])
    browser = Browser()
    answer = browser.post(SIGN_IN, {"username": "王丽", "password": PASSWORD})
    assert answer.status_code == 302
    assert all(cookie.OutputString().isascii() for cookie in answer.cookies.values())
    browser.post("/counter/sign-out/")
    assert "王丽" in browser.get(SIGN_IN).content.decode()
    browser.cookies["counter_names"] = browser.cookies["counter_names"].value[:-1] + "x"
    assert "王丽" not in browser.get(SIGN_IN).content.decode()


def test_who_has_no_counter_is_told_so(books: Books) -> None:
    make_staff("zhao", scope=books.district, duties=["review"])
    answer = Browser().post(SIGN_IN, {"username": "zhao", "password": PASSWORD})
    assert answer.status_code == 200
    assert answer.context["form"].errors


@pytest.mark.parametrize("how", ["role ended", "account off"])
def test_who_may_no_longer_is_out_with_the_next_request(books: Books, li: Browser, how: str) -> None:
    found = waiting(books)
    assert li.get(QUEUE).status_code == 200
    if how == "role ended":
        StaffRole.objects.filter(user__username="li").update(ends_at=clock.now())
    else:
        User.objects.filter(username="li").update(is_active=False)
    assert li.get(QUEUE)["Location"].startswith(SIGN_IN)
    assert li.post(hand_over(found), {"op_id": op()})["Location"] == SIGN_IN
    look = li.get("/counter/queue/", headers={"X-Requested-With": "fetch"})
    assert (look.status_code, look["Location"]) == (401, SIGN_IN)  # not back to a part of a page
    found.refresh_from_db()
    assert found.status == "ordered"


def test_a_foreign_order_looks_like_none(books: Books, li: Browser) -> None:
    stranger = signed_in(make_staff("sun", scope=books.second, duties=["counter"]))
    found = waiting(books)
    for browser, expected in ((stranger, {404}), (li, {200, 302})):
        assert browser.get(receipt(found)).status_code in expected
        assert browser.get(hand_over(found)).status_code in expected
    missing = found.code[:-1] + ("0" if found.code[-1] != "0" else "1")
    foreign, none = (
        stranger.get(f"/counter/redemptions/{code}/").content.decode().replace(code, "CODE")
        for code in (found.code, missing)
    )
    assert foreign == none
    assert stranger.post(hand_over(found), {"op_id": op()}).status_code == 404
    assert stranger.post(reverse("points:counter-leave", args=[found.code])).status_code == 404
    assert QueuePlace.objects.exists()
    for code in (books.station.code, "WH\0"):
        assert stranger.post("/counter/station/", {"station": code}).status_code == 404


def test_of_several_stations_one_is_chosen_and_kept(books: Books) -> None:
    browser = signed_in(make_staff("district", scope=books.district, duties=["manage"]))
    assert browser.get(QUEUE)["Location"].startswith("/counter/station/")
    assert books.second.name in browser.get("/counter/station/").content.decode()
    assert browser.post("/counter/station/", {"station": books.second.code}).status_code == 302
    assert books.second.name in browser.get(QUEUE).content.decode()
    assert browser.get(f"/counter/station/?q={books.station.code}").status_code == 200


def test_whose_station_is_shut_reads_so_and_can_leave(books: Books, li: Browser) -> None:
    waiting(books)
    publishing.suspend(station=books.station, reason="装修，三月恢复", actor="tests", at=clock.now())
    page = li.get(li.get(QUEUE)["Location"]).content.decode()
    assert books.station.name in page
    assert "停用" in page
    assert "装修，三月恢复" in page
    assert reverse("admin:points_redemption_changelist") in page
    assert "请换个词" not in page, "there is no field to search with"
    assert "没有找到" not in page, "it was found"
    assert 'action="/counter/sign-out/"' in page
    # Whoever searches is not told of every station that is shut.
    district = signed_in(make_staff("district", scope=books.district, duties=["manage"]))
    assert "装修" not in district.get("/counter/station/").content.decode()
    assert "装修" not in district.get("/counter/station/?q=nowhere").content.decode()


def test_nothing_is_done_without_the_token_of_the_form(books: Books, li: Browser) -> None:  # noqa: ARG001
    strict = Browser(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(username="li"))
    found = waiting(books)
    for address in (hand_over(found), reverse("points:counter-leave", args=[found.code]), "/counter/uses/", WHO):
        assert strict.post(address, {"op_id": op(), "who": "123456"}).status_code == 403
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', strict.get(QUEUE).content.decode())
    assert token
    assert strict.post(hand_over(found), {"op_id": op(), "csrfmiddlewaretoken": token[1]}).status_code == 302


# ── The queue ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_from_the_queue_one_tap_hands_over_once(books: Books, li: Browser) -> None:
    found = waiting(books)
    page = li.get(QUEUE).content.decode()
    assert f'data-redemption="{found.code}"' in page
    assert "张三丰" not in page
    assert "已离开" in page
    assert "不在了" not in page, "said beside a name, that somebody has died"
    form = {"op_id": op(), "number": "27"}
    answers = [li.post(hand_over(found), form) for _tap in range(3)]
    assert {answer["Location"] for answer in answers} == {f"{receipt(found)}?number=27"}
    assert found.receipt_no in li.get(answers[0]["Location"]).content.decode()
    assert Posting.objects.filter(kind="handover").count() == 1
    assert f'data-redemption="{found.code}"' not in li.get("/counter/queue/").content.decode()
    assert found.receipt_no in li.get("/counter/today/").content.decode()


def test_what_a_program_handed_over_says_so_in_words(books: Books, li: Browser) -> None:
    shown = redemption.Presence(digits=passes.issue(courier=books.courier, at=clock.now()))
    given = redemption.redeem(
        courier=books.courier, gift=books.gift, station=books.station, points=PRICE, op_id=op(), actor="partner bees",
        presence=shown, at=clock.now(),
    )  # fmt: skip
    for page in (QUEUE, "/counter/today/", receipt(given)):
        said = text(read(li.get(page)))
        assert "合作程序 bees" in said, page
        assert "partner" not in said, page


def test_an_order_that_ran_out_before_him_says_what_he_can_have(books: Books, li: Browser) -> None:
    found = order(books)
    redemption.expire_due(now=found.fetch_until)
    said = li.get(receipt(found)).content.decode()
    assert "积分已经退回" in said
    assert "再认一次人，当场发放" in said


def test_the_second_steward_sees_the_receipt_of_the_first(books: Books, li: Browser) -> None:
    found, wang = waiting(books), signed_in(User.objects.get(username="wang"))
    li.post(hand_over(found), {"op_id": op()})
    answer = wang.post(hand_over(found), {"op_id": op()}, follow=True)
    assert answer.context["is_news"]
    assert answer.context["by"] == "li"
    assert found.receipt_no in answer.content.decode()
    assert Posting.objects.filter(kind="handover").count() == 1


def test_who_was_not_met_is_met_and_served_in_one_step(books: Books, li: Browser) -> None:
    found = waiting(books, courier=newcomer(books))
    refused = li.post(hand_over(found), {"op_id": op()})
    assert refused.context["form"].errors["met"]
    found.refresh_from_db()
    assert found.status == "ordered"
    assert QueuePlace.objects.exists()
    assert li.post(hand_over(found), {"op_id": op(), "met": "on"}).status_code == 302
    found.refresh_from_db()
    found.courier.refresh_from_db()
    assert (found.status, found.courier.status, found.courier.verified_by) == ("handed-over", "active", "li")


def test_meeting_is_undone_where_nothing_can_be_handed_over(books: Books, li: Browser) -> None:
    found = waiting(books, courier=newcomer(books), queues=False)
    assert li.post(hand_over(found), {"op_id": op(), "met": "on"}).status_code == 200
    found.courier.refresh_from_db()
    assert found.courier.status == "unverified"


def test_who_is_blocked_gets_nothing(books: Books, li: Browser) -> None:
    found = waiting(books)
    registration.block(courier=books.courier, reason="查实冒领", actor="tests", at=clock.now())
    assert hand_over(found) not in li.get(QUEUE).content.decode()
    assert li.post(hand_over(found), {"op_id": op()}).context["form"].non_field_errors()
    found.refresh_from_db()
    assert found.status == "ordered"


def test_who_is_not_there_leaves_the_queue_and_keeps_his_order(books: Books, li: Browser) -> None:
    found = waiting(books)
    assert li.post(reverse("points:counter-leave", args=[found.code])).status_code == 302
    found.refresh_from_db()
    assert found.status == "ordered"
    assert not QueuePlace.objects.exists()


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("page:counter", QUEUE),
        ("page:counter-queue", "/counter/queue/"),
        ("page:counter-today", "/counter/today/"),
        ("page:counter-stock", STOCK),
    ],
)
def test_the_number_of_queries_is_as_recorded_for_two_and_for_twenty(
    books: Books, li: Browser, name: str, address: str
) -> None:
    def come(couriers: int) -> None:
        for _each in range(couriers):
            courier = registration.verify(courier=newcomer(books), actor="tests", at=clock.now())
            waiting(books, courier=courier)
            given = waiting(books, courier=courier)
            li.post(hand_over(given), {"op_id": op()})
            gift = Gift.objects.create(code=f"wc-{courier.pk}", division=books.district, name="礼品")
            stock.receive(
                gift=gift, station=books.station, pieces=3, op_id=op(), actor="tests", at=clock.now(), delivery=paper
            )

    paper = stock.Delivery(document_no="R-2", unit_price_cny=1, funding="union")  # type: ignore[arg-type]
    stock.receive(
        gift=books.gift, station=books.station, pieces=50, op_id=op(), actor="tests", at=clock.now(), delivery=paper
    )
    come(2)
    assert li.get(address).status_code == 200
    check_query_count(name, lambda: li.get(address))
    come(18)
    check_query_count(name, lambda: li.get(address))


# ── T19: nothing without proof ──────────────────────────────────────────────────────────────────────────────────────

WRONG = [
    ({}, "digits"),
    ({"digits": "000000"}, "digits"),
    ({"reason": "手机坏了"}, "digits"),
    ({"second_name": "wang", "second_password": PASSWORD}, "reason"),
    ({"second_name": "wang", "second_password": "x", "reason": "手机坏了"}, "second_password"),
    ({"second_name": "li", "second_password": PASSWORD, "reason": "手机坏了"}, "second_name"),
    ({"second_name": "away", "second_password": PASSWORD, "reason": "手机坏了"}, "second_name"),
]


@pytest.mark.parametrize("door", ["order", "gift"])
@pytest.mark.parametrize(("wrong", "field"), WRONG, ids=json.dumps)
def test_nothing_is_handed_over_without_proof(
    books: Books, li: Browser, door: str, wrong: dict[str, Any], field: str
) -> None:
    make_staff("away", scope=books.second, duties=["counter"])
    if door == "order":
        address, more = hand_over(waiting(books, queues=False)), {}
    else:
        address, more = f"{found_by(li, books.courier.code)}gifts/{books.gift.code}/", {"points": PRICE}
    refused = li.post(address, {"op_id": op()} | more | wrong)
    assert list(refused.context["form"].errors) == [field]
    assert not Redemption.objects.filter(status="handed-over").exists()
    right = {"second_name": "wang", "second_password": PASSWORD, "reason": "手机坏了"}
    assert li.post(address, {"op_id": op()} | more | right).status_code == 302
    posting = Posting.objects.get(kind__in=["handover", "redemption"])
    assert (posting.actor_name, posting.approver_name, posting.reason) == ("li", "wang", "手机坏了")
    counted("T19", "hand-overs at the counter without proof", asked=1, done=0)


# ── Who stands here ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_with_his_pass_a_gift_is_one_tap_and_one_receipt(books: Books, li: Browser) -> None:
    address = found_by(li, passes.issue(courier=books.courier, at=clock.now()))
    page = li.get(address)
    [offer] = page.context["offers"]
    assert (offer.gift, offer.points, offer.short) == (books.gift, PRICE, 0)
    form = {"op_id": offer.op_id, "points": PRICE}
    answers = [li.post(f"{address}gifts/{books.gift.code}/", form) for _tap in range(3)]
    assert len({answer["Location"] for answer in answers}) == 1
    assert Posting.objects.filter(kind="redemption").count() == 1
    # Loaded anew, the page can give this gift no second time, and the page that asks for the proof shows that it is given.
    assert li.get(address).context["offers"][0].op_id == offer.op_id
    assert li.get(f"{address}gifts/{books.gift.code}/")["Location"] == answers[0]["Location"]


def test_who_made_his_new_pin_is_told_that_a_colleague_hands_over_today(books: Books, li: Browser) -> None:
    address = found_by(li, passes.issue(courier=books.courier, at=clock.now()))
    [offer] = li.get(address).context["offers"]
    made_by = User.objects.get(username="li")
    membership.reset_pin_link(courier=books.courier, actor=made_by, at=clock.now())
    said = li.post(f"{address}gifts/{books.gift.code}/", {"op_id": offer.op_id, "points": PRICE}).content.decode()
    assert "重设了密码" in said
    assert "请换一位同事发放" in said
    assert 'name="second_name"' in said
    assert not Posting.objects.filter(kind="redemption").exists()
    found = waiting(books)
    said = li.post(hand_over(found), {"op_id": op()}).content.decode()
    assert "请换一位同事发放" in said
    assert 'name="second_name"' in said
    found.refresh_from_db()
    assert found.status == "ordered"


def test_what_waits_for_him_is_handed_over_with_his_pass(books: Books, li: Browser) -> None:
    found = waiting(books, queues=False)
    address = found_by(li, passes.issue(courier=books.courier, at=clock.now()))
    [ordered] = li.get(address).context["orders"]
    assert li.post(hand_over(found), {"op_id": ordered["op_id"]}).status_code == 302
    found.refresh_from_db()
    assert found.status == "handed-over"


def test_a_profile_that_was_merged_while_he_stood_there_says_so_and_offers_nothing(books: Books, li: Browser) -> None:
    address = found_by(li, books.courier.code)
    assert f"{address}gifts/" in li.get(address).content.decode()
    other = registration.verify(courier=make_courier(), actor="tests", at=clock.now())
    merging.merge(kept=other, duplicate=books.courier, reason="同一人", op_id=op(), actor="tests", at=clock.now())
    page = li.get(address).content.decode()
    assert "已并入同一名骑手的另一个档案" in page
    assert f"{address}gifts/" not in page


def test_a_card_is_read_as_code_and_as_address(books: Books, li: Browser) -> None:
    for shown in (books.courier.code, books.courier.code.lower(), f"https://example.cn/card/{books.courier.code}"):
        assert li.get(found_by(li, shown)).context["person"].last_four == books.courier.code[-4:]


def test_what_a_courier_cannot_pay_stands_last_with_what_he_lacks(books: Books, li: Browser) -> None:  # noqa: ARG001
    poor = registration.verify(courier=make_courier(), actor="tests", at=clock.now())
    page = li.get(found_by(li, poor.code))
    [offer] = page.context["too_dear"]
    assert not page.context["offers"]
    assert f"还差 {PRICE} 积分" in page.content.decode()
    assert offer.short == PRICE


def test_whom_one_found_is_ones_own_to_serve(books: Books, li: Browser) -> None:
    address = found_by(li, books.courier.code)
    assert li.get(address).status_code == 200
    assert signed_in(User.objects.get(username="wang")).get(address).status_code == 404
    assert li.get("/counter/who/made-up/").status_code == 404


@pytest.mark.usefixtures("stopped_clock")
def test_whoever_guesses_passes_is_not_listened_to(books: Books, li: Browser) -> None:
    right = passes.issue(courier=books.courier, at=clock.now())
    wrong = "000000" if right != "000000" else "111111"
    refused = [li.post(WHO, {"who": wrong}) for _try in range(21)]
    said = [str(answer.context["form"].errors["who"]) for answer in refused]
    assert len(set(said[:20])) == 1
    assert said[20] != said[0]
    found = waiting(books, queues=False)
    for _try in range(21):
        li.post(hand_over(found), {"op_id": op(), "digits": wrong})
    assert li.post(hand_over(found), {"op_id": op(), "digits": right}).status_code == 200
    found.refresh_from_db()
    assert found.status == "ordered"


# ── The cabinet ─────────────────────────────────────────────────────────────────────────────────────────────────────


def step(books: Books, name: str) -> str:
    return reverse("points:counter-stock-step", args=[books.gift.code, name])


STEPS: dict[str, tuple[dict[str, Any], int]] = {
    "receive": ({"pieces": 5, "document_no": "R-9", "unit_price_cny": "3.50", "funding": "union"}, 15),
    "move": ({"pieces": 4}, 6),
    "count": ({"found": 8, "witness": "孙监盘", "reason": "破损两把"}, 8),
    "scrap": ({"pieces": 1, "reason": "伞骨断了"}, 9),
}


@pytest.mark.parametrize("name", STEPS)
def test_each_step_with_the_stock_is_done_once(books: Books, name: str) -> None:
    keeper = signed_in(make_staff("keeper", scope=books.district, duties=["manage"]))
    keeper.post("/counter/station/", {"station": books.station.code})
    form, left = STEPS[name]
    form = {"op_id": op()} | form | ({"target": books.second.pk} if name == "move" else {})
    assert keeper.get(step(books, name)).status_code == 200
    assert keeper.get(STOCK).status_code == 200
    for _tap in range(2):
        assert keeper.post(step(books, name), form)["Location"] == STOCK
    assert stock.on_hand(books.gift, books.station) == left


@pytest.mark.parametrize(
    ("name", "wrong", "field"),
    [
        ("receive", {"funding": "donation"}, "donor"),
        ("receive", {"donor": "某公司"}, "donor"),
        ("move", {"target": "foreign"}, "target"),
        ("count", {"reason": ""}, "reason"),
        ("count", {"witness": "keeper"}, "witness"),
        ("scrap", {"pieces": 99}, "pieces"),
    ],
    ids=str,
)
def test_what_cannot_be_done_with_the_stock_is_said(books: Books, name: str, wrong: dict[str, Any], field: str) -> None:
    keeper = signed_in(make_staff("keeper", scope=books.district, duties=["manage"]))
    keeper.post("/counter/station/", {"station": books.station.code})
    if "target" in wrong:
        wrong = {"target": make_station(division=books.other).pk}
    answer = keeper.post(step(books, name), {"op_id": op()} | STEPS[name][0] | wrong)
    assert answer.status_code == 200
    assert list(answer.context["form"].errors) == [field]
    assert stock.on_hand(books.gift, books.station) == 10


def test_a_delivery_that_is_booked_already_is_booked_again_only_on_purpose(books: Books) -> None:
    keeper = signed_in(make_staff("keeper", scope=books.district, duties=["manage"]))
    keeper.post("/counter/station/", {"station": books.station.code})
    form = STEPS["receive"][0]
    assert keeper.post(step(books, "receive"), form | {"op_id": op()})["Location"] == STOCK
    # In full width it is the same number.
    again = form | {"document_no": "Ｒ－9 "}
    answer = keeper.post(step(books, "receive"), again | {"op_id": op()})
    said = answer.content.decode()
    assert "这批货已经入过账" in said
    assert "收过 5 件" in said
    assert '<details class="sheet" open>' in said
    assert stock.on_hand(books.gift, books.station) == 15
    assert keeper.post(step(books, "receive"), again | {"op_id": op(), "is_more": "on"})["Location"] == STOCK
    assert stock.on_hand(books.gift, books.station) == 20


def test_pieces_go_from_ones_own_cabinet_to_any_of_the_district(books: Books, li: Browser) -> None:
    elsewhere = make_station(division=books.other)
    ledger.stock(Gift.objects.create(code="qk-soap", division=books.other, name="洗手液"), elsewhere)
    assert list(li.get(step(books, "move")).context["form"].fields["target"].queryset) == []
    ledger.stock(books.gift, books.second)
    assert list(li.get(step(books, "move")).context["form"].fields["target"].queryset) == [books.second]
    form = {"op_id": op(), "pieces": 4, "target": books.second.pk}
    for _tap in range(2):
        assert li.post(step(books, "move"), form)["Location"] == STOCK
    assert [stock.on_hand(books.gift, each) for each in (books.station, books.second)] == [6, 4]
    wang = signed_in(make_staff("zhou", scope=books.second, duties=["counter"]))
    assert wang.post(step(books, "move"), {"op_id": op(), "pieces": 1, "target": books.station.pk}).status_code == 302
    assert wang.post(step(books, "move"), {"op_id": op(), "pieces": 1, "target": elsewhere.pk}).context["form"].errors


def test_a_count_goes_from_gift_to_gift_and_does_not_say_what_is_expected(books: Books, li: Browser) -> None:
    page = li.get(li.get("/counter/stock/count/")["Location"])
    assert ">10<" not in page.content.decode()
    answer = li.post(f"{step(books, 'count')}?tour=1", {"op_id": op(), "found": 10, "witness": "孙监盘"}, follow=True)
    assert answer.request["PATH_INFO"] == STOCK


def test_a_new_steward_sees_for_whom_pieces_are_set_aside(books: Books, li: Browser) -> None:
    assert "给谁留着" not in read(li.get(STOCK))
    first, last = waiting(books, queues=False), waiting(books, courier=newcomer(books), queues=False)
    Redemption.objects.filter(pk=last.pk).update(fetch_until=first.fetch_until + timedelta(hours=1))
    Redemption.objects.filter(pk=order(books, courier=newcomer(books)).pk).update(station=books.second)
    told = li.get(STOCK)
    assert [each["found"] for each in told.context["waiting"]] == [first, last]
    page = read(told)
    assert all(f'href="{receipt(each)}"' in page and each.courier.code[-4:] in page for each in (first, last))
    assert first.courier.code not in page
    Redemption.objects.filter(pk=last.pk).update(fetch_until=first.fetch_until - timedelta(hours=1))
    assert [each["found"] for each in li.get(STOCK).context["waiting"]] == [last, first]


def test_who_counts_is_told_how_many_wait_for_orders(books: Books, li: Browser) -> None:
    assert "先把" not in text(read(li.get(step(books, "count"))))
    order(books)
    order(books)
    assert "先把给预订留着的 2 件放到一边" in text(read(li.get(step(books, "count"))))
    assert "先把" not in text(read(li.get(step(books, "scrap"))))
    assert "8 现有库存 另有 2 件给预订留着" in text(read(li.get(STOCK)))


def test_who_counts_something_else_is_asked_to_count_again(books: Books, li: Browser) -> None:
    answer = text(read(li.post(step(books, "count"), {"op_id": op(), "found": 9, "witness": "孙监盘"})))
    assert "与账上不符：请再数一遍" in answer


def test_a_foreign_gift_looks_like_none(books: Books, li: Browser) -> None:
    for code in ("qk-umbrella", "none"):
        assert li.get(f"/counter/stock/{code}/count/").status_code == 404
    assert li.get(step(books, "mark")).status_code == 404


# ── Guests, and who acts ────────────────────────────────────────────────────────────────────────────────────────────


def test_a_guest_is_counted_once_for_a_tap(books: Books, li: Browser) -> None:
    form = {"op_id": op()}
    for _tap in range(2):
        assert li.post("/counter/uses/", form).status_code == 302
    assert StationUse.objects.get(station=books.station).uses == 1


def test_a_guest_too_many_is_taken_back_once(books: Books, li: Browser) -> None:
    li.post("/counter/uses/", {"op_id": op()})
    assert li.get(QUEUE).context["can_take_back"]
    li.post("/counter/uses/", {"op_id": op()})
    session = dict(li.session.items())
    for _tap in range(2):
        answer = li.post("/counter/uses/take-back/", follow=True)
        assert StationUse.objects.get(station=books.station).uses == 1
        assert not answer.context["can_take_back"]
    # Two taps at one moment: both find the guest in the session.
    kept = li.session
    kept.update(session)
    kept.save()
    li.post("/counter/uses/take-back/")
    assert StationUse.objects.get(station=books.station).uses == 1


def test_a_guest_is_taken_back_where_and_when_he_was_counted(books: Books, li: Browser) -> None:
    li.post("/counter/uses/", {"op_id": op()})
    kept = li.session
    number, station, day = kept["counter_guest"]
    for elsewhere in ([station + 1, day], [station, "2026-01-01"]):
        kept["counter_guest"] = [number, *elsewhere]
        kept.save()
        assert not li.get(QUEUE).context["can_take_back"]
        li.post("/counter/uses/take-back/")
        assert StationUse.objects.get(station=books.station).uses == 1


def test_somebody_else_acts_at_the_same_station(books: Books, li: Browser) -> None:
    make_staff("away", scope=books.second, duties=["counter"])
    li.get(QUEUE)
    for name, password in (("away", PASSWORD), ("wang", "wrong")):
        assert li.post("/counter/change/", {"username": name, "password": password}).status_code == 200
        assert li.get(QUEUE).context["counter"].actor.get_username() == "li"
    assert li.post("/counter/change/", {"username": "wang", "password": PASSWORD}).status_code == 302
    page = li.get(QUEUE)
    assert page.context["counter"].actor.get_username() == "wang"
    assert page.context["counter"].station == books.station
    li.post("/counter/sign-out/")
    assert li.get(SIGN_IN).context["names"] == ["wang"]


def test_who_has_left_is_offered_on_the_device_no_more(books: Books, li: Browser) -> None:
    for name, where in (("sun", books.station), ("zhou", books.second), ("wu", books.station)):
        make_staff(name, scope=where, duties=["counter"])
        assert li.post(SIGN_IN, {"username": name, "password": PASSWORD}).status_code == 302
    change = "/counter/change/"
    assert li.get(change).context["names"] == ["sun"], "zhou stands elsewhere"
    StaffRole.objects.filter(user__username="sun").update(ends_at=clock.now())
    assert li.get(change).context["names"] == []
    User.objects.filter(username="zhou").update(is_active=False)
    li.post("/counter/sign-out/")
    assert li.get(SIGN_IN).context["names"] == ["wu"]
