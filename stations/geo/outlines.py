"""The outlines of Wuhan's 13 districts: which one contains a point, and whether a position can be what was meant."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import pairwise
from math import cos, hypot, radians
from pathlib import Path
from types import MappingProxyType
from typing import Any

from stations.geo.datums import Crs, Point, to_wgs84
from stations.geo.distances import Bbox

__all__ = [
    "DistrictOutline",
    "Drawing",
    "PositionDoubt",
    "district_at",
    "districts",
    "doubt_of_position",
    "drawing",
    "outline_contains",
]

_FILE = Path(__file__).resolve().parent.parent / "data" / "wuhan_districts.geojson"
_BANDS = 256
_METRES_PER_DEGREE = 111_195.0
_DRAWN_STEP, _MARGIN = 2.0, 55.0  # hundreds of metres
_OLD_TOWN = ("420102", "420103", "420104", "420105", "420106", "420107")
# The lines were simplified by 0.0003 degree (33 m) and their source is not a survey: nearer to a border than this, a
# position outside its district is no reason to ask anybody.
_BORDER_TOLERANCE_M = 80.0

_Edge = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class DistrictOutline:
    """The outline of one district, for choosing and checking (示意图), not a legal border.   Units: degrees, WGS-84."""

    code: str
    name: str
    label: Point
    bbox: Bbox
    # The edges by band of latitude: a ray to the east meets only those of its own band.
    bands: tuple[tuple[_Edge, ...], ...]
    edges: tuple[_Edge, ...]

    def contains(self, point: Point) -> bool:
        latitude, longitude = point.latitude, point.longitude
        box = self.bbox
        if not (box.south <= latitude <= box.north and box.west <= longitude <= box.east):
            return False
        band = int((latitude - box.south) / (box.north - box.south) * _BANDS)
        inside = False
        for y0, x0, y, x in self.bands[min(band, _BANDS - 1)]:
            # Half open, so that a ray through a corner meets only one of its two edges.
            if (y0 > latitude) != (y > latitude):
                crossing = x0 + (latitude - y0) * (x - x0) / (y - y0)
                if longitude < crossing:
                    inside = not inside
        return inside

    def distance_m(self, point: Point) -> float:
        """Metres from `point` to the nearest part of the line."""
        scale_x = cos(radians(point.latitude)) * _METRES_PER_DEGREE
        nearest = float("inf")
        for y1, x1, y2, x2 in self.edges:
            ax, ay = (x1 - point.longitude) * scale_x, (y1 - point.latitude) * _METRES_PER_DEGREE
            bx, by = (x2 - point.longitude) * scale_x, (y2 - point.latitude) * _METRES_PER_DEGREE
            dx, dy = bx - ax, by - ay
            length_squared = dx * dx + dy * dy
            along = -(ax * dx + ay * dy) / length_squared if length_squared else 0.0
            along = min(1.0, max(0.0, along))
            nearest = min(nearest, hypot(ax + along * dx, ay + along * dy))
        return nearest


@dataclass(frozen=True, slots=True)
class PositionDoubt:
    """Why a person must be asked before a position is accepted."""

    class Kind(StrEnum):
        OTHER_DATUM = "other_datum"  # the same numbers in the datum `crs` lie inside the district
        OUTSIDE_DISTRICT = "outside_district"  # it lies in the district `lies_in`
        OUTSIDE_CITY = "outside_city"

    kind: Kind
    point: Point  # WGS-84, as it was understood
    lies_in: str | None  # the code of the district in which it lies
    crs: Crs | None = None  # the datum in which it was probably given


@cache
def districts() -> Mapping[str, DistrictOutline]:
    """The outlines by district code, read once.   Source: stations/data/README.md"""
    features = json.loads(_FILE.read_text(encoding="utf-8"))["features"]
    return MappingProxyType({feature["properties"]["code"]: _outline(feature) for feature in features})


def outline_contains(code: str, point: Point) -> bool:
    """Whether `point` lies in the district that the division `code` is or lies in; for the city, in any of them."""
    if len(code) < 6:
        return district_at(point) is not None
    outline = districts().get(code[:6])
    return outline is not None and outline.contains(point)


@dataclass(frozen=True, slots=True)
class DrawnDistrict:
    """One district as a drawing shows it: an SVG path, and where its name stands.   Units: 1 = 100 m, north is up."""

    code: str
    path: str
    label_x: float
    label_y: float
    is_central: bool


@dataclass(frozen=True, slots=True)
class Drawing:
    """The whole city, drawn from its districts' outlines (示意图)."""

    width: int
    height: int
    # Left, top, width and height of the old town, whose districts are too small in the drawing of the whole city.
    centre: tuple[int, int, int, int]
    districts: tuple[DrawnDistrict, ...]


