"""Look-ups: which stations, in which order, and what a courier must know about each. Pages and API both use them.

One statement walks an index to the few stations of a page (GiST, nearest first; or codes in order). What their open
intervals mean at this moment is decided by stations/hours.py, as everywhere. tests/stations/test_finding.py makes sure that
conditions which stations/querysets.py has too stay the same.
"""

import re
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from django.db import connection
from django.utils.translation import get_language

from core import clock, prepared
from stations import change_times, intervals
from stations.geo import EARTH_RADIUS_M, Bbox, Point, UnitVector, arc_m, bbox_around, mercator, unit_vector
from stations.hours import OpenState
from stations.hours_text import format_en, parse_hours
from stations.models import Amenity, AmenityWord, Division, Station, Zone
from stations.querysets import amenity_tag, division_tag, hour_tag, tier_tag, zone_tag
from stations.words import gram_choices, normalise, query_words

__all__ = [
    "MAX_LIMIT",
    "MAX_POINTS",
    "Card",
    "Changes",
    "Cluster",
    "DistrictCount",
    "Facts",
    "Found",
    "Lookup",
    "MapPoint",
    "Points",
    "Seen",
    "among",
    "card",
    "changes",
    "count_without",
    "districts",
    "find",
    "forget_names",
    "nearest_others",
    "points",
    "unknown_codes",
]

MAX_LIMIT = 100
# A map shows this many single stations; more are drawn as clusters of a grid.
MAX_POINTS = 500
GRID_CELLS = 12
# Up to this many hits of a word are looked at one by one; a word with more is common, and a walk in any order finds it
# soon.
MAX_HITS = 1_000
COUNT_UP_TO = 1_000
# Of so many stations a process keeps the facts; then it begins anew. About 3 KB each, and ten times what Wuhan has.
KEPT = 40_000

