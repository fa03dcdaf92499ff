"""The benchmark's own databases, on the server that the program uses: fengchao_bench_<name>, made once and kept."""

from django.core.management import call_command
from django.db import connection

__all__ = ["drop", "make_anew", "turn_to"]


def turn_to(name: str) -> None:
    """Point this process at the database, making it if need be."""
    if not _is_there(name):
        _at_home(f"CREATE DATABASE {name}")
    _enter(name)
    call_command("migrate", verbosity=0)


def make_anew(name: str, *, template: str = "") -> None:
    """Point this process at a new database of this name: empty except for its tables, or a copy of `template`."""
    drop(name)
    _at_home(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
    _enter(name)
    call_command("migrate", verbosity=0)


def drop(name: str) -> None:
    _at_home(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def _is_there(name: str) -> bool:
    _enter("postgres")
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", [name])
        return bool(cursor.fetchone()[0])


def _at_home(statement: str) -> None:
    _enter("postgres")
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _enter(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name
