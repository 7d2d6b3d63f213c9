"""Routes from the web service of AMap (高德, ``/v3/direction/driving``), which speaks GCJ-02.

Belongs here: its request and its answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.routing.http import ask, pair, unreadable
from warehouse.routing.model import Route, Step, Turn, failed, no_route

USUAL_URL: Final = "https://restapi.amap.com"
_NO_WAY: Final = frozenset({"20800", "20801", "20802", "20803"})
_ACTIONS: Final = {
    "左转": Turn.LEFT,
    "右转": Turn.RIGHT,
    "向左前方行驶": Turn.SLIGHT_LEFT,
    "向右前方行驶": Turn.SLIGHT_RIGHT,
    "靠左": Turn.SLIGHT_LEFT,
    "靠右": Turn.SLIGHT_RIGHT,
    "向左后方行驶": Turn.SHARP_LEFT,
    "向右后方行驶": Turn.SHARP_RIGHT,
    "左转调头": Turn.BACK,
    "进入环岛": Turn.ROUNDABOUT,
    "减速行驶": Turn.ON,
    "直行": Turn.ON,
}


@dataclass(frozen=True)
class Amap:
    """The service at ``url`` with a key of the kind «Web 服务»."""

    url: str
    key: str = field(repr=False)

    def route(self, start: Point, end: Point) -> Route:
        """See ``Provider``."""
        origin, destination = (convert(place, Datum.WGS84, Datum.GCJ02) for place in (start, end))
        told = ask(
            "AMap",
            "GET",
            f"{(self.url or USUAL_URL).rstrip('/')}/v3/direction/driving",
            params={
                "origin": pair(origin),
                "destination": pair(destination),
                "extensions": "base",
                "output": "JSON",
                "key": self.key,
            },
        )
        if told.get("infocode") in _NO_WAY:
            raise no_route()
        if told.get("status") != "1":
            raise failed("AMap", f"{told.get('infocode', '?')} {told.get('info', '')}"[:80])
        try:
            if not told["route"]["paths"]:
                raise no_route()
            return _route(told["route"]["paths"][0])
        except (LookupError, TypeError, ValueError) as error:
            raise unreadable("AMap", error) from error


def _route(path: dict[str, Any]) -> Route:
    steps: list[Step] = []
    line: list[Point] = []
    turn = Turn.DEPART
    for told in path["steps"]:
        points = [_point(written) for written in told["polyline"].split(";")]
        steps.append(Step(turn, _text(told.get("road")), float(told["distance"]), points[0]))
        line += points if not line or line[-1] != points[0] else points[1:]
        # Its action stands at the end of a step and tells what to do there.
        turn = _ACTIONS.get(_text(told.get("action")), Turn.ON)
    steps.append(Step(Turn.ARRIVE, "", 0.0, line[-1]))
    return Route(float(path["distance"]), float(path["duration"]), tuple(line), tuple(steps), "amap", "© 高德地图")


def _point(written: str) -> Point:
    longitude, latitude = written.split(",")
    return convert(Point(float(longitude), float(latitude)), Datum.GCJ02, Datum.WGS84)


def _text(told: Any) -> str:
    """What it leaves out it writes as an empty list."""
    return told if isinstance(told, str) else ""
