"""Couriers at the keyed doors: registered, looked up, and known only to those to whom they agreed to be known."""

from typing import Any

import pytest

from core.limits import Limit
from core.models import AuditEvent, IdempotentRequest
from couriers import consents, finding, membership, privacy, registration
from couriers.models import Consent, Courier
from partners.models import Client, Scope
from tests.builders import (
    NOON,
    make_client,
    make_company,
    make_courier,
    make_district,
    make_key,
    make_staff,
    make_station,
)
from tests.couriers.views.phone import PHONE as HIS_PHONE
from tests.couriers.views.phone import signed_in
from tests.stations.api.partner import Partner

pytestmark = pytest.mark.django_db

PHONE = "154 0000 4321"


def partner(code: str = "bees", **facts: Any) -> Partner:
    return Partner(make_key(make_client(code=code, scopes=Scope.values, **facts)))


@pytest.fixture
def bees() -> Partner:
    return partner()


def wish(**other: Any) -> dict[str, Any]:
    return {
        "phone": PHONE,
        "kind": "express",
        "district": "420106",
        "notice_version": consents.membership_notice().version,
        "shares": True,
    } | other


def test_who_is_registered_is_masked_not_met_and_has_agreed_twice(bees: Partner) -> None:
    make_company("顺丰")
    answer = bees.post("couriers/", wish(name="张三丰", company="顺丰", pin="482915"))
    assert answer.status_code == 201, answer.content
    said = answer.json()
    assert (said["status"], said["name"], said["phone"], said["company"]) == (
        "unverified",
        "张*",
        "154****4321",
        "顺丰",
    )
    courier = Courier.objects.get(code=said["code"])
    assert (courier.channel, courier.registered_by) == ("api", "partner bees")
    membership.check_pin(courier=courier, pin="482915", at=NOON)
    assert {(each.purpose, each.partner, each.channel) for each in Consent.objects.all()} == {
        ("membership", "", "api"), ("sharing", "bees", "api"),
    }  # fmt: skip
    assert bees.get(f"couriers/{said['code']}/").json() == said
    assert bees.post("couriers/look-up/", {"phone": PHONE}).json() == said
    # Neither the answer that is kept nor the trail holds what is personal.
    kept = b"".join(bytes(row.body) for row in IdempotentRequest.objects.all()).decode()
    trail = str(list(AuditEvent.objects.values_list("data", flat=True)))
    for secret in ("张三丰", "15400004321", "482915"):
        assert secret not in kept + trail


def test_a_phone_is_registered_once_in_the_city(bees: Partner) -> None:
    make_courier(phone="15400004321")
    answer = bees.post("couriers/", wish())
    assert (answer.status_code, answer.json()["code"]) == (409, "phone_taken")
    assert bees.post("couriers/", wish(phone="15400004322")).status_code == 201


@pytest.mark.parametrize(
    ("body", "status", "code", "parameter"),
    [
        ({"phone": "12345"}, 400, "invalid_value", "phone"),
        ({"phone": None}, 400, "missing_member", "phone"),
        ({"phone": 15400004321}, 400, "invalid_value", "phone"),
        ({"kind": "postman"}, 400, "invalid_value", "kind"),
        ({"district": "420104"}, 404, "not_found", None),
        ({"district": "420106003"}, 404, "not_found", None),
        ({"district": "999999"}, 404, "not_found", None),
        ({"notice_version": "2020-01"}, 409, "notice_outdated", None),
        ({"shares": "yes"}, 400, "invalid_value", "shares"),
        ({"name": "张" * 41}, 400, "invalid_value", "name"),
        ({"company": "顺丰快递"}, 400, "unknown_code", "company"),
        ({"pin": "123456"}, 400, "invalid_value", "pin"),
        ({"pin": "12345"}, 400, "invalid_value", "pin"),
        ({"card": "1"}, 400, "unknown_member", "card"),
    ],
)
def test_what_cannot_be_registered_is_named_and_nothing_is_written(
    bees: Partner, body: Any, status: int, code: str, parameter: str | None
) -> None:
    make_company("顺丰")
    make_district(code="420104", name="硚口区", letters="QK")
    answer = bees.post("couriers/", wish(**body))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem.get("parameter")) == (status, code, parameter), problem
    if code == "notice_outdated":
        assert problem["notice_version"] == consents.membership_notice().version
    if code == "unknown_code":
        assert problem["did_you_mean"] == "顺丰"
    assert not Courier.objects.exists()
    assert bees.post("couriers/", wish()).status_code == 201


