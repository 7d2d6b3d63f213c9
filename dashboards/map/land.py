"""The outline of land as GeoJSON, for the base map without any server of maps.

Belongs here: reading ``assets/land.json``. Does not belong here: colours (``style.py``).
"""

from __future__ import annotations

import json
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

_FILE: Final = Path(__file__).parent / "assets" / "land.json"

Ring = list[tuple[float, float]]


@cache
def land() -> dict[str, Any]:
    """``coarse`` and ``fine`` land as multi-polygons, ``box`` in which the fine one holds, ``coast`` as lines."""
    told = json.loads(_FILE.read_text(encoding="utf-8"))
    coarse, fine = _rings(told["coarse"]), _rings(told["fine"])
    west, south, east, north = (float(side) for side in told["fine"]["box"])
    box = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return {
        "coarse": {"type": "MultiPolygon", "coordinates": _polygons(coarse)},
        "fine": {"type": "MultiPolygon", "coordinates": _polygons(fine)},
        "box": {"type": "Polygon", "coordinates": [box]},
        "outer_coast": {"type": "MultiLineString", "coordinates": coarse},
        "coast": {"type": "MultiLineString", "coordinates": _inside(fine, (west, south, east, north))},
    }


def _rings(layer: dict[str, Any]) -> list[Ring]:
    """Each ring is told by steps from point to point, in parts of a degree."""
    rings = []
    for steps in layer["rings"]:
        x = y = 0
        ring: Ring = []
        for east, north in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + east, y + north
            ring.append((x / layer["scale"], y / layer["scale"]))
        if ring[0] != ring[-1]:
            ring.append(ring[0])
        rings.append(ring)
    return rings


def _polygons(rings: list[Ring]) -> list[list[Ring]]:
    """Rings within an odd number of others are lakes: holes of the smallest ring around them."""
    by_size = sorted(rings, key=_area, reverse=True)
    polygons: list[list[Ring]] = []
    outer: list[tuple[Ring, int]] = []
    for place, ring in enumerate(by_size):
        around = [other for other in by_size[:place] if _holds(other, ring[0])]
        if len(around) % 2:
            home = next(number for found, number in outer if found is around[-1])
            polygons[home].append(ring)
        else:
            outer.append((ring, len(polygons)))
            polygons.append([ring])
    return polygons


def _area(ring: Ring) -> float:
    pairs = pairwise(ring)
    return abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs))


def _holds(ring: Ring, point: tuple[float, float]) -> bool:
    x, y = point
    is_inside = False
    for (x1, y1), (x2, y2) in pairwise(ring):
        if (y1 > y) != (y2 > y) and x < (x2 - x1) * (y - y1) / (y2 - y1) + x1:
            is_inside = not is_inside
    return is_inside


def _inside(rings: list[Ring], box: tuple[float, float, float, float]) -> list[Ring]:
    """The lines without the edges along which the land was cut."""
    west, south, east, north = box

    def is_cut(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return any(one[0] == other[0] == side for side in (west, east)) or any(
            one[1] == other[1] == side for side in (south, north)
        )

    lines: list[Ring] = []
    for ring in rings:
        line: Ring = [ring[0]]
        for before, after in pairwise(ring):
            if is_cut(before, after):
                lines.append(line)
                line = []
            line.append(after)
        lines.append(line)
    return [line for line in lines if len(line) > 1]
