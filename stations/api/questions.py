"""What a caller asks of `/stations/`, read from the query string into a `Lookup`."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext as _

from core import clock
from core.api.cursors import CursorInvalid, read_cursor, write_cursor
from core.api.parameters import ParameterMissing, Parameters, ParametersContradictory, UnknownCode, nearest
from core.errors import InvalidValue, sentences
from stations import finding, publishing
from stations.api.answers import FIELDS
from stations.api.contract import FORMATS, MAX_LATITUDE, MAX_RADIUS_M, STATION_LIST
from stations.finding import Changes, Found, Lookup
from stations.geo import Bbox, Crs, Point, to_wgs84
from stations.words import query_words

__all__ = ["Question", "read_crs", "read_question", "refuse_unknown_division"]

# A near look-up walks past the stations of all previous pages, so its pages end here; a box or a district does not.
DEPTH = 1_000
CRS = tuple(crs.value for crs in Crs)
# Conditions on a place, a moment or a text cannot tell what a copy must drop.
_NOT_WITH_UPDATED_SINCE = ("near", "near_crs", "radius_m", "bbox", "open", "q")
# A clock may be so much ahead of ours.
CLOCK_AHEAD = timedelta(minutes=5)
_SINGLE, _MANY = STATION_LIST.single, STATION_LIST.many
_DISTRICT = re.compile(r"\d{6}", re.ASCII)
# Where the codes that a parameter takes are listed.
_LISTED_AT = {
    "amenity": "amenity-list", "district": "district-list", "division": "division-list", "inside": "division-list",
    "zone": "zone-list",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """A read query string: what to look up, and how to answer."""

    lookup: Lookup
    crs: Crs
    fields: tuple[str, ...]
    # The parameter by which the division was named.
    place: str
    # What a cursor is bound to, and how many stations the previous pages held.
    canonical: str
    seen: int
    # What changed since then, instead of what there is; and the `settled_until` of its first page.
    updated_since: datetime | None = None
    settled_until: datetime | None = None

    def refuse_unknown_codes(self) -> None:
        """Raises: UnknownCode. Need not be called if something was found, since an unknown code finds nothing."""
        parameter_of = {"amenities": "amenity", "division": self.place, "zone": "zone"}
        for field, code, known in finding.unknown_codes(self.lookup):
            _refuse_code(parameter_of[field], code, known)

    def next_cursor(self, found: Found) -> tuple[str | None, bool]:
        """The cursor of the next page, None on the last; and whether the answer is cut off at `DEPTH`."""
        if found.after is None:
            return None, False
        seen = self.seen + len(found.seen)
        if self.lookup.near is not None and seen >= DEPTH:
            return None, True
        return write_cursor([*found.after, seen], question=self.canonical), False

    def next_change_cursor(self, found: Changes) -> str | None:
        if found.after is None:
            return None
        return write_cursor([*found.after, found.settled_until.isoformat()], question=self.canonical)


def _refuse_code(parameter: str, code: str, known: Collection[str]) -> NoReturn:
    if parameter == "district":
        known = [each for each in known if _DISTRICT.fullmatch(each)]
    meant = nearest(code, known)
    there_are = _("Did you mean {meant}?").format(meant=meant) if meant else ""
    way_out = _("The codes are listed at {address}.").format(address=reverse(f"stations-api:{_LISTED_AT[parameter]}"))
    refusal = UnknownCode(parameter, sentences(there_are, way_out), value=code)
    if meant:
        refusal.data["did_you_mean"] = meant
    raise refusal


def refuse_unknown_division(parameter: str, code: str) -> None:
    """Raises: UnknownCode, unless there is such a division; for `district`, unless it is a district."""
    for _field, unknown, known in finding.unknown_codes(Lookup(division=code)):
        _refuse_code(parameter, unknown, known)
    if parameter == "district" and not _DISTRICT.fullmatch(code):
        _refuse_code(parameter, code, ())


def read_crs(asked: Parameters, *, is_geojson: bool) -> Crs:
    """The datum of the answer.   Raises: InvalidValue."""
    crs = Crs(asked.choice("crs", CRS, default="wgs84"))
    if is_geojson and crs is not Crs.WGS84:
        raise InvalidValue(
            "crs", _("GeoJSON is WGS-84 alone. Leave crs out, or ask for application/json."), value=str(crs)
        )
    return crs


def read_question(query: QueryDict, *, now: datetime, is_geojson: bool = False) -> Question:
    """Raises: InvalidValue and its kinds, each naming the parameter."""
    asked = Parameters(query, single=_SINGLE, many=_MANY)
    asked.choice("format", FORMATS, default="json")
    since = _updated_since(asked, now)
    near = _near(asked)
    radius_m = asked.whole("radius_m", least=1, most=MAX_RADIUS_M)
    if radius_m is not None and near is None:
        raise ParameterMissing("near", _("radius_m needs near=latitude,longitude."))
    canonical = asked.canonical(without=("cursor", "limit", "fields", "crs", "format"))
    seen, settled_until = 0, None
    if since is None:
        after, seen = _after(asked, canonical, near)
    else:
        after, settled_until = _after_change(asked, canonical)
    lookup = Lookup(
        near=near,
        radius_m=radius_m,
        bbox=_bbox(asked),
        division=_division(asked),
        zone=asked.text("zone", max_length=32),
        tiers=_tiers(asked),
        amenities=tuple(dict.fromkeys(map(str.lower, asked.words("amenity")))),
        open_at=_open_at(asked, now),
        words=_words(asked),
        limit=asked.whole("limit", least=1, most=finding.MAX_LIMIT) or 20,
        after=after,
    )
    return Question(
        lookup=lookup,
        crs=read_crs(asked, is_geojson=is_geojson),
        fields=_fields(asked),
        place="division" if asked.is_given("division") else "district",
        canonical=canonical,
        seen=seen,
        updated_since=since,
        settled_until=settled_until,
    )


def _updated_since(asked: Parameters, now: datetime) -> datetime | None:
    since = asked.instant("updated_since", now=now)
    if since is None:
        return None
    for other in _NOT_WITH_UPDATED_SINCE:
        if asked.is_given(other):
            raise ParametersContradictory(
                other,
                _("updated_since cannot be combined with {parameter}: leave one of the two out.").format(
                    parameter=other
                ),
            )
    if since > now + CLOCK_AHEAD:
        raise InvalidValue(
            "updated_since",
            _("This moment lies ahead. Give the `at` of the answer before."),
            value=asked.text("updated_since"),
        )
    return since


def _near(asked: Parameters) -> Point | None:
    pair = asked.numbers("near", count=2, example="30.5801,114.3402")
    crs = Crs(asked.choice("near_crs", CRS, default="wgs84"))
    if pair is None:
        return None
    return to_wgs84(_point("near", pair), crs)


def _point(parameter: str, pair: tuple[float, ...]) -> Point:
    latitude, longitude = pair
    if MAX_LATITUDE < abs(latitude) <= 180.0 and abs(longitude) <= MAX_LATITUDE:
        raise InvalidValue(
            parameter,
            _("Latitude comes first. Did you mean {meant}?").format(meant=f"{longitude:g},{latitude:g}"),
            value=f"{latitude:g},{longitude:g}",
        )
    if abs(latitude) > MAX_LATITUDE or abs(longitude) > 180.0:
        raise InvalidValue(
            parameter,
            _(
                "Latitude comes first and lies between -85 and 85, longitude between -180 and 180, such as 30.5801,114.3402."
            ),
            value=f"{latitude:g},{longitude:g}",
        )
    return Point(latitude, longitude)


def _bbox(asked: Parameters) -> Bbox | None:
    edges = asked.numbers("bbox", count=4, example="114.29,30.55,114.36,30.60")
    if edges is None:
        return None
    west, south, east, north = edges
    for latitude, longitude in ((south, west), (north, east)):
        if abs(latitude) > MAX_LATITUDE or abs(longitude) > 180.0:
            raise InvalidValue(
                "bbox",
                _("The order is west,south,east,north in degrees, such as 114.29,30.55,114.36,30.60."),
                value=",".join(f"{edge:g}" for edge in edges),
            )
    if west >= east or south >= north:
        raise InvalidValue(
            "bbox",
            _("West must be less than east, and south less than north: the order is west,south,east,north."),
            value=",".join(f"{edge:g}" for edge in edges),
        )
    return Bbox(south=south, west=west, north=north, east=east)


def _division(asked: Parameters) -> str:
    district, division = asked.text("district", max_length=12), asked.text("division", max_length=12)
    if district and not _DISTRICT.fullmatch(district):
        raise InvalidValue(
            "district",
            _("Give the six digits of a district, such as 420106; for other levels there is division."),
            value=district,
        )
    if district and division and not division.startswith(district):
        raise InvalidValue(
            "division", _("It does not lie in district {district}. Give one of the two.").format(district=district),
            value=division,
        )  # fmt: skip
    return division or district


def _tiers(asked: Parameters) -> tuple[int, ...]:
    tiers = asked.words("tier")
    for tier in tiers:
        if tier not in ("1", "2", "3"):
            raise InvalidValue("tier", _("Give 1, 2 or 3, several with commas between."), value=tier)
    return tuple(sorted(map(int, tiers)))


def _open_at(asked: Parameters, now: datetime) -> datetime | None:
    if asked.text("open").lower() == "now":
        return now
    at = asked.instant("open", now=now, or_now=True)
    if at is None:
        return None
    earliest, horizon = clock.local_midnight(clock.local_date(now)), publishing.horizon(now)
    if not earliest <= at < horizon:
        raise InvalidValue(
            "open",
            _("Opening hours are known from {earliest} until before {horizon}. Give a moment between, or now.").format(
                earliest=clock.to_local(earliest).isoformat(), horizon=clock.to_local(horizon).isoformat()
            ),
            value=asked.text("open"),
        )
    return at


def _words(asked: Parameters) -> str:
    words = asked.text("q")
    if words and not query_words(words):
        raise InvalidValue("q", _("Give letters, digits or Chinese characters."), value=words)
    return words


def _fields(asked: Parameters) -> tuple[str, ...]:
    text = asked.text("fields", max_length=400)
    if not text:
        return ()
    wanted = tuple(dict.fromkeys(part.strip() for part in text.split(",")))
    for name in wanted:
        if name not in FIELDS:
            meant = nearest(name, FIELDS)
            raise InvalidValue(
                "fields",
                (_("Did you mean {meant}?").format(meant=meant) + " " if meant else "")
                + _("Known: {known}.").format(known=", ".join(FIELDS)),
                value=name,
            )
    return wanted


def _after(asked: Parameters, canonical: str, near: Point | None) -> tuple[finding.After | None, int]:
    cursor = asked.text("cursor", max_length=300)
    if not cursor:
        return None, 0
    place: list[Any] = read_cursor(cursor, question=canonical)
    match place:
        case [float() | str() as measure, int() as station_id, int() as seen] if isinstance(measure, float) == (
            near is not None
        ):
            return (measure, station_id), seen
    raise CursorInvalid("cursor", _("Begin again without a cursor."), value=cursor)


def _after_change(asked: Parameters, canonical: str) -> tuple[finding.After | None, datetime | None]:
    cursor = asked.text("cursor", max_length=300)
    if not cursor:
        return None, None
    place: list[Any] = read_cursor(cursor, question=canonical)
    match place:
        case [str() as updated_at, int() as station_id, str() as settled_until]:
            return (updated_at, station_id), datetime.fromisoformat(settled_until)
    raise CursorInvalid("cursor", _("Begin again without a cursor."), value=cursor)
