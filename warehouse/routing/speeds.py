"""Which ways of OpenStreetMap a car may use, in which direction and how fast.

Belongs here: what tags mean for a car. Does not belong here: reading files, the graph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

SPEEDS: Final = {
    "motorway": 100,
    "motorway_link": 60,
    "trunk": 70,
    "trunk_link": 50,
    "primary": 50,
    "primary_link": 40,
    "secondary": 45,
    "secondary_link": 40,
    "tertiary": 40,
    "tertiary_link": 30,
    "unclassified": 30,
    "residential": 25,
    "living_street": 10,
    "road": 25,
    "service": 15,
}
"""Kilometres an hour that a car makes on a road of the class, lights and traffic included."""

_LIMIT_REACHED: Final = 0.8
"""Share of a posted limit that a car makes."""
_CLOSED: Final = frozenset({"no", "private", "agricultural", "forestry", "delivery", "emergency"})
_FORWARD_ONLY: Final = frozenset({"yes", "1", "true"})
_BOTH: Final = frozenset({"no", "0", "false"})


def may_drive(tags: Mapping[str, str]) -> bool:
    """Whether cars in general may use the way; the most special tag decides."""
    if tags.get("highway") not in SPEEDS or tags.get("area") == "yes":
        return False
    for name in ("motorcar", "motor_vehicle", "vehicle", "access"):
        if name in tags:
            return tags[name] not in _CLOSED
    return True


def directions(tags: Mapping[str, str]) -> tuple[bool, bool]:
    """Whether it may be driven along its nodes, and against them."""
    told = tags.get("oneway:motor_vehicle") or tags.get("oneway") or ""
    if told == "-1" or told == "reverse":
        return False, True
    is_ring = tags.get("junction") in ("roundabout", "circular")
    if told in _FORWARD_ONLY or (told not in _BOTH and (is_ring or tags.get("highway") == "motorway")):
        return True, False
    return True, True


def speed(tags: Mapping[str, str]) -> float:
    """Kilometres an hour, from the posted limit when it is a number, else by class."""
    usual = float(SPEEDS[tags["highway"]])
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(mph|km/h|kmh)?", tags.get("maxspeed", "").strip())
    if found is None:
        return usual
    limit = float(found[1]) * (1.609344 if found[2] == "mph" else 1.0)
    return max(5.0, limit * _LIMIT_REACHED)


def road_name(tags: Mapping[str, str]) -> str:
    """What signs call it."""
    return tags.get("name") or tags.get("ref") or ""
