"""How far, and in which box to look."""

from dataclasses import dataclass
from math import asin, ceil, cos, degrees, dist, log, pi, radians, sin, tan

from stations.geo.datums import Point

__all__ = [
    "EARTH_RADIUS_M",
    "Bbox",
    "UnitVector",
    "arc_m",
    "bbox_around",
    "distance_m",
    "mercator",
    "mercator_scale",
    "unit_vector",
    "walking_minutes",
]

EARTH_RADIUS_M = 6_371_008.8  # the mean radius, as in RFC 7946 tools
_MERCATOR_RADIUS_M = 6_378_137.0  # EPSG:3857, as in stations/models/fields.py
_WALK_M_PER_MINUTE = 80.0  # 4.8 km/h
_DETOUR = 1.3  # streets are longer than the straight line; 1.2-1.4 in most towns


@dataclass(frozen=True, slots=True)
class Bbox:
    """A box between two parallels and two meridians.   Units: degrees, WGS-84."""

    south: float
    west: float
    north: float
    east: float

    def contains(self, point: Point) -> bool:
        return self.south <= point.latitude <= self.north and self.west <= point.longitude <= self.east


def distance_m(a: Point, b: Point) -> float:
    """Metres on the ground between two WGS-84 points, on a sphere (what others call haversine)."""
    return arc_m(unit_vector(a), unit_vector(b))


UnitVector = tuple[float, float, float]


def unit_vector(point: Point) -> UnitVector:
    """Where the point lies on a sphere with the radius 1: what to keep of a place whose distance is asked again and again."""
    phi, lambda_ = radians(point.latitude), radians(point.longitude)
    return cos(phi) * cos(lambda_), cos(phi) * sin(lambda_), sin(phi)


def arc_m(a: UnitVector, b: UnitVector) -> float:
    """Metres on the ground between two such points: the arc over the straight line through the Earth."""
    return 2.0 * EARTH_RADIUS_M * asin(min(1.0, dist(a, b) / 2.0))


def mercator(point: Point) -> tuple[float, float]:
    """x and y in Web Mercator metres: what `stations.models.fields.MercatorPoint` gives in the database."""
    return (
        _MERCATOR_RADIUS_M * radians(point.longitude),
        _MERCATOR_RADIUS_M * log(tan(pi / 4.0 + radians(point.latitude) / 2.0)),
    )


def mercator_scale(latitude: float) -> float:
    """Mercator metres for one metre on the ground (of `distance_m`) at this latitude: 1.163 in Wuhan."""
    return _MERCATOR_RADIUS_M / EARTH_RADIUS_M / cos(radians(latitude))


def bbox_around(point: Point, radius_m: float) -> Bbox:
    """The smallest box that holds every point within `radius_m`; cut at the poles and at the date line."""
    angle = radius_m / EARTH_RADIUS_M
    south, north = point.latitude - degrees(angle), point.latitude + degrees(angle)
    if south <= -90.0 or north >= 90.0:
        return Bbox(max(south, -90.0), -180.0, min(north, 90.0), 180.0)
    # Meridians converge away from the equator: the circle is not widest at its centre's latitude.
    width = degrees(asin(min(1.0, sin(angle) / cos(radians(point.latitude)))))
    return Bbox(south, max(point.longitude - width, -180.0), north, min(point.longitude + width, 180.0))


def walking_minutes(distance_m: float) -> int:
    """Minutes on foot for a straight line of `distance_m`, by streets, rounded up; at least 1."""
    return max(1, ceil(distance_m * _DETOUR / _WALK_M_PER_MINUTE))
