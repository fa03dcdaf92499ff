"""System checks of what `points` needs from the environment; points/apps.py imports them."""

from typing import Any

from django.conf import settings
from django.core import checks

__all__ = ["seal_key_is_given"]


@checks.register(checks.Tags.security)
def seal_key_is_given(**_: Any) -> list[checks.CheckMessage]:
    """points.E001: the key that seals the ledger is missing where points are real."""
    if settings.LEDGER_SEAL_KEY:
        return []
    return [
        checks.Error(
            "LEDGER_SEAL_KEY is missing.",
            hint="Give a long random text, and keep it where the database is not. .env.example says how to make one.",
            id="points.E001",
        )
    ]
