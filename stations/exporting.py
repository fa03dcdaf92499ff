"""Lists of stations going out: workbook and CSV in the columns that import takes, and GeoJSON for maps.

Everything is streamed in pieces of bytes; a view hands them on as they come.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from core.errors import InvalidValue
from stations.columns import COLUMNS, SheetRows, Value, csv_chunks, xlsx_chunks
from stations.geo import Crs, Point, from_wgs84
from stations.hours import Period
from stations.hours_text import format_osm, format_zh, parse_hours
from stations.models import Amenity, Division, Station
from stations.querysets import StationQuerySet

__all__ = ["FORMATS", "export"]

_ROWS_AT_ONCE = 500
_TIER_WORDS = {1: "一类", 2: "二类", 3: "三类"}


def export(stations: StationQuerySet, form: str, *, crs: Crs = Crs.WGS84) -> Iterator[bytes]:
    """The stations as "xlsx", "csv" or "geojson", positions in `crs`.

    Raises: InvalidValue for another format, and for GeoJSON in another datum than WGS-84 (RFC 7946 section 4).
    """
    writer = FORMATS.get(form)
    if writer is None:
        raise InvalidValue("format", _("Choose xlsx, csv or geojson."), value=form)
    if form == "geojson" and crs is not Crs.WGS84:
        raise InvalidValue("crs", _("GeoJSON is always WGS-84. Leave crs out, or choose xlsx or csv."), value=crs)
    return writer(stations, crs)


def _xlsx(stations: StationQuerySet, crs: Crs) -> Iterator[bytes]:
    widths = [column.width for column in COLUMNS]
    return xlsx_chunks([SheetRows(_("Stations"), _rows(stations, crs), widths=widths)])


def _csv(stations: StationQuerySet, crs: Crs) -> Iterator[bytes]:
    return csv_chunks(_rows(stations, crs))


def _loaded(stations: StationQuerySet) -> Iterator[Station]:
    """The stations with all their parts, by code, some hundreds in memory at a time.

    Read by ranges of the code: a server-side cursor does not survive a transaction-mode pooler.
    """
    page = (
        stations.order_by("code")
        .select_related("division__parent__parent__parent", "zone")
        .prefetch_related("station_amenities__amenity", "organisations", "hours_periods__spans")
        .defer("grams", "tags", "search_text")
    )
    last = ""
    while rows := list(page.filter(code__gt=last)[:_ROWS_AT_ONCE]):
        yield from rows
        last = rows[-1].code


def _rows(stations: StationQuerySet, crs: Crs) -> Iterator[Sequence[Value]]:
    is_english = get_language() == "en"
    yield [column.heading_en if is_english else column.heading for column in COLUMNS]
    for station in _loaded(stations):
        values = _values(station, crs)
        yield [values.get(column.key) for column in COLUMNS]


def _values(station: Station, crs: Crs) -> dict[str, Value]:
    """The cells of one station by column."""
    places = _places(station.division)
    periods = [each.as_period for each in station.hours_periods.all()]
    position = _position(station, crs)
    amenities = sorted((each.amenity for each in station.station_amenities.all()), key=lambda a: (a.position, a.code))
    organisations = {
        role: "、".join(sorted(each.name for each in station.organisations.all() if each.role == role))
        for role in ("premises", "supplies", "management")
    }
    return {
        "code": station.code,
        "name": station.name,
        "aliases": "、".join(station.aliases),
        "tier": _TIER_WORDS.get(station.tier or 0, ""),
        "status": str(Station.Status(station.status).label),
        "status_reason": station.status_reason,
        **{level: division.name for level, division in places.items()},
        "zone": station.zone.name if station.zone is not None else "",
        "address": station.address,
        "floor": station.floor,
        "directions": station.directions,
        "latitude": round(position.latitude, 7) if position else None,
        "longitude": round(position.longitude, 7) if position else None,
        "crs": str(crs) if position else "",
        "area_m2": station.area_m2,
        "seats": station.seats,
        "hours": _hours(periods) or station.hours_text,
        "amenities": "、".join(each.name for each in amenities if each.kind == Amenity.Kind.EQUIPMENT),
        "services": "、".join(each.name for each in amenities if each.kind == Amenity.Kind.SERVICE),
        "amenities_text": station.amenities_text,
        "phone": station.phone,
        **organisations,
        "opened_on": station.opened_on,
    }


def _places(division: Division | None) -> dict[str, Division]:
    """The divisions from `division` up to its district, by level."""
    places: dict[str, Division] = {}
    while division is not None and division.level != Division.Level.CITY:
        places[division.level] = division
        division = division.parent
    return places


def _position(station: Station, crs: Crs) -> Point | None:
    if station.latitude is None or station.longitude is None:
        return None
    return from_wgs84(Point(station.latitude, station.longitude), crs)


def _hours(periods: Sequence[Period]) -> str:
    """The hours as an office writes them, or as OpenStreetMap does if only that can be read back unchanged."""
    said, exact = format_zh(periods), format_osm(periods)
    parsed = parse_hours(said)
    return said if parsed.is_read and format_osm(parsed.periods) == exact else exact


# ── GeoJSON ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _geojson(stations: StationQuerySet, _crs: Crs) -> Iterator[bytes]:
    yield b'{"type":"FeatureCollection","features":['
    separator = b"\n"
    for station in _loaded(stations):
        yield separator + orjson.dumps(_feature(station))
        separator = b",\n"
    yield b"\n]}\n"


def _feature(station: Station) -> dict[str, Any]:
    position = _position(station, Crs.WGS84)
    places = _places(station.division)
    properties: dict[str, Any] = {
        "code": station.code,
        "name": station.name,
        "aliases": station.aliases,
        "tier": station.tier,
        "status": station.status,
        "division": station.division_id,
        **{level: division.name for level, division in places.items()},
        "zone": station.zone_id,
        "address": station.address,
        "floor": station.floor,
        "directions": station.directions,
        "area_m2": float(station.area_m2) if station.area_m2 is not None else None,
        "seats": station.seats,
        "phone": station.phone,
        "opening_hours": format_osm([each.as_period for each in station.hours_periods.all()]) or None,
        "hours_text": station.hours_text,
        "amenities": sorted(each.amenity_id for each in station.station_amenities.all()),
        "confirmed_at": station.confirmed_at,
    }
    return {
        "type": "Feature",
        "id": station.code,
        "geometry": {"type": "Point", "coordinates": [round(position.longitude, 7), round(position.latitude, 7)]}
        if position
        else None,
        "properties": properties,
    }


FORMATS: dict[str, Callable[[StationQuerySet, Crs], Iterator[bytes]]] = {
    "xlsx": _xlsx,
    "csv": _csv,
    "geojson": _geojson,
}
