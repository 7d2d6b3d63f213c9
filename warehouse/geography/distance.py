"""Distances on the globe and the square of the Mercator map.

Belongs here: pure computing on WGS-84 places. Does not belong here: datums (``coordinates.py``), roads
(``warehouse.routing``).
"""

from __future__ import annotations

from math import asin, atan, cos, degrees, log, pi, radians, sin, sinh, sqrt
from typing import Final

from warehouse.geography.coordinates import Point

EARTH_METRES: Final = 6_371_008.8
"""Mean radius."""
_STEEPEST: Final = 85.051128779806604


def metres_between(one: Point, other: Point) -> float:
    """As the crow flies, on a sphere: within 0.6 % of the ellipsoid."""
    north, south = radians(one.latitude), radians(other.latitude)
    across = sin((south - north) / 2) ** 2
    along = sin(radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * EARTH_METRES * asin(min(1.0, sqrt(across + cos(north) * cos(south) * along)))


def mercator(point: Point) -> tuple[float, float]:
    """Place on the map of the world, from (0, 0) in the north-west to (1, 1); the poles are cut off."""
    sine = sin(radians(max(-_STEEPEST, min(_STEEPEST, point.latitude))))
    return (point.longitude + 180.0) / 360.0, 0.5 - log((1.0 + sine) / (1.0 - sine)) / (4.0 * pi)


def from_mercator(x: float, y: float) -> Point:
    """The place at (x, y) of the map of the world."""
    return Point(x * 360.0 - 180.0, degrees(atan(sinh(pi * (1.0 - 2.0 * y)))))
