"""A code in a text message: it proves the phone, is valid for some minutes, and cannot be guessed."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from core import clock, notices
from core.limits import TooMany
from couriers import texting
from couriers.checks import codes_have_a_way_out
from couriers.errors import CodeWrong
from couriers.models import Courier
from tests.builders import NOON, make_courier
from tests.couriers.views.phone import PHONE, PIN, register, signed_in
from tests.proving import counted

pytestmark = pytest.mark.django_db

HERE = "address"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, settings: Any) -> list[dict[str, Any]]:
    """What was sent to the operator's address."""
    messages: list[dict[str, Any]] = []
    settings.SMS_BACKEND = "post https://sms.example.cn/x"
    monkeypatch.setattr(clock, "now", lambda: NOON)
    monkeypatch.setattr(notices, "post", lambda _address, document: messages.append(document))
    return messages


def test_off_nobody_is_asked_and_no_number_is_changed_by_himself() -> None:
    assert "send-code" not in Client().get("/me/register/").content.decode()
    _courier, phone = signed_in()
    assert phone.get("/me/phone/").status_code == 404
    assert register(phone=f"154{1:08}").status_code == 302


def test_registered_with_the_code_of_the_message(sent: list[dict[str, Any]]) -> None:
    phone = Client()
    answer = register(phone, do="send-code", agreed="", pin="")
    assert answer.status_code == 200
    assert answer.context["errors"] == {}
    assert [message["phone"] for message in sent] == [f"+86{PHONE}"]
    assert register(phone).context["errors"].keys() == {"code"}
    assert register(phone, code="000000").context["errors"].keys() == {"code"}
    assert not Courier.objects.exists()
    assert register(phone, code=sent[0]["code"]).status_code == 302
    assert Courier.objects.count() == 1


def test_whether_a_phone_is_taken_is_told_to_who_has_it_alone(sent: list[dict[str, Any]]) -> None:
    make_courier(phone=PHONE, pin=PIN)
    assert "is_taken" in register(do="send-code").context
    assert len(sent) == 1
    assert register(code="000000", pin="141421").context["errors"].keys() == {"code"}
    assert register(code=sent[0]["code"], pin="141421").context["is_taken"] is True


def test_five_tries_and_the_code_is_dead(sent: list[dict[str, Any]]) -> None:
    texting.send_code(phone=PHONE, address=HERE, at=NOON)
    for _try in range(texting.TRIES.calls):
        with pytest.raises(CodeWrong):
            texting.check_code(phone=PHONE, code="000000", address=HERE, at=NOON)
    with pytest.raises(TooMany):
        texting.check_code(phone=PHONE, code=sent[0]["code"], address=HERE, at=NOON)
    for _tap in range(texting.TRIES_A_DAY.calls):  # that nobody listens to
        with pytest.raises(TooMany):
            texting.check_code(phone=PHONE, code="000000", address=HERE, at=NOON)
    later = NOON + timedelta(seconds=60 + texting.LIFE_S)
    texting.send_code(phone=PHONE, address=HERE, at=later)
    texting.check_code(phone=PHONE, code=sent[1]["code"], address=HERE, at=later)
    counted("T12", "tries of a code from a text message, of a million", tries_heard=texting.TRIES.calls)


@pytest.mark.parametrize(("minutes", "lives"), [(0, True), (5, True), (10, False)])
def test_a_code_lives_from_five_to_ten_minutes(sent: list[dict[str, Any]], minutes: int, lives: bool) -> None:
    texting.send_code(phone=PHONE, address=HERE, at=NOON)
    at = NOON + timedelta(minutes=minutes)
    if lives:
        texting.check_code(phone=PHONE, code=sent[0]["code"], address=HERE, at=at)
    else:
        with pytest.raises(CodeWrong):
            texting.check_code(phone=PHONE, code=sent[0]["code"], address=HERE, at=at)


