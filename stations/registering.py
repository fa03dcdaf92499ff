"""Registering a station and changing what is known of it: its facts, amenities, organisations and hours.

Every door that writes a station comes here, so that each change is checked, audited with before and after, and derived
into what look-ups ask, in one transaction. Status has verbs of its own (stations/publishing.py).
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from itertools import combinations, pairwise
from typing import Any, TypedDict

from django.db import transaction
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core import audit
from core.errors import InvalidValue
from core.models import User
from stations import access, confirming, publishing
from stations.codes import numbered
from stations.errors import HoursContradictory, StationBound, StationChangedMeanwhile
from stations.hours import DatedException, Period, Schedule
from stations.hours_text import format_zh
from stations.models import (
    Division,
    Duty,
    HoursException,
    HoursPeriod,
    HoursSpan,
    Station,
    StationAmenity,
    StationOrganisation,
    Zone,
)
from stations.models.stations import new_door_token
from stations.words import normalise

__all__ = [
    "ExceptionPlan",
    "Registration",
    "StationFacts",
    "add_exception",
    "allot_codes",
    "amend",
    "bind_to_district",
    "bound_elsewhere",
    "check_hours",
    "plan_exception",
    "register",
    "register_all",
    "renew_door_code",
    "withdraw_exception",
]


class StationFacts(TypedDict, total=False):
    """What staff say about a station; a fact that is left out stays as it is. Positions are WGS-84 degrees."""

    name: str
    aliases: list[str]
    tier: int | None
    division: Division
    zone: Zone | None
    address: str
    floor: str
    directions: str
    latitude: float | None
    longitude: float | None
    entered_crs: str
    area_m2: Decimal | None
    seats: int | None
    phone: str
    opened_on: date | None
    photo: str
    amenities_text: str
    hours_text: str
    is_made_up: bool
    amenities: Collection[str]  # codes
    organisations: Collection[tuple[str, str]]  # (role, name)


_SETS = ("amenities", "organisations")
_LINKS = ("division", "zone")


@transaction.atomic
def allot_codes(*, district_code: str, count: int) -> list[str]:
    """The next `count` free codes of a district, such as WH-QK-0001; a code is never given twice.

    Raises: InvalidValue where the division has no letters.   Locks: the district's row.
    """
    district = (
        Division.objects.select_for_update(no_key=True)
        .filter(pk=district_code[:6], level=Division.Level.DISTRICT)
        .first()
    )
    if district is None or not district.letters:
        raise InvalidValue("division", _("Choose a district, or a subdistrict in one."), value=district_code)
    # An import may bring codes that were printed on doors before this program counted them.
    taken = set(Station.objects.filter(code__startswith=f"WH-{district.letters}-").values_list("code", flat=True))
    codes: list[str] = []
    number = district.stations_numbered
    while len(codes) < count:
        number += 1
        if (code := numbered(district.letters, number)) not in taken:
            codes.append(code)
    district.stations_numbered = number
    district.save(update_fields=["stations_numbered"])
    return codes


@dataclass(frozen=True, slots=True)
class Registration:
    """All that is said about one station that is new. `source` says where it comes from."""

    facts: StationFacts
    periods: Sequence[Period] = ()
    exceptions: Sequence[DatedException] = ()
    source: str = ""


def register(
    *,
    facts: StationFacts,
    periods: Sequence[Period] = (),
    exceptions: Sequence[DatedException] = (),
    actor: User | str,
    at: datetime,
    source: str = "",
) -> Station:
    """Enter a new station as a draft, with the next code of its district.

    Raises: InvalidValue, HoursContradictory, ValidationError, and what `access.require` does.
    Locks: the district's row, then Station.
    """
    return register_all([Registration(facts, periods, exceptions, source)], actor=actor, at=at)[0]


@transaction.atomic
def register_all(registrations: Sequence[Registration], *, actor: User | str, at: datetime) -> list[Station]:
    """Enter new stations as drafts, in a number of statements that does not grow with the number of stations.

    Raises and locks as `register`; districts in ascending code.
    """
    wanted = {str(registration.facts["division"].code) for registration in registrations}
    access.require(actor, Duty.MANAGE, divisions=sorted(wanted))
    codes = _codes_for(registrations)
    stations = []
    for registration in registrations:
        check_hours(registration.periods, registration.exceptions)
        code = next(codes[registration.facts["division"].code[:6]])
        station = Station(code=code, created_at=at, updated_at=at)
        _set_plain(station, registration.facts)
        stations.append(station)
    Station.objects.bulk_create(stations)
    together = list(zip(stations, registrations, strict=True))
    StationAmenity.objects.bulk_create(
        StationAmenity(station=station, amenity_id=code)
        for station, registration in together
        for code in dict.fromkeys(registration.facts.get("amenities", ()))
    )
    StationOrganisation.objects.bulk_create(
        StationOrganisation(station=station, role=role, name=name)
        for station, registration in together
        for role, name in dict.fromkeys(registration.facts.get("organisations", ()))
    )
    _add_hours((station, registration.periods, registration.exceptions) for station, registration in together)
    audit.record_many(
        "station.registered",
        subjects=[
            (
                ("station", station.code),
                {"name": station.name, "division": str(station.division_id)}
                | ({"source": registration.source} if registration.source else {}),
            )
            for station, registration in together
        ],
        actor=actor,
        at=at,
    )
    publishing.refresh([station.pk for station in stations], now=at, facts_changed=False)
    return _reread(stations)


def _codes_for(registrations: Iterable[Registration]) -> dict[str, Iterator[str]]:
    wanted = Counter(registration.facts["division"].code[:6] for registration in registrations)
    return {
        district: iter(allot_codes(district_code=district, count=count)) for district, count in sorted(wanted.items())
    }


def _reread(stations: Iterable[Station]) -> list[Station]:
    """The stations as the database has them now, in the same order."""
    keys = [station.pk for station in stations]
    rows = Station.objects.in_bulk(keys)
    return [rows[key] for key in keys]


@transaction.atomic
def amend(
    *,
    station: Station,
    facts: StationFacts,
    periods: Sequence[Period] | None = None,
    exceptions: Sequence[DatedException] | None = None,
    version: int | None = None,
    duties: Collection[str] = (Duty.MANAGE,),
    actor: User | str,
    at: datetime,
) -> Station:
    """Change facts of a station, and its hours if given; what is the same already is not recorded.

    With `version` (the one that the editor saw) a change that somebody else made in the meantime is not overwritten.
    A name that couriers knew is kept among the other names; what was found at a former door counts no more.
    `duties` name who else may do it: a reviewer makes the change that somebody sent in, and no other.
    Raises: StationChangedMeanwhile, StationBound, HoursContradictory, ValidationError, and what `access.require` does, also
    when the station would leave the actor's scope.   Locks: Station.
    """
    station = Station.objects.select_for_update().get(pk=station.pk)
    access.require(actor, *duties, stations=[station])
    if "division" in facts and facts["division"].pk != station.division_id:
        access.require(actor, *duties, divisions=[facts["division"].pk])
    if version is not None and version != station.version:
        raise StationChangedMeanwhile(version=station.version)
    if "division" in facts and bound_elsewhere({station.pk: facts["division"].district_code}):
        raise StationBound
    facts = _with_former_name(station, facts)
    before, stood_at = _as_data(station), station.position
    schedule = publishing.schedules([station.pk])[station.pk]
    if periods is not None or exceptions is not None:
        periods = schedule.periods if periods is None else periods
        exceptions = schedule.exceptions if exceptions is None else exceptions
        check_hours(periods, exceptions)
        if _hours_as_data(periods, exceptions) != _hours_as_data(schedule.periods, schedule.exceptions):
            _set_hours(station, periods, exceptions)
    if _set_plain(station, facts):
        station.save()
    if "amenities" in facts:
        _set_amenities(station, facts["amenities"])
    if "organisations" in facts:
        _set_organisations(station, facts["organisations"])
    after = _as_data(station)
    changed = {name: {"before": before[name], "after": after[name]} for name in after if before[name] != after[name]}
    if changed:
        audit.record(
            "station.changed", subject=("station", station.code), actor=actor, at=at, data={"changed": changed}
        )
        if confirming.is_elsewhere(stood_at, station.position):
            confirming.leave_door([station.pk], actor=actor, at=at)
        publishing.refresh([station.pk], now=at)
        station.refresh_from_db()
    return station


def _with_former_name(station: Station, facts: StationFacts) -> StationFacts:
    """The facts with the name that is given up among the other names, since it is on doors, in lists and in memories."""
    name = facts.get("name", station.name)
    if station.status == Station.Status.DRAFT or normalise(name) == normalise(station.name):
        return facts
    names = dict.fromkeys([*facts.get("aliases", station.aliases), station.name])
    return facts | {"aliases": [each for each in names if normalise(each) != normalise(name)]}


@transaction.atomic
def renew_door_code(*, station: Station, actor: User | str, at: datetime) -> Station:
    """Give the door another code, because the old one was copied or hangs at a door that is no longer the station's: whoever
    scans the old one is sent away, and the code of the gift cabinet, which follows from it, is another one too.

    Raises: what `access.require` does.   Locks: Station.
    """
    station = Station.objects.select_for_update().get(pk=station.pk)
    access.require(actor, Duty.MANAGE, stations=[station])
    station.door_token = new_door_token()
    station.save(update_fields=["door_token"])
    audit.record("station.door-code-renewed", subject=("station", station.code), actor=actor, at=at)
    return station


# Those who know of something that is at a station and belongs to a district.
_bonds: list[Callable[[Collection[int]], Iterable[tuple[int, str]]]] = []


def bind_to_district(bonds: Callable[[Collection[int]], Iterable[tuple[int, str]]]) -> None:
    """Let `bonds(ids of stations)` name those that hold something of a district, with its code: they cannot move to another."""
    if bonds not in _bonds:
        _bonds.append(bonds)


def bound_elsewhere(districts: Mapping[int, str]) -> set[int]:
    """Of stations that would move to these districts, by id, those that hold something of another one."""
    return {
        station for bonds in _bonds for station, district in bonds(districts.keys()) if district != districts[station]
    }


def check_hours(periods: Iterable[Period], exceptions: Iterable[DatedException]) -> None:
    """Refuse hours that contradict themselves, in words that an office understands.   Raises: HoursContradictory."""
    periods = list(periods)
    if sum(period.valid_from is None and period.valid_through is None for period in periods) > 1:
        raise HoursContradictory(
            _("There are two periods without dates. Only the usual hours have none; give the other its dates.")
        )
    for period in periods:
        first, last = period.valid_from, period.valid_through
        if period.repeats_yearly and (first is None or last is None):
            raise HoursContradictory(_("A period that repeats every year needs its first and its last day."))
        if not period.repeats_yearly and first and last and last < first:
            raise HoursContradictory(_("The last day of a period lies before its first."))
        if not all(span.days for span in period.spans):
            raise HoursContradictory(_("Choose at least one day."))
    dated = sorted(
        (
            (period.valid_from or date.min, period.valid_through or date.max)
            for period in periods
            if not period.repeats_yearly and (period.valid_from or period.valid_through)
        ),
    )
    if any(later[0] <= earlier[1] for earlier, later in pairwise(dated)):
        raise HoursContradictory(_("Two periods of this station overlap. Shorten one of them."))
    if any(
        _share_days(one, other)
        for one, other in combinations(periods, 2)
        if one.repeats_yearly and other.repeats_yearly
    ):
        raise HoursContradictory(_("Two seasons that repeat every year overlap. Shorten one of them."))
    exceptions = list(exceptions)
    for one, other in combinations(exceptions, 2):
        if (
            (one.opens is None) != (other.opens is None)
            and one.starts_on <= other.ends_on
            and other.starts_on <= one.ends_on
        ):
            raise HoursContradictory(
                _("{date} is closed in one exception and open in another. Take one of them away.").format(
                    date=max(one.starts_on, other.starts_on)
                )
            )
    for exception in exceptions:
        if exception.ends_on < exception.starts_on:
            raise HoursContradictory(_("The last day of an exception lies before its first."))
        if (exception.opens is None) != (exception.closes is None):
            raise HoursContradictory(_("Give both times, or neither for a closed day."))


def _contradict(one: DatedException, other: DatedException) -> bool:
    """Whether the two cannot both be true on a day: closed and open, or open in spans that overlap."""
    if one.ends_on < other.starts_on or other.ends_on < one.starts_on:
        return False
    spans = [_minutes(exception) for exception in (one, other)]
    if None in spans:
        return spans[0] != spans[1]
    (opens, closes), (other_opens, other_closes) = (span for span in spans if span)
    return opens < other_closes and other_opens < closes


def _minutes(exception: DatedException) -> tuple[int, int] | None:
    """The span in minutes since midnight, over which it may run; None for a closed day."""
    if exception.opens is None or exception.closes is None:
        return None
    opens, closes = (at.hour * 60 + at.minute for at in (exception.opens, exception.closes))
    return opens, closes if closes > opens else closes + 24 * 60


# ── The same days at many stations ──────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ExceptionPlan:
    """What giving an exception to many stations comes to."""

    adding: list[Station]
    having: list[Station]  # have just this one already
    refusing: list[Station]  # say something else about one of the days


def plan_exception(stations: Iterable[Station], exception: DatedException) -> ExceptionPlan:
    """Sort the stations by what `add_exception` would do to them; nothing is changed.   Raises: HoursContradictory."""
    check_hours([], [exception])
    plan = ExceptionPlan([], [], [])
    stations = list(stations)
    hours = publishing.schedules([station.pk for station in stations])
    for station in stations:
        had = hours[station.pk].exceptions
        if exception in had:
            plan.having.append(station)
        elif any(_contradict(exception, other) for other in had):
            plan.refusing.append(station)
        else:
            plan.adding.append(station)
    return plan


@transaction.atomic
def add_exception(
    *, station_ids: Iterable[int], exception: DatedException, actor: User | str, at: datetime
) -> list[Station]:
    """Give many stations the same hours on certain days, all or none; answer those that had not got them yet.

    Raises: HoursContradictory, which names the stations that say something else, and what `access.require` does.
    Locks: Station, in ascending id.
    """
    plan = plan_exception(_locked(station_ids, actor), exception)
    if plan.refusing:
        raise HoursContradictory(
            _("These say something else about one of the days: {stations}. Change it on their pages first.").format(
                stations=gettext(", ").join(station.name for station in plan.refusing[:10])
            ),
            stations=[station.code for station in plan.refusing],
        )
    before = publishing.schedules([station.pk for station in plan.adding])
    _add_hours((station, (), (exception,)) for station in plan.adding)
    _exceptions_changed(plan.adding, before, actor=actor, at=at)
    return plan.adding


@transaction.atomic
def withdraw_exception(
    *, station_ids: Iterable[int], exception: DatedException, actor: User | str, at: datetime
) -> list[Station]:
    """Take just this exception from many stations; answer those that still had it. All their other hours stay.

    Raises and locks as `add_exception`.
    """
    stations = _locked(station_ids, actor)
    before = publishing.schedules([station.pk for station in stations])
    having = [station for station in stations if exception in before[station.pk].exceptions]
    HoursException.objects.filter(station__in=having, **asdict(exception)).delete()
    _exceptions_changed(having, before, actor=actor, at=at)
    return having


def _locked(station_ids: Iterable[int], actor: User | str) -> list[Station]:
    """The stations, locked, all within the scope in which `actor` manages."""
    rows = Station.objects.select_for_update().filter(pk__in=station_ids).order_by("pk")
    stations = list(rows.defer("grams", "tags", "search_text"))
    access.require(actor, Duty.MANAGE, stations=stations)
    return stations


def _exceptions_changed(
    stations: Sequence[Station], before: Mapping[int, Schedule], *, actor: User | str, at: datetime
) -> None:
    """Write the trail of these stations and derive their open hours anew."""
    ids = [station.pk for station in stations]
    after = publishing.schedules(ids)

    def lines(schedule: Schedule) -> list[str]:
        return sorted(map(_exception_line, schedule.exceptions))

    audit.record_many(
        "station.changed",
        subjects=[
            (
                ("station", station.code),
                {"changed": {"exceptions": {"before": lines(before[station.pk]), "after": lines(after[station.pk])}}},
            )
            for station in stations
        ],
        actor=actor,
        at=at,
    )
    publishing.refresh(ids, now=at)


def _share_days(one: Period, other: Period) -> bool:
    """Whether two seasons that repeat every year have a day of the year in common. Either may go over New Year."""

    def days(period: Period) -> list[tuple[tuple[int, int], tuple[int, int]]]:
        first, last = period.valid_from, period.valid_through
        if first is None or last is None:
            return []
        start, end = (first.month, first.day), (last.month, last.day)
        return [(start, end)] if start <= end else [(start, (12, 31)), ((1, 1), end)]

    return any(a[0] <= b[1] and b[0] <= a[1] for a in days(one) for b in days(other))


# ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _set_plain(station: Station, facts: StationFacts) -> bool:
    """Set the columns of the station itself; whether any is another now.   Raises: ValidationError."""
    changed = False
    for name, value in facts.items():
        # By key: a station that is new has no division to compare with.
        column, wanted = (f"{name}_id", value and value.pk) if name in _LINKS else (name, value)  # type: ignore[attr-defined]
        if name not in _SETS and getattr(station, column) != wanted:
            setattr(station, name, value)
            changed = True
    if changed:
        station.clean_fields(exclude=_LINKS)
    return changed


def _set_amenities(station: Station, codes: Collection[str]) -> None:
    had = set(StationAmenity.objects.filter(station=station).values_list("amenity_id", flat=True))
    StationAmenity.objects.filter(station=station, amenity__in=had - set(codes)).delete()
    StationAmenity.objects.bulk_create(
        StationAmenity(station=station, amenity_id=code) for code in sorted(set(codes) - had)
    )


def _set_organisations(station: Station, wanted: Collection[tuple[str, str]]) -> None:
    had = {(row.role, row.name): row.pk for row in StationOrganisation.objects.filter(station=station)}
    gone = [pk for key, pk in had.items() if key not in set(wanted)]
    StationOrganisation.objects.filter(pk__in=gone).delete()
    StationOrganisation.objects.bulk_create(
        StationOrganisation(station=station, role=role, name=name)
        for role, name in dict.fromkeys(wanted)
        if (role, name) not in had
    )


def _set_hours(station: Station, periods: Sequence[Period], exceptions: Sequence[DatedException]) -> None:
    HoursPeriod.objects.filter(station=station).delete()
    HoursException.objects.filter(station=station).delete()
    _add_hours([(station, periods, exceptions)])


def _add_hours(hours: Iterable[tuple[Station, Sequence[Period], Sequence[DatedException]]]) -> None:
    hours = list(hours)
    periods = [(station, period) for station, periods, _exceptions in hours for period in periods]
    rows = HoursPeriod.objects.bulk_create(
        HoursPeriod(
            station=station,
            name=period.name,
            valid_from=period.valid_from,
            valid_through=period.valid_through,
            repeats_yearly=period.repeats_yearly,
            on_holidays=str(period.on_holidays),
        )
        for station, period in periods
    )
    HoursSpan.objects.bulk_create(
        HoursSpan(period=row, days=sorted(span.days), opens=span.opens, closes=span.closes, entry_mode=span.entry_mode)
        for row, (_station, period) in zip(rows, periods, strict=True)
        for span in period.spans
    )
    HoursException.objects.bulk_create(
        HoursException(station=station, **asdict(exception))
        for station, _periods, exceptions in hours
        for exception in exceptions
    )


# ── What the trail keeps ────────────────────────────────────────────────────────────────────────────────────────────

_PLAIN = tuple(name for name in StationFacts.__annotations__ if name not in _SETS)


def _as_data(station: Station) -> dict[str, Any]:
    """All facts of the station as JSON knows them."""
    data: dict[str, Any] = {}
    for name in _PLAIN:
        value = getattr(station, f"{name}_id" if name in _LINKS else name)
        data[name] = value if isinstance(value, str | int | float | list | None) else str(value)
    data["aliases"] = list(station.aliases)
    data["amenities"] = sorted(StationAmenity.objects.filter(station=station).values_list("amenity_id", flat=True))
    data["organisations"] = sorted(
        f"{role}: {name}"
        for role, name in StationOrganisation.objects.filter(station=station).values_list("role", "name")
    )
    schedule = publishing.schedules([station.pk])[station.pk]
    return data | _hours_as_data(schedule.periods, schedule.exceptions)


def _hours_as_data(periods: Iterable[Period], exceptions: Iterable[DatedException]) -> dict[str, list[str]]:
    """Hours as sorted lines, so that the same hours in another order are the same."""
    return {"hours": sorted(map(_period_line, periods)), "exceptions": sorted(map(_exception_line, exceptions))}


def _period_line(period: Period) -> str:
    """The period in the words of an office: what reads the same is open at the same times."""
    undated = replace(period, name="", valid_from=None, valid_through=None, repeats_yearly=False)
    dates = ""
    if period.valid_from or period.valid_through:
        dates = f"[{period.valid_from or ''}…{period.valid_through or ''}{' 每年' if period.repeats_yearly else ''}]"
    return " ".join(filter(None, (period.name, dates, format_zh([undated]) or "休息")))


def _exception_line(exception: DatedException) -> str:
    times = (
        f"{exception.opens:%H:%M}-{exception.closes:%H:%M} {exception.entry_mode}"
        if exception.opens and exception.closes
        else "休息"
    )
    return f"{exception.starts_on}…{exception.ends_on} {times} {exception.reason}".strip()
