"""Writing a batch of stations set by set: COPY, one UPDATE, the rows of parts replaced, each in one statement."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from core.copying import copied, copy_in
from stations.hours import Period
from stations.models import Station
from stations.models.stations import new_door_token
from stations.publishing import DERIVED_COLUMNS, Derived

__all__ = ["NEW_STATION_COLUMNS", "new_ids", "new_station_line", "update", "write_hours"]

Row = Sequence[Any]


def new_ids(table: str, count: int) -> list[int]:
    """`count` new numbers from the table's sequence, so that rows and their parts can be copied without reading ids back."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count])
        return [int(row[0]) for row in cursor.fetchall()]


# The columns of a station that an import writes, with the type that a bare value is cast to.
_TYPES = {
    "name": "varchar", "aliases": "varchar[]", "tier": "smallint", "status": "varchar", "status_reason": "varchar",
    "division_id": "varchar", "zone_id": "varchar", "address": "varchar", "floor": "varchar", "directions": "varchar",
    "latitude": "float8", "longitude": "float8", "entered_crs": "varchar", "area_m2": "numeric", "seats": "smallint",
    "phone": "varchar", "opened_on": "date", "amenities_text": "varchar", "hours_text": "varchar",
}  # fmt: skip

_MADE_UP = "[演示]"
_DEFAULTS = {
    str(field.column): field.get_default() for field in Station._meta.concrete_fields if field.column in _TYPES
}
_GIVEN = ("id", "code", "is_made_up", "door_token", "created_at", "updated_at", *_DEFAULTS, *DERIVED_COLUMNS)
# What no import says about a station is the same for every one.
_OTHERS = {
    str(field.column): field.get_default()
    for field in Station._meta.concrete_fields
    if not field.generated and field.column not in _GIVEN
}
NEW_STATION_COLUMNS = (*_GIVEN, *_OTHERS)
_OTHERS_COPIED = "\t".join(map(copied, _OTHERS.values()))


def new_station_line(
    pk: int, code: str, facts: Mapping[str, Any], derived: Derived, *, at: datetime, stamp: datetime
) -> str:
    """A new station as a line of COPY with the columns `NEW_STATION_COLUMNS`. `facts` are its columns by name."""
    values = (
        pk,
        code,
        facts["name"].startswith(_MADE_UP),
        new_door_token(),
        at,
        stamp,
        *(facts.get(column, default) for column, default in _DEFAULTS.items()),
        *derived.columns,
    )
    return "\t".join((*map(copied, values), _OTHERS_COPIED))


def update(changes: Mapping[int, Mapping[str, Any]]) -> None:
    """Write the changed columns of many stations: one statement for all those that change the same columns."""
    by_columns: dict[tuple[str, ...], list[tuple[Any, ...]]] = {}
    for station_id, facts in changes.items():
        if facts:
            columns = tuple(sorted(facts))
            by_columns.setdefault(columns, []).append((station_id, *(facts[column] for column in columns)))
    for columns, rows in by_columns.items():
        names = ", ".join(columns)
        sets = ", ".join(f"{column} = new.{column}" for column in columns)
        casts = ", ".join(["%s::bigint", *(f"%s::{_TYPES[column]}" for column in columns)])
        with connection.cursor() as cursor:
            for start in range(0, len(rows), 500):
                part = rows[start : start + 500]
                values = ", ".join([f"({casts})"] * len(part))
                cursor.execute(
                    f"UPDATE stations_station s SET {sets} FROM (VALUES {values}) new (id, {names}) WHERE s.id = new.id",  # noqa: S608 - names from _TYPES
                    [value for row in part for value in row],
                )


def write_hours(periods_by_station: Mapping[int, Sequence[Period]]) -> None:
    """Add the periods and spans of many stations."""
    count = sum(map(len, periods_by_station.values()))
    if not count:
        return
    ids = iter(new_ids("stations_hoursperiod", count))
    periods: list[Row] = []
    spans: list[Row] = []
    for station_id, station_periods in periods_by_station.items():
        for period in station_periods:
            period_id = next(ids)
            periods.append(
                (period_id, station_id, period.name, period.valid_from, period.valid_through, period.repeats_yearly,
                 str(period.on_holidays))
            )  # fmt: skip
            spans += [(period_id, sorted(span.days), span.opens, span.closes, span.entry_mode) for span in period.spans]
    copy_in(
        "stations_hoursperiod",
        ("id", "station_id", "name", "valid_from", "valid_through", "repeats_yearly", "on_holidays"),
        periods,
    )
    copy_in("stations_hoursspan", ("period_id", "days", "opens", "closes", "entry_mode"), spans)
