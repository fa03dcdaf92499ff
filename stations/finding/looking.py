"""The look-ups: the nearest, what changed, single stations, and those around one."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from operator import itemgetter
from typing import Any

from core import prepared
from stations import change_times
from stations.finding.cards import COLUMNS, MORE, Card, Seen, cards_of, facts_of, read, see
from stations.finding.lookup import COVERED, After, Lookup, add_words, conditions
from stations.geo import Point
from stations.models import Station

__all__ = ["MAX_LIMIT", "Changes", "Found", "among", "card", "changes", "find", "nearest_others"]

MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Found:
    """One page of an answer, as it is at the moment `at`. `after` begins the next page; None on the last."""

    seen: Sequence[Seen]
    at: datetime
    after: After | None

    @property
    def cards(self) -> list[Card]:
        return cards_of(self.seen, at=self.at)


@dataclass(frozen=True, slots=True)
class Changes:
    """One page of what changed: stations that match, and those that a copy of the matching ones must drop.

    `settled_until` is where to continue next time. `after` begins the next page; None on the last.
    """

    cards: Sequence[Card]
    gone: Collection[int]  # ids
    settled_until: datetime
    after: After | None


def find(lookup: Lookup, *, now: datetime) -> Found:
    """The stations that match, nearest first if a point is given, else by code, with their state at `open_at` or `now`.

    Pages of a near look-up follow the index's own (Mercator) distance; within a page the order is by metres on the ground.
    The two differ by less than 1 % over the city.
    """
    at = lookup.open_at or now
    limit = max(1, min(lookup.limit, MAX_LIMIT))
    made = conditions(lookup)
    if lookup.words and not add_words(made, lookup.words):
        return Found((), at, None)
    if lookup.near is not None:
        measure, kind = "s.pos <-> %(near)s::point", "float8"
    elif lookup.order == "open-first":
        measure, kind = f"CASE WHEN {COVERED} THEN '0' ELSE '1' END || s.code", "text"
    else:
        measure, kind = "s.code", "text"
    if lookup.after is not None:
        made.params["after"], made.params["after_id"] = lookup.after
        made.clauses.append(
            f"{measure} >= %(after)s::{kind} AND ({measure} > %(after)s::{kind} OR s.id > %(after_id)s::bigint)"
        )
    page = (
        f"SELECT s.id, s.xmin, s.ctid, {measure} AS measure FROM stations_station s WHERE {made.sql} ORDER BY {measure}"  # noqa: S608
    )
    # One more than asked for, to see whether a page follows; a few sizes, so that few plans are kept.
    fetched = next(size for size in (2, 6, 21, 51, MAX_LIMIT + 1) if size > limit)
    # For nearest first, one plan suits every question: walk the index. A box or the order of codes needs a new plan each
    # time.
    one_plan = lookup.near is not None and lookup.radius_m is None and lookup.bbox is None and not lookup.words
    values = made.params | {"at": at}
    rows = prepared.fetch(f"{page} LIMIT {fetched}", values, keep_plan=one_plan)
    if len(rows) > limit and rows[limit][3] == rows[limit - 1][3]:
        # Two equally far, with the end of the page between them: only now must the order of those be asked for.
        rows = prepared.fetch(f"{page}, s.id LIMIT {fetched}", values, keep_plan=one_plan)
    if lookup.near is not None:
        rows.sort(key=itemgetter(3, 0))
    after = None
    if len(rows) > limit:
        rows = rows[:limit]
        after = (rows[-1][3], rows[-1][0])
    return Found(see(facts_of(rows), near=lookup.near), at, after)


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
    made = conditions(Lookup(**{name: getattr(lookup, name) for name in asked}))
    stored = " AND ".join(made.clauses[1:]) or "true"
    made.params |= {
        "since": since,
        "moved": [name for field in asked for name in _TRAIL_NAMES[field]],
        "limit": limit + 1,
    }
    page = ""
    if lookup.after is not None:
        made.params["after"], made.params["after_id"] = lookup.after
        page = " AND (s.updated_at, s.id) > (%(after)s::timestamptz, %(after_id)s::bigint)"
    rows = prepared.fetch(
        f"SELECT {COLUMNS}, s.updated_at, s.fits FROM (SELECT s.*, s.status = 'published' AND f.fits AS fits"  # noqa: S608 - constants
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
        after = (rows[-1][MORE].isoformat(), rows[-1][0])
    return Changes(
        cards=cards_of(see(read(rows), near=None), at=now),
        gone={row[0] for row in rows if not row[MORE + 1]},
        settled_until=settled_until,
        after=after,
    )


def card(code: str, *, at: datetime) -> Card | None:
    """The card of one station that the public may know of: published, suspended or closed, not a draft."""
    page = (
        f"SELECT {COLUMNS} FROM stations_station s"  # noqa: S608 - constants
        " WHERE s.code = %(code)s AND s.status <> 'draft'"
    )
    rows = prepared.fetch(page, {"code": code}, keep_plan=False)
    return cards_of(see(read(rows), near=None), at=at)[0] if rows else None


def among(codes: Iterable[str], *, near: Point | None = None, at: datetime) -> list[Card]:
    """The cards of those of these stations that are published: nearest to a point first, those without a position last;
    without a point, in the order of their codes.
    """
    page = (
        f"SELECT {COLUMNS} FROM stations_station s"  # noqa: S608 - constants
        " WHERE s.code = ANY(%(codes)s::text[]) AND s.status = 'published' ORDER BY s.code"
    )
    rows = prepared.fetch(page, {"codes": list(codes)}, keep_plan=False)
    return cards_of(see(read(rows), near=near), at=at)


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
