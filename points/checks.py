"""System checks of what `points` needs from the environment; points/apps.py imports them."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from points import sealing

__all__ = ["seal_key_is_given", "seal_key_is_that_of_the_database"]


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


@checks.register(checks.Tags.database)
def seal_key_is_that_of_the_database(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """points.W001: the ledger was sealed with another key. Only a warning, since a key that is lost must not end the program."""
    try:
        if not databases or sealing.key_is_known():
            return []
    except DatabaseError:  # no server or no tables yet
        return []
    return [
        checks.Warning(
            "The ledger of this database was sealed with another LEDGER_SEAL_KEY.",
            hint=(
                "Stop the worker, which goes on to seal with the wrong one, and put the key back (on one machine: the SECRET_KEY). "
                "If it is lost, docs/operations.md says what that means."
            ),
            id="points.W001",
        )
    ]