After = tuple[float | str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What somebody looks for. Empty means "any". Unknown codes simply find nothing; the doors refuse them."""

    near: Point | None = None
    radius_m: float | None = None
    bbox: Bbox | None = None
    division: str = ""
    zone: str = ""
    tiers: tuple[int, ...] = ()
    amenities: tuple[str, ...] = ()
    open_at: datetime | None = None
    words: str = ""
    # Only what has no position yet: such a station cannot be near, but can be looked for by name.
    unplaced: bool = False
    # Without `near`: by code, or stations open at the moment first (only for lists of a district, since every station is
    # looked at).
    order: Literal["code", "open-first"] = "code"
    limit: int = 20
    # Where the previous page ended: (sort value, id); the sort value is the index's own distance, or the code.
    after: After | None = None


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
    intervals: str
    expanded_until: datetime | None
    is_doubted: bool
    # What a door has written of these facts, by a key of its own.
    written: dict[str, Any]


class Seen(NamedTuple):
    """A station at one moment, and how far it is from the asker."""

    facts: Facts
    distance_m: int | None
    open_state: OpenState

    @property
    def card(self) -> Card:
        # Put together as a tuple: naming its thirty fields would cost several times as much.
        return Card._make((*self.facts.of_card, self.distance_m, self.open_state))


@dataclass(frozen=True, slots=True)
class Found:
    """One page of an answer. `after` begins the next page; None on the last."""

    seen: Sequence[Seen]
    after: After | None

    @property
    def cards(self) -> list[Card]:
        return [each.card for each in self.seen]


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what changed: stations that match, and those that a copy of the matching ones must drop.

    `settled_until` is where to continue next time. `after` begins the next page; None on the last.
    """

    cards: Sequence[Card]
    gone: Collection[int]  # ids
    settled_until: datetime
    after: After | None


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


# ── Which ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(slots=True)
class _Conditions:
    """The WHERE of a look-up over `stations_station s`, and its parameters. The SQL is put together of constants."""

    clauses: list[str] = field(default_factory=lambda: ["s.status = 'published'"])
    params: dict[str, Any] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        return " AND ".join(self.clauses)


def _box(bbox: Bbox) -> str:
    west, south = mercator(Point(bbox.south, bbox.west))
    east, north = mercator(Point(bbox.north, bbox.east))
    return f"({west!r},{south!r}),({east!r},{north!r})"


def _point(point: Point) -> str:
    x, y = mercator(point)
    return f"({x!r},{y!r})"


def _conditions(lookup: Lookup) -> _Conditions:
    made = _Conditions()
    clauses, params = made.clauses, made.params
    tags = [amenity_tag(code) for code in lookup.amenities]
    if lookup.division:
        tags.append(division_tag(lookup.division))
    if lookup.zone:
        tags.append(zone_tag(lookup.zone))
    if lookup.open_at is not None:
        tags.append(hour_tag(clock.to_local(lookup.open_at).hour))
        # Found shut by people on the spot is not open, whatever the hours say. The function and not its operator (@>): of that
        # PostgreSQL thinks one station in 200 is open, and plans every question anew to find out (measured: 0.3 of 0.8 ms).
        clauses.append("s.doubted_at IS NULL AND multirange_contains_elem(s.open_times, %(open_at)s::timestamptz)")
        params["open_at"] = lookup.open_at
    query = " & ".join(map(_lexeme, sorted(tags)))  # however they were asked for, one statement
    if lookup.tiers:
        tiers = " | ".join(_lexeme(tier_tag(tier)) for tier in lookup.tiers)
        query = f"{query} & ({tiers})" if query else tiers
    if query:
        # Written as literals, so that a kept plan knows how rare the tags are.
        is_sound = all(map(_TAG.fullmatch, tags)) and all(map(_CODE.fullmatch, lookup.amenities))
        clauses.append(f"s.tags @@ $tags${query}$tags$::tsquery" if is_sound else "false")
    if lookup.bbox is not None:
        clauses.append("s.pos <@ %(bbox)s::box")
        params["bbox"] = _box(lookup.bbox)
    if lookup.unplaced:
        clauses.append("s.pos IS NULL")
    if lookup.near is not None:
        clauses.append("s.pos IS NOT NULL")
        params["near"] = _point(lookup.near)
        if lookup.radius_m is not None:
            clauses.append(f"s.pos <@ %(around)s::box AND {_HAVERSINE_M} <= %(radius_m)s")
            params |= {
                "around": _box(bbox_around(lookup.near, lookup.radius_m)),
                "latitude": lookup.near.latitude,
                "longitude": lookup.near.longitude,
                "radius_m": lookup.radius_m,
            }
    return made


_HAVERSINE_M = (
    f"{2.0 * EARTH_RADIUS_M!r} * asin(least(1.0, sqrt(power(sin(radians(s.latitude - %(latitude)s) / 2.0), 2)"
    " + cos(radians(s.latitude)) * cos(radians(%(latitude)s))"
    " * power(sin(radians(s.longitude - %(longitude)s) / 2.0), 2))))"
)


# What a tag can be made of. Anything else is no code at all, and never gets into a statement.
_TAG = re.compile(r"[A-Za-z0-9:._-]+")
# An amenity's code stands for itself among the tags; with a colon it would be another kind of tag.
_CODE = re.compile(r"[A-Za-z0-9_-]+")


def _lexeme(tag: str) -> str:
    return f"'{tag}'"


def _add_words(made: _Conditions, words: str) -> bool:
    """Require every word. A rare word is resolved first, from its grams; returns whether anything can be found.

    A word that names an amenity matches stations that have it, as well as stations with that word in their texts; 24小时
    matches one that is open in every hour of the day. The planner cannot know how rare a pair of grams is; in the order of
    distance it would walk past every station.
    """
    clauses = []
    is_indexed = False
    for number, word in enumerate(_asked_words(words)):
        choices = gram_choices(word)
        made.params[f"word_{number}"] = f"%{word}%"
        clause = f"s.search_text LIKE %(word_{number})s"
        if choices:
            names = [f"grams_{number}_{place}" for place in range(len(choices))]
            made.params |= dict(zip(names, choices, strict=True))
            # The text first, where no index is walked: comparing it costs less than comparing the grams.
            clause += f" AND ({' OR '.join(f's.grams @> %({name})s::varchar[]' for name in names)})"
        if meant := _meant_by(word):
            clause = f"({clause} OR s.tags @@ $tags${meant}$tags$::tsquery)"
        is_indexed = is_indexed or bool(choices)
        clauses.append(clause)
    if not clauses:
        return not words.strip()
    if is_indexed:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT s.id FROM stations_station s WHERE s.status = 'published' AND "  # noqa: S608 - constants
                f"{' AND '.join(clauses)} LIMIT {MAX_HITS + 1}",
                made.params,
            )
            hits = [row[0] for row in cursor.fetchall()]
        if not hits:
            return False
        if len(hits) <= MAX_HITS:
            made.params["hits"] = hits
            clauses = ["s.id = ANY(%(hits)s)"]
    made.clauses += clauses
    return True


