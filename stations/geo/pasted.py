"""What staff paste into the position field: numbers in any writing, a share link of a map app, or prose around it."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError
from stations.geo.datums import Crs, Point

__all__ = ["ParsedPosition", "PositionUnreadable", "parse_position"]

_LONGEST = 4_000  # characters; more is a page, not a position


class PositionUnreadable(DomainError):
    """The text contains something like a position that cannot be accepted or followed. `detail` says the way out."""

    code, status = "position_unreadable", 400
    title = _("This position cannot be read.")


@dataclass(frozen=True, slots=True)
class ParsedPosition:
    """A position read from a text.   Units: degrees in `crs`; if that is None, the caller must ask for the datum."""

    point: Point
    crs: Crs | None
    source: str  # where it was read: "numbers", "amap", "tencent", "baidu", "apple", "osm", "geo"


def parse_position(text: str) -> ParsedPosition | None:
    """The position in `text`; None if there is nothing like one.   Raises: PositionUnreadable.

    A link tells its datum. Bare numbers do not; their order follows from where Wuhan is.
    """
    if len(text) > _LONGEST:
        raise PositionUnreadable(_("The text is too long. Paste the two numbers or the link alone."))
    refusal: PositionUnreadable | None = None
    for link in _links(text):
        try:
            return _read_link(link)
        except PositionUnreadable as error:
            refusal = refusal or error
    if refusal is not None:
        raise refusal
    return _read_numbers(text)


# Numbers


_UNITS = str.maketrans({"º": "°", "˚": "°", "度": "°", "′": "'", "’": "'", "‘": "'", "分": "'", "″": '"', "“": '"',
                        "”": '"', "秒": '"', "、": ",", "−": "-"})  # fmt: skip
_LATITUDE_WORDS = ("北纬", "南纬", "纬度", "latitude", "lat", "n", "s")
_LONGITUDE_WORDS = ("东经", "西经", "经度", "longitude", "lng", "lon", "e", "w")
_NEGATIVE_WORDS = ("南纬", "西经", "s", "w")
_WORD = "北纬|南纬|纬度|东经|西经|经度|latitude|longitude|lat|lng|lon"
_ANGLE = re.compile(
    rf"(?:(?P<before>{_WORD}|(?<![a-z])[nsew](?![a-z]))[\"']?\s*[:=]?\s*)?"
    r"(?<![\d.])(?P<sign>-)?(?P<degrees>\d{1,3}(?:\.\d{1,20})?)(?![\d.])"
    r"(?:\s*(?P<unit>°)(?:\s*(?P<minutes>\d{1,2}(?:\.\d{1,20})?)\s*'"
    r"(?:\s*(?P<seconds>\d{1,2}(?:\.\d{1,20})?)\s*(?:\"|''))?)?)?"
    r"(?(before)|(?:\s*(?P<after>[nsew])(?![a-z]))?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _Angle:
    value: float
    axis: str | None  # "latitude", "longitude", or None where the text does not say


def _read_numbers(text: str) -> ParsedPosition | None:
    plain = unicodedata.normalize("NFKC", text.translate(_UNITS)).translate(_UNITS)
    angles = [angle for match in _ANGLE.finditer(plain) if (angle := _angle(match)) is not None]
    if len(angles) < 2:
        return None
    if len(angles) > 2:
        raise PositionUnreadable(_("There are more than two numbers. Paste one latitude and one longitude alone."))
    first, second = angles
    if first.axis is not None and first.axis == second.axis:
        raise PositionUnreadable(_("Both numbers are marked as the same axis. Give one latitude and one longitude."))
    if first.axis is None and second.axis is None:
        if _fits_wuhan(first.value, second.value):
            latitude, longitude = first.value, second.value
        elif _fits_wuhan(second.value, first.value):
            latitude, longitude = second.value, first.value
        else:
            raise PositionUnreadable(
                _(
                    "These numbers do not lie near Wuhan (latitude 29 to 32, longitude 113 to 116). "
                    "Check them, or mark them as 北纬 and 东经."
                )
            )
    elif first.axis == "latitude" or second.axis == "longitude":
        latitude, longitude = first.value, second.value
    else:
        latitude, longitude = second.value, first.value
    return ParsedPosition(_checked(latitude, longitude), None, "numbers")


def _angle(match: re.Match[str]) -> _Angle | None:
    word = (match["before"] or match["after"] or "").lower()
    if not (word or match["unit"] or "." in match["degrees"]):
        return None  # a house number
    if word in {"n", "s", "e", "w"} and not (match["unit"] or "." in match["degrees"]):
        return None  # a door: E 12
    minutes, seconds = float(match["minutes"] or 0), float(match["seconds"] or 0)
    if minutes >= 60 or seconds >= 60:
        raise PositionUnreadable(_("Minutes and seconds of an angle must be less than 60. Check the numbers."))
    value = float(match["degrees"]) + minutes / 60 + seconds / 3600
    if (match["sign"] is not None) != (word in _NEGATIVE_WORDS):
        value = -value
    axis = "latitude" if word in _LATITUDE_WORDS else "longitude" if word in _LONGITUDE_WORDS else None
    return _Angle(value, axis)


def _fits_wuhan(latitude: float, longitude: float) -> bool:
    return 29.0 <= latitude <= 32.0 and 113.0 <= longitude <= 116.0


def _checked(latitude: float, longitude: float) -> Point:
    try:
        return Point.checked(latitude, longitude)
    except ValueError:
        raise PositionUnreadable(
            _("Latitude must lie between -90 and 90, longitude between -180 and 180. Check the numbers.")
        ) from None


# Links


# Share texts run on in Chinese right after the link, and Chinese punctuation ends it.
_LINK = re.compile(
    r"(?:\b(?:https?|androidamap|iosamap|amapuri|baidumap|qqmap)://[^\s<>\"'，。；、！（）【】「」《》]+"
    r"|\bgeo:[^\s<>\"'，。；、！（）【】「」《》]+"
    r"|\b(?:[\w-]+\.)*(?:amap\.com|gaode\.com|map\.qq\.com|map\.baidu\.com|maps\.apple\.com|openstreetmap\.org)"
    r"/[^\s<>\"'，。；、！（）【】「」《》]*)",
    re.IGNORECASE | re.ASCII,
)


def _links(text: str) -> Iterator[str]:
    for match in _LINK.finditer(text):
        yield match[0].rstrip(".,;:!")


@dataclass(frozen=True, slots=True)
class _Link:
    host: str
    path: str
    query: Mapping[str, str]
    fragment: str


def _read_link(text: str) -> ParsedPosition:
    if text[:4].lower() == "geo:":
        return _read_geo_uri(text[4:])
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        # The old sites keep their parameters behind the #.
        query = {**dict(parse_qsl(parts.fragment.lstrip("?"))), **dict(parse_qsl(parts.query))}
        link = _Link((parts.hostname or "").lower(), unquote(parts.path), query, unquote(parts.fragment))
    except ValueError:
        raise PositionUnreadable(_("The link is broken. Copy it once more, whole.")) from None
    if parts.scheme in _READERS_BY_SCHEME:
        return _READERS_BY_SCHEME[parts.scheme](link)
    if link.host in _SHORT_LINK_HOSTS:
        raise PositionUnreadable(
            _("A short link does not hold the position. Open it in a browser and copy the full link from there.")
        )
    for domain, reader in _READERS_BY_DOMAIN.items():
        if link.host == domain or link.host.endswith(f".{domain}"):
            return reader(link)
    raise PositionUnreadable(
        _("This link is of no map that is known here. Paste a link of 高德, 腾讯 or 百度, or the two numbers.")
    )


def _read_amap(link: _Link) -> ParsedPosition:
    query = link.query
    crs = Crs.WGS84 if query.get("coordinate") == "wgs84" or query.get("dev") == "1" else Crs.GCJ02
    for name in ("position", "to", "destination", "center"):  # longitude first
        if name in query and (pair := _pair(query[name])):
            return ParsedPosition(_checked(pair[1], pair[0]), crs, "amap")
    for latitude, longitude in (("lat", "lng"), ("lat", "lon"), ("dlat", "dlon"), ("latitude", "longitude")):
        if latitude in query and longitude in query and (pair := _pair(f"{query[latitude]},{query[longitude]}")):
            return ParsedPosition(_checked(*pair), crs, "amap")
    if pair := _pair(query.get("q", "")):  # latitude, longitude, name
        return ParsedPosition(_checked(*pair), crs, "amap")
    # An identifier, then latitude, longitude, name.
    if pair := _pair(query.get("p", "").partition(",")[2]):
        return ParsedPosition(_checked(*pair), crs, "amap")
    raise _no_position()


def _read_tencent(link: _Link) -> ParsedPosition:
    query = link.query
    crs = Crs.WGS84 if query.get("coord_type") == "1" else Crs.GCJ02
    marker = re.search(r"(?:^|;)coord:([^;]+)", query.get("marker", ""))
    for value in (
        marker[1] if marker else "",
        query.get("coord", ""),
        query.get("tocoord", ""),
        query.get("center", ""),
    ):
        if pair := _pair(value):  # latitude first
            return ParsedPosition(_checked(*pair), crs, "tencent")
    if pair := _pair(f"{query.get('pointy', '')},{query.get('pointx', '')}"):
        return ParsedPosition(_checked(*pair), crs, "tencent")
    raise _no_position()


_BAIDU_DATUMS = {"bd09ll": Crs.BD09, "gcj02": Crs.GCJ02, "gcj02ll": Crs.GCJ02, "wgs84": Crs.WGS84, "wgs84ll": Crs.WGS84}


def _read_baidu(link: _Link) -> ParsedPosition:
    query = link.query
    crs = _BAIDU_DATUMS.get(query.get("coord_type", "bd09ll").lower())
    location = query.get("location") or query.get("latlng") or query.get("center") or ""
    if (destination := re.search(r"latlng:([^|]+)", query.get("destination", ""))) and not location:
        location = destination[1]
    if crs is not None and (pair := _pair(location)):  # latitude first
        return ParsedPosition(_checked(*pair), crs, "baidu")
    if crs is None or re.match(r"/@\d{8}", link.path) or re.search(r"@\d{8}", link.path) or "point" in query:
        raise PositionUnreadable(
            _(
                "This link of 百度 gives metres on its own map sheet, not degrees. "
                "Find the place in 高德 or 腾讯 and share it from there, or paste latitude and longitude."
            )
        )
    raise _no_position()


def _read_apple(link: _Link) -> ParsedPosition:
    # In China Apple's maps are 高德's, and so is the datum of its links.
    for name in ("ll", "coordinate", "daddr", "q", "sll"):
        if pair := _pair(link.query.get(name, "")):
            return ParsedPosition(_checked(*pair), Crs.GCJ02, "apple")
    raise _no_position()


def _read_osm(link: _Link) -> ParsedPosition:
    if pair := _pair(f"{link.query.get('mlat', '')},{link.query.get('mlon', '')}"):
        return ParsedPosition(_checked(*pair), Crs.WGS84, "osm")
    sheet = re.match(r"map=[\d.]+/(-?[\d.]+)/(-?[\d.]+)", link.fragment)
    if sheet and (pair := _pair(f"{sheet[1]},{sheet[2]}")):
        return ParsedPosition(_checked(*pair), Crs.WGS84, "osm")
    raise _no_position()


def _read_geo_uri(text: str) -> ParsedPosition:
    """RFC 5870, and Android's extension that names a place: geo:0,0?q=30.57,114.30(name)."""
    path, _mark, query = text.partition("?")
    place, *parameters = path.split(";")
    datum = next((value for name, _is, value in (p.partition("=") for p in parameters) if name == "crs"), "wgs84")
    if datum.lower() != "wgs84":
        raise PositionUnreadable(_("A geo: link must be in WGS-84. Paste latitude and longitude instead."))
    pair = _pair(dict(parse_qsl(query)).get("q", "").partition("(")[0]) or _pair(place)
    if pair is None:
        raise _no_position()
    return ParsedPosition(_checked(*pair), Crs.WGS84, "geo")


