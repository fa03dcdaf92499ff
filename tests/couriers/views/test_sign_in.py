"""Signing in: at most five wrong PINs reach the hasher, and nobody is told who is registered."""

import random
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock
from core.models import AuditEvent
from couriers import finding, membership, privacy, registration, signing_in
from couriers.codes import ALPHABET, check_symbol
from couriers.models import Courier, Device
from tests.builders import NOON, make_courier, make_district, make_staff
from tests.couriers.views.conftest import hashed
from tests.couriers.views.phone import PHONE, PIN, signed_in
from tests.proving import counted

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("stopped_clock")]

WRONG = "141421"


def sign_in(phone: Client | None = None, *, who: str = PHONE, pin: str = PIN, **more: Any) -> Any:
    return (phone or Client()).post("/me/sign-in/", {"phone": who, "pin": pin} | more)


def told(answer: Any) -> tuple[int, dict[str, str]]:
    return answer.status_code, answer.context["errors"]


@pytest.fixture
def courier() -> Courier:
    return make_courier(phone=PHONE, pin=PIN)


def test_by_phone_and_by_card_however_they_are_written(courier: Courier) -> None:
    spaced = f"{courier.code[:4]} {courier.code[4:].lower()}"
    for who in (PHONE, f"+86 {PHONE}", spaced):
        phone = Client()
        answer = sign_in(phone, who=who, pin="２７１８２８", next="/gifts/?p=2")
        assert (answer.status_code, answer["Location"]) == (302, "/gifts/?p=2")
        assert phone.get("/me/data/").status_code == 200
    assert AuditEvent.objects.filter(kind="courier.signed-in", actor_name="self").count() == 3


def test_a_phone_that_ends_as_a_code_would_is_a_phone_all_the_same() -> None:
    """One in 32: without a care its courier would be looked for among the cards, here and at the counter."""
    body = next(body for body in map(str, range(1_540_000_000, 1_540_001_000)) if check_symbol(body).isdecimal())
    number = body + check_symbol(body)
    courier = make_courier(phone=number, pin=PIN)
    assert sign_in(who=number).status_code == 302
    steward = make_staff("li", scope=make_district(), duties=["counter"])
    assert finding.by_code_or_phone(number, actor=steward, at=NOON) == courier
    assert finding.by_code_or_phone(courier.code, actor=steward, at=NOON) == courier


def test_a_scanned_card_fills_in_its_code(courier: Courier) -> None:
    assert courier.code in Client().get(f"/me/sign-in/?card={courier.code}").content.decode()
    assert "&lt;" not in Client().get("/me/sign-in/?card=%3Cscript%3E").content.decode()
    assert Client().post("/me/sign-in/", {"card": courier.code, "pin": PIN}).status_code == 302


@pytest.mark.usefixtures("courier")
def test_nobody_is_told_who_is_registered() -> None:
    """Known, unknown, without a PIN, blocked, erased, an old card: one text and one work, until the PIN is right."""
    clerk = make_staff("wuchang", scope=make_district())
    make_courier(phone="15410000001")
    erased = make_courier(phone="15410000002", pin=PIN)
    privacy.erase(courier=erased, reason="x", actor="tests", at=NOON)
    blocked = make_courier(phone="15410000003", pin=PIN)
    registration.block(courier=blocked, reason="冒领", actor=clerk, at=NOON)
    old = make_courier(phone="15410000004", pin=PIN)
    old_code = old.code
    membership.replace_card(courier=old, reason="丢失", actor=clerk, at=NOON)
    said, work = [], []
    for who in (PHONE, "15410009999", "15410000001", erased.code, "15410000003", old_code, "nonsense"):
        hashed.clear()
        said.append([told(sign_in(who=who, pin=WRONG)) for _try in range(7)])
        work.append(hashed["all"])
    assert said[0][0][0] == 403
    assert said[0][6][0] == 429
    assert [each == said[0] for each in said] == [True] * 7
    assert work == [5] * 7
    counted("T12", "courier sign-ins of seven sorts: same words, same work", tries=49, hashed_for_each=5)


def test_who_knows_the_pin_is_told_what_is_the_matter() -> None:
    clerk = make_staff("wuchang", scope=make_district())
    blocked, old = make_courier(phone="15410000003", pin=PIN), make_courier(phone="15410000004", pin=PIN)
    code = old.code
    registration.block(courier=blocked, reason="冒领", actor=clerk, at=NOON)
    membership.replace_card(courier=old, reason="丢失", actor=clerk, at=NOON)
    refused = told(sign_in(who="15410000004", pin=WRONG))
    assert told(sign_in(who="15410000003"))[0] == 409
    assert told(sign_in(who=code))[0] == 410
    assert told(sign_in(who="15410000003")) != refused
    assert not Device.objects.exists()
    assert sign_in(who="15410000004").status_code == 302


