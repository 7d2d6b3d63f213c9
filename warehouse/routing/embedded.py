"""The router of our own: the fastest way on the roads of an imported extract.

Belongs here: finding the road beside a place, the search, the steps of the way. Does not belong here: reading
OpenStreetMap (``extract.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

import numpy as np
import rustworkx

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Point
from warehouse.geography.distance import EARTH_METRES
from warehouse.routing.extract import BACK, STRAIGHT, angles, directions_of, pieces_metres
from warehouse.routing.graph import SCALE, Array, Roads, read
from warehouse.routing.model import OPENSTREETMAP, Route, Step, Turn, no_route
from warehouse.routing.words import length

FARTHEST_METRES: Final = 3000.0
"""A place that is farther from any road lies outside of the extract."""
_SAME_METRES: Final = 1.0
"""Roads that are nearer by less than this are as near as each other: they meet there."""
_SLIGHT, _SHARP = 50.0, 125.0
_ROUNDED_METRES: Final = 0.05
_BEGIN, _END = -2, -1
"""What stands at the two nodes that a search adds, where the others have the number of their edge."""

By = Literal["seconds", "metres"]


@dataclass(frozen=True)
class _Spot:
    """A place on a directed edge, ``share`` of its length from its begin."""

    edge: int
    share: float


class Router:
    """Finds ways on one graph; may be shared by threads."""

    def __init__(self, roads: Roads) -> None:
        self.roads = roads
        self._headings = directions_of(roads.points, roads.offsets, roads.shape)
        self._steps = np.concatenate([pieces_metres(roads.points, roads.shape), [0.0]])
        self._graph: rustworkx.PyDiGraph[int | None, int] = rustworkx.PyDiGraph()
        self._graph.add_nodes_from(range(2 * roads.segments))
        self._graph.extend_from_weighted_edge_list(
            [(int(one), int(other), number) for number, (one, other) in enumerate(roads.turns)]
        )
        metres = np.repeat(roads.metres, 2)
        seconds = metres / np.repeat(roads.speeds.astype(float), 2) * 3.6
        self._cost = {"seconds": seconds, "metres": metres}
        turn_cost = {"seconds": roads.turn_seconds.astype(float), "metres": np.zeros(len(roads.turns))}
        onto = roads.turns[:, 1] if len(roads.turns) else np.zeros(0, dtype=np.int64)
        self._turn_cost = {by: (turn_cost[by] + self._cost[by][onto]).tolist() for by in self._cost}
        self._bare_turn = roads.turn_seconds.astype(float)
        self._edge_ends, self._fastest = self._all_ends(), max(float(roads.speeds.max(initial=1)), 1.0) / 3.6
        self._hangs_together = 2 * int(roads.main.sum()) > int((roads.allowed & 1).sum() + (roads.allowed >> 1).sum())
        self._searching = Lock()
        self._lines = self._all_lines()

    def route(self, start: Point, end: Point, by: By = "seconds") -> Route:
        """The fastest way, or the shortest.

        Raises:
            ParkError: ``no_route``; ``off_the_map`` when no road is near one of the places.
        """
        # A place on a road that leads nowhere begins at the nearest one that does, as long as most roads hang together.
        for only_main in (False, True) if self._hangs_together else (False,):
            starts, ends = self._spots(start, only_main=only_main), self._spots(end, only_main=only_main)
            found = self._search(starts, ends, by)
            if found is not None:
                return self._told(*found)
        raise no_route()

    def _all_lines(self) -> tuple[Array, Array]:
        """Where the straight lines of all segments begin in ``shape``, and which segment each belongs to."""
        roads = self.roads
        begins = np.ones(len(roads.shape), dtype=bool)
        begins[roads.offsets[1:] - 1] = False
        segment = np.repeat(np.arange(roads.segments), np.diff(roads.offsets))
        return np.flatnonzero(begins), segment[begins]

    def _metres_to(self, place: Point, lines: Array) -> tuple[Array, Array]:
        """How far the place is from each line, and at which share of it."""
        roads, here = self.roads, np.array([place.longitude, place.latitude])
        metre = np.radians(1.0) * EARTH_METRES
        scale = np.array([metre * np.cos(np.radians(place.latitude)), metre])
        a = (roads.points[roads.shape[lines]] / SCALE - here) * scale
        b = (roads.points[roads.shape[lines + 1]] / SCALE - here) * scale
        along = b - a
        square = np.maximum((along**2).sum(axis=1), 1e-12)
        share = np.clip(-(a * along).sum(axis=1) / square, 0.0, 1.0)
        return np.sqrt(((a + share[:, None] * along) ** 2).sum(axis=1)), share

    def _may_be_near(self, place: Point) -> Array:
        """The lines that may be near enough: one end of each is, or lies half of the longest line farther."""
        roads, lines = self.roads, self._lines[0]
        longest = float(self._steps[lines].max(initial=0.0))
        reach = np.degrees((FARTHEST_METRES + longest / 2) / EARTH_METRES) * 1.01
        away = np.abs(roads.points / SCALE - [place.longitude, place.latitude])
        is_near = (away[:, 1] <= reach) & (away[:, 0] * np.cos(np.radians(place.latitude)) <= reach)
        return np.flatnonzero(is_near[roads.shape[lines]] | is_near[roads.shape[lines + 1]])

    def _all_ends(self) -> Array:
        """Where each directed edge ends, as a point on a sphere around the origin."""
        roads = self.roads
        ends = np.empty(2 * roads.segments, dtype=np.int64)
        ends[0::2], ends[1::2] = roads.shape[roads.offsets[1:] - 1], roads.shape[roads.offsets[:-1]]
        return _on_sphere(roads.points[ends] / SCALE)

    def _at_least(self, ends: Sequence[_Spot], by: By) -> list[float]:
        """For each directed edge less than what is left from its end to any of ``ends``: a straight line costs that.

        The last two belong to the nodes that a search adds.
        """
        places = {self._shape(spot.edge, 0.0, spot.share)[-1] for spot in ends}
        left = np.full(len(self._edge_ends) + 2, np.inf)
        left[_BEGIN:] = 0.0
        for place in places:
            there = _on_sphere(np.array([[place.longitude, place.latitude]]))
            straight = np.sqrt(((self._edge_ends - there) ** 2).sum(axis=1))
            np.minimum(left[:_BEGIN], straight, out=left[:_BEGIN])
        # The place is rounded, and lengths are sums of many.
        left = np.maximum(left * (1.0 - 1e-9) - _ROUNDED_METRES, 0.0)
        least: list[float] = (left / self._fastest if by == "seconds" else left).tolist()
        return least

    def _spots(self, place: Point, *, only_main: bool) -> list[_Spot]:
        """The directed edges beside a place, several where roads meet."""
        roads, (lines, segments) = self.roads, self._lines
        near = self._may_be_near(place)
        lines, segments = lines[near], segments[near]
        if only_main:
            is_main = roads.main[2 * segments] | roads.main[2 * segments + 1]
            lines, segments = lines[is_main], segments[is_main]
        far, share = self._metres_to(place, lines)
        nearest = float(far.min(initial=np.inf))
        if nearest > FARTHEST_METRES:
            raise _off_the_map(place, float(self._metres_to(place, self._lines[0])[0].min(initial=np.inf)))
        best: dict[int, tuple[float, float]] = {}
        for line in np.flatnonzero(far <= nearest + _SAME_METRES):
            segment = int(segments[line])
            if segment not in best or far[line] < best[segment][0]:
                begin = int(roads.offsets[segment])
                metres = float(self._steps[begin : lines[line]].sum() + share[line] * self._steps[lines[line]])
                best[segment] = (float(far[line]), metres / max(float(roads.metres[segment]), 1e-9))
        spots = []
        for segment, (_far, part) in best.items():
            part = min(1.0, part)
            if roads.allowed[segment] & 1:
                spots.append(_Spot(2 * segment, part))
            if roads.allowed[segment] & 2:
                spots.append(_Spot(2 * segment + 1, 1.0 - part))
        return [spot for spot in spots if roads.main[spot.edge]] if only_main else spots

    def _search(self, starts: Sequence[_Spot], ends: Sequence[_Spot], by: By) -> tuple[list[int], float, float] | None:
        """The edges of the best way, and the shares at which it begins on the first and ends on the last."""
        graph, cost, turn_cost = self._graph, self._cost[by], self._turn_cost[by]
        with self._searching:
            usual, edges = len(turn_cost), graph.num_nodes()
            source, sink = graph.add_node(_BEGIN), graph.add_node(_END)
            last: dict[int, _Spot] = {}
            best: dict[int, float] = {}

            def offer(before: int, value: float, spot: _Spot) -> None:
                if value < best.get(before, float("inf")):
                    best[before], last[before] = value, spot

            try:
                for spot in ends:
                    for before, _onto, turn in graph.in_edges(spot.edge):
                        bare = self._bare_turn[turn] if by == "seconds" else 0.0
                        offer(before, bare + spot.share * float(cost[spot.edge]), spot)
                    for begun in starts:
                        if begun.edge == spot.edge and begun.share <= spot.share:
                            offer(source, (spot.share - begun.share) * float(cost[spot.edge]), spot)
                for begun in starts:
                    turn_cost.append((1.0 - begun.share) * float(cost[begun.edge]))
                    graph.add_edge(source, begun.edge, len(turn_cost) - 1)
                for before, value in best.items():
                    turn_cost.append(value)
                    graph.add_edge(before, sink, len(turn_cost) - 1)
                if not best:
                    return None
                left: Any = self._at_least(ends, by)  # by what stands at a node, which is never None
                path = rustworkx.astar_shortest_path(
                    graph, source, _END.__eq__, turn_cost.__getitem__, left.__getitem__
                )
                way = [int(edge) for edge in path if edge < edges]
            except rustworkx.NoPathFound:
                return None
            finally:
                graph.remove_nodes_from([source, sink])
                del turn_cost[usual:]
        spot = last[way[-1]] if way else last[source]
        begun_share = (
            next(one.share for one in starts if one.edge == way[0])
            if way
            else max(one.share for one in starts if one.edge == spot.edge and one.share <= spot.share)
        )
        return [*way, spot.edge], begun_share, spot.share

    def _told(self, way: list[int], begins: float, ends: float) -> Route:
        roads = self.roads
        shares = [(0.0, 1.0)] * len(way)
        shares[0] = (begins, shares[0][1])
        shares[-1] = (shares[-1][0], ends)
        metres = [float(roads.metres[edge >> 1]) * (to - since) for edge, (since, to) in zip(way, shares, strict=True)]
        seconds = sum(part / float(roads.speeds[edge >> 1]) * 3.6 for edge, part in zip(way, metres, strict=True))
        line: list[Point] = []
        places = []
        for edge, (since, to) in zip(way, shares, strict=True):
            points = self._shape(edge, since, to)
            places.append(points[0])
            line += points if not line or line[-1] != points[0] else points[1:]
        turning = [self._turn(one, other) for one, other in pairwise(way)]
        seconds += sum(cost for cost, _angle in turning)
        steps = self._steps_of(way, metres, places, [angle for _cost, angle in turning])
        steps.append(Step(Turn.ARRIVE, "", 0.0, line[-1]))
        return Route(sum(metres), seconds, tuple(line), tuple(steps), "embedded", OPENSTREETMAP)

    def _turn(self, one: int, other: int) -> tuple[float, float]:
        number = min(self._graph.get_all_edge_data(one, other), key=lambda turn: float(self._bare_turn[turn]))
        angle = float(angles(self._headings, np.array([one]), np.array([other]))[0])
        return float(self._bare_turn[number]), angle

    def _shape(self, edge: int, since: float, to: float) -> list[Point]:
        """The points of a directed edge between two shares of its length."""
        roads, segment = self.roads, edge >> 1
        first, last = int(roads.offsets[segment]), int(roads.offsets[segment + 1])
        points = roads.points[roads.shape[first:last]] / SCALE
        steps = self._steps[first : last - 1]
        if edge & 1:
            points, steps = points[::-1], steps[::-1]
        at = np.concatenate([[0.0], np.cumsum(steps)])
        low, high = since * at[-1], to * at[-1]
        inner = points[(at > low) & (at < high)]
        cut = [[np.interp(where, at, points[:, axis]) for axis in (0, 1)] for where in (low, high)]
        return [Point(round(float(x), 7), round(float(y), 7)) for x, y in [cut[0], *inner, cut[1]]]

    def _steps_of(self, way: list[int], metres: list[float], places: list[Point], turning: list[float]) -> list[Step]:
        """Edges gathered while the road stays the same and nothing is turned."""
        roads = self.roads
        steps: list[Step] = [Step(Turn.DEPART, self._name(way[0]), metres[0], places[0])]
        passed = 0
        for number in range(1, len(way)):
            edge, before = way[number], way[number - 1]
            in_ring, was_in_ring = bool(roads.ring[edge >> 1]), bool(roads.ring[before >> 1])
            current = steps[-1]
            if was_in_ring and self._graph.out_degree(before) > 1:
                passed += 1
            if in_ring and not was_in_ring:
                passed = 0
                steps.append(Step(Turn.ROUNDABOUT, self._name(edge), metres[number], places[number]))
            elif was_in_ring and not in_ring and current.turn is Turn.ROUNDABOUT:
                steps[-1] = Step(
                    Turn.ROUNDABOUT, self._name(edge), current.metres + metres[number], current.place, max(passed, 1)
                )
            elif in_ring or not self._is_told(before, edge, turning[number - 1], current):
                steps[-1] = Step(
                    current.turn,
                    current.road or self._name(edge),
                    current.metres + metres[number],
                    current.place,
                    current.exit,
                )
            else:
                turn = _kind(turning[number - 1])
                steps.append(Step(turn, self._name(edge), metres[number], places[number]))
        return steps

    def _is_told(self, before: int, edge: int, angle: float, current: Step) -> bool:
        """Whether a driver must be told: the way turns or its name changes, and without a choice only if both do."""
        is_turn, is_other_road = abs(angle) > STRAIGHT, self._name(edge) not in ("", current.road)
        if abs(angle) > BACK:
            return True
        if self._graph.out_degree(before) < 2:
            return is_turn and is_other_road
        return is_turn or is_other_road

    def _name(self, edge: int) -> str:
        return self.roads.names[int(self.roads.name[edge >> 1])]


def _on_sphere(places: Array) -> Array:
    longitude, latitude = np.radians(places).T
    flat = np.cos(latitude)
    found: Array = EARTH_METRES * np.stack(
        [flat * np.cos(longitude), flat * np.sin(longitude), np.sin(latitude)], axis=1
    )
    return found


def _kind(angle: float) -> Turn:
    size, is_right = abs(angle), angle > 0
    if size <= STRAIGHT:
        return Turn.ON
    if size > BACK:
        return Turn.BACK
    if size <= _SLIGHT:
        return Turn.SLIGHT_RIGHT if is_right else Turn.SLIGHT_LEFT
    if size <= _SHARP:
        return Turn.RIGHT if is_right else Turn.LEFT
    return Turn.SHARP_RIGHT if is_right else Turn.SHARP_LEFT


def _off_the_map(place: Point, metres: float) -> ParkError:
    where = f"{place.longitude:.5f}, {place.latitude:.5f}"
    far_zh = length(metres, "zh") if metres < float("inf") else "很远"
    far_en = length(metres, "en") if metres < float("inf") else "far"
    return ParkError(
        zh=f"{where} 不在已导入的路网内（最近的道路在 {far_zh} 外）："
        "请用 park map import 导入包含它的 OpenStreetMap 数据",
        en=f"{where} lies outside of the imported roads (the nearest is {far_en} away): import an OpenStreetMap "
        "extract that holds it with park map import",
        code="off_the_map",
    )


def router_of(file: Path) -> Router:
    """The router of a graph file; read once, anew after another import."""
    return _router(file, file.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _router(file: Path, _written: int) -> Router:
    return Router(read(file))
