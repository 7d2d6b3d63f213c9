"""The router on an OpenStreetMap extract: as short as another library's way, and never against a one-way street."""

from __future__ import annotations

import gzip
import itertools
import math
import random
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Point
from warehouse.routing import speeds
from warehouse.routing.choosing import import_roads, provider_of, roads_file
from warehouse.routing.embedded import Router
from warehouse.routing.extract import read_extract
from warehouse.routing.graph import read, write
from warehouse.routing.model import Turn
from warehouse.routing.words import duration, instruction
from warehouse.settings import PROJECT_ROOT, Settings

BESIDE = [folder / "shared" / "data" / "osm" / "monaco.osm.gz" for folder in PROJECT_ROOT.parents[:2]]
MONACO = next((file for file in BESIDE if file.exists()), BESIDE[0])
STEP = 0.001  # about 100 m

Tags = dict[str, str]
Way = tuple[list[int], Tags]


def extract_text(nodes: dict[int, Point], ways: Iterable[Way], restrictions: Iterable[tuple[int, int, int, str]] = ()):
    """An extract; ways are numbered from 1, restrictions are from way, via node, to way, what."""
    lines = ["<osm version='0.6'>"]
    for number, place in nodes.items():
        lines.append(f"<node id='{number}' version='1' lat='{place.latitude:.7f}' lon='{place.longitude:.7f}'/>")
    for number, (refs, tags) in enumerate(ways, start=1):
        told = "".join(f"<tag k={quoteattr(key)} v={quoteattr(value)}/>" for key, value in tags.items())
        told = "".join(f"<nd ref='{ref}'/>" for ref in refs) + told
        lines.append(f"<way id='{number}' version='1'>{told}</way>")
    for number, (source, via, target, what) in enumerate(restrictions, start=1):
        lines.append(
            f"<relation id='{number}' version='1'><member type='way' ref='{source}' role='from'/>"
            f"<member type='node' ref='{via}' role='via'/><member type='way' ref='{target}' role='to'/>"
            f"<tag k='type' v='restriction'/><tag k='restriction' v='{what}'/></relation>"
        )
    return "\n".join([*lines, "</osm>"])


def router(folder: Path, text: str) -> Router:
    file = folder / "roads.osm"
    file.write_text(text, encoding="utf-8")
    return Router(read_extract(file))


def metres(one: Point, other: Point) -> float:
    """On a sphere, written anew: what the router is compared with must not be its own."""
    p, q = math.radians(one.latitude), math.radians(other.latitude)
    cosine = math.sin(p) * math.sin(q) + math.cos(p) * math.cos(q) * math.cos(
        math.radians(other.longitude - one.longitude)
    )
    return 6_371_008.8 * math.acos(min(1.0, cosine))


# A town: East Street and West Street meet at the cross (5); Ring is a roundabout north of it.
#       8
#     9 ○ 7 - 10
#       6
#       |
#  1 -- 5 -- 2
#       |
#       3 -- 4
TOWN = {
    1: Point(116.398, 39.9),
    5: Point(116.4, 39.9),
    2: Point(116.402, 39.9),
    3: Point(116.4, 39.898),
    4: Point(116.402, 39.898),
    6: Point(116.4, 39.902),
    7: Point(116.4003, 39.9023),
    8: Point(116.4, 39.9026),
    9: Point(116.3997, 39.9023),
    10: Point(116.402, 39.9023),
    11: Point(116.4, 39.904),
    20: Point(116.45, 39.95),
    21: Point(116.4501, 39.95),
}
STREETS: list[Way] = [
    ([1, 5], {"highway": "residential", "name": "西街"}),
    ([5, 2], {"highway": "residential", "name": "东街"}),
    ([5, 3], {"highway": "residential", "name": "南街", "oneway": "yes"}),
    ([3, 4], {"highway": "residential", "name": "河边路"}),
    ([4, 2], {"highway": "residential", "name": "桥路", "oneway": "yes"}),
    ([5, 6], {"highway": "primary", "name": "北街"}),
    ([6, 7, 8, 9, 6], {"highway": "primary", "junction": "roundabout"}),
    ([7, 10], {"highway": "primary", "name": "机场路"}),
    ([8, 11], {"highway": "primary", "name": "学院路"}),
    ([3, 1], {"highway": "footway", "name": "小径"}),
    ([20, 21], {"highway": "service", "access": "private"}),
]


def test_a_turn_a_roundabout_and_the_arrival_are_told_in_both_languages(tmp_path: Path) -> None:
    found = router(tmp_path, extract_text(TOWN, STREETS)).route(TOWN[1], TOWN[11])
    assert [step.turn for step in found.steps] == [Turn.DEPART, Turn.LEFT, Turn.ROUNDABOUT, Turn.ARRIVE]
    assert found.steps[2].exit == 2
    assert [instruction(step, "zh") for step in found.steps] == [
        "从西街出发，行驶 170 米",
        "左转，进入北街，行驶 220 米",
        "进入环岛，第 2 出口驶出，进入学院路，行驶 240 米",
        "到达目的地",
    ]
    assert instruction(found.steps[2], "en") == "Enter the roundabout, take exit 2 onto 学院路, 240 m"
    assert found.line[0] == TOWN[1]
    assert found.line[-1] == TOWN[11]
    assert sum(step.metres for step in found.steps) == pytest.approx(found.metres)


