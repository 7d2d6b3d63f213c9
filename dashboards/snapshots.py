"""Pictures of passages for the pages.

Belongs here: the address ``/snapshots/<lot>/<hash>``. Does not belong here: who may see which picture
(``warehouse.services.snapshots``), where it is shown (``dashboards/reports/timeline.py``).

The gate has let in whoever is signed in; to anybody who may not see the lot's pictures there is none.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from dashboards.requests import language_of, session_cookie
from dashboards.texts import Texts
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_of
from warehouse.security.sessions import signed_in
from warehouse.services.snapshots import media_type, visible_snapshot
from warehouse.settings import Settings


def address(lot_code: str, digest: str) -> str:
    """Where the picture is."""
    return f"/snapshots/{quote(lot_code, safe='')}/{quote(digest, safe='')}"


def route(settings: Settings) -> Route:
    """GET ``/snapshots/<lot>/<hash>``."""

    async def fetch(request: Request) -> Response:
        token = request.cookies.get(session_cookie(settings))
        asked = request.path_params
        found = await run_in_threadpool(_seen, settings, token, asked["lot_code"], asked["digest"])
        if found is None:
            sentence = Texts(language_of(request, settings))("report.picture_gone")
            return PlainTextResponse(f"{sentence}\n", 404)
        return Response(found, media_type=media_type(found), headers={"cache-control": "private, no-store"})

    return Route("/snapshots/{lot_code}/{digest}", fetch, methods=["GET"])


def _seen(settings: Settings, token: str | None, lot_code: str, digest: str) -> bytes | None:
    me = signed_in(settings, token)
    if me is None:
        return None
    with ops_session(settings) as session:
        actor = actor_of(session, session.get_one(Operator, me.operator_id), me.address)
    return visible_snapshot(settings, actor, lot_code, digest)