# What people write for a door that does not close.
_ALL_DAY = frozenset({"24小时", "24h", "24hours", "24hrs", "全天", "全天候", "通宵", "昼夜"})
_EVERY_HOUR = " & ".join(_lexeme(hour_tag(hour)) for hour in range(24))


def _meant_by(word: str) -> str:
    """The tags that `word` (normalised) asks for, as a query; "" if it is just a name."""
    if word in _ALL_DAY:
        return _EVERY_HOUR
    return " | ".join(map(_lexeme, filter(_CODE.fullmatch, _names.meant_by(word))))


def _asked_words(words: str) -> list[str]:
    """The words of a question; two with a space between them may count as one (hot water, 24 小时)."""
    asked = query_words(words)
    together = "".join(asked)
    return [together] if len(asked) > 1 and _meant_by(together) else asked


# ── What a card says ────────────────────────────────────────────────────────────────────────────────────────────────

# Instants as seconds since 1970 and amenities as one text: the driver reads numbers and text several times faster.
_COLUMNS = (
    "s.id, s.code, s.name, s.aliases, s.tier, s.status, s.division_id, s.zone_id, s.address, s.floor, s.directions,"
    " s.latitude, s.longitude, s.hours_text, s.hours_osm, s.hours_zh, s.phone, s.is_made_up, s.version,"
    " date_part('epoch', s.confirmed_at), date_part('epoch', s.doubted_at), date_part('epoch', s.updated_at),"
    " date_part('epoch', s.expanded_until), s.listed_amenities, s.intervals"
)
_DIVISION, _MORE = 6, 25

_Row = tuple[Any, ...]


@lru_cache(maxsize=10_000)
def _hours_en(osm: str) -> str:
    return (format_en(parse_hours(osm).periods) or osm) if osm else ""


@lru_cache(maxsize=20_000)  # a town has far fewer different sets of amenities than stations
def _in_order(listed_amenities: str, order: tuple[str, ...]) -> tuple[str, ...]:
    """The codes of a station's column in this order; those that are not in it come last."""
    codes = set(listed_amenities.split())
    return (*(code for code in order if code in codes), *sorted(codes.difference(order)))


