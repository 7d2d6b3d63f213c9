"""What the map fetches from this server.

Belongs here: the addresses below ``/map/``: the style of the base map, the markers of a tile, and the tiles of a
map server. The gate has let in whoever is signed in; markers are cut to that person's lots. Does not belong here: what
stands on them.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboards.map import markers
from dashboards.map.lots import map_lots
from dashboards.map.style import datum_of, style
from dashboards.map.tiles import Tiles
from dashboards.requests import language_of, session_cookie
from dashboards.texts import Texts
from warehouse.errors import Forbidden
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor, actor_of
from warehouse.security.sessions import signed_in
from warehouse.settings import Settings

CLOSEST_TILE = 22
KEPT = 24


def routes(settings: Settings) -> list[Route]:
    """GET ``/map/style.json``, ``/map/lots/<z>/<x>/<y>.json`` and ``/map/tiles/<layer>/<z>/<x>/<y>``."""
    fetched, splits = Tiles(settings), _Splits()

    async def base_map(request: Request) -> Response:
        is_dark = request.query_params.get("theme") == "dark"
        told = await run_in_threadpool(lambda: _json(style(settings, is_dark=is_dark)))
        return _answer(told, "private, max-age=300")

    async def lots(request: Request) -> Response:
        zoom, column, row = _numbers(request, "z", "x", "y")
        if not _is_tile(zoom, column, row):
            return PlainTextResponse("no such tile\n", 404)
        token = request.cookies.get(session_cookie(settings))
        text = Texts(language_of(request, settings))
        search = request.query_params.get("q", "")[:80]
        try:
            told = await run_in_threadpool(_markers, settings, splits, token, search, (zoom, column, row), text)
        except Forbidden as error:
            return PlainTextResponse(f"{error.text(text.language)}\n", 403)
        # The address changes with the counts: what it once answered stays true for it.
        return _answer(told, "private, max-age=60")

    async def tiles(request: Request) -> Response:
        layer, zoom, column, row = _numbers(request, "layer", "z", "x", "y")
        found = None
        if _is_tile(zoom, column, row):
            found = await run_in_threadpool(fetched.get, layer, zoom, column, row)
        if found is None:
            return PlainTextResponse("no such tile\n", 404)
        return Response(found.content, media_type=found.kind, headers={"cache-control": "private, max-age=86400"})

    return [
        Route("/map/style.json", base_map, methods=["GET"]),
        Route("/map/lots/{z}/{x}/{y}.json", lots, methods=["GET"]),
        Route("/map/tiles/{layer}/{z}/{x}/{y}", tiles, methods=["GET"]),
    ]


def _numbers(request: Request, *names: str) -> list[int]:
    """The numbers of an address; -1 for what is none, or has more digits than any tile."""
    written = [request.path_params[name] for name in names]
    return [int(one) if one.isascii() and one.isdigit() and len(one) < 10 else -1 for one in written]


def _is_tile(zoom: int, column: int, row: int) -> bool:
    return 0 <= zoom <= CLOSEST_TILE and 0 <= column < 2**zoom and 0 <= row < 2**zoom


@dataclass
class _Splits:
    """Lots by tile, kept for the other tiles of the same look."""

    kept: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        with self.lock:
            if key not in self.kept:
                self.kept[key] = make()
                if len(self.kept) > KEPT:
                    self.kept.popitem(last=False)
            return self.kept[key]


def _markers(
    settings: Settings, splits: _Splits, token: str | None, search: str, tile: tuple[int, int, int], text: Texts
) -> bytes:
    actor = _actor(settings, token)
    shown = map_lots(settings).of(actor, search)
    zoom, *at = tile
    cells = splits.get(
        (actor.scope.lot_ids, search, zoom, shown.revision),
        lambda: markers.split(markers.placed(shown, datum_of(settings)), zoom),
    )
    return _json(markers.features(shown, cells.get(tuple(at), []), zoom, text))


def _actor(settings: Settings, token: str | None) -> Actor:
    """Who asks; an open map is no activity, the clicks on its page are."""
    me = signed_in(settings, token, is_activity=False)
    if me is None:
        raise Forbidden(zh="请先登录", en="sign in first")
    with ops_session(settings) as session:
        return actor_of(session, session.get_one(Operator, me.operator_id), me.address)


def _json(told: Any) -> bytes:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def _answer(told: bytes, keeping: str) -> Response:
    return Response(told, media_type="application/json", headers={"cache-control": keeping})
