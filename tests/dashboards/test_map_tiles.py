"""Tiles of a map server through this one: the key stays here, kept tiles are used, and only pictures are handed on."""

from __future__ import annotations

import gzip
import logging
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from pydantic import SecretStr

from dashboards.map import navigation
from dashboards.map.style import datum_of, style
from dashboards.map.tiles import LARGEST_BYTES, Tiles
from dashboards.views.overview.cloud_map_start import read_place
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.geography.distance import metres_between
from warehouse.logs import set_up
from warehouse.settings import Settings

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\0" * 2000


class MapServer:
    """Answers with ``content`` and remembers what it was asked."""

    def __init__(self) -> None:
        self.content, self.status, self.asked = PICTURE, 200, list[str]()
        self.packing: str | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                self.send_response(outer.status)
                self.send_header("content-type", "image/png")
                if outer.packing is not None:
                    self.send_header("content-encoding", outer.packing)
                self.send_header("content-length", str(len(outer.content)))
                self.end_headers()
                self.wfile.write(outer.content)

            def log_message(self, *_arguments: object) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._http.server_address[1]}/t?x={{x}}&y={{y}}&l={{z}}&tk={{key}}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@pytest.fixture
def map_server() -> Iterator[MapServer]:
    made = MapServer()
    yield made
    made.close()


def settings_for(server: MapServer, home: Path, **more: object) -> Settings:
    given = {"map_tiles": server.address, "map_tiles_key": SecretStr("a key&"), "map_tiles_datum": "gcj02"}
    return Settings(home=home, **(given | more))  # type: ignore[arg-type]


def test_a_tile_is_fetched_with_the_key_once_and_then_kept(map_server: MapServer, tmp_path: Path) -> None:
    tiles = Tiles(settings_for(map_server, tmp_path))
    first = tiles.get(0, 12, 3430, 1674)
    assert first is not None
    assert (first.content, first.kind) == (PICTURE, "image/png")
    assert tiles.get(0, 12, 3430, 1674) == first
    (asked,) = map_server.asked
    assert parse_qs(urlsplit(asked).query) == {"x": ["3430"], "y": ["1674"], "l": ["12"], "tk": ["a key&"]}
    assert tiles.get(1, 12, 3430, 1674) is None


def test_an_old_tile_is_fetched_anew_and_serves_while_the_map_server_is_away(
    map_server: MapServer, tmp_path: Path
) -> None:
    tiles = Tiles(settings_for(map_server, tmp_path))
    tiles.get(0, 1, 0, 0)
    (kept,) = [file for file in (tmp_path / "map" / "tiles").rglob("*") if file.is_file()]
    os.utime(kept, (0, 0))
    assert tiles.get(0, 1, 0, 0) is not None
    assert len(map_server.asked) == 2
    os.utime(kept, (0, 0))
    map_server.close()
    assert tiles.get(0, 1, 0, 0) is not None


@pytest.mark.parametrize(("content", "status"), [(b"<html>sign in</html>", 200), (PICTURE, 403)])
def test_what_is_no_picture_is_not_handed_on(
    map_server: MapServer, tmp_path: Path, content: bytes, status: int
) -> None:
    map_server.content, map_server.status = content, status
    assert Tiles(settings_for(map_server, tmp_path)).get(0, 1, 0, 0) is None


def test_the_oldest_tiles_make_room(map_server: MapServer, tmp_path: Path) -> None:
    map_server.content = PICTURE + b"\0" * 300_000
    tiles = Tiles(settings_for(map_server, tmp_path, map_tiles_cache_mb=1))
    for column in range(5):
        tiles.get(0, 5, column, 0)
    files = sorted((file for file in (tmp_path / "map" / "tiles").rglob("*") if file.is_file()), key=str)
    for number, file in enumerate(files):
        os.utime(file, (1_700_000_000 + number, 1_700_000_000 + number))
    assert tiles.make_room() == 2
    assert [file.exists() for file in files] == [False, False, True, True, True]


def test_the_style_names_this_server_alone_and_no_key(map_server: MapServer, tmp_path: Path) -> None:
    told = str(style(settings_for(map_server, tmp_path), is_dark=False))
    assert "/map/tiles/0/{z}/{x}/{y}" in told
    assert "key" not in told
    assert "http" not in told
    assert "raster" not in str(style(Settings(home=tmp_path), is_dark=True))
    assert datum_of(settings_for(map_server, tmp_path)) is Datum.GCJ02
    assert datum_of(Settings(home=tmp_path, map_tiles_datum="gcj02")) is Datum.WGS84


def test_navigation_links_are_in_the_datum_of_their_app() -> None:
    end, start = Point(121.4737, 31.2304), Point(121.48, 31.24)
    links = dict(navigation.links("amap, baidu,apple,google,paper", end, "人民广场, 停车场", start))
    assert list(links) == ["amap", "baidu", "apple", "google"]
    amap = parse_qs(urlsplit(links["amap"]).query)
    longitude, latitude, name = amap["to"][0].split(",")
    assert name == "人民广场  停车场"
    assert metres_between(Point(float(longitude), float(latitude)), convert(end, Datum.WGS84, Datum.GCJ02)) < 0.2
    baidu = parse_qs(urlsplit(links["baidu"]).query)
    latitude, longitude = baidu["origin"][0].split(",")
    assert metres_between(Point(float(longitude), float(latitude)), convert(start, Datum.WGS84, Datum.BD09)) < 0.2
    assert "marker" in dict(navigation.links("baidu", end, "x", None))["baidu"]
    assert "origin" not in unquote(dict(navigation.links("google", end, "x", None))["google"])


def test_a_typed_place_is_read_in_its_datum() -> None:
    assert read_place("121.4737，31.2304", Datum.WGS84) == Point(121.4737, 31.2304)
    shifted = read_place("121.4737 31.2304", Datum.GCJ02)
    assert shifted is not None
    assert 300 < metres_between(shifted, Point(121.4737, 31.2304)) < 700
    assert read_place("121.4737", Datum.WGS84) is None
    assert read_place("31.2304, 121.4737", Datum.WGS84) is None
    assert read_place("here, there", Datum.WGS84) is None


def test_what_unpacks_to_more_than_a_tile_is_no_tile_and_keys_and_positions_are_not_logged(
    map_server: MapServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(map_server, tmp_path)
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    try:
        set_up(settings, "pages")
        root.addHandler(caplog.handler)
        map_server.packing, map_server.content = "gzip", gzip.compress(PICTURE)
        assert Tiles(settings).get(0, 1, 0, 0) is not None
        map_server.content = gzip.compress(PICTURE + bytes(LARGEST_BYTES))
        assert Tiles(settings).get(0, 1, 1, 0) is None
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.captureWarnings(False)
    assert len(map_server.asked) == 2
    assert "tk=" not in caplog.text