def test_a_one_way_street_is_not_driven_against_even_when_the_way_around_is_longer(tmp_path: Path) -> None:
    roads = router(tmp_path, extract_text(TOWN, STREETS))
    assert roads.route(TOWN[5], TOWN[3]).metres == pytest.approx(222, abs=2)
    around = roads.route(TOWN[3], TOWN[5])
    assert [instruction(step, "en").split(",")[0] for step in around.steps][1:3] == [
        "Turn left onto 桥路",
        "Turn left onto 东街",
    ]


def test_a_forbidden_turn_is_not_taken(tmp_path: Path) -> None:
    text = extract_text(TOWN, STREETS, [(1, 5, 3, "no_right_turn")])
    found = router(tmp_path, text).route(TOWN[1], Point(116.4, 39.8985))
    assert found.steps[0].road == "西街"
    assert not any(
        step.road == "南街" and step.turn is Turn.RIGHT and step.place == TOWN[5] for step in found.steps[:2]
    )


def test_a_place_beside_a_road_begins_on_it_and_one_far_away_is_refused(tmp_path: Path) -> None:
    roads = router(tmp_path, extract_text(TOWN, STREETS))
    found = roads.route(Point(116.399, 39.9001), TOWN[2])
    assert found.line[0] == Point(116.399, 39.9)
    assert found.metres == pytest.approx(metres(Point(116.399, 39.9), TOWN[2]), rel=0.001)
    with pytest.raises(ParkError) as refused:
        roads.route(Point(120.0, 30.0), TOWN[2])
    assert refused.value.code == "off_the_map"


def test_both_ends_on_one_street_need_no_turn(tmp_path: Path) -> None:
    roads = router(tmp_path, extract_text(TOWN, STREETS))
    there, back = Point(116.3985, 39.9), Point(116.3995, 39.9)
    assert roads.route(there, back).metres == pytest.approx(metres(there, back), rel=0.001)
    assert roads.route(back, there).metres == pytest.approx(metres(there, back), rel=0.001)
    assert roads.route(there, there).metres == 0


def test_the_graph_file_holds_what_was_read_and_a_broken_one_is_refused_in_words(tmp_path: Path) -> None:
    settings_of = Settings(home=tmp_path / "home")
    file = tmp_path / "town.osm.gz"
    file.write_bytes(gzip.compress(extract_text(TOWN, STREETS).encode()))
    assert provider_of(settings_of) is None
    roads = import_roads(settings_of, file)
    again = read(roads_file(settings_of))
    assert again.names == roads.names
    assert (again.turns == roads.turns).all()
    provider = provider_of(settings_of)
    assert provider is not None
    assert duration(provider.route(TOWN[1], TOWN[2]).seconds, "zh") == "1 分钟"
    roads_file(settings_of).write_bytes(b"no graph")
    with pytest.raises(ParkError, match="park map import"):
        read(roads_file(settings_of))
    write(roads, roads_file(settings_of))
    with pytest.raises(ParkError, match="no usable OpenStreetMap extract"):
        read_extract(tmp_path / "missing.osm.pbf")


@pytest.mark.parametrize(
    ("tags", "along", "against"),
    [
        ({}, True, True),
        ({"oneway": "yes"}, True, False),
        ({"oneway": "-1"}, False, True),
        ({"junction": "roundabout"}, True, False),
        ({"highway": "motorway"}, True, False),
        ({"highway": "motorway", "oneway": "no"}, True, True),
    ],
)
def test_one_way_tags_are_understood(tags: Tags, along: bool, against: bool) -> None:
    assert speeds.directions({"highway": "primary"} | tags) == (along, against)


@st.composite
def grids(draw: st.DrawFn) -> tuple[dict[int, Point], list[Way], int, int]:
    width, height = draw(st.integers(2, 5)), draw(st.integers(2, 5))
    nodes = {
        row * 10 + column + 1: Point(round(7.4 + STEP * column, 7), round(43.7 + STEP * row, 7))
        for row in range(height)
        for column in range(width)
    }
    ways: list[Way] = []
    for number in nodes:
        for other in (number + 1, number + 10):
            kind = draw(st.sampled_from(["both", "both", "yes", "-1", "absent"]))
            if other in nodes and kind != "absent":
                ways.append(
                    ([number, other], {"highway": "residential"} | ({} if kind == "both" else {"oneway": kind}))
                )
    numbers = sorted(nodes)
    return nodes, ways, draw(st.sampled_from(numbers)), draw(st.sampled_from(numbers))