def test_a_code_is_for_its_phone(sent: list[dict[str, Any]]) -> None:
    texting.send_code(phone=PHONE, address=HERE, at=NOON)
    with pytest.raises(CodeWrong):
        texting.check_code(phone="15410008888", code=sent[0]["code"], address=HERE, at=NOON)


def test_one_message_a_minute_and_five_a_day(sent: list[dict[str, Any]]) -> None:
    for minute in range(10):
        for _tap in range(2):
            try:
                texting.send_code(phone=PHONE, address=HERE, at=NOON + timedelta(minutes=minute))
            except TooMany:
                continue
    assert len(sent) == 5
    assert register(do="send-code", phone="15410008888").context["errors"] == {}
    assert register(do="send-code", phone="15410008888").context["errors"].keys() == {"code"}


def test_one_address_sends_sixty_an_hour(sent: list[dict[str, Any]]) -> None:
    for number in range(70):
        try:
            texting.send_code(phone=f"1541000{number:04}", address=HERE, at=NOON)
        except TooMany:
            continue
    assert len(sent) == 60


@pytest.mark.usefixtures("sent")
def test_what_is_not_sent_is_said_and_no_log_holds_it(monkeypatch: Any, caplog: Any) -> None:
    caplog.set_level("DEBUG")

    def refuse(_address: str, _document: dict[str, Any]) -> None:
        raise notices.NotSent("The other side answered 500.")

    monkeypatch.setattr(notices, "post", refuse)
    answer = register(do="send-code")
    assert answer.context["errors"].keys() == {"code"}
    assert PHONE not in caplog.text


def test_another_number_is_proved_by_pin_and_code(sent: list[dict[str, Any]]) -> None:
    courier, here = signed_in()
    _courier, there = signed_in(courier)
    new = {"phone": "15410008888", "pin": PIN}
    assert here.post("/me/phone/", new | {"pin": "141421", "do": "send-code"}).status_code == 400
    assert sent == []
    assert here.post("/me/phone/", new | {"do": "send-code"}).context["is_sent"] is True
    assert here.post("/me/phone/", new | {"code": "000000"}).context["errors"].keys() == {"code"}
    assert here.post("/me/phone/", new | {"code": sent[0]["code"]}).status_code == 302
    assert (here.get("/me/data/").status_code, there.get("/me/data/").status_code) == (200, 302)
    assert "154****8888" in here.get("/me/data/").content.decode()


def test_a_number_that_somebody_has_is_not_taken_from_him(sent: list[dict[str, Any]]) -> None:
    make_courier(phone="15410008888")
    _courier, phone = signed_in()
    new = {"phone": "15410008888", "pin": PIN}
    phone.post("/me/phone/", new | {"do": "send-code"})
    assert phone.post("/me/phone/", new | {"code": sent[0]["code"]}).context["errors"].keys() == {"phone"}


@pytest.mark.parametrize(
    ("value", "debug", "is_known"),
    [
        ("", False, True), ("post https://sms.example.cn/x", False, True), ("console", True, True), ("console", False, False),
        ("post http://sms.example.cn/x", False, False), ("post", True, False), ("mail https://x", False, False),
    ],
)  # fmt: skip
def test_a_way_that_is_none_stops_the_start(settings: Any, value: str, debug: bool, is_known: bool) -> None:
    settings.SMS_BACKEND, settings.DEBUG = value, debug
    assert ([found.id for found in codes_have_a_way_out()] == []) is is_known


def test_the_console_prints_it(settings: Any, capsys: Any) -> None:
    settings.SMS_BACKEND = "console"
    texting.send_code(phone=PHONE, address=HERE, at=NOON)
    printed = capsys.readouterr().err
    assert PHONE in printed
    code = next(word for word in printed.replace("。", " ").replace("：", " ").replace(".", " ").split() if word[:6].isdecimal() and len(word) == 6)  # fmt: skip
    texting.check_code(phone=PHONE, code=code, address=HERE, at=NOON)
