"""The parameters of a look-up in a URL, read strictly: a mistake is named, with its value and the way out."""

import math
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.core import signing
from django.http import QueryDict
from django.utils.translation import gettext as _

from core import clock
from core.errors import InvalidValue
from stations.finding import After, Lookup
from stations.geo import Bbox, Point
from stations.publishing import horizon

__all__ = ["FOREIGN", "PAGE_SIZE", "PLACE", "Asked", "read"]

PAGE_SIZE = 20
# Whoever has read so many cards on a phone needs a filter; going further is for the API's export.
MAX_PAGES = 25
MAX_WORDS_LENGTH = 60
_NUMBER = re.compile(r"[+-]?\d{1,9}(\.\d{1,20})?", re.ASCII)
KNOWN = frozenset(
    {
        "near",
        "lat",
        "lng",
        "bbox",
        "accuracy_m",
        "division",
        "subdistrict",
        "zone",
        "tier",
        "amenity",
        "open",
        "q",
        "cursor",
    }
)
# The parameters that say where somebody is, for pages that need no other parameter of a look-up.
PLACE = frozenset({"near", "lat", "lng", "accuracy_m", "division"})
# WeChat and others append these to a shared link; refusing them would break every share.
FOREIGN = frozenset(
    {"from", "isappinstalled", "scene", "subscene", "clicktime", "enterid", "sessionid", "wxfrom", "nsukey", "ascene"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The conditions of one URL. `open` keeps how the time was given ("now" or a local time), for the links."""

    near: Point | None = None
    accuracy_m: float | None = None
    bbox: Bbox | None = None
    division: str = ""
    zone: str = ""
    tiers: tuple[int, ...] = ()
    amenities: tuple[str, ...] = ()
    open: str = ""
    open_at: datetime | None = None
    words: str = ""
    after: After | None = None
    page: int = 1
    wants_position: bool = False

    def lookup(self, *, near: Point | None = None, limit: int = PAGE_SIZE) -> Lookup:
        """The look-up to make; `near` is used if the URL gives no position."""
        return Lookup(
            near=self.near or near,
            bbox=self.bbox,
            division=self.division,
            zone=self.zone,
            tiers=self.tiers,
            amenities=self.amenities,
            open_at=self.open_at,
            words=self.words,
            order="open-first",
            limit=limit,
            after=self.after,
        )

    def pairs(self) -> Iterator[tuple[str, str]]:
        """The conditions as they are written in a URL, without the page."""
        if self.near is not None:
            yield "lat", f"{self.near.latitude:.5f}"
            yield "lng", f"{self.near.longitude:.5f}"
            if self.accuracy_m is not None:
                yield "accuracy_m", f"{self.accuracy_m:.0f}"
        if self.bbox is not None:
            box = self.bbox
            yield "bbox", f"{box.west:.5f},{box.south:.5f},{box.east:.5f},{box.north:.5f}"
        if self.division:
            yield "division", self.division
        if self.zone:
            yield "zone", self.zone
        for tier in self.tiers:
            yield "tier", str(tier)
        for code in self.amenities:
            yield "amenity", code
        if self.open:
            yield "open", self.open
        if self.words:
            yield "q", self.words

    def query(self, **changes: Any) -> str:
        """The query of a URL with these conditions, some of them changed; empty, or beginning with "?"."""
        asked = replace(self, **changes) if changes else self
        return f"?{text}" if (text := urlencode(list(asked.pairs()))) else ""

    def toggled(self, amenity: str) -> tuple[str, ...]:
        """The amenities with `amenity` added, or removed if it was among them."""
        if amenity in self.amenities:
            return tuple(code for code in self.amenities if code != amenity)
        return (*self.amenities, amenity)

    @property
    def is_filtered(self) -> bool:
        return bool(self.division or self.zone or self.tiers or self.amenities or self.open or self.words or self.bbox)

    def cursor_after(self, after: After, *, near: Point | None) -> str:
        """The cursor of the next page. It is signed together with the conditions, so it is valid for no other look-up."""
        return signing.dumps([*after, self.page + 1], salt=self.salt(near))

    def salt(self, near: Point | None) -> str:
        """What distinguishes this look-up's cursors from those of others."""
        return "stations.finder" + replace(self, near=self.near or near).query()


def read(
    data: QueryDict,
    *,
    now: datetime,
    amenities: Collection[str],
    divisions: Collection[str],
    zones: Collection[str] = (),
    known: Collection[str] = KNOWN,
    extra: Collection[str] = (),
) -> Asked:
    """The conditions in `data` that the page knows. Codes must be among those given.   Raises: InvalidValue."""
    for name in data:
        if name not in known and name not in extra and name not in FOREIGN and not name.startswith("utm_"):
            raise InvalidValue(
                name[:40], _("There is no such condition. Remove it, or choose from the filters."), value=data[name]
            )
    asked = Asked(
        near=_near(data),
        accuracy_m=_number(data, "accuracy_m", least=0, most=50_000_000),
        bbox=_bbox(data),
        division=_division(data, divisions),
        zone=_one_of(data, "zone", zones, _("Choose a zone from the filters.")),
        tiers=_tiers(data),
        amenities=_amenities(data, amenities),
        words=_words(data),
        wants_position=_one_of(data, "near", ("me",), _("Only near=me is known.")) == "me",
    )
    opened, open_at = _open(data, now)
    asked = replace(asked, open=opened, open_at=open_at)
    if cursor := _single(data, "cursor"):
        asked = _at_cursor(asked, cursor)
    return asked


def _single(data: QueryDict, name: str) -> str:
    """The value of a parameter that may occur once. An empty field of a form counts as absent."""
    values = list(dict.fromkeys(value for value in map(str.strip, data.getlist(name)) if value))
    if len(values) > 1:
        raise InvalidValue(name, _("It stands there more than once. Keep one."), value=", ".join(values))
    return values[0] if values else ""


def _several(data: QueryDict, name: str) -> Iterable[str]:
    return dict.fromkeys(part for value in data.getlist(name) for part in value.replace(",", " ").split())


def _number(data: QueryDict, name: str, *, least: float, most: float) -> float | None:
    text = _single(data, name)
    if not text:
        return None
    # `float` accepts more than the numbers that people write: 1_0, infinity, ٣.
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not least <= number <= most:  # nan is never inside
        raise InvalidValue(
            name,
            _("Give a number from {least} to {most}.").format(least=f"{least:g}", most=f"{most:.8g}"),
            value=text,
        )
    return number


def _near(data: QueryDict) -> Point | None:
    # The map ends at 85 degrees; nobody delivers beyond.
    latitude = _number(data, "lat", least=-85, most=85)
    longitude = _number(data, "lng", least=-180, most=180)
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        missing = "lat" if latitude is None else "lng"
        raise InvalidValue(missing, _("A position needs both numbers, lat and lng. Add it, or remove the other."))
    # To a metre, as `Asked.pairs` writes it, so that all pages of a list are measured from the same point.
    return Point(round(latitude, 5), round(longitude, 5))


def _bbox(data: QueryDict) -> Bbox | None:
    text = _single(data, "bbox")
    if not text:
        return None
    try:
        west, south, east, north = map(float, text.split(","))
    except ValueError:
        west = south = east = north = math.nan
    if not (-180 <= west < east <= 180 and -85 <= south < north <= 85):
        raise InvalidValue(
            "bbox", _("Give four numbers: west,south,east,north in degrees, such as 114.2,30.5,114.4,30.7."), value=text
        )
    return Bbox(west=round(west, 5), south=round(south, 5), east=round(east, 5), north=round(north, 5))


def _one_of(data: QueryDict, name: str, known: Collection[str], way_out: str) -> str:
    value = _single(data, name)
    if value and value not in known:
        raise InvalidValue(name, way_out, value=value)
    return value


def _division(data: QueryDict, known: Collection[str]) -> str:
    way_out = _("No district or subdistrict has this code. Choose one from the filters.")
    district = _one_of(data, "division", known, way_out)
    subdistrict = _single(data, "subdistrict")
    # The form keeps the old subdistrict when somebody changes the district; then the district is what was meant.
    if not subdistrict or (district and not subdistrict.startswith(district)):
        return district
    return _one_of(data, "subdistrict", known, way_out)


def _tiers(data: QueryDict) -> tuple[int, ...]:
    tiers = list(_several(data, "tier"))
    for tier in tiers:
        if tier not in {"1", "2", "3"}:
            raise InvalidValue("tier", _("A tier is 1, 2 or 3."), value=tier)
    return tuple(sorted(map(int, tiers)))


def _amenities(data: QueryDict, known: Collection[str]) -> tuple[str, ...]:
    codes = tuple(_several(data, "amenity"))
    for code in codes:
        if code not in known:
            raise InvalidValue("amenity", _("No amenity has this code. Choose one from the filters."), value=code)
    return codes


def _words(data: QueryDict) -> str:
    words = _single(data, "q")
    if len(words) > MAX_WORDS_LENGTH:
        raise InvalidValue(
            "q", _("Search with at most {length} characters.").format(length=MAX_WORDS_LENGTH), value=words
        )
    return words


def _open(data: QueryDict, now: datetime) -> tuple[str, datetime | None]:
    """How the time was given, and the instant. The filter form has a tick for now and a field for a time; the time wins."""
    values = [value for value in map(str.strip, data.getlist("open")) if value]
    if not values:
        return "", None
    text = next((value for value in values if value != "now"), "now")
    if text == "now":
        return "now", now
    try:
        local = datetime.fromisoformat(text)
        at = local.replace(tzinfo=clock.WUHAN) if local.tzinfo is None else local
        at = at.astimezone(now.tzinfo)
    except (ValueError, OverflowError):
        raise InvalidValue("open", _("Write now, or a time in Wuhan such as 2026-06-10T21:30."), value=text) from None
    until = horizon(now)
    if at >= until:
        raise InvalidValue(
            "open",
            _("Opening hours are worked out until {date}. Choose an earlier time, or open a station's page.").format(
                date=clock.to_local(until).strftime("%Y-%m-%d %H:%M")
            ),
            value=text,
        )
    if at < clock.local_midnight(clock.local_date(now)):
        raise InvalidValue("open", _("This time is over. Choose one from today on."), value=text)
    return clock.to_local(at).strftime("%Y-%m-%dT%H:%M"), at


def _at_cursor(asked: Asked, cursor: str) -> Asked:
    try:
        measure, number, page = signing.loads(cursor, salt=asked.salt(None))
    except (signing.BadSignature, ValueError):
        raise InvalidValue(
            "cursor", _("This page belongs to another list. Begin again at the first page."), value=cursor
        ) from None
    if page > MAX_PAGES:
        raise InvalidValue("cursor", _("The list goes no deeper. Narrow it with a filter."), value=cursor)
    return replace(asked, after=(measure, number), page=page)
