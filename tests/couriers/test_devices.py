"""Phones that stay signed in: each by a token of its own, ended by the courier, or by the changes made when a phone is lost."""

from datetime import timedelta

import pytest

from core.admin import described_changes, described_kind
from core.models import AuditEvent
from couriers import devices, membership, privacy, registration
from couriers.models import Device
from tests.builders import NOON, make_courier

pytestmark = pytest.mark.django_db

PIN = "271828"


def test_the_token_alone_opens_and_is_kept_as_a_digest() -> None:
    courier = make_courier()
    token = devices.sign_in(courier=courier, kind="android wechat", at=NOON)
    found = devices.device_of(token, at=NOON)
    assert found is not None
    assert found.courier == courier
    assert token not in str(Device.objects.values())
    assert devices.device_of(token + "x", at=NOON) is None


def test_the_trail_says_in_words_on_what_sort_of_phone_he_signed_in() -> None:
    devices.sign_in(courier=make_courier(), kind="android wechat", at=NOON)
    event = AuditEvent.objects.get(kind="courier.signed-in")
    [said] = described_changes([event])
    assert devices.kind_text("android wechat") in said
    for raw in ("android", "wechat", "device", event.kind):
        assert raw not in said + described_kind(event)


def test_it_lasts_180_days_from_its_last_use() -> None:
    token = devices.sign_in(courier=make_courier(), kind="iphone", at=NOON)
    life = timedelta(days=180)
    last = NOON + life - timedelta(microseconds=1)
    assert devices.device_of(token, at=last) is not None
    assert Device.objects.get().seen_on == last.date()
    assert devices.purge(now=NOON + life + timedelta(days=1)) == 0
    assert devices.device_of(token, at=last + life) is None
    assert devices.purge(now=last + life + timedelta(days=1)) == 1
    assert not Device.objects.exists()


def test_of_more_than_five_phones_the_one_used_least_lately_ends() -> None:
    courier = make_courier()
    tokens = [devices.sign_in(courier=courier, kind=f"{number}", at=NOON) for number in range(5)]
    devices.device_of(tokens[0], at=NOON + timedelta(days=1))
    sixth = devices.sign_in(courier=courier, kind="6", at=NOON + timedelta(days=1))
    open_now = [devices.device_of(token, at=NOON + timedelta(days=1)) is not None for token in [*tokens, sixth]]
    assert open_now == [True, False, True, True, True, True]


@pytest.mark.parametrize("deed", ["pin", "phone", "erased"])
def test_what_is_done_for_a_lost_phone_signs_it_out(deed: str) -> None:
    courier, other = make_courier(), make_courier()
    token = devices.sign_in(courier=courier, kind="android", at=NOON)
    others = devices.sign_in(courier=other, kind="android", at=NOON)
    if deed == "pin":
        membership.set_pin(courier=courier, pin=PIN, actor="tests", at=NOON)
    elif deed == "phone":
        registration.change_phone(courier=courier, phone="13700001234", actor="tests", at=NOON)
    else:
        privacy.erase(courier=courier, reason="他自己要求", actor="tests", at=NOON)
    assert devices.device_of(token, at=NOON) is None
    assert devices.device_of(others, at=NOON) is not None


def test_who_changes_his_pin_stays_signed_in_on_the_phone_in_his_hand() -> None:
    courier = make_courier()
    here = devices.sign_in(courier=courier, kind="android", at=NOON)
    there = devices.sign_in(courier=courier, kind="iphone", at=NOON)
    device = devices.device_of(here, at=NOON)
    membership.set_pin(courier=courier, pin=PIN, actor="self", at=NOON, device=device)
    assert devices.device_of(here, at=NOON) is not None
    assert devices.device_of(there, at=NOON) is None


def test_a_phone_is_ended_by_itself() -> None:
    courier = make_courier()
    tokens = [devices.sign_in(courier=courier, kind="android", at=NOON) for _number in range(2)]
    device = devices.device_of(tokens[0], at=NOON)
    assert device is not None
    devices.end(device=device, at=NOON)
    devices.end(device=device, at=NOON)
    assert [devices.device_of(token, at=NOON) is not None for token in tokens] == [False, True]
