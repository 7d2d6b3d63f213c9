"""Routes from a server of the Open Source Routing Machine (HTTP API v1).

Belongs here: its request and its answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from warehouse.geography.coordinates import Point
from warehouse.routing.http import ask, pair, unreadable
from warehouse.routing.model import OPENSTREETMAP, Route, Step, Turn, failed, no_route

_MODIFIERS: Final = {
    "uturn": Turn.BACK,
    "sharp right": Turn.SHARP_RIGHT,
    "right": Turn.RIGHT,
    "slight right": Turn.SLIGHT_RIGHT,
    "straight": Turn.ON,
    "slight left": Turn.SLIGHT_LEFT,
    "left": Turn.LEFT,
    "sharp left": Turn.SHARP_LEFT,
}
_NO_WAY: Final = frozenset({"NoRoute", "NoSegment"})


@dataclass(frozen=True)
class Osrm:
    """A server at ``url``, without ``/route/v1``."""

    url: str

    def route(self, start: Point, end: Point) -> Route:
        """See ``Provider``."""
        told = ask(
            "OSRM",
            "GET",
            f"{self.url.rstrip('/')}/route/v1/driving/{pair(start)};{pair(end)}",
            params={"overview": "full", "geometries": "geojson", "steps": "true"},
        )
        if told.get("code") in _NO_WAY:
            raise no_route()
        if told.get("code") != "Ok":
            raise failed("OSRM", str(told.get("code") or told.get("message") or "?")[:80])
        try:
            best = told["routes"][0]
            steps = [_step(step) for leg in best["legs"] for step in leg["steps"]]
            line = tuple(Point(float(x), float(y)) for x, y in best["geometry"]["coordinates"])
            return Route(float(best["distance"]), float(best["duration"]), line, tuple(steps), "osrm", OPENSTREETMAP)
        except (LookupError, TypeError, ValueError) as error:
            raise unreadable("OSRM", error) from error


def _step(told: dict[str, Any]) -> Step:
    manoeuvre = told["maneuver"]
    kind, where = manoeuvre["type"], manoeuvre["location"]
    turn = _MODIFIERS.get(manoeuvre.get("modifier", ""), Turn.ON)
    if kind in ("depart", "arrive", "merge"):
        turn = Turn(kind)
    elif kind in ("roundabout", "rotary"):
        turn = Turn.ROUNDABOUT
    way_out = manoeuvre.get("exit") if turn is Turn.ROUNDABOUT else None
    name = told.get("name") or told.get("ref") or ""
    return Step(turn, name, float(told["distance"]), Point(float(where[0]), float(where[1])), way_out)
