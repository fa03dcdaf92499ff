"""A courier's phone, as the tests use it: a browser, and what is typed on it."""

from typing import Any

from django.test import Client

from core import clock
from couriers import consents, devices
from couriers.models import Courier
from tests.builders import make_courier, make_district

__all__ = ["PHONE", "PIN", "register", "signed_in", "typed"]

PHONE, PIN = "15410007777", "271828"


def typed(**changes: Any) -> dict[str, Any]:
    """What a newcomer types at the door."""
    said = {
        "phone": PHONE, "kind": "express", "district": make_district().pk, "pin": PIN, "name": "张", "agreed": "on",
        "notice_version": consents.membership_notice().version,
    }  # fmt: skip
    return said | changes


def register(browser: Client | None = None, /, **changes: Any) -> Any:
    return (browser or Client()).post("/me/register/", typed(**changes))


def signed_in(courier: Courier | None = None, *, kind: str = "android wechat", **more: Any) -> tuple[Courier, Client]:
    """A courier and his phone."""
    courier = courier or make_courier(phone=PHONE, pin=PIN)
    phone = Client(**more)
    phone.cookies["me"] = devices.sign_in(courier=courier, kind=kind, at=clock.now())
    return courier, phone
