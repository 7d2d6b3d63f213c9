"""Fetching an exported file.

Belongs here: the address ``/exports/<id>``, and that only its owner gets it. The gate has let in whoever is signed in;
to anybody but the owner there is no such file.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from dashboards.exports.jobs import Export, exports
from dashboards.requests import language_of, session_cookie
from dashboards.texts import Texts
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.reports.files import MEDIA_TYPES
from warehouse.security.actor import actor_of
from warehouse.security.sessions import signed_in
from warehouse.settings import Settings


def route(settings: Settings) -> Route:
    """GET ``/exports/<id>``; files of an earlier process are removed when it is made."""
    exports()

    async def fetch(request: Request) -> Response:
        token = request.cookies.get(session_cookie(settings))
        found = await run_in_threadpool(_own, settings, token, request.path_params["job_id"])
        if found is None:
            sentence = Texts(language_of(request, settings))("exports.gone")
            return PlainTextResponse(f"{sentence}\n", 404)
        return FileResponse(
            found.path,
            filename=found.file_name,
            media_type=MEDIA_TYPES[found.file_format],
            headers={"cache-control": "private, no-store"},
        )

    return Route("/exports/{job_id}", fetch, methods=["GET"])


def _own(settings: Settings, token: str | None, job_id: str) -> Export | None:
    me = signed_in(settings, token)
    one = None if me is None else exports().find(me.operator_id, job_id)
    if me is None or one is None or one.state != "done" or not one.path.exists():
        return None
    with ops_session(settings) as session:
        actor = actor_of(session, session.get_one(Operator, me.operator_id), me.address)
    return one if actor.allows(one.permission) else None
