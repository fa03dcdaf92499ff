"""System checks of what `couriers` needs from the environment; couriers/apps.py imports them."""

from typing import Any

from django.core import checks
from django.core.exceptions import ImproperlyConfigured

from couriers import sealing

__all__ = ["keys_are_given"]


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
