"""The three datums in which people in China give a position, and the conversions between them.

A position in one datum read as another is off by 580 m in Wuhan: it sends a courier to another street.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import atan2, cos, isfinite, pi, radians, sin, sqrt
from typing import Self

__all__ = ["Crs", "Point", "from_wgs84", "to_wgs84"]


class Crs(StrEnum):
    """The datum of a position: phones and OSM give WGS-84, 高德 and 腾讯 give GCJ-02, 百度 gives BD-09."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the ground.   Units: decimal degrees, WGS-84 unless the caller says another datum."""

    latitude: float
    longitude: float

    @classmethod
    def checked(cls, latitude: float, longitude: float) -> Self:
        """The point, if both numbers can be degrees.   Raises: ValueError."""
        if not (isfinite(latitude) and isfinite(longitude)):
            raise ValueError("latitude and longitude must be finite numbers")
        if not -90.0 <= latitude <= 90.0:
            raise ValueError("latitude must lie between -90 and 90 degrees")
        if not -180.0 <= longitude <= 180.0:
            raise ValueError("longitude must lie between -180 and 180 degrees")
        return cls(latitude, longitude)


# The ellipsoid of Krasovsky 1940, on which the public form of the GCJ-02 shift is written.
_SEMI_MAJOR_AXIS_M = 6_378_245.0
_ECCENTRICITY_SQUARED = 0.00669342162296594323
_BD09_ANGLE = pi * 3000.0 / 180.0
# Both inverses gain about three digits each round: over the whole country six rounds end within
# a hundredth of a millimetre, and over the city four do.
_ROUNDS = 6
_EXACT_DEG = 1e-10


def to_wgs84(point: Point, crs: Crs) -> Point:
    """What a GPS receiver would show at the place that `point` names in `crs`."""
    if crs is Crs.WGS84:
        return point
    if crs is Crs.BD09:
        point = _inverse(point, _gcj02_to_bd09)
    return _inverse(point, _wgs84_to_gcj02)


def from_wgs84(point: Point, crs: Crs) -> Point:
    """The numbers that name `point` in `crs`."""
    if crs is Crs.WGS84:
        return point
    shifted = _wgs84_to_gcj02(point)
    return _gcj02_to_bd09(shifted) if crs is Crs.BD09 else shifted


def _wgs84_to_gcj02(point: Point) -> Point:
    latitude, longitude = point.latitude, point.longitude
    if not (0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347):
        return point  # the shift exists only on maps of China
    x, y = longitude - 105.0, latitude - 35.0
    root = sqrt(abs(x))
    waves = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    phi = radians(latitude)
    magic = 1.0 - _ECCENTRICITY_SQUARED * sin(phi) ** 2
    meridian_m = _SEMI_MAJOR_AXIS_M * (1.0 - _ECCENTRICITY_SQUARED) / (magic * sqrt(magic))
    parallel_m = _SEMI_MAJOR_AXIS_M / sqrt(magic) * cos(phi)
    return Point(latitude + north * 180.0 / (meridian_m * pi), longitude + east * 180.0 / (parallel_m * pi))


def _gcj02_to_bd09(point: Point) -> Point:
    x, y = point.longitude, point.latitude
    radius = sqrt(x * x + y * y) + 0.00002 * sin(y * _BD09_ANGLE)
    angle = atan2(y, x) + 0.000003 * cos(x * _BD09_ANGLE)
    return Point(radius * sin(angle) + 0.006, radius * cos(angle) + 0.0065)


def _inverse(shifted: Point, shift: Callable[[Point], Point]) -> Point:
    """The point that `shift` moves to `shifted`, by fixed-point iteration, since the shift changes slowly."""
    guess = shifted
    for _round in range(_ROUNDS):
        there = shift(guess)
        north, east = shifted.latitude - there.latitude, shifted.longitude - there.longitude
        guess = Point(guess.latitude + north, guess.longitude + east)
        if abs(north) < _EXACT_DEG and abs(east) < _EXACT_DEG:
            break
    return guess
