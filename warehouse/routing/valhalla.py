"""Routes from a Valhalla server (``/route``).

Belongs here: its request and its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from warehouse.geography.coordinates import Point
from warehouse.routing.http import ask, unreadable
from warehouse.routing.model import OPENSTREETMAP, Route, Step, Turn, failed, no_route

_TURNS: Final = {
    **dict.fromkeys((1, 2, 3), Turn.DEPART),
    **dict.fromkeys((4, 5, 6), Turn.ARRIVE),
    **dict.fromkeys((9, 18, 23), Turn.SLIGHT_RIGHT),
    **dict.fromkeys((10, 20), Turn.RIGHT),
    11: Turn.SHARP_RIGHT,
    **dict.fromkeys((12, 13), Turn.BACK),
    14: Turn.SHARP_LEFT,
    **dict.fromkeys((15, 21), Turn.LEFT),
    **dict.fromkeys((16, 19, 24), Turn.SLIGHT_LEFT),
    **dict.fromkeys((25, 37, 38), Turn.MERGE),
    26: Turn.ROUNDABOUT,
}
_LEAVES_ROUNDABOUT: Final = 27
_NO_WAY: Final = frozenset({170, 171, 442, 443, 444})
"""Error codes: places that are not connected, no road near a place, no path."""


@dataclass(frozen=True)
class Valhalla:
    """A server at ``url``, without ``/route``."""

    url: str

    def route(self, start: Point, end: Point) -> Route:
        """See ``Provider``."""
        asked = {
            "locations": [{"lon": place.longitude, "lat": place.latitude} for place in (start, end)],
            "costing": "auto",
            "units": "kilometers",
        }
        told = ask("Valhalla", "POST", f"{self.url.rstrip('/')}/route", json=asked)
        if told.get("error_code") in _NO_WAY:
            raise no_route()
        if "trip" not in told:
            raise failed("Valhalla", str(told.get("error") or "?")[:80])
        try:
            trip = told["trip"]
            line: list[Point] = []
            steps: list[Step] = []
            for leg in trip["legs"]:
                shape = decode(leg["shape"], 1e6)
                steps += _steps(leg["maneuvers"], shape)
                line += shape
            summary = trip["summary"]
            metres, seconds = float(summary["length"]) * 1000, float(summary["time"])
            return Route(metres, seconds, tuple(line), tuple(steps), "valhalla", OPENSTREETMAP)
        except (LookupError, TypeError, ValueError) as error:
            raise unreadable("Valhalla", error) from error


def _steps(told: list[dict[str, Any]], shape: list[Point]) -> list[Step]:
    steps: list[Step] = []
    for one in told:
        road, metres = " / ".join(one.get("street_names") or ()), float(one.get("length", 0.0)) * 1000
        if one["type"] == _LEAVES_ROUNDABOUT and steps and steps[-1].turn is Turn.ROUNDABOUT:
            before = steps.pop()
            steps.append(Step(Turn.ROUNDABOUT, road or before.road, before.metres + metres, before.place, before.exit))
            continue
        turn = _TURNS.get(one["type"], Turn.ON)
        place = shape[int(one["begin_shape_index"])]
        steps.append(Step(turn, road, metres, place, one.get("roundabout_exit_count")))
    return steps


def decode(encoded: str, scale: float) -> list[Point]:
    """The points of an encoded polyline.

    Raises:
        ValueError: it ends in the middle of a number.
    """
    numbers: list[int] = []
    value = shift = 0
    for character in encoded:
        part = ord(character) - 63
        value |= (part & 0x1F) << shift
        shift += 5
        if part < 0x20:
            numbers.append(~(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    if shift or len(numbers) % 2:
        raise ValueError("the line is cut off")
    points, latitude, longitude = [], 0, 0
    for north, east in zip(numbers[::2], numbers[1::2], strict=True):
        latitude, longitude = latitude + north, longitude + east
        points.append(Point(longitude / scale, latitude / scale))
    return points