def _pair(text: str) -> tuple[float, float] | None:
    """The two numbers with which `text` begins, as in "30.57,114.30,name"."""
    match = re.match(r"\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*,\s*(-?\d{1,3}(?:\.\d{1,20})?)\s*(?:$|[,|;(])", unquote(text))
    return (float(match[1]), float(match[2])) if match else None


def _no_position() -> PositionUnreadable:
    return PositionUnreadable(
        _("This link names a place without its position. Open it, choose share, and copy the full link or the numbers.")
    )


_Reader = Callable[[_Link], ParsedPosition]
_SHORT_LINK_HOSTS = frozenset(
    {"surl.amap.com", "j.map.baidu.com", "url.cn", "w.url.cn", "dwz.cn", "t.cn", "maps.apple"}
)
_READERS_BY_SCHEME: Mapping[str, _Reader] = {
    "androidamap": _read_amap,
    "iosamap": _read_amap,
    "amapuri": _read_amap,
    "baidumap": _read_baidu,
    "qqmap": _read_tencent,
}
_READERS_BY_DOMAIN: Mapping[str, _Reader] = {
    "amap.com": _read_amap,
    "gaode.com": _read_amap,
    "map.qq.com": _read_tencent,
    "map.baidu.com": _read_baidu,
    "maps.apple.com": _read_apple,
    "openstreetmap.org": _read_osm,
}
