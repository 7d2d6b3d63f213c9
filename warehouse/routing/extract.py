"""From an OpenStreetMap extract to the graph of roads.

Belongs here: reading .osm, .osm.gz, .osm.bz2 and .osm.pbf, splitting ways at junctions, turns and their restrictions.
Does not belong here: what tags mean for a car (``speeds.py``), the file of the graph (``graph.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import osmium
import rustworkx

from warehouse.errors import ParkError
from warehouse.geography.distance import EARTH_METRES
from warehouse.routing import speeds
from warehouse.routing.graph import SCALE, Array, Roads

SUFFIXES: Final = (".osm", ".osm.gz", ".osm.bz2", ".osm.pbf", ".pbf")
STRAIGHT: Final = 30.0
"""Degrees up to which a turn is none."""
RIGHT_SECONDS, LEFT_SECONDS, BACK_SECONDS = 3.0, 6.0, 20.0
BACK: Final = 165.0
_BARRIERS: Final = frozenset({"bollard", "block", "cycle_barrier", "jersey_barrier", "wall", "fence"})


@dataclass
class _Ways:
    """Ways that cars may use, as read."""

    ids: list[int] = field(default_factory=list)
    nodes: list[Array] = field(default_factory=list)
    speeds: list[float] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=lambda: {"": 0})
    name: list[int] = field(default_factory=list)
    allowed: list[int] = field(default_factory=list)
    ring: list[bool] = field(default_factory=list)


def read_extract(file: Path) -> Roads:
    """The roads of an extract.

    Raises:
        ParkError: ``bad_extract``: it is no such file, or has no roads.
    """
    if not file.name.endswith(SUFFIXES):
        raise _bad(file, f"应为 {'、'.join(SUFFIXES)}", f"should be one of {', '.join(SUFFIXES)}")
    if not file.is_file():
        raise _bad(file, "没有这个文件", "there is no such file")
    try:
        ways = _read_ways(file)
        if not ways.ids:
            raise _bad(file, "其中没有可行车的道路", "it has no roads for cars")
        used = np.unique(np.concatenate(ways.nodes))
        points, is_known, is_blocked = _read_points(file, used)
        restrictions = _read_restrictions(file)
    except RuntimeError as error:
        raise _bad(file, str(error), str(error)) from error
    roads = _joined(file, ways, used, points, is_known, is_blocked, restrictions)
    if roads.segments == 0:
        raise _bad(file, "道路没有坐标", "its roads have no places")
    return roads


def _bad(file: Path, zh: str, en: str) -> ParkError:
    return ParkError(
        zh=f"{file.name} 不是可用的 OpenStreetMap 数据：{zh}",
        en=f"{file.name} is no usable OpenStreetMap extract: {en}",
        code="bad_extract",
    )


def _read_ways(file: Path) -> _Ways:
    ways = _Ways()
    reader = osmium.FileProcessor(str(file), osmium.osm.WAY).with_filter(osmium.filter.KeyFilter("highway"))
    for way in reader:
        assert isinstance(way, osmium.osm.Way)  # no other kind was asked for
        tags = dict(way.tags)
        if len(way.nodes) < 2 or not speeds.may_drive(tags):
            continue
        along, against = speeds.directions(tags)
        ways.ids.append(way.id)
        ways.nodes.append(np.array([node.ref for node in way.nodes], dtype=np.int64))
        ways.speeds.append(speeds.speed(tags))
        ways.name.append(ways.names.setdefault(speeds.road_name(tags), len(ways.names)))
        ways.allowed.append(along + 2 * against)
        ways.ring.append(tags.get("junction") in ("roundabout", "circular"))
    return ways


def _read_points(file: Path, used: Array) -> tuple[Array, Array, Array]:
    points = np.zeros((len(used), 2), dtype=np.int32)
    is_known, is_blocked = np.zeros(len(used), dtype=bool), np.zeros(len(used), dtype=bool)
    reader = osmium.FileProcessor(str(file), osmium.osm.NODE).with_filter(osmium.filter.IdFilter(used.tolist()))
    for node in reader:
        assert isinstance(node, osmium.osm.Node)  # no other kind was asked for
        if not node.location.valid():
            continue
        place = int(np.searchsorted(used, node.id))
        points[place] = (round(node.location.lon * SCALE), round(node.location.lat * SCALE))
        is_known[place] = True
        if node.tags:
            tags = dict(node.tags)
            is_open = any(tags.get(name) in ("yes", "permissive") for name in ("motor_vehicle", "motorcar"))
            is_blocked[place] = tags.get("barrier") in _BARRIERS and not is_open
    return points, is_known, is_blocked


def _read_restrictions(file: Path) -> list[tuple[int, int, int, bool]]:
    """From way, via node, to way, and whether it is the only way on (else the one that is forbidden)."""
    found = []
    reader = osmium.FileProcessor(str(file), osmium.osm.RELATION)
    for relation in reader.with_filter(osmium.filter.TagFilter(("type", "restriction"))):
        assert isinstance(relation, osmium.osm.Relation)  # no other kind was asked for
        tags = dict(relation.tags)
        told = tags.get("restriction:motorcar") or tags.get("restriction") or ""
        if "motorcar" in tags.get("except", "") or not told.startswith(("no_", "only_")):
            continue
        by_role: dict[str, list[Any]] = {"from": [], "via": [], "to": []}
        for member in relation.members:
            by_role.get(member.role, []).append((member.type, member.ref))
        if any(len(members) != 1 for members in by_role.values()):
            continue
        (source,), (via,), (target,) = by_role["from"], by_role["via"], by_role["to"]
        if (source[0], via[0], target[0]) == ("w", "n", "w"):
            found.append((source[1], via[1], target[1], told.startswith("only_")))
    return found


def _joined(
    file: Path,
    ways: _Ways,
    used: Array,
    points: Array,
    is_known: Array,
    is_blocked: Array,
    restrictions: list[tuple[int, int, int, bool]],
) -> Roads:
    numbers = [np.searchsorted(used, nodes) for nodes in ways.nodes]
    uses = np.bincount(np.concatenate(numbers), minlength=len(used))
    for nodes in numbers:
        uses[nodes[[0, -1]]] += 1
    is_junction = (uses > 1) | is_blocked
    shapes: list[Array] = []
    way_of: list[int] = []
    for number, nodes in enumerate(numbers):
        for piece in _pieces(nodes, is_known, is_junction):
            shapes.append(piece)
            way_of.append(number)
    lengths = np.array([len(shape) for shape in shapes], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    shape = np.concatenate(shapes).astype(np.int32) if shapes else np.zeros(0, dtype=np.int32)
    ways_of = np.array(way_of, dtype=np.int64)
    allowed = np.array(ways.allowed, dtype=np.uint8)[ways_of]
    ring = np.array(ways.ring, dtype=bool)[ways_of]
    headings = directions_of(points, offsets, shape)
    starts, ends = shape[offsets[:-1]], shape[offsets[1:] - 1]
    turns, seconds = _turns(
        starts, ends, allowed, headings, is_blocked, np.array(ways.ids, dtype=np.int64)[ways_of], used, restrictions
    )
    return Roads(
        points=points,
        offsets=offsets,
        shape=shape,
        metres=metres_of(points, offsets, shape),
        speeds=np.array(ways.speeds, dtype=np.float32)[ways_of],
        name=np.array(ways.name, dtype=np.int32)[ways_of],
        allowed=allowed,
        ring=ring,
        turns=turns,
        turn_seconds=seconds,
        main=_main_part(2 * len(lengths), turns, allowed),
        names=tuple(ways.names),
        source=file.name,
    )


def _pieces(nodes: Array, is_known: Array, is_junction: Array) -> list[Array]:
    """A way cut at its junctions and where the extract ends."""
    pieces = []
    first: int | None = None
    for place, node in enumerate(nodes):
        if not is_known[node]:
            if first is not None and place - first > 1:
                pieces.append(nodes[first:place])
            first = None
            continue
        if first is None:
            first = place
        elif is_junction[node]:
            pieces.append(nodes[first : place + 1])
            first = place
    if first is not None and len(nodes) - first > 1:
        pieces.append(nodes[first:])
    return pieces


def pieces_metres(points: Array, shape: Array) -> Array:
    """Metres from each point of ``shape`` to the next one; across the joint of two segments it means nothing."""
    radians = np.radians(points[shape] / SCALE)
    longitude, latitude = radians[:, 0], radians[:, 1]
    across = np.sin(np.diff(latitude) / 2) ** 2
    along = np.sin(np.diff(longitude) / 2) ** 2
    inside = across + np.cos(latitude[:-1]) * np.cos(latitude[1:]) * along
    metres: Array = 2 * EARTH_METRES * np.arcsin(np.sqrt(np.minimum(1.0, inside)))
    return metres


def metres_of(points: Array, offsets: Array, shape: Array) -> Array:
    """Length of each segment."""
    if len(offsets) < 2:
        return np.zeros(0)
    steps = np.concatenate([pieces_metres(points, shape), [0.0]])
    steps[offsets[1:] - 1] = 0.0
    metres: Array = np.add.reduceat(steps, offsets[:-1])
    return metres


def directions_of(points: Array, offsets: Array, shape: Array) -> Array:
    """For each directed edge the degrees from north in which it begins and in which it ends."""
    first, last = offsets[:-1], offsets[1:] - 1
    begins, ends = _heading(points, shape[first], shape[first + 1]), _heading(points, shape[last - 1], shape[last])
    found = np.empty((2 * len(first), 2))
    found[0::2, 0], found[0::2, 1] = begins, ends
    found[1::2, 0], found[1::2, 1] = (ends + 180) % 360, (begins + 180) % 360
    return found


def _heading(points: Array, start: Array, end: Array) -> Array:
    a, b = points[start] / SCALE, points[end] / SCALE
    east = (b[:, 0] - a[:, 0]) * np.cos(np.radians((a[:, 1] + b[:, 1]) / 2))
    degrees: Array = np.degrees(np.arctan2(east, b[:, 1] - a[:, 1])) % 360
    return degrees


def angles(headings: Array, source: Array, target: Array) -> Array:
    """Degrees by which the way turns from one directed edge to the next; positive is to the right."""
    found: Array = (headings[target, 0] - headings[source, 1] + 180) % 360 - 180
    return found


def _turns(
    starts: Array,
    ends: Array,
    allowed: Array,
    headings: Array,
    is_blocked: Array,
    ways: Array,
    used: Array,
    restrictions: list[tuple[int, int, int, bool]],
) -> tuple[Array, Array]:
    edges = 2 * len(starts)
    tail, head = np.empty(edges, dtype=np.int64), np.empty(edges, dtype=np.int64)
    tail[0::2], head[0::2] = starts, ends
    tail[1::2], head[1::2] = ends, starts
    is_open = np.empty(edges, dtype=bool)
    is_open[0::2], is_open[1::2] = (allowed & 1) > 0, (allowed & 2) > 0
    coming = np.flatnonzero(is_open)
    leaving = coming[np.argsort(tail[coming], kind="stable")]
    # By the junction that they lead to, so that the turns at a junction lie side by side.
    coming = coming[np.argsort(head[coming], kind="stable")]
    low = np.searchsorted(tail[leaving], head[coming], side="left")
    count = np.searchsorted(tail[leaving], head[coming], side="right") - low
    source = np.repeat(coming, count)
    within = np.arange(len(source)) - np.repeat(np.cumsum(count) - count, count)
    target = leaving[np.repeat(low, count) + within]
    ways_on = np.repeat(count, count)
    is_back = target == (source ^ 1)
    keep = (~is_back | (ways_on == 1)) & ~is_blocked[head[source]]
    keep &= ~_forbidden(head[source], source, target, ways, used, restrictions)
    source, target, is_back, ways_on = source[keep], target[keep], is_back[keep], ways_on[keep]
    angle = angles(headings, source, target)
    seconds = np.where(angle > 0, RIGHT_SECONDS, LEFT_SECONDS)
    seconds[(np.abs(angle) <= STRAIGHT) | (ways_on - 1 < 2)] = 0.0
    seconds[is_back | (np.abs(angle) > BACK)] = BACK_SECONDS
    return np.stack([source, target], axis=1).astype(np.int32), seconds.astype(np.float32)


def _forbidden(
    via: Array, source: Array, target: Array, ways: Array, used: Array, restrictions: list[tuple[int, int, int, bool]]
) -> Array:
    """Which turns a restriction forbids; ``via`` is ascending."""
    found = np.zeros(len(via), dtype=bool)
    for way, node, onto, is_only in restrictions:
        number = np.searchsorted(used, node)
        if number == len(used) or used[number] != node:
            continue
        low, high = np.searchsorted(via, number, side="left"), np.searchsorted(via, number, side="right")
        from_it = ways[source[low:high] >> 1] == way
        onto_it = ways[target[low:high] >> 1] == onto
        if is_only and not (from_it & onto_it).any():
            continue
        found[low:high] |= from_it & (~onto_it if is_only else onto_it)
    return found


def _main_part(edges: int, turns: Array, allowed: Array) -> Array:
    graph: rustworkx.PyDiGraph[None, None] = rustworkx.PyDiGraph()
    graph.add_nodes_from([None] * edges)
    graph.add_edges_from_no_data([(int(one), int(other)) for one, other in turns])
    parts = rustworkx.strongly_connected_components(graph)
    main = np.zeros(edges, dtype=bool)
    if parts:
        main[max(parts, key=len)] = True
    main[0::2] &= (allowed & 1) > 0
    main[1::2] &= (allowed & 2) > 0
    return main
