"""The desk for couriers and outlets: masked, limited to the district, and changed only by verbs."""

import json
import re
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from core import clock
from core.limits import Limit
from core.models import AuditEvent
from couriers import finding, membership, privacy
from couriers.models import Company, Courier, Instructor, Outlet, PartyOrganisation
from stations.models import Division
from tests.builders import make_company, make_courier, make_district, make_outlet, make_staff, make_subdistrict

pytestmark = pytest.mark.django_db

PHONE, NAME = "13800001234", "张三丰"
LIST = "/admin/couriers/courier/"


def desk_of(name: str, **role: Any) -> Browser:
    browser = Browser()
    browser.force_login(make_staff(name, **role))
    return browser


@pytest.fixture
def qiaokou() -> Division:
    return make_district(code="420104", name="硚口区", letters="QK")


@pytest.fixture
def street_of_qiaokou(qiaokou: Division) -> Division:
    return make_subdistrict(code="420104009", name="韩家墩街道", district=qiaokou)


@pytest.fixture
def desk() -> Browser:
    return desk_of("wuchang", scope=make_district())


@pytest.fixture
def city() -> Browser:
    make_district()
    return desk_of("city", scope=Division.objects.get(pk="4201"))


@pytest.fixture
def courier() -> Courier:
    return make_courier(phone=PHONE, name=NAME, outlet=make_outlet(name="徐家棚网点"))


def page(courier: Courier, *parts: str) -> str:
    return f"{LIST}{courier.pk}/{''.join(f'{part}/' for part in parts or ('change',))}"


def said(response: Any) -> str:
    return "\n".join(map(str, get_messages(response.wsgi_request)))


# ── Couriers ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_list_and_page_show_him_masked(desk: Browser, courier: Courier) -> None:
    for address in (LIST, page(courier), page(courier, "history"), f"{LIST}?q={courier.code.lower()}"):
        text = desk.get(address).content.decode()
        assert courier.code in text, address
        assert NAME not in text, address
        assert PHONE not in text, address
    assert "138****1234" in desk.get(LIST).content.decode()
    assert "张*" in desk.get(page(courier)).content.decode()


def test_who_registered_him_is_said_in_words(desk: Browser) -> None:
    for by, words in (("self", "骑手本人"), ("partner bees", "合作程序 bees"), ("li", "li")):
        registered = make_courier(actor=by)
        assert f'<div class="readonly">{words}</div>' in desk.get(page(registered)).content.decode()


@pytest.mark.parametrize("word", [PHONE, "138", "张", NAME, "+86", "徐家棚"])
def test_no_word_finds_a_person_but_his_whole_code(desk: Browser, courier: Courier, word: str) -> None:
    assert courier.code not in desk.get(LIST, {"q": word}).content.decode()
    assert desk.get(f"{LIST}?phone_index__startswith=a").status_code == 400


def test_the_code_of_an_old_card_finds_him_and_his_trail_is_whole(desk: Browser, courier: Courier) -> None:
    old = courier.code
    courier = membership.replace_card(courier=courier, reason="丢失", actor="tests", at=clock.now())
    assert courier.code in desk.get(LIST, {"q": old}).content.decode()
    history = desk.get(page(courier, "history")).content.decode()
    assert "登记了骑手" in history
    assert history.count("补卡") == 1  # though told under the old code and the new


def test_the_trail_is_searched_by_his_code(city: Browser, desk: Browser, courier: Courier) -> None:
    trail = "/admin/core/auditevent/"
    assert "登记了骑手" in city.get(trail, {"q": courier.code}).content.decode()
    assert "登记了骑手" in city.get(trail, {"about": "courier"}).content.decode()
    assert NAME not in city.get(trail).content.decode()
    assert courier.code not in desk.get(trail).content.decode()


def test_his_own_district_and_the_city_see_him_and_nobody_else(
    desk: Browser, city: Browser, courier: Courier, qiaokou: Division, street_of_qiaokou: Division
) -> None:
    assert city.get(page(courier)).status_code == desk.get(page(courier)).status_code == 200
    other = desk_of("qiaokou", scope=qiaokou)
    assert courier.code not in other.get(LIST).content.decode()
    assert other.get(page(courier)).status_code == 404
    # A street has outlets; couriers are a district's.
    street = desk_of("jiedao", scope=make_subdistrict())
    assert street.get(LIST).status_code == street.get(page(courier)).status_code == 403
    assert LIST not in street.get("/admin/").content.decode()
    assert street.get("/admin/couriers/outlet/").status_code == 200
    assert street_of_qiaokou is not None


