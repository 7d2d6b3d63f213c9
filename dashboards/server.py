"""The pages server.

Belongs here: joining Streamlit, the gate and the login routes, and running them. Does not belong here: pages.
"""

from __future__ import annotations

import gc
import logging
import socket
from pathlib import Path

import streamlit as st
import uvicorn
from sqlalchemy import select
from sqlalchemy.exc import DatabaseError
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from streamlit.web import bootstrap

from dashboards import appearance, frame, login, snapshots
from dashboards.exports.routes import route as exported
from dashboards.gate import Gate
from dashboards.map.routes import routes as map_routes
from dashboards.theme import streamlit_options
from dashboards.unknown_pages import UnknownPages
from warehouse.errors import ParkError
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

SCRIPT = Path(__file__).parent / "app.py"


def build_app(settings: Settings) -> st.App:
    """The ASGI application; one per process, because Streamlit's runtime and options are global."""
    options = streamlit_options()
    options |= {"server.port": settings.pages_port, "server.address": settings.host}
    bootstrap.load_config_options(options)
    return st.App(
        SCRIPT,
        routes=[
            *login.routes(settings),
            appearance.route(settings, _page_paths),
            exported(settings),
            snapshots.route(settings),
            *map_routes(settings),
            *_start_pages(),
        ],
        middleware=[
            Middleware(Gate, settings=settings),
            Middleware(UnknownPages, settings=settings, paths=_page_paths),
        ],
        on_script_error=frame.show_fault,
    )


def _start_pages() -> list[Route]:
    """Streamlit serves the start page at the root alone; its own name leads there."""

    async def to_root(request: Request) -> Response:
        return RedirectResponse(f"/?{request.url.query}" if request.url.query else "/", 307)

    return [Route(f"/{module.VIEW.path}", to_root) for module in frame.view_modules() if module.VIEW.is_start]


def _page_paths() -> list[str]:
    return ["/", *(f"/{module.VIEW.path}" for module in frame.view_modules())]


def freeze_loaded_modules() -> int:
    """Load what pages use, then hide it from the garbage collector; returns the number of objects hidden.

    A collection walks every live object, and most of them are modules that never die.
    """
    import plotly.graph_objects as graph_objects
    import streamlit.elements.plotly_chart  # noqa: F401

    frame.view_modules()
    # The first figure loads plotly's validators.
    graph_objects.Figure([graph_objects.Bar(x=["a"], y=[1]), graph_objects.Pie(labels=["a"], values=[1])]).to_json()
    gc.collect()
    gc.freeze()
    return gc.get_freeze_count()


def serve(settings: Settings) -> None:
    """Run until SIGINT or SIGTERM; ParkError when the address cannot be used."""
    _require_store(settings)
    listener = _listen(settings)
    app = build_app(settings)
    freeze_loaded_modules()
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        access_log=False,
        server_header=False,
        # dashboards.requests decides which proxies are believed.
        proxy_headers=False,
        timeout_graceful_shutdown=3,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _require_store(settings: Settings) -> None:
    try:
        with ops_session(settings) as session:
            session.execute(select(Operator.operator_id).limit(1))
    except DatabaseError as error:
        raise ParkError(
            zh=f"{settings.home} 里还没有数据：请先运行 park init",
            en=f"there is no store in {settings.home} yet: run park init first",
            code="no_store",
        ) from error


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.pages_port))
    except OSError as error:
        listener.close()
        address = f"{settings.host}:{settings.pages_port}"
        raise ParkError(
            zh=f"页面服务无法监听 {address}（{error.strerror}）：请停止占用它的程序，或设置 PARK_HOST、PARK_PAGES_PORT",
            en=f"the pages cannot listen on {address} ({error.strerror}): stop what uses it, or set PARK_HOST or "
            "PARK_PAGES_PORT",
            code="address_unavailable",
        ) from error
    return listener
