"""What is said of a station in a list: facts of its row, and what the moment and the asker make of them.

A process keeps the facts it has read by the version of the row that they were read from (decision 0024).
"""

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple

from core import prepared
from stations.finding.names import Labels, names
from stations.geo import Point, UnitVector, arc_m, unit_vector
from stations.hours import OpenState
from stations.hours_text import format_en, parse_hours
from stations.intervals import OpenTimes, open_times

__all__ = ["COLUMNS", "MORE", "Card", "Facts", "Row", "Seen", "cards_of", "facts_of", "read", "see"]

# Of so many stations a process keeps the facts; then it begins anew. About 3 KB each, and ten times what Wuhan has.
KEPT = 40_000


class Card(NamedTuple):
    """What a list shows of one station, at one moment: the facts of its row, then what the moment and the asker make of it."""

    id: int
    code: str
    name: str
    aliases: Sequence[str]
    tier: int | None
    status: str
    division_code: str
    division_name: str
    district_code: str
    district_name: str
    zone_code: str
    zone_name: str
    address: str
    floor: str
    directions: str
    latitude: float | None
    longitude: float | None
    amenities: tuple[str, ...]
    hours_text: str
    hours_osm: str
    # The registered hours in the language of the answer; if there are none, the office's own words.
    hours_in_words: str
    phone: str
    confirmed_at: datetime | None
    doubted_at: datetime | None
    is_made_up: bool
    version: int
    updated_at: datetime
    distance_m: int | None
    open_state: OpenState


class Facts(NamedTuple):
    """What is true of a station as long as its row stands as it is, in one language. A process keeps it for many look-ups."""

    id: int
    # The fields of its card up to `distance_m`.
    of_card: tuple[Any, ...]
    position: UnitVector | None
    open_times: OpenTimes
    # What a door has written of these facts, by a key of its own.
    written: dict[str, Any]


# How far a station is from the asker, if both have a position; and its facts. Without a name of its own: twenty are made for
# each look-up.
Seen = tuple[int | None, Facts]


# Instants as seconds since 1970 and amenities as one text: the driver reads numbers and text several times faster.
COLUMNS = (
    "s.id, s.code, s.name, s.aliases, s.tier, s.status, s.division_id, s.zone_id, s.address, s.floor, s.directions,"
    " s.latitude, s.longitude, s.hours_text, s.hours_osm, s.hours_zh, s.phone, s.is_made_up, s.version,"
    " date_part('epoch', s.confirmed_at), date_part('epoch', s.doubted_at), date_part('epoch', s.updated_at),"
    " date_part('epoch', s.expanded_until), s.listed_amenities, s.intervals"
)
DIVISION, MORE = 6, 25

Row = tuple[Any, ...]


@lru_cache(maxsize=10_000)
def _hours_en(osm: str) -> str:
    return (format_en(parse_hours(osm).periods) or osm) if osm else ""


@lru_cache(maxsize=20_000)  # a town has far fewer different sets of amenities than stations
def _in_order(listed_amenities: str, order: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of a station's column in this order; those that are not in it come last."""
    codes = set(listed_amenities.split())
    return (*(code for code in order if code in codes), *sorted(codes.difference(order)))


def _facts(row: Row, labels: Labels) -> Facts:
    """The facts of a row for which `COLUMNS` were selected."""
    (
        station_id, code, name, aliases, tier, status, division_code, zone_code, address, floor, directions,
        latitude, longitude, hours_text, hours_osm, hours_zh, phone, is_made_up, version, confirmed_at, doubted_at,
        updated_at, expanded_until, listed_amenities, intervals, *_rest,
    ) = row  # fmt: skip
    # Many stations have these in common.
    division_code, district_code, hours_osm, hours_zh = map(
        sys.intern, (division_code, division_code[:6], hours_osm, hours_zh)
    )
    of_card = (
        station_id,
        code,
        name,
        aliases,
        tier,
        status,
        division_code,
        labels.divisions.get(division_code, ""),
        district_code,
        labels.divisions.get(district_code, ""),
        zone_code or "",
        labels.zones.get(zone_code, "") if zone_code else "",
        address,
        floor,
        directions,
        latitude,
        longitude,
        _in_order(listed_amenities, labels.amenities),
        hours_text,
        hours_osm,
        (_hours_en(hours_osm) if labels.is_english else hours_zh) or hours_text,
        phone,
        None if confirmed_at is None else _instant(confirmed_at),
        None if doubted_at is None else _instant(doubted_at),
        is_made_up,
        version,
        _instant(updated_at),
    )
    return Facts(
        station_id,
        of_card,
        None if latitude is None else unit_vector(Point(latitude, longitude)),
        open_times(intervals, None if expanded_until is None else _instant(expanded_until), doubted_at is not None),
        {},
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def see(facts: Iterable[Facts], *, near: Point | None) -> list[Seen]:
    """These stations, nearest first if a point is given, those without a position last; else in their order."""
    if near is None:
        return [(None, each) for each in facts]
    origin = unit_vector(near)
    placed, unplaced = [], []
    for each in facts:
        if each.position is None:
            unplaced.append((None, each))
        else:
            placed.append((arc_m(origin, each.position), each))
    placed.sort(key=itemgetter(0))
    return [*((round(metres), each) for metres, each in placed), *unplaced]


def cards_of(seen: Iterable[Seen], *, at: datetime) -> list[Card]:
    """The cards of these stations at a moment."""
    # Put together as tuples: naming their thirty fields would cost several times as much.
    return [Card._make((*facts.of_card, distance_m, facts.open_times.held(at).state)) for distance_m, facts in seen]


def read(rows: Sequence[Row]) -> list[Facts]:
    """The facts of rows for which `COLUMNS` were selected."""
    labels = names.of({row[DIVISION] for row in rows}).labels()
    return [_facts(row, labels) for row in rows]


def facts_of(found: Sequence[Row]) -> list[Facts]:
    """The facts of the stations of these rows of id, xmin and ctid; without those that were taken down since.

    What is kept cannot be out of date: the look-up has just seen which version of its row is the present one.
    """
    kept = names.of(()).labels().kept
    facts = [own[2] if (own := kept.get(row[0])) and own[0] == row[1] and own[1] == row[2] else None for row in found]
    if None in facts:
        unknown = [row[0] for row, own in zip(found, facts, strict=True) if own is None]
        rows = prepared.fetch(
            f"SELECT {COLUMNS}, s.xmin, s.ctid FROM stations_station s"  # noqa: S608 - constants
            " WHERE s.id = ANY(%(ids)s::bigint[]) AND s.status = 'published'",
            {"ids": unknown},
            keep_plan=True,
        )
        labels = names.of({row[DIVISION] for row in rows}).labels()
        known = {row[0]: _facts(row, labels) for row in rows}
        if len(labels.kept) > KEPT:
            labels.kept.clear()
        # Rows that were written together have one xmin in common.
        labels.kept.update((row[0], (sys.intern(row[MORE]), row[MORE + 1], known[row[0]])) for row in rows)
        facts = [own or known.get(row[0]) for row, own in zip(found, facts, strict=True)]
    return [own for own in facts if own is not None]
