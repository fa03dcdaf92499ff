"""System checks of what `couriers` needs from the environment; couriers/apps.py imports them."""

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from couriers import sealing

__all__ = ["codes_have_a_way_out", "keys_are_given"]


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
    """couriers.E002: SMS_BACKEND names no way that couriers/texting.py knows, or prints codes where data is real."""
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
