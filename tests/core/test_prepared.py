"""Look-ups run without a health check first, and survive a connection that died meanwhile."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    InterfaceError,
    NotSupportedError,
    OperationalError,
    connection,
    transaction,
)
from django.test.utils import CaptureQueriesContext

from core import prepared
from core.models import Counter
from tests.builders import NOON


@dataclass
class Connection:
    """A connection as a new request finds it."""

    usable: bool
    health_check_enabled: bool = True
    health_check_done: bool = False
    in_atomic_block: bool = False
    closed: int = 0

    def is_usable(self) -> bool:
        return self.usable

    def close(self) -> None:
        self.closed += 1


def answered(monkeypatch: pytest.MonkeyPatch, connection: Connection, *failures: Exception) -> list[tuple[object, ...]]:
    """What `fetch` answers where the statement fails so often, in this way, before it succeeds."""
    left = list(failures)

    def rows(*_: object, **__: object) -> list[tuple[int]]:
        if left:
            raise left.pop(0)
        return [(1,)]

    monkeypatch.setattr(prepared, "connections", {DEFAULT_DB_ALIAS: connection})
    monkeypatch.setattr(prepared, "_rows", rows)
    return prepared.fetch("SELECT 1", {}, keep_plan=False)


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
def test_a_dead_connection_is_replaced_once(monkeypatch: pytest.MonkeyPatch, error: type[Exception]) -> None:
    dead = Connection(usable=False)
    assert answered(monkeypatch, dead, error()) == [(1,)]
    assert dead.closed == 1
    with pytest.raises(error):
        answered(monkeypatch, Connection(usable=False), error(), error())


@pytest.mark.parametrize(
    "connection",
    [
        Connection(usable=True),
        Connection(usable=False, in_atomic_block=True),
        Connection(usable=False, health_check_done=True),
    ],
)
def test_a_failure_of_another_kind_or_inside_a_transaction_is_not_asked_again(
    monkeypatch: pytest.MonkeyPatch, connection: Connection
) -> None:
    with pytest.raises(OperationalError):
        answered(monkeypatch, connection, OperationalError("canceled by a time limit"))
    assert connection.closed == 0


@pytest.mark.django_db
def test_a_query_that_django_made_once_is_asked_with_other_values() -> None:
    for name in ("apple", "pear"):
        Counter.objects.create(name=name, key="100%s", window_number=1, calls=len(name), expires_at=NOON)
    rows = Counter.objects.filter(key="100%s", name=prepared.hole("fruit")).order_by().values_list("calls")
    sql, values = prepared.compiled(rows)
    for _time in range(3):  # plainly, then kept
        assert prepared.fetch(sql, values | {"fruit": "apple"}, keep_plan=True) == [(5,)]
        assert prepared.fetch(sql, values | {"fruit": "pear"}, keep_plan=True) == [(4,)]
        assert prepared.fetch(sql, values | {"fruit": "plum"}, keep_plan=True) == []


@pytest.mark.django_db
def test_a_statement_without_values_is_kept_as_well() -> None:
    for _time in range(3):
        assert prepared.fetch("SELECT 100 %% 7", {}, keep_plan=True) == [(2,)]


@pytest.mark.django_db
def test_who_watches_the_statements_of_a_connection_sees_the_kept_ones() -> None:
    seen: list[str] = []

    def watch(execute: Callable[..., Any], sql: str, *others: Any) -> Any:
        seen.append(sql)
        return execute(sql, *others)

    for _time in range(3):
        prepared.fetch("SELECT 20 + 1", {}, keep_plan=True)
    with connection.execute_wrapper(watch):
        assert prepared.fetch("SELECT 20 + 1", {}, keep_plan=True) == [(21,)]
    with CaptureQueriesContext(connection) as queries:
        assert prepared.fetch("SELECT 20 + 1", {}, keep_plan=True) == [(21,)]
    assert [sql.split("_")[0] for sql in (*seen, *(each["sql"] for each in queries))] == ["EXECUTE kept"] * 2


@pytest.mark.django_db
def test_an_error_is_django_s_whether_the_statement_is_kept_or_not() -> None:
    for _time in range(3):
        assert prepared.fetch("SELECT 6 / %(by)s::int", {"by": 2}, keep_plan=True) == [(3,)]
    for keep_plan in (False, True):
        with pytest.raises(DataError), transaction.atomic():
            prepared.fetch("SELECT 6 / %(by)s::int", {"by": 0}, keep_plan=keep_plan)


@pytest.mark.usefixtures("transactional_db")
def test_a_kept_statement_survives_a_migration_that_changes_a_column() -> None:
    def names() -> list[tuple[Any, ...]]:
        return prepared.fetch("SELECT name FROM fruit", {}, keep_plan=True)

    def migrate(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    migrate("CREATE TABLE fruit AS SELECT 'apple'::varchar(10) AS name")
    for _time in range(3):
        names()
    migrate("ALTER TABLE fruit ALTER COLUMN name TYPE varchar(20)")
    assert names() == [("apple",)]
    for _time in range(3):
        names()
    migrate("ALTER TABLE fruit ALTER COLUMN name TYPE text")
    # A transaction cannot go on elsewhere, but what comes after it is answered.
    with pytest.raises(NotSupportedError), transaction.atomic():
        names()
    assert names() == [("apple",)]


@pytest.mark.django_db
def test_in_a_transaction_that_will_be_rolled_back_nothing_is_asked() -> None:
    with transaction.atomic():
        with pytest.raises(ValueError, match="ten"), transaction.atomic(savepoint=False):
            int("ten")
        for keep_plan in (False, True):
            with pytest.raises(transaction.TransactionManagementError):
                prepared.fetch("SELECT 1", {}, keep_plan=keep_plan)
