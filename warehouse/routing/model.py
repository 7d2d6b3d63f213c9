"""What a route is, whoever found it.

Belongs here: the route, its steps, and the interface of whoever finds one. Does not belong here: the single providers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Point


class Turn(StrEnum):
    """What a driver does at the start of a step."""

    DEPART = "depart"
    ON = "on"
    SLIGHT_RIGHT = "slight_right"
    RIGHT = "right"
    SHARP_RIGHT = "sharp_right"
    BACK = "back"
    SHARP_LEFT = "sharp_left"
    LEFT = "left"
    SLIGHT_LEFT = "slight_left"
    MERGE = "merge"
    ROUNDABOUT = "roundabout"
    ARRIVE = "arrive"


@dataclass(frozen=True)
class Step:
    """A stretch of a route on one road.

    Attributes:
        turn: what is done where it begins.
        road: its name, "" without one.
        metres: its length, 0 of the arrival.
        place: where it begins, WGS-84.
        exit: of a roundabout, which one is taken, from 1; None when not known.
    """

    turn: Turn
    road: str
    metres: float
    place: Point
    exit: int | None = None


@dataclass(frozen=True)
class Route:
    """A way from one place to another by car.

    ``line`` is WGS-84 from start to end; ``notice`` is what the provider's licence wants shown beside the route.
    """

    metres: float
    seconds: float
    line: tuple[Point, ...]
    steps: tuple[Step, ...]
    provider: str
    notice: str = ""


class Provider(Protocol):
    """Who finds routes."""

    def route(self, start: Point, end: Point) -> Route:
        """The fastest way by car; places are WGS-84.

        Raises:
            ParkError: ``no_route`` when there is none; ``routes_failed`` when the provider cannot be asked.
        """


OPENSTREETMAP: Final = "© OpenStreetMap contributors (ODbL)"


def no_route(why_zh: str = "", why_en: str = "") -> ParkError:
    """Nobody can drive there, as far as the provider knows."""
    return ParkError(
        zh=f"找不到驾车路线{why_zh}：请换一个起点",
        en=f"no way by car was found{why_en}: choose another start",
        code="no_route",
    )


def failed(provider: str, why: str) -> ParkError:
    """The provider could not be asked, or said something that makes no sense."""
    return ParkError(
        zh=f"路线服务 {provider} 没有给出路线（{why}）：请稍后重试，或检查 PARK_ROUTE_URL 与 PARK_ROUTE_KEY",
        en=f"the route service {provider} gave no route ({why}): try again later, or check PARK_ROUTE_URL and "
        "PARK_ROUTE_KEY",
        code="routes_failed",
    )