def test_after_five_wrong_ones_the_right_one_waits(courier: Courier) -> None:
    for _try in range(5):
        assert sign_in(pin=WRONG).status_code == 403
    assert sign_in().status_code == 429
    assert hashed["all"] - 5 <= 1  # and the one that made the PIN
    assert not courier.devices.exists()


def test_the_right_one_begins_the_count_anew(courier: Courier) -> None:  # noqa: ARG001
    for _round in range(3):
        for _try in range(4):
            assert sign_in(pin=WRONG).status_code == 403
        assert sign_in().status_code == 302


@pytest.mark.parametrize(
    "data", [{}, {"pin": PIN}, {"phone": PHONE}, {"phone": "x" * 9_000, "pin": PIN}, {"phone": [PHONE, "x"], "pin": "x" * 9_000},
             {"phone": "a\x00", "pin": PIN}],
    ids=["nothing", "pin alone", "phone alone", "huge", "arrays", "nul"],
)  # fmt: skip
def test_garbage_reaches_no_hasher(courier: Courier, data: dict[str, Any]) -> None:  # noqa: ARG001
    hashed.clear()
    assert Client().post("/me/sign-in/", data).status_code == 400
    assert hashed["all"] == 0


def test_the_token_is_new_and_the_phones_old_one_ends(courier: Courier) -> None:
    _other, phone = signed_in(make_courier(pin=PIN))
    planted = phone.cookies["me"].value
    assert sign_in(phone).status_code == 302
    assert phone.cookies["me"].value != planted
    assert list(Device.objects.values_list("courier", flat=True)) == [courier.pk]
    stranger = Client()
    stranger.cookies["me"] = planted
    assert stranger.get("/me/data/").status_code == 302


def test_signed_out_the_phone_opens_nothing_and_staff_stay_signed_in(courier: Courier) -> None:
    _courier, phone = signed_in(courier)
    phone.force_login(make_staff("li", scope=make_district()))
    token = phone.cookies["me"].value
    assert phone.get("/me/sign-out/").status_code == 405
    assert phone.post("/me/sign-out/").status_code == 302
    assert not Device.objects.exists()
    assert phone.cookies["me"].value == ""
    phone.cookies["me"] = token
    assert phone.get("/me/data/")["Location"] == "/me/sign-in/?next=%2Fme%2Fdata%2F"
    assert phone.get("/admin/").status_code == 200


@pytest.mark.parametrize("page", ["/me/data/", "/me/here/", "/me/sign-in/"])
def test_the_first_page_of_a_day_keeps_him_signed_in_for_longer(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    _courier, phone = signed_in()
    token = phone.cookies["me"].value
    assert "me" not in phone.get("/me/data/").cookies
    tomorrow = clock.now() + timedelta(days=1)
    monkeypatch.setattr(clock, "now", lambda: tomorrow)
    first, second = phone.get(page), phone.get("/me/data/")
    assert (first.cookies["me"].value, first.cookies["me"]["max-age"]) == (token, 180 * 24 * 3600)
    assert "me" not in second.cookies
    monkeypatch.setattr(clock, "now", lambda: tomorrow + timedelta(days=1))
    assert phone.post("/me/sign-out/").cookies["me"].value == ""


@pytest.mark.parametrize("away", ["//evil.invalid", "https://evil.invalid/", "/\\evil.invalid", "javascript:alert(1)"])
def test_next_leads_nowhere_else(courier: Courier, away: str) -> None:  # noqa: ARG001
    assert sign_in(next=away)["Location"] == "/me/"
    assert Client().get("/me/sign-in/", {"next": away}).context["next"] == "/me/"


def test_without_the_forms_token_nobody_is_signed_in(courier: Courier) -> None:  # noqa: ARG001
    assert sign_in(Client(enforce_csrf_checks=True)).status_code == 403
    assert not Device.objects.exists()


def test_one_address_goes_through_a_hundred_phones_or_cards_and_no_more() -> None:
    rng = random.Random(7)
    for number in range(0, 140, 7):
        make_courier(phone=f"15410020{number:03}", pin=PIN)
    hashed.clear()
    answers = []
    for number in range(140):
        body = "".join(rng.choices(ALPHABET, k=10))
        who = f"15410020{number:03}" if number % 2 else body + check_symbol(body)
        answers.append(sign_in(who=who, pin=WRONG))
    assert hashed["all"] == signing_in.FROM_ONE_ADDRESS.calls
    assert {answer.status_code for answer in answers[:100]} == {403}
    assert len({str(answer.context["errors"]) for answer in answers[:100]}) == 1
    counted("T12", "phones and cards tried from one address", tries=140, reached_the_hasher=hashed["all"], finds=0)


def test_no_log_and_no_address_holds_phone_or_pin(courier: Courier, caplog: Any) -> None:  # noqa: ARG001
    caplog.set_level("DEBUG")
    phone = Client()
    sign_in(phone, pin=WRONG)
    answer = sign_in(phone)
    said = caplog.text + answer["Location"]
    assert PHONE not in said
    assert PIN not in said
    assert WRONG not in said
    assert phone.cookies["me"].value not in said
