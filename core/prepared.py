"""Statements whose plan PostgreSQL keeps: for the few that are asked many times a second.

Planning such a statement costs more than running it (measured: 0.6 ms against 0.3 ms for the nearest 20 of 200,000). The
plan lives with its connection. A connection that is not kept (CONN_MAX_AGE = 0, as behind a pooler that hands every
transaction another one) runs the statement plainly, and a statement that comes for the first time is run plainly as well.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache
from itertools import count
from typing import Any
from weakref import WeakKeyDictionary

from django.db import DEFAULT_DB_ALIAS, InterfaceError, NotSupportedError, OperationalError, connections
from django.db.models import QuerySet

__all__ = ["compiled", "fetch", "hole"]

# How many statements a connection keeps; the one not asked for longest goes first.
KEPT = 100

_HOLE = "\0"
_PARAMETER = re.compile(r"%\((\w+)\)s")


def hole(name: str) -> str:
    """A text in a query to be compiled, whose value comes with each asking."""
    return f"{_HOLE}{name}"


def compiled(rows: QuerySet[Any], *, prefix: str = "p") -> tuple[str, dict[str, Any]]:
    """The statement of a query that is run over and over, and its values except for the holes: built by Django only once,
    since that costs more than running it (measured: 0.5 to 1 ms). `prefix` keeps the values of two queries apart.
    """
    sql, values = rows.query.sql_with_params()
    own: dict[str, Any] = {}
    text, *others = sql.split("%s")
    for place, (value, other) in enumerate(zip(values, others, strict=True)):
        if isinstance(value, str) and value.startswith(_HOLE):
            name = value.removeprefix(_HOLE)
        else:
            own[name := f"{prefix}{place}"] = value
        text += f"%({name})s{other}"
    return text, own


class _Statements:
    """What one connection keeps: names by statement (None: asked once, not yet kept), the last asked at the end."""

    def __init__(self) -> None:
        self.names: OrderedDict[str, str | None] = OrderedDict()
        self.numbers = count()


_kept: WeakKeyDictionary[Any, _Statements] = WeakKeyDictionary()


@lru_cache(maxsize=1_000)
def _numbered(sql: str) -> tuple[str, tuple[str, ...], str]:
    """`sql` with $1, $2 … for its named parameters, their names, and the list of as many values.

    Every parameter needs a type: a cast, or its place in a function.
    """
    names = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
    places = {name: f"${place}" for place, name in enumerate(names, 1)}
    values = f" ({', '.join(['%s'] * len(names))})" if names else ""
    return _PARAMETER.sub(lambda match: places[match[1]], sql).replace("%%", "%"), names, values


def fetch(sql: str, params: Mapping[str, Any], *, keep_plan: bool) -> list[tuple[Any, ...]]:
    """All rows of `sql`; with `keep_plan` its plan is made once for each connection.

    No health check goes before it: that is a second round trip (measured: a tenth of a look-up). A connection that died
    since the last request is noticed by the statement itself, which then runs once more on a new one. So `sql` must only
    read, or count, or recognise what it was told before.
    """
    # The connection itself, since each access through Django's proxy costs time; the stubs do not know of health checks.
    database: Any = connections[DEFAULT_DB_ALIAS]
    is_untried = database.health_check_enabled and not database.health_check_done and not database.in_atomic_block
    if is_untried:
        database.health_check_done = True
    try:
        return _rows(database, sql, params, keep_plan=keep_plan)
    except (OperationalError, InterfaceError):
        if not is_untried or database.is_usable():
            raise
        database.close()
        return _rows(database, sql, params, keep_plan=keep_plan)
    except NotSupportedError:
        # A migration changed the type of a column, and PostgreSQL refuses the plans that this connection keeps.
        database.close()
        if database.in_atomic_block:
            raise
        return _rows(database, sql, params, keep_plan=keep_plan)


def _rows(database: Any, sql: str, params: Mapping[str, Any], *, keep_plan: bool) -> list[tuple[Any, ...]]:
    database.ensure_connection()
    statement = sql
    values: Mapping[str, Any] | list[Any] = params
    if keep_plan and database.settings_dict["CONN_MAX_AGE"] != 0 and (name := _name(database, sql)):
        _text, names, holes = _numbered(sql)
        statement, values = f"EXECUTE {name}{holes}", [params[each] for each in names]
    found: list[tuple[Any, ...]]
    if database.queries_logged or database.execute_wrappers or database.needs_rollback:
        with database.cursor() as cursor:
            cursor.execute(statement, values)
            found = cursor.fetchall()
    else:
        # Nobody watches and no transaction is lost, so the layers of Django's cursor would do nothing (measured: a hundredth of
        # a look-up).
        with database.wrap_database_errors, database.connection.cursor() as cursor:
            cursor.execute(statement, values)
            found = cursor.fetchall()
    return found


def _name(database: Any, sql: str) -> str | None:
    """The name under which this connection keeps `sql`; it is prepared when it comes for the second time."""
    own = _kept.get(database.connection)
    if own is None:
        own = _kept[database.connection] = _Statements()
    if sql not in own.names:
        own.names[sql] = None
        if len(own.names) > KEPT:
            _oldest, name = own.names.popitem(last=False)
            if name is not None:
                _run(database, f"DEALLOCATE {name}")
        return None
    own.names.move_to_end(sql)
    name = own.names[sql]
    if name is None:
        name = f"kept_{next(own.numbers)}"
        _run(database, f"PREPARE {name} AS {_numbered(sql)[0]}")
        own.names[sql] = name
    return name


def _run(database: Any, statement: str) -> None:
    # Not through Django's cursor, since this is not a query of the request that happens to need it. Errors are still
    # translated by Django, so that a connection that broke here is recognised.
    with database.wrap_database_errors, database.connection.cursor() as cursor:
        cursor.execute(statement)