def _facts(row: _Row, names: "_Labels") -> Facts:
    """The facts of a row for which `_COLUMNS` were selected."""
    (
        station_id, code, name, aliases, tier, status, division_code, zone_code, address, floor, directions,
        latitude, longitude, hours_text, hours_osm, hours_zh, phone, is_made_up, version, confirmed_at, doubted_at,
        updated_at, expanded_until, listed_amenities, open_intervals, *_rest,
    ) = row  # fmt: skip
    # Many stations have these in common.
    division_code, district_code, hours_osm, hours_zh, open_intervals = map(
        sys.intern, (division_code, division_code[:6], hours_osm, hours_zh, open_intervals)
    )
    of_card = (
        station_id,
        code,
        name,
        aliases,
        tier,
        status,
        division_code,
        names.divisions.get(division_code, ""),
        district_code,
        names.divisions.get(district_code, ""),
        zone_code or "",
        names.zones.get(zone_code, "") if zone_code else "",
        address,
        floor,
        directions,
        latitude,
        longitude,
        _in_order(listed_amenities, names.amenities),
        hours_text,
        hours_osm,
        (_hours_en(hours_osm) if names.is_english else hours_zh) or hours_text,
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
        open_intervals,
        None if expanded_until is None else _instant(expanded_until),
        doubted_at is not None,
        {},
    )


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _see(facts: Iterable[Facts], *, at: datetime, near: Point | None) -> list[Seen]:
    """These stations at a moment, in their order."""
    seen = []
    origin = None if near is None else unit_vector(near)
    for each in facts:
        away_m = None if origin is None or each.position is None else round(arc_m(origin, each.position))
        state = intervals.state(each.intervals, at, expanded_until=each.expanded_until, doubted=each.is_doubted)
        seen.append(Seen(each, away_m, state))
    return seen


def _cards(rows: Sequence[_Row], *, at: datetime, near: Point | None = None) -> list[Card]:
    """The cards of rows for which `_COLUMNS` were selected, in their order."""
    labels = _names.of({row[_DIVISION] for row in rows}).labels()
    return [each.card for each in _see([_facts(row, labels) for row in rows], at=at, near=near)]


def _facts_of(found: Sequence[_Row]) -> list[Facts]:
    """The facts of the stations of these rows of id, xmin and ctid; without those that were taken down since.

    What is kept cannot be out of date: the look-up has just seen which version of its row is the present one.
    """
    kept = _names.of(()).labels().kept
    known = {row[0]: own[1] for row in found if (own := kept.get(row[0])) and own[0] == row[1:3]}
    if unknown := [row[0] for row in found if row[0] not in known]:
        rows = prepared.fetch(
            f"SELECT {_COLUMNS}, s.xmin, s.ctid FROM stations_station s"  # noqa: S608 - constants
            " WHERE s.id = ANY(%(ids)s::bigint[]) AND s.status = 'published'",
            {"ids": unknown},
            keep_plan=True,
        )
        labels = _names.of({row[_DIVISION] for row in rows}).labels()
        read = {row[0]: _facts(row, labels) for row in rows}
        if len(labels.kept) > KEPT:
            labels.kept.clear()
        labels.kept.update((row[0], (row[_MORE:], read[row[0]])) for row in rows)
        known |= read
    return [known[row[0]] for row in found if row[0] in known]


@dataclass(frozen=True, slots=True)
class _Labels:
    """Names in one language, by code; the order of the list of amenities; and what was made with both."""

    divisions: Mapping[str, str]
    zones: Mapping[str | None, str]
    amenities: tuple[str, ...]
    is_english: bool = False
    # By the station's id; with xmin and ctid, by which PostgreSQL tells the versions of its row apart.
    kept: dict[int, tuple[_Row, Facts]] = field(default_factory=dict, compare=False)


