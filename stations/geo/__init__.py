"""Positions on the ground: datums, distances, map links, what people paste, and the outlines of the districts.

Pure: no table, no request, no clock.
"""

from stations.geo.datums import Crs, Point, from_wgs84, to_wgs84
from stations.geo.distances import (
    EARTH_RADIUS_M,
    Bbox,
    UnitVector,
    arc_m,
    bbox_around,
    distance_m,
    mercator,
    mercator_scale,
    unit_vector,
    walking_minutes,
)
from stations.geo.map_links import MapLinks, map_links
from stations.geo.outlines import (
    PositionDoubt,
    district_at,
    districts,
    doubt_of_position,
    outline_contains,
)
from stations.geo.pasted import ParsedPosition, PositionUnreadable, parse_position

__all__ = [
    "EARTH_RADIUS_M",
    "Bbox",
    "Crs",
    "MapLinks",
    "ParsedPosition",
    "Point",
    "PositionDoubt",
    "PositionUnreadable",
    "UnitVector",
    "arc_m",
    "bbox_around",
    "distance_m",
    "district_at",
    "districts",
    "doubt_of_position",
    "from_wgs84",
    "map_links",
    "mercator",
    "mercator_scale",
    "outline_contains",
    "parse_position",
    "to_wgs84",
    "unit_vector",
    "walking_minutes",
]