def test_a_phone_is_found_whole_and_only_in_ones_own_district(
    desk: Browser, courier: Courier, qiaokou: Division
) -> None:
    find = f"{LIST}find/"
    assert desk.get(LIST).content.decode().count(find) == 1
    assert desk.get(find).status_code == 200
    assert desk.post(find, {"phone": f"+86 {PHONE}"}).headers["Location"] == page(courier)
    for browser, phone in ((desk, "13900000000"), (desk, "1380000"), (desk_of("qiaokou", scope=qiaokou), PHONE)):
        answer = browser.post(find, {"phone": phone})
        assert answer.status_code == 200
        assert courier.code not in answer.content.decode()
    assert desk_of("viewer", scope=make_district(), duties=["view"]).get(find).status_code == 403
    assert AuditEvent.objects.filter(kind="courier.looked-up").count() == 3


def test_in_full_on_one_answer_for_a_reason(desk: Browser, courier: Courier) -> None:
    reveal = page(courier, "reveal")
    assert NAME not in desk.get(reveal).content.decode()
    assert NAME not in desk.post(reveal, {"reason": " "}).content.decode()
    answer = desk.post(reveal, {"reason": "核对领奖人"})
    assert NAME in answer.content.decode()
    assert f"<dd>{PHONE[:3]} {PHONE[3:7]} {PHONE[7:]}</dd>" in answer.content.decode()
    assert "no-store" in answer.headers["Cache-Control"]
    assert AuditEvent.objects.get(kind="courier.revealed").data["reason"] == "核对领奖人"


@pytest.mark.parametrize("door", ["reveal", "copy", "do/block", "do/erase"])
def test_what_a_counter_may_not(courier: Courier, door: str) -> None:
    counter = desk_of("counter", scope=make_district(), duties=["counter"])
    answer = counter.post(page(courier, door), {"reason": "x"})
    assert answer.status_code == 403
    assert NAME not in answer.content.decode()
    assert counter.post(page(courier, "do/verify")).status_code == 302
    courier.refresh_from_db()
    assert courier.status == "active"


def test_whoever_only_looks_is_offered_only_what_there_is_to_look_at(desk: Browser, courier: Courier) -> None:
    looks = desk_of("looks", scope=courier.division, duties=["view", "audit"])
    assert len(buttons(desk, courier)) > 5
    (only,) = buttons(looks, courier)
    assert looks.get(only).status_code == 200


def buttons(browser: Browser, courier: Courier) -> list[str]:
    return re.findall(r'<a class="button" href="([^"]+)"', browser.get(page(courier, "change")).content.decode())


def test_a_counter_is_offered_what_it_may_do_and_nothing_else(desk: Browser, courier: Courier) -> None:
    counter = desk_of("counter", scope=courier.division, duties=["counter"])
    offered = buttons(counter, courier)
    assert {counter.get(each).status_code for each in offered} == {200}
    refused = set(buttons(desk, courier)) - set(offered)
    assert {counter.get(each).status_code for each in refused} == {403}
    assert (len(offered), len(refused)) == (6, 7)


