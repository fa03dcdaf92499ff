"""What a map shows, and how many stations there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import connection

from stations.finding.lookup import COVERED, Lookup, add_words, conditions
from stations.models import Division

__all__ = ["MAX_POINTS", "Cluster", "DistrictCount", "MapPoint", "Points", "count_without", "districts", "points"]

# A map shows this many single stations; more are drawn as clusters of a grid.
MAX_POINTS = 500
GRID_CELLS = 12
COUNT_UP_TO = 1_000


@dataclass(frozen=True, slots=True)
class MapPoint:
    """One station on a map.   Units: degrees, WGS-84."""

    code: str
    name: str
    tier: int | None
    latitude: float
    longitude: float
    is_open: bool


@dataclass(frozen=True, slots=True)
class Cluster:
    """Many stations drawn as one, at their centre.   Units: degrees, WGS-84."""

    stations: int
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Points:
    """What a map shows: single stations, or clusters if there are more than `MAX_POINTS`."""

    stations: Sequence[MapPoint] = ()
    clusters: Sequence[Cluster] = ()


def points(lookup: Lookup, *, now: datetime) -> Points:
    """The matching stations as points of a map, whatever `limit` and `after` say; a grid of clusters if there are too many."""
    made = conditions(replace(lookup, near=lookup.near if lookup.radius_m is not None else None))
    if lookup.words and not add_words(made, lookup.words):
        return Points()
    made.params["at"] = lookup.open_at or now
    made.clauses.append("s.pos IS NOT NULL")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.code, s.name, s.tier, s.latitude, s.longitude, "  # noqa: S608 - constants
            f"({COVERED}) FROM stations_station s WHERE {made.sql} ORDER BY s.code LIMIT {MAX_POINTS + 1}",
            made.params,
        )
        rows = cursor.fetchall()
        if len(rows) <= MAX_POINTS:
            return Points(stations=[MapPoint(*row) for row in rows])
        cursor.execute(
            f"WITH fitting AS MATERIALIZED (SELECT s.latitude, s.longitude FROM stations_station s WHERE {made.sql}),"  # noqa: S608
            " edges AS (SELECT min(latitude) south, max(latitude) + 1e-9 north, min(longitude) west,"
            " max(longitude) + 1e-9 east FROM fitting)"
            " SELECT count(*), avg(latitude), avg(longitude) FROM fitting, edges"
            f" GROUP BY width_bucket(latitude, south, north, {GRID_CELLS}),"
            f" width_bucket(longitude, west, east, {GRID_CELLS}) ORDER BY 1 DESC, 2, 3",
            made.params,
        )
        return Points(clusters=[Cluster(*row) for row in cursor.fetchall()])


@dataclass(frozen=True, slots=True)
class DistrictCount:
    """A district, and how many published stations it has."""

    code: str
    name: str
    stations: int
    tiers: Mapping[int, int]
    open_now: int


def districts(*, now: datetime) -> list[DistrictCount]:
    """All districts with their numbers of stations, by tier and open at the moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT left(s.division_id, 6), s.tier, count(*), count(*) FILTER (WHERE {COVERED})"  # noqa: S608
            " FROM stations_station s WHERE s.status = 'published' GROUP BY 1, 2",
            {"at": now},
        )
        rows = cursor.fetchall()
    counted = []
    for division in Division.objects.districts().order_by("code"):
        own = [(tier, stations, are_open) for code, tier, stations, are_open in rows if code == division.code]
        counted.append(
            DistrictCount(
                code=division.code,
                name=division.label,
                stations=sum(stations for _tier, stations, _open in own),
                tiers={wanted: sum(count for tier, count, _open in own if tier == wanted) for wanted in (1, 2, 3)},
                open_now=sum(are_open for _tier, _stations, are_open in own),
            )
        )
    return counted


def count_without(lookup: Lookup) -> dict[str, int]:
    """How many stations would match if one of the conditions were dropped, by the name of its field; for empty answers.

    Counts stop at `COUNT_UP_TO`: nobody needs to know more, and counting further is costly.
    """
    neutral = Lookup()
    asked = [
        name
        for name in ("words", "open_at", "amenities", "tiers", "radius_m", "bbox", "zone", "division")
        if getattr(lookup, name) != getattr(neutral, name)
    ]
    return {name: _count(replace(lookup, **{name: getattr(neutral, name)})) for name in asked}


def _count(lookup: Lookup) -> int:
    made = conditions(lookup)
    if lookup.words and not add_words(made, lookup.words):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT FROM stations_station s WHERE {made.sql} LIMIT {COUNT_UP_TO}) fitting",  # noqa: S608
            made.params,
        )
        return int(cursor.fetchone()[0])
