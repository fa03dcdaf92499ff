"""What somebody looks for, and the conditions in SQL that it means."""

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from django.db import connection

from core import clock
from stations.finding.names import names
from stations.geo import EARTH_RADIUS_M, Bbox, Point, bbox_around, mercator
from stations.querysets import amenity_tag, division_tag, hour_tag, tier_tag, zone_tag
from stations.words import gram_choices, query_words

__all__ = ["COVERED", "After", "Conditions", "Lookup", "add_words", "conditions", "unknown_codes"]

# Up to this many hits of a word are looked at one by one; a word with more is common, and a walk in any order finds it
# soon.
MAX_HITS = 1_000

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


@dataclass(slots=True)
class Conditions:
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


def conditions(lookup: Lookup) -> Conditions:
    made = Conditions()
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


def add_words(made: Conditions, words: str) -> bool:
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
    return " | ".join(map(_lexeme, filter(_CODE.fullmatch, names.meant_by(word))))


def _asked_words(words: str) -> list[str]:
    """The words of a question; two with a space between them may count as one (hot water, 24 小时)."""
    asked = query_words(words)
    together = "".join(asked)
    return [together] if len(asked) > 1 and _meant_by(together) else asked


# Open at this moment, as far as anybody knows; `at` is always among the parameters.
COVERED = "s.doubted_at IS NULL AND s.open_times @> %(at)s::timestamptz"


def unknown_codes(lookup: Lookup) -> list[tuple[str, str, Collection[str]]]:
    """The codes in `lookup` that do not exist: the name of the field, the code, and the codes that do."""
    wanted = [("amenities", code) for code in lookup.amenities]
    wanted += [("division", lookup.division)] * bool(lookup.division) + [("zone", lookup.zone)] * bool(lookup.zone)
    if any(code not in names.codes(field) for field, code in wanted):
        names.doubt()
    names.of(())
    return [(field, code, names.codes(field)) for field, code in wanted if code not in names.codes(field)]
