"""A database of its own for tests that commit: races, and the live server of the browser tests.

pytest-django cleans up after such tests with TRUNCATE, which the append-only tables refuse. Instead, a copy of the test
database is thrown away whole.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, connections

__all__ = ["own_database"]


@contextmanager
def own_database() -> Iterator[str]:
    """Copy the test database and point all connections of this process, including other threads, to the copy; then drop it.

    Tests get it by the fixture `transactional_db` (tests/conftest.py). It cannot be used inside the transaction of `db`.
    """
    template = connection.settings_dict["NAME"]
    if not template.startswith("test_"):
        raise RuntimeError(f"{template} is no test database. Ask for the fixture `transactional_db` or `live_server`.")
    copy = f"{template}_{secrets.token_hex(4)}"
    # A database with open connections cannot be copied.
    connection.close()
    _administer(f'CREATE DATABASE "{copy}" TEMPLATE "{template}"')
    _point_to(copy)
    try:
        yield copy
    finally:
        connections.close_all()
        _point_to(template)
        # FORCE, since threads that a test left behind may still hold a connection.
        _administer(f'DROP DATABASE "{copy}" WITH (FORCE)')


def _administer(statement: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(statement)


def _point_to(name: str) -> None:
    """Connections of later threads will read the settings; that of this thread has read them already."""
    connections.settings["default"]["NAME"] = name
    connection.settings_dict["NAME"] = name