def test_past_fifty_a_day_it_says_so(desk: Browser, courier: Courier, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(privacy, "REVEALS_A_DAY", Limit("reveal", calls=1, window_s=86_400))
    assert NAME in desk.post(page(courier, "reveal"), {"reason": "x"}).content.decode()
    answer = desk.post(page(courier, "reveal"), {"reason": "x"})
    assert answer.status_code == 200
    assert NAME not in answer.content.decode()
    assert "errorlist" in answer.content.decode()


def test_a_copy_is_a_file_for_himself(desk: Browser, courier: Courier) -> None:
    assert desk.get(page(courier, "copy")).status_code == 200
    answer: Any = desk.post(page(courier, "copy"), {"reason": "本人申请"})
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{courier.code}.json"'
    assert json.loads(b"".join(answer.streaming_content))["name"] == NAME


def test_every_step_of_his_page(desk: Browser, courier: Courier) -> None:
    def do(step: str, **data: str) -> Any:
        button = page(courier, "do", step)
        assert button in desk.get(page(courier)).content.decode(), step
        assert desk.get(button).status_code == 200
        answer = desk.post(button, data)
        courier.refresh_from_db()
        return answer

    assert do("block").status_code == 200
    assert (do("block", reason="冒领").status_code, courier.status) == (302, "blocked")
    assert (do("unblock", reason="查清了").status_code, courier.status) == (302, "unverified")
    assert (do("verify").status_code, courier.status, courier.verified_by) == (302, "active", "wuchang")
    assert do("correct-name", name="名" * 41).status_code == 200
    assert (do("correct-name", name="王小二").status_code, privacy.masked(courier).name) == (302, "王*")
    assert (do("correct-name", name="").status_code, privacy.masked(courier).name) == (302, "")
    old = courier.code
    assert do("replace-card", reason="丢失").status_code == 302
    assert courier.code != old
    taken = make_courier(phone="13900005678")
    answer = do("change-phone", phone="13900005678")
    assert answer.status_code == 200
    assert "已经登记过" in answer.content.decode()
    assert do("change-phone", phone="139").status_code == 200
    assert do("change-phone", phone="13900005678", takes_over_because="当面拨打").status_code == 302
    taken.refresh_from_db()
    assert taken.phone_index is None
    assert (do("erase", reason="本人申请").status_code, courier.status) == (302, "erased")
    text = desk.get(page(courier)).content.decode()
    assert "/do/" not in text
    assert 'name="_save"' not in text
    for door in ("card", "do/no-such-step"):
        assert desk.get(page(courier, door)).status_code == 404


def test_the_card_says_the_code_and_nothing_of_the_person(desk: Browser, courier: Courier) -> None:
    text = desk.get(page(courier, "card")).content.decode()
    assert f"{courier.code[:4]} {courier.code[4:8]} {courier.code[8:]}" in text
    assert 'class="qr"' in text
    for personal in (NAME, "张*", PHONE, "138****"):
        assert personal not in text
    for language, word in (("zh-hans", "会员卡"), ("en", "Member card")):
        desk.cookies["django_language"] = language
        assert word in desk.get(page(courier, "card")).content.decode()


@pytest.mark.parametrize(("action", "status"), [("verify", "active"), ("block", "blocked")])
def test_actions_of_the_list(desk: Browser, courier: Courier, qiaokou: Division, action: str, status: str) -> None:
    foreign = make_courier(district=qiaokou)
    chosen = {"action": action, "_selected_action": [courier.pk, foreign.pk], "reason": "冒领"}
    assert desk.post(LIST, chosen).status_code == 302
    courier.refresh_from_db()
    foreign.refresh_from_db()
    assert (courier.status, foreign.status) == (status, "unverified")
    answer = desk.post(LIST, {"action": "block", "_selected_action": [make_courier().pk]})
    assert "原因" in said(answer)


# ── Work and registering ────────────────────────────────────────────────────────────────────────────────────────────


def test_work_is_changed_on_his_page_and_nothing_personal_is(desk: Browser, courier: Courier) -> None:
    outlet = make_outlet(company=make_company("京东"), name="京东网点")
    sent = {
        "kind": "food-delivery", "company": outlet.company.pk, "outlet": outlet.pk, "status": "erased",
        "phone": "13900000000", "phone_index": "0" * 64, "name_sealed": "x", "code": "x", "division": "420104",
    }  # fmt: skip
    before = {name: getattr(courier, name) for name in ("status", "phone_index", "code", "division_id")}
    assert desk.post(page(courier), sent).status_code == 302
    courier.refresh_from_db()
    assert (courier.kind, courier.outlet) == ("food-delivery", outlet)
    assert {name: getattr(courier, name) for name in before} == before
    assert bytes(courier.name_sealed or b"") != b"x"


def test_an_outlet_of_another_brand_or_district_is_refused(
    desk: Browser, city: Browser, courier: Courier, street_of_qiaokou: Division
) -> None:
    foreign, own = make_outlet(division=street_of_qiaokou), make_outlet()
    jingdong = make_company("京东")
    for browser, outlet, company in ((desk, foreign, ""), (city, foreign, ""), (desk, own, jingdong.pk)):
        answer = browser.post(page(courier), {"kind": "express", "company": company, "outlet": outlet.pk})
        assert answer.status_code == 200
        assert answer.context["errors"]
    courier.refresh_from_db()
    assert courier.outlet != foreign


def test_registered_at_the_counter_he_is_active_and_masked(desk: Browser, qiaokou: Division) -> None:
    add = f"{LIST}add/"
    outlet = make_outlet()
    sent = {
        "phone": PHONE, "name": NAME, "kind": "express", "district": "420106", "outlet": outlet.pk, "agreed": "on",
    }  # fmt: skip
    assert "个人信息告知" in desk.get(add).content.decode()
    for change in ({"agreed": ""}, {"phone": "138"}, {"district": qiaokou.pk}, {"outlet": 0}):
        assert desk.post(add, sent | change).status_code == 200
    assert not Courier.objects.exists()
    answer = desk.post(add, sent)
    courier = Courier.objects.get()
    assert answer.headers["Location"] == page(courier)
    assert (courier.status, courier.channel, courier.company) == ("active", "staff", outlet.company)
    assert courier.consents.get().channel == "paper"
    again = desk.post(add, sent)
    assert "已经登记过" in again.content.decode()
    assert desk.post(add, sent | {"takes_over_because": "当面拨打"}).status_code == 302
    viewer = desk_of("viewer", scope=make_district(), duties=["view"])
    assert viewer.get(add).status_code == viewer.post(add, sent).status_code == 403


def test_that_a_number_is_taken_counts_as_a_look_up(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    make_courier(phone=PHONE)
    monkeypatch.setattr(finding, "LOOK_UPS_A_DAY", Limit("courier-look-up", calls=2, window_s=86_400))
    other = page(make_courier(), "do", "change-phone")
    add = {"name": "", "kind": "express", "district": "420106", "agreed": "on"}
    answers = [
        desk.post(other, {"phone": PHONE}),
        desk.post(f"{LIST}add/", add | {"phone": PHONE}),
        desk.post(other, {"phone": PHONE}),
        desk.post(f"{LIST}add/", add | {"phone": PHONE}),
    ]
    assert ["已经登记过" in answer.content.decode() for answer in answers] == [True, True, False, False]
    assert "太频繁" in answers[-1].content.decode()
    # A number of nobody is told to nobody: whoever stands at the counter is registered all the same.
    assert desk.post(f"{LIST}add/", add | {"phone": "13900005678"}).status_code == 302


def test_no_address_copies_or_deletes_him(desk: Browser, courier: Courier) -> None:
    assert desk.post(page(courier), {"_saveasnew": "1", "kind": "express"}).status_code == 403
    assert desk.post(page(courier, "delete"), {"post": "yes"}).status_code == 403
    assert Courier.objects.count() == 1


# ── Brands, outlets, organisations ──────────────────────────────────────────────────────────────────────────────────


def test_brands_are_the_citys(desk: Browser, city: Browser) -> None:
    add = reverse("admin:couriers_company_add")
    sent = {"name": "顺丰", "name_en": "SF Express", "credit_code": "9144 0300 7084 6113 6t"}
    assert desk.post(add, sent).status_code == 403
    assert city.post(add, sent | {"credit_code": "914403007084611360"}).status_code == 200
    assert city.post(add, sent).status_code == 302
    assert Company.objects.get().credit_code == "91440300708461136T"
    assert "顺丰" in desk.get("/admin/couriers/company/").content.decode()


def outlet_form(outlet: Outlet | None = None, *terms: tuple[str, str, str], **changes: Any) -> dict[str, Any]:
    rows = list(outlet.instructors.order_by("pk")) if outlet else []
    form = {
        "company": make_company().pk, "name": "阅马场网点", "division": "420106003", "headcount": "12",
        "instructors-TOTAL_FORMS": str(len(terms)), "instructors-INITIAL_FORMS": str(len(rows)),
    }  # fmt: skip
    for number, (name, starts, ends) in enumerate(terms):
        prefix = f"instructors-{number}"
        form |= {f"{prefix}-name": name, f"{prefix}-starts_on": starts, f"{prefix}-ends_on": ends}
        if number < len(rows):
            form |= {f"{prefix}-id": rows[number].pk, f"{prefix}-outlet": outlet.pk if outlet else ""}
    return form | changes


def test_an_outlet_with_its_instructors(desk: Browser, street_of_qiaokou: Division) -> None:
    make_subdistrict()
    add = reverse("admin:couriers_outlet_add")
    assert desk.post(add, outlet_form(division=street_of_qiaokou.pk)).status_code == 200
    assert desk.post(add, outlet_form(division="4201")).status_code == 200
    overlapping = [("甲", "2026-01-01", ""), ("乙", "2026-06-01", "")]
    answer = desk.post(add, outlet_form(None, *overlapping))
    assert answer.status_code == 200
    assert "同一时间只有一名" in answer.content.decode()
    assert not Outlet.objects.exists()
    assert desk.post(add, outlet_form(None, ("甲", "2026-01-01", ""))).status_code == 302
    outlet = Outlet.objects.get()
    # The first one ends and the next begins with one saving.
    terms = [("甲", "2026-01-01", "2026-05-31"), ("乙", "2026-06-01", "")]
    change = reverse("admin:couriers_outlet_change", args=[outlet.pk])
    assert desk.post(change, outlet_form(outlet, *terms)).status_code == 302
    assert list(Instructor.objects.order_by("starts_on").values_list("name", flat=True)) == ["甲", "乙"]
    assert AuditEvent.objects.filter(kind="outlet.changed").count() == 1


def test_two_who_save_at_once_the_second_is_told(desk: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    outlet = make_outlet(name="阅马场网点", company=make_company())
    monkeypatch.setattr("couriers.admin.outlets.InstructorFormSet.clean", lambda _formset: None)
    overlapping = [("甲", "2026-01-01", ""), ("乙", "2026-06-01", "")]
    change = reverse("admin:couriers_outlet_change", args=[outlet.pk])
    answer = desk.post(change, outlet_form(outlet, *overlapping))
    assert (answer.status_code, answer.headers["Location"]) == (302, change)
    assert said(answer)
    assert not Instructor.objects.exists()


def test_what_was_made_up_keeps_its_mark(desk: Browser) -> None:
    outlet = make_outlet(name="[演示] 阅马场网点", is_made_up=True)
    change = reverse("admin:couriers_outlet_change", args=[outlet.pk])
    assert "[演示]" in desk.post(change, outlet_form(outlet)).content.decode()
    assert desk.post(change, outlet_form(outlet, name="[演示] 首义网点")).status_code == 302


def test_an_organisation_keeps_the_outlets_that_its_editor_does_not_see() -> None:
    street = make_subdistrict()
    seen, unseen = (
        make_outlet(division=street),
        make_outlet(division=make_subdistrict(code="420106007", name="积玉桥街道")),
    )
    branch = PartyOrganisation.objects.create(kind="joint-branch", name="联合党支部", division=street)
    branch.outlets.set([seen, unseen])
    clerk = desk_of("jiedao", scope=street)
    change = reverse("admin:couriers_partyorganisation_change", args=[branch.pk])
    assert escape(unseen.name) not in clerk.get(change).content.decode()
    sent = {"kind": "joint-branch", "name": "联合党支部", "division": street.pk, "contact": "社区党委书记"}
    assert clerk.post(change, sent | {"outlets": [unseen.pk]}).status_code == 200
    assert clerk.post(change, sent).status_code == 302
    assert list(branch.outlets.all()) == [unseen]
    assert clerk.post(change, sent | {"contact": "书记 13812345678"}).status_code == 200


@pytest.mark.parametrize("kind", ["courier", "outlet", "partyorganisation", "company"])
def test_a_list_asks_as_many_queries_for_many_rows_as_for_one(
    desk: Browser, kind: str, django_assert_max_num_queries: Any
) -> None:
    address = f"/admin/couriers/{kind}/"
    for _row in range(2):
        outlet = make_outlet()
        make_courier(outlet=outlet)
        PartyOrganisation.objects.create(kind="branch", name=outlet.name, division=outlet.division)
    desk.get(address)
    with CaptureQueriesContext(connection) as few:
        assert desk.get(address).status_code == 200
    for _row in range(10):
        outlet = make_outlet()
        make_courier(outlet=outlet)
        PartyOrganisation.objects.create(kind="branch", name=outlet.name, division=outlet.division)
    with django_assert_max_num_queries(len(few)):
        assert desk.get(address).status_code == 200