@given(grids())
@settings(max_examples=60, deadline=None)
def test_on_any_grid_the_way_is_the_shortest_and_no_one_way_street_is_driven_against(
    tmp_path_factory: pytest.TempPathFactory, grid: tuple[dict[int, Point], list[Way], int, int]
) -> None:
    nodes, ways, start, end = grid
    graph = networkx.DiGraph()
    for (one, other), tags in ways:
        length = metres(nodes[one], nodes[other])
        if tags.get("oneway") != "-1":
            graph.add_edge(one, other, weight=length)
        if tags.get("oneway") != "yes":
            graph.add_edge(other, one, weight=length)
    if start not in graph or end not in graph:
        return
    roads = router(tmp_path_factory.getbasetemp(), extract_text(nodes, ways))
    try:
        found = roads.route(nodes[start], nodes[end], by="metres")
    except ParkError:
        assert not networkx.has_path(graph, start, end)
        return
    at = {place: number for number, place in nodes.items()}
    if networkx.has_path(graph, start, end):
        shortest = networkx.dijkstra_path_length(graph, start, end)
        assert found.metres == pytest.approx(shortest, rel=0.01, abs=0.01)
        assert (at[found.line[0]], at[found.line[-1]]) == (start, end)
    else:
        assert (found.line[0], found.line[-1]) != (nodes[start], nodes[end])
    driven = [at[place] for place in found.line if place in at]
    assert all(graph.has_edge(one, other) for one, other in itertools.pairwise(driven) if one != other)


@pytest.mark.skipif(not MONACO.exists(), reason="the extract is not part of the project")
def test_in_monaco_ways_are_as_long_as_those_of_another_library(tmp_path: Path) -> None:
    graph, places = monaco()
    roads = Router(read_extract(MONACO))
    chance = random.Random(7)
    nodes = sorted({pair[0] for pair in graph.nodes})
    compared = 0
    while compared < 40:
        start, end = chance.sample(nodes, 2)
        shortest = shortest_metres(graph, start, end)
        if shortest is None or shortest < 300:
            continue
        found = roads.route(places[start], places[end], by="metres")
        assert found.metres == pytest.approx(shortest, rel=0.01), (start, end)
        fastest = roads.route(places[start], places[end])
        assert fastest.metres >= found.metres - 0.5
        compared += 1


def monaco() -> tuple[networkx.DiGraph, dict[int, Point]]:
    """A graph whose nodes are directed pieces of roads, so that forbidden turns can be left out."""
    with gzip.open(MONACO) as opened:
        root = ElementTree.parse(opened).getroot()
    places, blocked = {}, set()
    for node in root.iter("node"):
        places[int(node.get("id"))] = Point(float(node.get("lon")), float(node.get("lat")))
        if any(tag.get("k") == "barrier" and tag.get("v") in ("bollard", "block") for tag in node.iter("tag")):
            blocked.add(int(node.get("id")))
    way_of: dict[tuple[int, int], set[int]] = {}
    for way in root.iter("way"):
        tags = {tag.get("k"): tag.get("v") for tag in way.iter("tag")}
        if not speeds.may_drive(tags):
            continue
        along, against = speeds.directions(tags)
        for one, other in itertools.pairwise(int(node.get("ref")) for node in way.iter("nd")):
            if one in places and other in places and one != other:
                for pair, is_open in (((one, other), along), ((other, one), against)):
                    if is_open:
                        way_of.setdefault(pair, set()).add(int(way.get("id")))
    leaving: dict[int, list[tuple[int, int]]] = {}
    for pair in way_of:
        leaving.setdefault(pair[0], []).append(pair)
    banned = set()
    for relation in root.iter("relation"):
        tags = {tag.get("k"): tag.get("v") for tag in relation.iter("tag")}
        roles = {member.get("role"): int(member.get("ref")) for member in relation.iter("member")}
        if tags.get("type") == "restriction" and {"from", "via", "to"} <= roles.keys():
            banned.add((roles["from"], roles["via"], roles["to"], tags.get("restriction", "").startswith("only")))
    graph = networkx.DiGraph()
    for pair in way_of:
        graph.add_node(pair, metres=metres(places[pair[0]], places[pair[1]]))
        following = leaving.get(pair[1], [])
        for onto in following:
            if (onto[1] == pair[0] and len(following) > 1) or pair[1] in blocked:
                continue
            forbidden = False
            for source, via, target, is_only in banned:
                if via == pair[1] and source in way_of[pair]:
                    forbidden |= (target not in way_of[onto]) if is_only else (target in way_of[onto])
            if not forbidden:
                graph.add_edge(pair, onto, weight=metres(places[onto[0]], places[onto[1]]))
    return graph, places


def shortest_metres(graph: networkx.DiGraph, start: int, end: int) -> float | None:
    for pair in [pair for pair in graph.nodes if pair[0] == start]:
        graph.add_edge("start", pair, weight=graph.nodes[pair]["metres"])
    found = networkx.single_source_dijkstra_path_length(graph, "start") if "start" in graph else {}
    graph.remove_nodes_from(["start"])
    return min((length for pair, length in found.items() if pair != "start" and pair[1] == end), default=None)
