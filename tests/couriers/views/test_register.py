"""Registering on one's own phone: in one page, once, and without telling strangers who is registered."""

from typing import Any

import pytest
from django.test import Client

from core.models import AuditEvent
from couriers import consents, membership, privacy
from couriers.models import Consent, Courier, Device
from couriers.views import register as door
from couriers.views.forms import RegisterForm
from tests.builders import make_company, make_courier, make_district, make_station
from tests.couriers.views.phone import PHONE, PIN, register, signed_in, typed
from tests.proving import counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stopped_clock")]


def test_registered_at_the_door_he_is_in_and_not_met_yet() -> None:
    phone, company = Client(), make_company()
    answer = register(phone, company=company.pk, next="/gifts/")
    assert (answer.status_code, answer["Location"]) == (302, "/gifts/")
    courier = Courier.objects.get()
    assert (courier.status, courier.channel, courier.registered_by, courier.company) == (
        "unverified", "self", "self", company,
    )  # fmt: skip
    membership.check_pin(courier=courier, pin=PIN, at=courier.registered_at)
    consent = Consent.objects.get()
    assert (consent.act, consent.channel) == ("given", "page")
    assert consent.notice_sha256 == consents.membership_notice().sha256
    assert phone.get("/me/data/").status_code == 200
    assert privacy.masked(courier).phone in phone.get("/me/data/").content.decode()
    assert set(AuditEvent.objects.values_list("actor_name", flat=True)) == {"self"}


def test_the_station_of_the_address_or_of_the_door_names_the_district() -> None:
    station = make_station()
    chosen = f'value="{station.division_id[:6]}" selected'
    assert chosen not in Client().get("/me/register/").content.decode()
    assert chosen in Client().get(f"/me/register/?station={station.code.lower()}").content.decode()
    phone = Client()
    phone.get(f"/d/{station.door_token}/")
    assert chosen in phone.get("/me/register/").content.decode()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", ""), ("phone", "12345"), ("phone", "x" * 5_000), ("kind", ""), ("kind", "pilot"), ("company", "999999"),
        ("company", "x"), ("district", ""), ("district", "420106009"), ("pin", ""), ("pin", "12345"), ("pin", "123456"),
        ("pin", "1" * 5_000), ("name", "长" * 41), ("agreed", ""), ("notice_version", "1999-01"), ("notice_version", ""),
        ("phone", "a\x00b"), ("name", "张\x00三"), ("pin", "27182\x00"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_beside_it_and_nothing_typed_is_lost(name: str, value: str) -> None:
    answer = register(**{name: value})
    assert answer.status_code == 400
    assert not Courier.objects.exists()
    if "\x00" not in value:
        beside = "agreed" if name == "notice_version" else name
        assert set(answer.context["errors"]) == {beside}
        text = answer.content.decode()
        assert f'id="error-{beside}"' in text
        assert name == "phone" or PHONE in text
        assert PIN not in text
    assert register().status_code == 302


def test_a_phone_that_can_be_none_is_told_together_with_all_the_rest() -> None:
    assert set(register(phone="1547777000", pin="123456", agreed="").context["errors"]) == {"phone", "pin", "agreed"}


def test_garbage_is_refused_and_breaks_nothing() -> None:
    make_district()
    for data in ({}, {"phone": [PHONE, "x"], "kind": ["express", "x"]}, {"phone[]": "x"}, {"agreed": "on" * 9_000}):
        assert Client().post("/me/register/", data).status_code == 400
    answer = Client().post("/me/register/", data=b'{"phone": [1]}', content_type="application/json")
    assert answer.status_code == 400
    assert not Courier.objects.exists()


def test_sent_twice_it_is_one_member_who_is_signed_in() -> None:
    phone = Client()
    first, second = register(phone), register(phone)
    assert (first.status_code, second.status_code) == (302, 302)
    assert Courier.objects.count() == 1
    # The phone's earlier sign-in has ended: what it had before opens nothing.
    assert Device.objects.count() == 1
    assert phone.get("/me/data/").status_code == 200


def test_a_taken_phone_is_told_so_and_led_to_signing_in_and_only_so_often() -> None:
    for number in range(door.TAKEN_FROM_ONE_ADDRESS.calls + 4):
        make_courier(phone=f"154100010{number:02}", pin=PIN)
    told = [
        register(phone=f"154100010{number:02}", pin="141421").context
        for number in range(door.TAKEN_FROM_ONE_ADDRESS.calls + 4)
    ]
    assert [context["is_taken"] for context in told] == [True] * door.TAKEN_FROM_ONE_ADDRESS.calls + [False] * 4
    assert all("phone" in context["errors"] for context in told)
    counted("T12", "taken phones gone through at the page for newcomers", phones=len(told), told=20)
    # Elsewhere, and for whoever is new, nothing has changed.
    assert register().status_code == 302


def test_no_more_than_a_hundred_an_hour_come_from_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        door, "FROM_ONE_ADDRESS", type(door.FROM_ONE_ADDRESS)("register-address", calls=2, window_s=3600)
    )
    statuses = [register(phone=f"1541000200{number}").status_code for number in range(4)]
    assert statuses == [302, 302, 429, 429]
    assert Client(REMOTE_ADDR="10.1.2.3").post("/me/register/", typed()).status_code == 302


def test_who_is_signed_in_already_goes_on() -> None:
    _courier, phone = signed_in()
    answer = phone.get("/me/register/?next=/gifts/")
    assert (answer.status_code, answer["Location"]) == (302, "/gifts/")


@pytest.mark.parametrize(
    "away",
    ["//evil.invalid", "https://evil.invalid/", "/\\evil.invalid", "javascript:alert(1)", "/" + "x" * 600, "/a\nb"],
)
def test_next_leads_nowhere_else(away: str) -> None:
    assert register(next=away)["Location"] == "/me/"


def test_without_the_forms_token_nothing_is_taken() -> None:
    phone = Client(enforce_csrf_checks=True)
    assert register(phone).status_code == 403
    assert not Courier.objects.exists()


def test_no_log_and_no_address_holds_phone_pin_or_token(caplog: Any) -> None:
    caplog.set_level("DEBUG")
    phone = Client()
    answer = register(phone)
    register(phone, pin="141421")
    register(Client(), phone="154")
    said = caplog.text + answer["Location"]
    assert PHONE not in said
    assert PIN not in said
    assert phone.cookies["me"].value not in said
    cookie = phone.cookies["me"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")


def test_the_notice_names_all_that_the_form_asks() -> None:
    """In both languages, and under a version of its own: what somebody agreed to before did not name the district."""
    named = {
        "phone": ("手机号", "mobile number"), "kind": ("从业类别", "kind of work"), "company": ("品牌", "brand"),
        "district": ("所在区", "district"), "name": ("姓名", "name"), "pin": ("六位密码", "six digits"),
    }  # fmt: skip
    notice = consents.membership_notice()
    assert set(RegisterForm().fields) - set(named) <= {"agreed", "notice_version", "code"}
    for chinese, english in named.values():
        assert chinese in notice.text.partition("使用中")[0]
        assert english in notice.translation.partition("While")[0]
    assert notice.version > "2026-11"
