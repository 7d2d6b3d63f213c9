"""WGS-84 (satellite receivers), GCJ-02 (Amap, Tencent) and BD-09 (Baidu): from one to the other.

Belongs here: the three datums. Does not belong here: distances, map tiles.

GCJ-02 shifts a WGS-84 point by up to about 700 m by a published formula on the Krasovsky ellipsoid; BD-09 shifts that
once more. Neither has an inverse in closed form, so the way back is iterated until the step is far below a millimetre.
Points outside of the box in which GCJ-02 applies are the same in all three.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from math import atan2, cos, hypot, pi, sin, sqrt
from typing import Final

_MAJOR_AXIS: Final = 6_378_245.0
_ECCENTRICITY_SQUARED: Final = 0.00669342162296594323
_BAIDU_WAVE: Final = pi * 3000.0 / 180.0
_WEST, _EAST, _SOUTH, _NORTH = 72.004, 137.8347, 0.8293, 55.8271
_STEP: Final = 1e-11
_ROUNDS: Final = 60


class Datum(StrEnum):
    """What a longitude and latitude refer to."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


@dataclass(frozen=True)
class Point:
    """A place in degrees; east and north are positive."""

    longitude: float
    latitude: float


def is_shifted(point: Point) -> bool:
    """Whether the point lies in the box around China in which the datums differ."""
    return _WEST <= point.longitude <= _EAST and _SOUTH <= point.latitude <= _NORTH


def convert(point: Point, given: Datum, wanted: Datum) -> Point:
    """The same place in another datum; within 1e-7 degrees of the exact inverse."""
    if given is wanted or not is_shifted(point):
        return point
    return _FROM_GCJ02[wanted](_TO_GCJ02[given](point))


def _wgs84_to_gcj02(point: Point) -> Point:
    x, y = point.longitude - 105.0, point.latitude - 35.0
    waves = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y / 30.0 * pi)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    radians = point.latitude / 180.0 * pi
    curvature = 1.0 - _ECCENTRICITY_SQUARED * sin(radians) ** 2
    meridian = _MAJOR_AXIS * (1.0 - _ECCENTRICITY_SQUARED) / (curvature * sqrt(curvature))
    parallel = _MAJOR_AXIS / sqrt(curvature) * cos(radians)
    return Point(
        point.longitude + east * 180.0 / (parallel * pi),
        point.latitude + north * 180.0 / (meridian * pi),
    )


def _gcj02_to_bd09(point: Point) -> Point:
    x, y = point.longitude, point.latitude
    radius = hypot(x, y) + 0.00002 * sin(y * _BAIDU_WAVE)
    angle = atan2(y, x) + 0.000003 * cos(x * _BAIDU_WAVE)
    return Point(radius * cos(angle) + 0.0065, radius * sin(angle) + 0.006)


def _inverse(forward: Callable[[Point], Point]) -> Callable[[Point], Point]:
    def back(point: Point) -> Point:
        guess = point
        for _ in range(_ROUNDS):
            shown = forward(guess)
            east, north = point.longitude - shown.longitude, point.latitude - shown.latitude
            guess = Point(guess.longitude + east, guess.latitude + north)
            if abs(east) < _STEP and abs(north) < _STEP:
                break
        return guess

    return back


def _same(point: Point) -> Point:
    return point


_TO_GCJ02: Final = {Datum.WGS84: _wgs84_to_gcj02, Datum.GCJ02: _same, Datum.BD09: _inverse(_gcj02_to_bd09)}
_FROM_GCJ02: Final = {Datum.WGS84: _inverse(_wgs84_to_gcj02), Datum.GCJ02: _same, Datum.BD09: _gcj02_to_bd09}