def test_a_courier_is_known_to_whom_he_agreed_to_be_known(bees: Partner) -> None:
    others = partner("others")
    said = bees.post("couriers/", wish()).json()
    address = f"couriers/{said['code']}/"
    missing = bees.get("couriers/00000000000/")
    assert (missing.status_code, missing.json()["code"]) == (404, "courier_not_found")
    for foreign in (others.get(address), others.post("couriers/look-up/", {"phone": PHONE})):
        assert (foreign.status_code, foreign.json()) == (404, missing.json())
    courier = Courier.objects.get()
    common: dict[str, Any] = {
        "courier": courier, "notice": consents.notice("sharing"), "channel": "page", "at": NOON, "actor": "self",
        "purpose": "sharing",
    }  # fmt: skip
    consents.give(partner="others", **common)
    assert others.get(address).status_code == 200
    consents.withdraw(partner="bees", **common)
    assert bees.get(address).content == missing.content
    # Without sharing the code is told once.
    alone = bees.post("couriers/", wish(phone="15400004323", shares=False)).json()
    assert bees.get(f"couriers/{alone['code']}/").status_code == 404


def test_a_courier_of_another_district_is_not_there(bees: Partner) -> None:
    make_district(code="420104", name="硚口区", letters="QK")
    city = partner("city", divisions=["4201"])
    here, there = (city.post("couriers/", wish(phone=f"1540000{n}", district=d)).json()
                   for n, d in ((5001, "420106"), (5002, "420104")))  # fmt: skip
    for courier in Courier.objects.all():
        consents.give(
            courier=courier, notice=consents.notice("sharing"), channel="page", at=NOON, actor="self",
            purpose="sharing", partner="bees",
        )  # fmt: skip
    assert bees.get(f"couriers/{here['code']}/").status_code == 200
    assert bees.get(f"couriers/{there['code']}/").status_code == 404
    assert city.get(f"couriers/{there['code']}/").status_code == 200


def test_an_old_card_says_that_there_is_a_newer_one(bees: Partner) -> None:
    others = partner("others")
    old = bees.post("couriers/", wish()).json()["code"]
    courier = membership.replace_card(courier=Courier.objects.get(), reason="丢了", actor="tests", at=NOON)
    answer = bees.get(f"couriers/{old}/")
    assert (answer.status_code, answer.json()["code"]) == (410, "card_replaced")
    assert bees.get(f"couriers/{courier.code}/").status_code == 200
    assert others.get(f"couriers/{old}/").json()["code"] == "courier_not_found"


def test_an_erased_courier_is_missing(bees: Partner) -> None:
    code = bees.post("couriers/", wish()).json()["code"]
    privacy.erase(courier=Courier.objects.get(), reason="本人申请", actor="tests", at=NOON)
    assert bees.get(f"couriers/{code}/").json()["code"] == "courier_not_found"
    assert bees.post("couriers/look-up/", {"phone": PHONE}).status_code == 404


