"""The stations of a batch as they are stored, as far as rows are compared with them: plain values, in a few queries."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import F

from stations.hours import OnHolidays, Period, Span
from stations.models import HoursPeriod, HoursSpan, Station, StationAmenity, StationOrganisation

__all__ = ["StoredStation", "load_periods", "load_stored"]

# The columns that a row may change, including the hours in words.
_COLUMNS = (
    "id", "code", "name", "aliases", "tier", "status", "status_reason", "division_id", "zone_id", "address", "floor",
    "directions", "latitude", "longitude", "entered_crs", "area_m2", "seats", "phone", "opened_on", "amenities_text", "hours_text",
    "hours_osm",
)  # fmt: skip


@dataclass(slots=True)
class StoredStation:
    """One station: its columns by name, its amenities, and its organisations as (id, role, name)."""

    facts: dict[str, Any]
    amenities: set[str] = field(default_factory=set)
    organisations: list[tuple[int, str, str]] = field(default_factory=list)

    @property
    def id(self) -> int:
        return int(self.facts["id"])

    @property
    def code(self) -> str:
        return str(self.facts["code"])


def load_stored(ids: Sequence[int], *, lock: bool) -> dict[int, StoredStation]:
    """The stations by id.   Locks: with `lock`, Station in ascending id."""
    if not ids:
        return {}
    rows = Station.objects.filter(pk__in=ids).order_by("pk")
    if lock:
        rows = rows.select_for_update(of=("self",))
    found = {row[0]: StoredStation(dict(zip(_COLUMNS, row, strict=True))) for row in rows.values_list(*_COLUMNS)}
    for station_id, amenity in StationAmenity.objects.filter(station__in=ids).values_list("station_id", "amenity_id"):
        found[station_id].amenities.add(amenity)
    organisations = StationOrganisation.objects.filter(station__in=ids).order_by("id")
    for station_id, pk, role, name in organisations.values_list("station_id", "id", "role", "name"):
        found[station_id].organisations.append((pk, role, name))
    return found


def load_periods(ids: Iterable[int]) -> dict[int, dict[int, Period]]:
    """The periods of hours of these stations, by station and by the period's own id."""
    periods: defaultdict[int, dict[int, Period]] = defaultdict(dict)
    ids = list(ids)
    if not ids:
        return periods
    spans: defaultdict[int, list[Span]] = defaultdict(list)
    rows = HoursSpan.objects.filter(period__station__in=ids).order_by("opens", "id")
    for period_id, days, opens, closes, entry_mode in rows.values_list(
        "period_id", "days", "opens", "closes", "entry_mode"
    ):
        spans[period_id].append(Span(days=frozenset(days), opens=opens, closes=closes, entry_mode=entry_mode))
    for period in HoursPeriod.objects.filter(station__in=ids).order_by(F("valid_from").asc(nulls_first=True), "id"):
        periods[period.station_id][period.pk] = Period(
            spans=tuple(spans[period.pk]),
            valid_from=period.valid_from,
            valid_through=period.valid_through,
            repeats_yearly=period.repeats_yearly,
            on_holidays=OnHolidays(period.on_holidays),
            name=period.name,
        )
    return periods
