"""The triggers with which the database keeps its own rules: each of */sql/*.sql is to be there, and to fire always."""

import re
from functools import cache

from django.conf import settings
from django.db import connection

__all__ = ["declared", "switched_off"]

_DECLARED = re.compile(r"^ALTER TABLE (\w+) ENABLE ALWAYS TRIGGER (\w+);$", re.MULTILINE)
_IN_FORCE = (
    "SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE c.relnamespace = 'public'::regnamespace AND t.tgenabled = 'A'"
)


@cache
def declared() -> frozenset[tuple[str, str]]:
    """Table and name of each trigger."""
    files = settings.BASE_DIR.glob("*/sql/*.sql")
    return frozenset(found for file in files for found in _DECLARED.findall(file.read_text(encoding="utf-8")))


def switched_off() -> list[tuple[str, str]]:
    """Table and name of each trigger that is missing or does not fire always, in a database that has every migration.

    Rows that were written meanwhile are judged by nobody but verify_ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE)
        return sorted(declared().difference(cursor.fetchall()))
