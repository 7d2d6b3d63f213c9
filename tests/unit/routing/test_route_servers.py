"""Servers of routes, each a local one that answers in the real one's form."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.geography.distance import metres_between
from warehouse.routing.choosing import provider_of
from warehouse.routing.model import Turn
from warehouse.routing.valhalla import decode
from warehouse.routing.words import instruction
from warehouse.settings import Settings

START, END = Point(121.4737, 31.2304), Point(121.4800, 31.2350)

OSRM = {
    "code": "Ok",
    "routes": [
        {
            "distance": 1234.5,
            "duration": 321.0,
            "geometry": {
                "type": "LineString",
                "coordinates": [[121.4737, 31.2304], [121.48, 31.2304], [121.48, 31.235]],
            },
            "legs": [
                {
                    "steps": [
                        {
                            "maneuver": {"type": "depart", "location": [121.4737, 31.2304]},
                            "name": "人民大道",
                            "distance": 600.5,
                        },
                        {
                            "maneuver": {"type": "turn", "modifier": "left", "location": [121.48, 31.2304]},
                            "name": "西藏中路",
                            "distance": 400,
                        },
                        {
                            "maneuver": {
                                "type": "roundabout",
                                "modifier": "right",
                                "exit": 2,
                                "location": [121.48, 31.233],
                            },
                            "name": "",
                            "ref": "S20",
                            "distance": 234,
                        },
                        {"maneuver": {"type": "arrive", "location": [121.48, 31.235]}, "name": "", "distance": 0},
                    ]
                }
            ],
        }
    ],
}
VALHALLA = {
    "trip": {
        "status": 0,
        "summary": {"length": 1.2345, "time": 321.0},
        "legs": [
            {
                "shape": "",
                "maneuvers": [
                    {"type": 1, "street_names": ["人民大道"], "length": 0.6, "begin_shape_index": 0},
                    {"type": 26, "length": 0.02, "begin_shape_index": 1, "roundabout_exit_count": 2},
                    {"type": 27, "street_names": ["西藏中路"], "length": 0.6145, "begin_shape_index": 1},
                    {"type": 4, "length": 0.0, "begin_shape_index": 2},
                ],
            }
        ],
    }
}


def amap() -> dict[str, Any]:
    def written(*places: Point) -> str:
        shifted = [convert(place, Datum.WGS84, Datum.GCJ02) for place in places]
        return ";".join(f"{place.longitude:.6f},{place.latitude:.6f}" for place in shifted)

    corner = Point(121.48, 31.2304)
    return {
        "status": "1",
        "info": "OK",
        "infocode": "10000",
        "route": {
            "paths": [
                {
                    "distance": "1234",
                    "duration": "321",
                    "steps": [
                        {"road": "人民大道", "distance": "600", "action": "左转", "polyline": written(START, corner)},
                        {"road": [], "distance": "634", "action": [], "polyline": written(corner, END)},
                    ],
                }
            ]
        },
    }


class Server:
    """Answers every request with ``answer`` and remembers it."""

    def __init__(self) -> None:
        self.answer: Any = {}
        self.status = 200
        self.asked: list[tuple[str, dict[str, list[str]], Any]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                outer.asked.append((parts.path, parse_qs(parts.query), json.loads(body) if body else None))
                told = outer.answer if isinstance(outer.answer, bytes) else json.dumps(outer.answer).encode()
                self.send_response(outer.status)
                self.send_header("content-length", str(len(told)))
                self.end_headers()
                self.wfile.write(told)

            do_POST = do_GET  # noqa: N815 - the name that the server calls

            def log_message(self, *_arguments: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


def provider(server: Server, name: Any):
    found = provider_of(Settings(route_provider=name, route_url=server.url, route_key=SecretStr("secret-key")))
    assert found is not None
    return found


def test_osrm_is_asked_and_its_steps_are_said(server: Server) -> None:
    server.answer = OSRM
    route = provider(server, "osrm").route(START, END)
    path, query, _body = server.asked[0]
    assert path == "/route/v1/driving/121.473700,31.230400;121.480000,31.235000"
    assert query["geometries"] == ["geojson"]
    assert (route.metres, route.seconds, route.line[0], route.line[-1]) == (1234.5, 321.0, START, END)
    assert [instruction(step, "zh") for step in route.steps] == [
        "从人民大道出发，行驶 600 米",
        "左转，进入西藏中路，行驶 400 米",
        "进入环岛，第 2 出口驶出，进入S20，行驶 230 米",
        "到达目的地",
    ]


def test_valhalla_is_asked_and_its_line_is_decoded(server: Server) -> None:
    server.answer = json.loads(json.dumps(VALHALLA))
    server.answer["trip"]["legs"][0]["shape"] = encoded([START, Point(121.48, 31.2304), END])
    route = provider(server, "valhalla").route(START, END)
    path, _query, body = server.asked[0]
    assert path == "/route"
    assert body["costing"] == "auto"
    assert body["locations"][0] == {"lon": START.longitude, "lat": START.latitude}
    assert (route.metres, route.line[0], route.line[-1]) == (1234.5, START, END)
    assert [(step.turn, step.road, step.exit) for step in route.steps] == [
        (Turn.DEPART, "人民大道", None),
        (Turn.ROUNDABOUT, "西藏中路", 2),
        (Turn.ARRIVE, "", None),
    ]


def test_amap_is_asked_in_its_datum_and_its_line_comes_back_in_ours(server: Server) -> None:
    server.answer = amap()
    route = provider(server, "amap").route(START, END)
    path, query, _body = server.asked[0]
    shifted = convert(START, Datum.WGS84, Datum.GCJ02)
    assert path == "/v3/direction/driving"
    assert query["origin"] == [f"{shifted.longitude:.6f},{shifted.latitude:.6f}"]
    assert query["key"] == ["secret-key"]
    assert metres_between(route.line[0], START) < 0.2
    assert metres_between(route.line[-1], END) < 0.2
    assert len(route.line) == 3
    assert [(step.turn, step.road) for step in route.steps] == [
        (Turn.DEPART, "人民大道"),
        (Turn.LEFT, ""),
        (Turn.ARRIVE, ""),
    ]


@pytest.mark.parametrize(
    ("name", "answer", "code"),
    [
        ("osrm", {"code": "NoRoute"}, "no_route"),
        ("osrm", {"code": "InvalidQuery"}, "routes_failed"),
        ("osrm", {"code": "Ok"}, "routes_failed"),
        ("osrm", b"<html>502</html>", "routes_failed"),
        ("valhalla", {"error_code": 442, "error": "No path could be found for input"}, "no_route"),
        ("valhalla", {"error_code": 100, "error": "Failed to parse"}, "routes_failed"),
        ("amap", {"status": "0", "infocode": "20803", "info": "OVER_DIRECTION_RANGE"}, "no_route"),
        ("amap", {"status": "0", "infocode": "10001", "info": "INVALID_USER_KEY"}, "routes_failed"),
        ("amap", {"status": "1", "route": {"paths": [{"steps": []}]}}, "routes_failed"),
    ],
)
def test_an_answer_without_a_route_is_told_in_words_that_hold_no_key(
    server: Server, name: str, answer: Any, code: str
) -> None:
    server.answer = answer
    with pytest.raises(ParkError) as refused:
        provider(server, name).route(START, END)
    assert refused.value.code == code
    assert "secret-key" not in refused.value.zh + refused.value.en


@pytest.mark.parametrize("name", ["osrm", "valhalla", "amap"])
def test_a_server_that_is_not_there_is_told_in_words(server: Server, name: str) -> None:
    gone = provider(server, name)
    server.close()
    with pytest.raises(ParkError) as refused:
        gone.route(START, END)
    assert refused.value.code == "routes_failed"


def test_a_provider_that_lacks_a_setting_says_which(tmp_path) -> None:
    for name, lacking in (("osrm", "PARK_ROUTE_URL"), ("valhalla", "PARK_ROUTE_URL"), ("amap", "PARK_ROUTE_KEY")):
        with pytest.raises(ParkError, match=lacking):
            provider_of(Settings(home=tmp_path, route_provider=name))  # type: ignore[arg-type]
    assert provider_of(Settings(home=tmp_path, route_provider="none")) is None


def test_a_published_line_is_decoded() -> None:
    # The example of the format's own description.
    assert decode("_p~iF~ps|U_ulLnnqC_mqNvxq`@", 1e5) == [
        Point(-120.2, 38.5),
        Point(-120.95, 40.7),
        Point(-126.453, 43.252),
    ]
    with pytest.raises(ValueError, match="cut off"):
        decode("_p~iF~ps|U_ulLnnqC_", 1e5)


def encoded(points: list[Point]) -> str:
    """The polyline of six decimals that Valhalla writes."""
    text, before = "", (0, 0)
    for point in points:
        here = (round(point.latitude * 1e6), round(point.longitude * 1e6))
        for value, last in zip(here, before, strict=True):
            rest = (value - last) << 1
            rest = ~rest if rest < 0 else rest
            while rest >= 0x20:
                text += chr((0x20 | (rest & 0x1F)) + 63)
                rest >>= 5
            text += chr(rest + 63)
        before = here
    return text
