"""What the public sees of a station: its way from draft to closed, and the derived columns that look-ups read.

`refresh` is called by every verb that changes a fact of a station, in the same transaction. The columns under "search" in
Station are written only here, except for stations that an import copies in: it takes the values from `Derivation` and
writes them together with the station.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import orjson
from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from core import audit, clock
from core.copying import tsvector
from core.models import User
from stations import access, change_times, day_types
from stations import intervals as open_intervals
from stations.errors import ReasonMissing, StationNotPublishable
from stations.hours import DatedException, DayKind, Interval, OnHolidays, Period, Schedule, Span, covered_days, expand
from stations.hours_text import format_osm, format_zh
from stations.models import Division, Duty, HoursException, HoursPeriod, HoursSpan, Station, StationAmenity, VisitLink
from stations.querysets import amenity_tag, division_tag, hour_tag, tier_tag, zone_tag
from stations.words import grams, initials, normalise, spelling, spelling_grams

__all__ = [
    "DERIVED_COLUMNS",
    "HORIZON_DAYS",
    "SHUT",
    "Derivation",
    "Derived",
    "StatusChange",
    "close",
    "expand_again",
    "expand_due",
    "horizon",
    "publish",
    "publish_all",
    "put_back",
    "refresh",
    "refresh_all",
    "schedules",
    "suspend",
    "take_links_back",
]

# Look-ups by time reach this far; later moments are computed on the spot, for one station at a time.
HORIZON_DAYS = 14
BATCH = 2_000
# Nobody is sent there.
SHUT = (Station.Status.SUSPENDED, Station.Status.CLOSED)


def horizon(now: datetime) -> datetime:
    """The instant up to which opening hours are kept as intervals, if they were expanded at `now`."""
    return clock.local_midnight(clock.local_date(now), days=HORIZON_DAYS)


# ── From draft to closed ────────────────────────────────────────────────────────────────────────────────────────────


def publish(*, station: Station, actor: User | str, at: datetime) -> Station:
    """Show the station to couriers.

    Raises: StationNotPublishable if couriers could not find it: no address, no directions and no position.
    Locks: Station.
    """
    return publish_all(station_ids=[station.pk], actor=actor, at=at)[0]


@transaction.atomic
def publish_all(*, station_ids: Iterable[int], actor: User | str, at: datetime) -> list[Station]:
    """Show many stations to couriers, all or none.   Raises and locks as `publish`, in ascending id."""
    stations = list(Station.objects.select_for_update().filter(pk__in=station_ids).order_by("pk"))
    for station in stations:
        if not (station.address or station.directions or station.has_position):
            raise StationNotPublishable(
                _("Give an address, directions or a position first, so that couriers can find it."),
                missing=["address"],
                station=station.code,
            )
    _set_status(stations, Station.Status.PUBLISHED, kind="station.published", reason="", actor=actor, at=at)
    return list(Station.objects.filter(pk__in=[station.pk for station in stations]).order_by("pk"))


@transaction.atomic
def suspend(*, station: Station, reason: str, actor: User | str, at: datetime) -> Station:
    """Take the station off the public pages for a while, and revoke the links that send people to its door.

    Raises: ReasonMissing.   Locks: Station, then VisitLink.
    """
    station = Station.objects.select_for_update().get(pk=station.pk)
    _set_status(
        [station], Station.Status.SUSPENDED, kind="station.suspended", reason=_needed(reason), actor=actor, at=at
    )
    station.refresh_from_db()
    return station


@transaction.atomic
def close(*, station: Station, reason: str, actor: User | str, at: datetime) -> Station:
    """Close the station for good; its page stays and says so. Links that send people to its door are revoked.

    Raises: ReasonMissing.   Locks: Station, then VisitLink.
    """
    station = Station.objects.select_for_update().get(pk=station.pk)
    _set_status([station], Station.Status.CLOSED, kind="station.closed", reason=_needed(reason), actor=actor, at=at)
    station.refresh_from_db()
    return station


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change of a station's status and its reason."""

    station_id: int
    before: tuple[str, str]
    after: tuple[str, str]


@transaction.atomic
def put_back(*, changes: Iterable[StatusChange], actor: User | str, at: datetime) -> list[Station]:
    """Undo changes of status; return the stations that are now as before. One whose status has changed again since is left
    alone.

    Raises: what `access.require` does.   Locks: Station, in ascending id.
    """
    wanted = {change.station_id: change for change in changes}
    stations = list(Station.objects.select_for_update().filter(pk__in=wanted).order_by("pk"))
    access.require(actor, Duty.MANAGE, stations=stations)
    done = [station for station in stations if (station.status, station.status_reason) == wanted[station.pk].after]
    groups: dict[tuple[str, str], list[Station]] = defaultdict(list)
    for station in done:
        groups[wanted[station.pk].before].append(station)
    for (status, reason), group in sorted(groups.items()):
        _set_status(group, Station.Status(status), kind="station.put-back", reason=reason, actor=actor, at=at)
    return done