@pytest.mark.usefixtures("stopped_clock")
def test_a_look_up_leaves_a_trace_hit_or_miss_and_two_hundred_are_enough(
    bees: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    bees.post("couriers/", wish())
    monkeypatch.setattr(finding, "LOOK_UPS_A_DAY", Limit("courier-look-up", calls=3, window_s=86_400))
    statuses = [bees.post("couriers/look-up/", {"phone": f"1540000{n}"}).status_code for n in (4321, 4444, 4445, 4321)]
    assert statuses == [201, 404, 404, 429]
    traces = AuditEvent.objects.filter(kind="courier.looked-up")
    assert [trace.actor_name for trace in traces] == ["partner bees"] * 3


def test_a_sandbox_knows_its_own_couriers_in_made_up_districts_and_they_count_as_met() -> None:
    sandbox = partner("trial", kind="sandbox")
    refused = sandbox.post("couriers/", wish())
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    make_station(name="[演示] 蜂巢", is_made_up=True)
    said = sandbox.post("couriers/", wish()).json()
    assert said["status"] == "active"
    real = make_courier()
    consents.give(
        courier=real, notice=consents.notice("sharing"), channel="page", at=NOON, actor="self", purpose="sharing",
        partner="trial",
    )  # fmt: skip
    assert sandbox.get(f"couriers/{said['code']}/").status_code == 200
    assert sandbox.get(f"couriers/{real.code}/").status_code == 404


def test_blocked_is_said(bees: Partner) -> None:
    code = bees.post("couriers/", wish()).json()["code"]
    registration.block(courier=Courier.objects.get(), reason="冒领", actor=make_staff(), at=NOON)
    assert bees.get(f"couriers/{code}/").json()["status"] == "blocked"


def test_notices_are_public_and_say_what_is_kept(bees: Partner) -> None:
    said = {each["purpose"]: each for each in Partner("").get("notices/", authorization="").json()["results"]}
    assert set(said) == {"membership", "sharing"}
    bees.post("couriers/", wish())
    for consent in Consent.objects.all():
        notice = said[consent.purpose]
        assert (consent.notice_version, consent.notice_sha256) == (notice["version"], notice["sha256"])


def test_a_repetition_tells_nothing_personal_of_who_was_erased(bees: Partner) -> None:
    asked, others = wish(name="张三丰"), wish(name="李四光", phone="154 0000 8765")
    first = bees.post("couriers/", asked, once="a").json()
    second = bees.post("couriers/", others, once="b").json()
    found = bees.post("couriers/look-up/", {"phone": PHONE}, once="c").json()
    courier = Courier.objects.get(code=first["code"])
    membership.replace_card(courier=courier, reason="丢失", actor="tests", at=NOON)
    renewed = bees.post("couriers/look-up/", {"phone": PHONE}, once="d").json()
    assert found == first
    assert renewed["code"] != first["code"]
    assert bees.post("couriers/", asked, once="a").json() == first

    privacy.erase(courier=courier, reason="本人申请", actor="tests", at=NOON)
    again = bees.post("couriers/", asked, once="a")
    assert (again.status_code, again["Idempotent-Replayed"]) == (201, "true")
    assert again.json() == first | {"name": "", "phone": ""}
    assert bees.post("couriers/", others, once="b").json() == second
    kept = [bytes(row.body).decode() for row in IdempotentRequest.objects.order_by("key")]
    assert [("张" in body, "4321" in body) for body in kept] == [(False, False)] * 4
    assert Courier.objects.count() == 2


# ── Whoever was registered elsewhere ────────────────────────────────────────────────────────────────────────────────


def test_who_was_registered_elsewhere_agrees_on_his_own_phone_and_is_found(bees: Partner) -> None:
    courier, phone = signed_in()
    asked = {"phone": HIS_PHONE}
    assert bees.post("couriers/look-up/", asked).status_code == 404
    page = phone.get("/me/data/consents/").content.decode()
    assert "我同意共享给测试伙伴 bees" in page
    for _tap in range(2):
        phone.post("/me/data/consents/", {"purpose": "sharing", "partner": "bees", "act": "given"})
    said = Consent.objects.get(courier=courier, purpose="sharing")
    assert (said.partner, said.act, said.channel) == ("bees", "given", "page")
    assert bees.post("couriers/look-up/", asked).json()["code"] == courier.code
    page = phone.get("/me/data/consents/").content.decode()
    assert "我同意共享给" not in page
    assert "测试伙伴 bees" in page


def test_he_is_offered_live_programs_of_his_district_that_look_couriers_up_and_no_others() -> None:
    make_district(code="420104", name="硚口区", letters="QK")
    partner("own")
    partner("away", divisions=["420104"])
    partner("sandbox", kind="sandbox")
    make_client(code="blind", scopes=["confirmations:write"])
    Client.objects.filter(code=make_client(code="off", scopes=Scope.values).code).update(is_active=False)
    courier, phone = signed_in()
    assert consents.programs_for(courier) == {"own": "测试伙伴 own"}
    for code in ("away", "sandbox", "blind", "off", "nobody"):
        phone.post("/me/data/consents/", {"purpose": "sharing", "partner": code, "act": "given"})
    phone.post("/me/data/consents/", {"purpose": "membership", "partner": "own", "act": "given"})
    assert not Consent.objects.filter(courier=courier).exclude(partner="").exists()
