"""System checks of what `couriers` needs from the environment; couriers/apps.py imports them."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError

from couriers import sealing
from couriers.models import Courier
from couriers.sealing import SealBroken

__all__ = ["codes_have_a_way_out", "keys_are_given", "keys_are_those_of_the_database"]


@checks.register(checks.Tags.security)
def keys_are_given(**_: Any) -> list[checks.CheckMessage]:
    """couriers.E001: the keys for couriers' names and phones are missing where data is real, or cannot be read."""
    try:
        sealing.keys()
    except ImproperlyConfigured as error:
        return [
            checks.Error(
                str(error),
                hint=(
                    "COURIER_KEYS is number:base64 of 64 random bytes, COURIER_INDEX_KEY base64 of 32 or more; "
                    "several stand behind commas, the newest last. .env.example says how to make one."
                ),
                id="couriers.E001",
            )
        ]
    return []


@checks.register(checks.Tags.security)
def codes_have_a_way_out(**_: Any) -> list[checks.CheckMessage]:
    """couriers.E002: SMS_BACKEND names no channel that couriers/texting.py knows, or prints codes where data is real."""
    kind, _blank, address = settings.SMS_BACKEND.partition(" ")
    if not settings.SMS_BACKEND or (kind == "post" and address.startswith("https://")):
        return []
    if settings.SMS_BACKEND == "console" and settings.DEBUG:
        return []
    return [
        checks.Error(
            "SMS_BACKEND is neither empty nor post with an https address; console is for DEBUG alone.",
            hint="Write `SMS_BACKEND=`, `SMS_BACKEND=post https://…`, or with DEBUG `SMS_BACKEND=console`.",
            id="couriers.E002",
        )
    ]


@checks.register(checks.Tags.database)
def keys_are_those_of_the_database(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """couriers.E003: the oldest or the newest courier cannot be opened, or is not found, with these keys: they belong to
    another database, or one is missing. If nobody were found by phone, everybody would be registered a second time.
    """
    if not databases:
        return []
    known = Courier.objects.filter(phone_sealed__isnull=False).values_list("phone_sealed", "phone_index")
    try:
        for sealed, index in filter(None, (known.order_by("pk").first(), known.order_by("-pk").first())):
            if index not in sealing.indexes(sealing.opened(sealed or b"", column="phone")):
                raise SealBroken("No key in COURIER_INDEX_KEY finds them.")
    except SealBroken as error:
        return [
            checks.Error(
                f"The couriers of this database are sealed under other keys. {error}",
                hint="Put back the COURIER_KEYS and COURIER_INDEX_KEY (on one machine: the SECRET_KEY) that it was filled with.",
                id="couriers.E003",
            )
        ]
    except (DatabaseError, ImproperlyConfigured):  # no server or no tables yet; couriers.E001
        return []
    return []