@cache
def drawing() -> Drawing:
    """The city as a drawing, some 60 KB smaller than its outlines: points nearer than 200 m to the last one are left out."""
    features = json.loads(_FILE.read_text(encoding="utf-8"))["features"]
    boxes = [outline.bbox for outline in districts().values()]
    west, east = min(box.west for box in boxes), max(box.east for box in boxes)
    south, north = min(box.south for box in boxes), max(box.north for box in boxes)
    unit = _METRES_PER_DEGREE / 100.0
    scale_x = cos(radians((south + north) / 2)) * unit

    def placed(longitude: float, latitude: float) -> tuple[float, float]:
        return (longitude - west) * scale_x, (north - latitude) * unit

    def path(geometry: Mapping[str, Any]) -> str:
        polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
        parts = []
        for ring in (ring for polygon in polygons for ring in polygon):
            kept = [placed(*ring[0])]
            for corner in ring[1:]:
                x, y = placed(*corner)
                if hypot(x - kept[-1][0], y - kept[-1][1]) >= _DRAWN_STEP:
                    kept.append((x, y))
            parts.append("M" + " ".join(f"{x:.0f},{y:.0f}" for x, y in kept) + "Z")
        return "".join(parts)

    drawn = []
    for feature in features:
        facts = feature["properties"]
        x, y = placed(facts["label_lng"], facts["label_lat"])
        drawn.append(
            DrawnDistrict(facts["code"], path(feature["geometry"]), round(x), round(y), facts["code"] in _OLD_TOWN)
        )
    # Around the names, not the outlines: districts have far-off exclaves.
    names = [(district.label_x, district.label_y) for district in drawn if district.is_central]
    left, right = min(x for x, _y in names) - _MARGIN, max(x for x, _y in names) + _MARGIN
    top, bottom = min(y for _x, y in names) - _MARGIN, max(y for _x, y in names) + _MARGIN
    return Drawing(
        round((east - west) * scale_x),
        round((north - south) * unit),
        (round(left), round(top), round(right - left), round(bottom - top)),
        tuple(drawn),
    )


def district_at(point: Point) -> str | None:
    """The code of the district in which `point` lies, None outside the city."""
    for code, outline in districts().items():
        if outline.contains(point):
            return code
    return None


def doubt_of_position(point: Point, crs: Crs, district_code: str) -> PositionDoubt | None:
    """What is doubtful about `point`, as it was given in `crs`, for a place of this district; None if nothing.

    `district_code` may be the code of any division; of the whole city (4201), only a point outside it is doubted.
    """
    here = to_wgs84(point, crs)
    if _is_believable(here, district_code):
        return None
    lies_in = district_at(here)
    for other in Crs:
        if other is not crs and outline_contains(district_code, to_wgs84(point, other)):
            return PositionDoubt(PositionDoubt.Kind.OTHER_DATUM, here, lies_in, other)
    kind = PositionDoubt.Kind.OUTSIDE_CITY if lies_in is None else PositionDoubt.Kind.OUTSIDE_DISTRICT
    return PositionDoubt(kind, here, lies_in)


def _is_believable(point: Point, code: str) -> bool:
    if outline_contains(code, point):
        return True
    if len(code) < 6:
        return any(outline.distance_m(point) <= _BORDER_TOLERANCE_M for outline in districts().values())
    outline = districts().get(code[:6])
    # A district that has no outline cannot contradict.
    return outline is None or outline.distance_m(point) <= _BORDER_TOLERANCE_M


def _outline(feature: Mapping[str, Any]) -> DistrictOutline:
    edges = tuple(_edges(feature["geometry"]))
    ys = [y for edge in edges for y in (edge[0], edge[2])]
    xs = [x for edge in edges for x in (edge[1], edge[3])]
    box = Bbox(south=min(ys), west=min(xs), north=max(ys), east=max(xs))
    bands: list[list[_Edge]] = [[] for _band in range(_BANDS)]
    height = (box.north - box.south) / _BANDS
    for edge in edges:
        low, high = sorted((edge[0], edge[2]))
        # One more band on both sides: the division in `contains` may round across a limit.
        first = max(0, int((low - box.south) / height) - 1)
        last = min(_BANDS - 1, int((high - box.south) / height) + 1)
        for band in range(first, last + 1):
            bands[band].append(edge)
    properties = feature["properties"]
    return DistrictOutline(
        code=properties["code"],
        name=properties["name"],
        label=Point(properties["label_lat"], properties["label_lng"]),
        bbox=box,
        bands=tuple(tuple(band) for band in bands),
        edges=edges,
    )


def _edges(geometry: Mapping[str, Any]) -> Iterator[_Edge]:
    """Every edge of every ring as (latitude, longitude, latitude, longitude): an odd count is inside, so holes need no care."""
    polygons = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    for polygon in polygons:
        for ring in polygon:
            for (x1, y1), (x2, y2) in pairwise(ring):
                yield y1, x1, y2, x2