def _needed(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()


def _set_status(
    stations: Iterable[Station], status: Station.Status, *, kind: str, reason: str, actor: User | str, at: datetime
) -> None:
    """Set the status of locked stations; for those that have it already, for the same reason, nothing is recorded.

    Raises: what `access.require` does.
    """
    stations = list(stations)
    access.require(actor, Duty.MANAGE, stations=stations)
    changing = [station for station in stations if (station.status, station.status_reason) != (status, reason)]
    subjects = [
        (
            ("station", station.code),
            {"before": station.status, "after": str(status)} | ({"reason": reason} if reason else {}),
        )
        for station in changing
    ]
    ids = [station.pk for station in changing]
    Station.objects.filter(pk__in=ids).update(status=status, status_reason=reason)
    audit.record_many(kind, subjects=subjects, actor=actor, at=at)
    if status in SHUT:
        take_links_back(ids, actor=actor, at=at)
    refresh(ids, now=at)


def take_links_back(station_ids: Sequence[int], *, actor: User | str, at: datetime) -> None:
    """Revoke the 核实链接 that have not taken a report yet, so that nobody is sent to a shut door. Called in the transaction
    that sets the status.

    Locks: VisitLink, so that either a report or this comes first; a link that was used in between stays used.
    """
    links = VisitLink.objects.select_for_update(of=("self",)).select_related("station")
    taken = list(links.filter(station__in=station_ids).open_at(at).order_by("pk"))
    VisitLink.objects.filter(pk__in=[link.pk for link in taken]).update(revoked_at=at)
    audit.record_many(
        "visit.link-revoked",
        subjects=[(("station", link.station.code), {"link": str(link.pk)}) for link in taken],
        actor=actor,
        at=at,
    )


# ── The derived columns ────────────────────────────────────────────────────────────────────────────────────────────────


def schedules(station_ids: Sequence[int]) -> dict[int, Schedule]:
    """The registered hours of many stations, in the form that stations/hours.py calculates with."""
    spans: dict[int, list[Span]] = defaultdict(list)
    for period_id, days, opens, closes, entry_mode in (
        HoursSpan.objects.filter(period__station__in=station_ids)
        .order_by("period", "opens", "id")
        .values_list("period_id", "days", "opens", "closes", "entry_mode")
    ):
        spans[period_id].append(Span(days=frozenset(days), opens=opens, closes=closes, entry_mode=entry_mode))
    periods: dict[int, list[Period]] = defaultdict(list)
    for pk, station_id, name, valid_from, valid_through, repeats_yearly, on_holidays in (
        HoursPeriod.objects.filter(station__in=station_ids)
        .order_by("id")
        .values_list("pk", "station_id", "name", "valid_from", "valid_through", "repeats_yearly", "on_holidays")
    ):
        periods[station_id].append(
            Period(
                spans=tuple(spans[pk]),
                valid_from=valid_from,
                valid_through=valid_through,
                repeats_yearly=repeats_yearly,
                on_holidays=OnHolidays(on_holidays),
                name=name,
            )
        )
    exceptions: dict[int, list[DatedException]] = defaultdict(list)
    for exception in HoursException.objects.filter(station__in=station_ids).order_by("id"):
        exceptions[exception.station_id].append(
            DatedException(
                starts_on=exception.starts_on,
                ends_on=exception.ends_on,
                opens=exception.opens,
                closes=exception.closes,
                entry_mode=exception.entry_mode,
                reason=exception.reason,
            )
        )
    return {
        station_id: Schedule(periods=tuple(periods[station_id]), exceptions=tuple(exceptions[station_id]))
        for station_id in station_ids
    }


@dataclass(frozen=True, slots=True)
class _DerivedHours:
    """What follows from hours alone. In a district most stations keep the same few hours, so each is worked out once."""

    expanded_until: datetime | None
    intervals: str
    open_times: str
    tags: tuple[str, ...]
    osm: str
    zh: str


# The derived columns of a station, in the order of `Derived.columns`.
DERIVED_COLUMNS = (
    "expanded_until", "expanded_on", "intervals", "open_times", "tags", "listed_amenities", "search_text", "hours_osm", "hours_zh",
    "grams",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Derived:
    """The derived columns of one station."""

    hours: _DerivedHours
    expanded_on: date
    tags: tuple[str, ...]
    listed_amenities: str
    search_text: str
    grams: list[str]

    @property
    def hours_osm(self) -> str:
        return self.hours.osm

    @property
    def columns(self) -> tuple[Any, ...]:
        """The values of `DERIVED_COLUMNS`, as COPY takes them."""
        return (
            self.hours.expanded_until, self.expanded_on, self.hours.intervals, self.hours.open_times, tsvector(self.tags),
            self.listed_amenities, self.search_text, self.hours.osm, self.hours.zh, self.grams,
        )  # fmt: skip


def refresh(station_ids: Iterable[int], *, now: datetime, facts_changed: bool = True) -> int:
    """Derive opening intervals, tags and search text of these stations anew; answer how many there were.

    With `facts_changed` their version and `updated_at` advance, which partners' copies rely on; the latter in the
    database's own time, not that of `now` (stations/change_times.py).
    Locks: Station rows in ascending id, so that when two people edit at once the later one derives from what both wrote.
    """
    ids = sorted(set(station_ids))
    for start in range(0, len(ids), BATCH):
        with transaction.atomic():
            _refresh_batch(ids[start : start + BATCH], now=now, facts_changed=facts_changed)
    return len(ids)


def expand_due(*, now: datetime) -> int:
    """Expand the hours of all stations that were not expanded today. The worker's job, once after each midnight, and after a
    clock was put back: what it made for days to come knows nothing of today.

    Locks: Station rows, skipping those another worker holds.
    """
    done, last, today = 0, 0, clock.local_date(now)
    while True:  # a batch a transaction, so that a worker that dies loses at most one
        with transaction.atomic():
            due = list(
                Station.objects.select_for_update(skip_locked=True)
                .filter(Q(expanded_on__lt=today) | Q(expanded_on__gt=today), pk__gt=last)
                .order_by("pk")
                .values_list("pk", flat=True)[:BATCH]
            )
            _refresh_batch(due, now=now, facts_changed=False)
        done += len(due)
        if len(due) < BATCH:
            return done
        last = due[-1]  # each once: a worker whose clock stands before midnight would undo them meanwhile


def refresh_all(*, now: datetime) -> int:
    """Derive everything anew, after a change that touches every station such as the day types of a year."""
    return refresh(Station.objects.values_list("pk", flat=True), now=now, facts_changed=False)


def expand_again(*, now: datetime) -> int:
    """Let the worker expand the hours of all stations anew within a minute, after staff have changed a day type.

    A page cannot wait for 200,000 stations; `refresh_all` is for commands.
    """
    return Station.objects.derive_again(now)


def _refresh_batch(ids: Sequence[int], *, now: datetime, facts_changed: bool) -> None:
    if not ids:
        return
    stations = list(
        Station.objects.select_for_update(of=("self",))
        .filter(pk__in=ids)
        .order_by("pk")
        .values_list("pk", "code", "name", "aliases", "tier", "division_id", "zone_id", "address")
    )
    amenities: dict[int, list[str]] = defaultdict(list)
    for station_id, amenity in StationAmenity.objects.filter(station__in=ids).values_list("station_id", "amenity_id"):
        amenities[station_id].append(amenity)
    hours = schedules(ids)
    derivation = Derivation(now=now, divisions={division for *_rest, division, _zone, _address in stations})
    derived = {
        pk: derivation.derive(
            code=code,
            names=[name, *aliases],
            tier=tier,
            division=division,
            zone=zone,
            address=address,
            amenities=amenities[pk],
            schedule=hours[pk],
        )
        for pk, code, name, aliases, tier, division, zone, address in stations
    }
    _write(derived, facts_changed=facts_changed)


class Derivation:
    """Derives what look-ups ask of stations, at one moment. What many of them share is worked out once.

    `divisions` are the codes of all divisions that the stations lie in.
    """

    def __init__(self, *, now: datetime, divisions: set[str]) -> None:
        self._first = clock.local_date(now)
        self._day_kinds = day_types.kinds(self._first - timedelta(days=1), HORIZON_DAYS + 2)
        self._divisions = _division_texts(divisions)
        self._hours: dict[Schedule, _DerivedHours] = {}

    def derive(
        self,
        *,
        code: str,
        names: Sequence[str],
        tier: int | None,
        division: str,
        zone: str | None,
        address: str,
        amenities: Iterable[str],
        schedule: Schedule,
    ) -> Derived:
        """`names` are the station's name and its other names; divisions, zones and amenities are given by their codes."""
        hours = self._hours.get(schedule)
        if hours is None:
            hours = self._hours[schedule] = _derive_hours(schedule, first=self._first, kinds=self._day_kinds)
        amenities = sorted(amenities)
        tags = (
            *map(amenity_tag, amenities),
            *map(division_tag, _path(division)),
            *hours.tags,
            *((tier_tag(tier),) if tier is not None else ()),
            *((zone_tag(zone),) if zone is not None else ()),
        )
        place = self._divisions[division]
        texts = dict.fromkeys(
            (
                *map(normalise, (code, *names)),
                *place.words,
                normalise(address),
                *map(initials, names),
                *place.initials,
            )
        )
        texts.pop("", None)
        spelled = [text for text in dict.fromkeys((*map(spelling, names), *place.spelled)) if text not in texts]
        return Derived(
            hours=hours,
            expanded_on=self._first,
            tags=tags,
            listed_amenities=" ".join(amenities),
            search_text=" ".join((*texts, *spelled)),
            grams=sorted(place.spelling_grams.union(grams(texts), *map(spelling_grams, names))),
        )


def _path(code: str) -> list[str]:
    """The codes from the city down to the division `code` itself."""
    return [code[:length] for length in (4, 6, 9, 12) if len(code) >= length]


@dataclass(frozen=True, slots=True)
class _DivisionTexts:
    """The wordings of a division and of what it lies in, as they are searched, and their pinyin."""

    words: tuple[str, ...]
    initials: tuple[str, ...]
    spelled: tuple[str, ...]
    spelling_grams: frozenset[str]


def _division_texts(codes: set[str]) -> dict[str, _DivisionTexts]:
    """For each division all its wordings, without the city's, since every station is in it."""
    own: dict[str, list[str]] = defaultdict(list)
    nodes = Division.objects.filter(code__in={step for code in codes for step in _path(code)}).exclude(level="city")
    for division in nodes.prefetch_related("aliases"):
        own[division.code] = [division.name, *(alias.name for alias in division.aliases.all())]
    texts: dict[str, _DivisionTexts] = {}
    for code in codes:
        names = [name for step in reversed(_path(code)) for name in own[step]]
        texts[code] = _DivisionTexts(
            tuple(map(normalise, names)),
            tuple(map(initials, names)),
            tuple(map(spelling, names)),
            frozenset().union(*map(spelling_grams, names)),
        )
    return texts


def _derive_hours(schedule: Schedule, *, first: date, kinds: Mapping[date, DayKind]) -> _DerivedHours:
    intervals = expand(schedule, first=first, days=HORIZON_DAYS, day_types=kinds) if schedule.is_registered else []
    known_days = covered_days(schedule, first=first, days=HORIZON_DAYS)
    return _DerivedHours(
        # After the last day that some period or exception covers, the answer is "unknown", never "closed".
        expanded_until=clock.local_midnight(first, days=known_days) if schedule.is_registered else None,
        intervals=open_intervals.written(intervals),
        open_times=open_intervals.written_open_times(intervals),
        tags=tuple(hour_tag(hour) for hour in _hours_of_day(intervals)),
        osm=format_osm(schedule.periods),
        zh=format_zh(schedule.periods),
    )


def _hours_of_day(intervals: Iterable[Interval]) -> set[int]:
    """The hours of the Wuhan day (0-23) during which some interval is open."""
    hours: set[int] = set()
    for interval in intervals:
        opens, closes = clock.to_local(interval.opens_at), clock.to_local(interval.closes_at)
        if closes - opens >= timedelta(days=1):
            return set(range(24))
        last = closes - timedelta(microseconds=1)
        hours.update((opens.hour + step) % 24 for step in range((last.hour - opens.hour) % 24 + 1))
    return hours


def _write(derived: Mapping[int, Derived], *, facts_changed: bool) -> None:
    with connection.cursor() as cursor:
        changed = "version = station.version + 1, updated_at = %(changed_at)s," if facts_changed else ""
        rows = [
            {"id": station_id} | dict(zip(DERIVED_COLUMNS, each.columns, strict=True))
            for station_id, each in derived.items()
        ]
        cursor.execute(
            f"UPDATE stations_station station SET {changed}"  # noqa: S608 - `changed` is one of two constants
            " expanded_until = new.expanded_until, expanded_on = new.expanded_on, intervals = new.intervals,"
            " open_times = new.open_times, tags = new.tags, listed_amenities = new.listed_amenities,"
            " search_text = new.search_text, hours_osm = new.hours_osm, hours_zh = new.hours_zh, grams = new.grams"
            # One document instead of thousands of values: quicker to write and to read.
            " FROM json_to_recordset(%(rows)s::json) new (id bigint, expanded_until timestamptz, expanded_on date,"
            " intervals text, open_times tstzmultirange, tags tsvector, listed_amenities text, search_text text, hours_osm text, hours_zh text, grams varchar[])"
            " WHERE station.id = new.id",
            {
                "changed_at": change_times.stamp() if facts_changed else None,
                "rows": orjson.dumps(rows).decode(),
            },
        )
