"""The triggers and functions with which the database keeps its own rules: each of */sql/*.sql is to be there as it is written,
and each trigger is to fire always.
"""

import re
from functools import cache

from django.conf import settings
from django.db import connection

__all__ = ["altered", "declared", "switched_off"]

_DECLARED = re.compile(r"^ALTER TABLE (\w+) ENABLE ALWAYS TRIGGER (\w+);$", re.MULTILINE)
_IN_FORCE = (
    "SELECT c.relname::text, t.tgname::text FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE c.relnamespace = 'public'::regnamespace AND t.tgenabled = 'A'"
)
_FUNCTION = re.compile(r"^CREATE FUNCTION (\w+)\((.*?)\$\$(.*?)\$\$", re.MULTILINE | re.DOTALL)
_SETTING = re.compile(r"SET (\w+) = (.+?)(?=\s+(?:SET|AS)\b)")
_SOURCES = (
    "SELECT proname::text, prosecdef, coalesce(proconfig, '{}'), prosrc FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace AND proname = ANY(%s::text[])"
)


@cache
def _written() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in settings.BASE_DIR.glob("*/sql/*.sql"))


@cache
def declared() -> frozenset[tuple[str, str]]:
    """Table and name of each trigger."""
    return frozenset(_DECLARED.findall(_written()))


# Name, whether it acts as its owner, the settings it brings, and source.
_Function = tuple[str, bool, tuple[str, ...], str]


@cache
def _functions() -> frozenset[_Function]:
    return frozenset(
        (
            name,
            "SECURITY DEFINER" in head,
            tuple(key + "=" + value.strip("'") for key, value in _SETTING.findall(head)),
            source,
        )
        for name, head, source in _FUNCTION.findall(_written())
    )


def switched_off() -> list[tuple[str, str]]:
    """Table and name of each trigger that is missing or does not fire always, in a database that has every migration.

    Rows that were written meanwhile are judged by nobody but verify_ledger.
    """
    with connection.cursor() as cursor:
        cursor.execute(_IN_FORCE)
        return sorted(declared().difference(cursor.fetchall()))


def altered() -> list[str]:
    """The names of the functions that are missing or say something else than is written, act in another's name or with other
    settings, in a database that has every migration.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SOURCES, [[each[0] for each in _functions()]])
        found = {(name, is_definer, tuple(own), source) for name, is_definer, own, source in cursor.fetchall()}
    return sorted({each[0] for each in _functions().symmetric_difference(found)})