class _Names:
    """The names of divisions and zones and the order of amenities: a few hundred words that change a few times a year.

    Joining them costs a look-up more than finding the stations (measured: 1.4 ms against 0.4 ms for 20 of 200,000). So each
    process caches them for a minute; an unknown code makes it read them again at once.
    """

    KEPT_S = 60.0

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin as a new process does."""
        self.doubt()
        self._wordings: list[tuple[str, str]] = []
        self._meanings: dict[str, set[str]] | None = None
        self._zh = self._en = _Labels({}, {}, ())

    def doubt(self) -> None:
        """Read anew at the next look-up; if the names are the same, what was made with them stays."""
        self._read_at = float("-inf")

    def of(self, division_codes: Iterable[str]) -> "_Names":
        """These names, read anew if they are old or lack one of the codes."""
        now = time.monotonic()
        if now - self._read_at > self.KEPT_S or not self._zh.divisions.keys() >= set(division_codes):
            divisions = list(Division.objects.values_list("code", "name", "name_en"))
            zones = list(Zone.objects.values_list("code", "name", "name_en"))
            amenities = list(Amenity.objects.values_list("code", "name", "name_en"))
            order = tuple(code for code, _zh, _en in amenities)
            zh_labels = _Labels({code: zh for code, zh, _en in divisions}, {code: zh for code, zh, _en in zones}, order)
            en_labels = _Labels(
                {code: en or zh for code, zh, en in divisions},
                {code: en or zh for code, zh, en in zones},
                order,
                is_english=True,
            )
            # The same names keep what was made with them.
            self._zh = self._zh if self._zh == zh_labels else zh_labels
            self._en = self._en if self._en == en_labels else en_labels
            self._wordings = [(code, name) for code, zh, en in amenities for name in (zh, en)]
            self._meanings = None
            self._read_at = now
        return self

    def meant_by(self, word: str) -> Collection[str]:
        """The codes of the amenities that `word` (normalised) names, in either language or by another wording."""
        self.of(())
        if self._meanings is None:
            meanings: dict[str, set[str]] = {}
            for code, wording in [*self._wordings, *AmenityWord.objects.values_list("amenity_id", "word")]:
                meanings.setdefault(normalise(wording), set()).add(code)
            self._meanings = meanings
        return sorted(self._meanings.get(word, ()))

    def labels(self) -> _Labels:
        """In the language of the answer."""
        return self._en if get_language() == "en" else self._zh

    def codes(self, field: str) -> Collection[str]:
        """The known codes of "division", "zone" or "amenities"."""
        known: Iterable[str | None] = self._zh.amenities
        if field in ("division", "zone"):
            known = self._zh.divisions if field == "division" else self._zh.zones
        return {str(code) for code in known}


_names = _Names()
forget_names = _names.forget


def unknown_codes(lookup: Lookup) -> list[tuple[str, str, Collection[str]]]:
    """The codes in `lookup` that do not exist: the name of the field, the code, and the codes that do."""
    wanted = [("amenities", code) for code in lookup.amenities]
    wanted += [("division", lookup.division)] * bool(lookup.division) + [("zone", lookup.zone)] * bool(lookup.zone)
    if any(code not in _names.codes(field) for field, code in wanted):
        _names.doubt()
    names = _names.of(())
    return [(field, code, names.codes(field)) for field, code in wanted if code not in names.codes(field)]


def find(lookup: Lookup, *, now: datetime) -> Found:
    """The stations that match, nearest first if a point is given, else by code, with their state at `open_at` or `now`.

    Pages of a near look-up follow the index's own (Mercator) distance; within a page the order is by metres on the ground.
    The two differ by less than 1 % over the city.
    """
    at = lookup.open_at or now
    limit = max(1, min(lookup.limit, MAX_LIMIT))
    made = _conditions(lookup)
    if lookup.words and not _add_words(made, lookup.words):
        return Found((), None)
    if lookup.near is not None:
        measure, kind = "s.pos <-> %(near)s::point", "float8"
    elif lookup.order == "open-first":
        measure, kind = f"CASE WHEN {_COVERED} THEN '0' ELSE '1' END || s.code", "text"
    else:
        measure, kind = "s.code", "text"
    if lookup.after is not None:
        made.params["after"], made.params["after_id"] = lookup.after
        made.clauses.append(
            f"{measure} >= %(after)s::{kind} AND ({measure} > %(after)s::{kind} OR s.id > %(after_id)s::bigint)"
        )
    # One more than asked for, to see whether a page follows; a few sizes, so that few plans are kept.
    fetched = next(size for size in (2, 6, 21, 51, MAX_LIMIT + 1) if size > limit)
    page = (
        f"SELECT id, version, place, measure FROM (SELECT s.id, s.xmin AS version, s.ctid AS place, {measure} AS measure"  # noqa: S608
        f" FROM stations_station s WHERE {made.sql} ORDER BY {measure}, s.id LIMIT {fetched}) found ORDER BY measure, id"
    )
    # For nearest first, one plan suits every question: walk the index. A box or the order of codes needs a new plan each
    # time.
    one_plan = lookup.near is not None and lookup.radius_m is None and lookup.bbox is None and not lookup.words
    rows = prepared.fetch(page, made.params | {"at": at}, keep_plan=one_plan)
    after = None
    if len(rows) > limit:
        rows = rows[:limit]
        after = (rows[-1][3], rows[-1][0])
    seen = _see(_facts_of(rows), at=at, near=lookup.near)
    if lookup.near is not None:
        seen.sort(key=lambda each: (each.distance_m, each.facts.id))
    return Found(seen, after)


# What the trail says about a station that was public before it became a draft again, whichever way.
_WAS_PUBLISHED = (
    "s.version > 1 AND EXISTS (SELECT FROM core_auditevent a WHERE a.subject_type = 'station' AND a.subject_code = s.code"
    " AND 'published' IN (a.data->>'before', a.data->'changed'->'status'->>'before'))"
)
# The trail's names, by staff and by the import, for the facts that a condition of `changes` can test.
_TRAIL_NAMES = {
    "division": ["division", "division_id"],
    "zone": ["zone", "zone_id"],
    "tiers": ["tier"],
    "amenities": ["amenities"],
}


def changes(lookup: Lookup, *, since: datetime, settled_until: datetime | None = None, now: datetime) -> Changes:
    """What changed at or after `since`, oldest change first: published stations that match, and gone ones that matched before.

    Gone means no longer published, or, according to the trail, changed so that it no longer matches. Stations that were
    never public are left out. Of `lookup` only the division, zone, tiers, amenities, limit and `after` count. Later pages
    are given the `settled_until` of the first.
    """
    # Asked before the look itself: a change that commits between the two is seen.
    settled_until = settled_until or change_times.settled_until()
    limit = max(1, min(lookup.limit, MAX_LIMIT))
    asked = [name for name in _TRAIL_NAMES if getattr(lookup, name)]
    made = _conditions(Lookup(**{name: getattr(lookup, name) for name in asked}))
    stored = " AND ".join(made.clauses[1:]) or "true"
    made.params |= {
        "at": now,
        "since": since,
        "moved": [name for field in asked for name in _TRAIL_NAMES[field]],
        "limit": limit + 1,
    }
    page = ""
    if lookup.after is not None:
        made.params["after"], made.params["after_id"] = lookup.after
        page = " AND (s.updated_at, s.id) > (%(after)s::timestamptz, %(after_id)s::bigint)"
    rows = prepared.fetch(
        f"SELECT {_COLUMNS}, s.updated_at, s.fits FROM (SELECT s.*, s.status = 'published' AND f.fits AS fits"  # noqa: S608 - constants
        f" FROM stations_station s CROSS JOIN LATERAL (SELECT coalesce({stored}, false) AS fits OFFSET 0) f"
        f" WHERE s.updated_at >= %(since)s::timestamptz{page} AND (s.status <> 'draft' OR {_WAS_PUBLISHED})"
        " AND (f.fits OR s.version > 1 AND EXISTS (SELECT FROM core_auditevent a WHERE a.subject_type = 'station'"
        " AND a.subject_code = s.code AND a.data->'changed' ?| %(moved)s::text[]))"
        f" ORDER BY s.updated_at, s.id LIMIT %(limit)s) s ORDER BY s.updated_at, s.id",
        made.params,
        keep_plan=False,
    )
    after = None
    if len(rows) > limit:
        rows = rows[:limit]
        after = (rows[-1][_MORE].isoformat(), rows[-1][0])
    return Changes(
        cards=_cards(rows, at=now),
        gone={row[0] for row in rows if not row[_MORE + 1]},
        settled_until=settled_until,
        after=after,
    )


# Open at this moment, as far as anybody knows; `at` is always among the parameters.
_COVERED = "s.doubted_at IS NULL AND s.open_times @> %(at)s::timestamptz"


def card(code: str, *, at: datetime) -> Card | None:
    """The card of one station that the public may know of: published, suspended or closed, not a draft."""
    page = (
        f"SELECT {_COLUMNS} FROM stations_station s"  # noqa: S608 - constants
        " WHERE s.code = %(code)s AND s.status <> 'draft'"
    )
    found = _cards(prepared.fetch(page, {"code": code, "at": at}, keep_plan=False), at=at)
    return found[0] if found else None


def among(codes: Iterable[str], *, near: Point | None = None, at: datetime) -> list[Card]:
    """The cards of those of these stations that are published: nearest to a point first, those without a position last;
    without a point, in the order of their codes.
    """
    page = (
        f"SELECT {_COLUMNS} FROM stations_station s"  # noqa: S608 - constants
        " WHERE s.code = ANY(%(codes)s::text[]) AND s.status = 'published' ORDER BY s.code"
    )
    found = _cards(prepared.fetch(page, {"codes": list(codes), "at": at}, keep_plan=False), at=at, near=near)
    return sorted(found, key=lambda each: (each.distance_m is None, each.distance_m or 0))


def nearest_others(station: Station, *, now: datetime, limit: int = 3, **wanted: Any) -> Sequence[Card]:
    """The stations around this one, nearest first; without a position those of its neighbourhood, then of its
    subdistrict, then of its district."""
    lookup = Lookup(limit=limit + 1, **wanted)
    if station.latitude is not None and station.longitude is not None:
        found = find(replace(lookup, near=Point(station.latitude, station.longitude)), now=now).cards
        return [other for other in found if other.id != station.id][:limit]
    others: dict[int, Card] = {}
    code = str(station.division_id)
    for length in (12, 9, 6):
        if len(code) < length or len(others) >= limit:
            continue
        # Those found so far may come first in the wider circle too.
        wider = replace(lookup, division=code[:length], limit=lookup.limit + len(others))
        for other in find(wider, now=now).cards:
            if other.id != station.id:
                others.setdefault(other.id, other)
    return list(others.values())[:limit]


# ── Maps and counts ─────────────────────────────────────────────────────────────────────────────────────────────────


def points(lookup: Lookup, *, now: datetime) -> Points:
    """The matching stations as points of a map, whatever `limit` and `after` say; a grid of clusters if there are too many."""
    made = _conditions(replace(lookup, near=lookup.near if lookup.radius_m is not None else None))
    if lookup.words and not _add_words(made, lookup.words):
        return Points()
    made.params["at"] = lookup.open_at or now
    made.clauses.append("s.pos IS NOT NULL")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.code, s.name, s.tier, s.latitude, s.longitude, "  # noqa: S608 - constants
            f"({_COVERED}) FROM stations_station s WHERE {made.sql} ORDER BY s.code LIMIT {MAX_POINTS + 1}",
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
            f"SELECT left(s.division_id, 6), s.tier, count(*), count(*) FILTER (WHERE {_COVERED})"  # noqa: S608
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
    made = _conditions(lookup)
    if lookup.words and not _add_words(made, lookup.words):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT FROM stations_station s WHERE {made.sql} LIMIT {COUNT_UP_TO}) fitting",  # noqa: S608
            made.params,
        )
        return int(cursor.fetchone()[0])
