"""Stores with two operators, the routes behind the gate in front of a page that only says that it was reached."""

from __future__ import annotations

import re
import shutil
import tempfile
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket

from dashboards import login
from dashboards.gate import Gate
from warehouse.ops.models import AuditEntry, Node, Operator
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.passwords import hash_password
from warehouse.settings import Settings

PASSWORD = "Right-Horse-7"
ORIGIN = {"origin": "http://testserver"}
BROWSER = {"accept": "text/html"}


@cache
def _template() -> tempfile.TemporaryDirectory[str]:
    kept = tempfile.TemporaryDirectory()
    settings = Settings(home=Path(kept.name))
    migrate(settings)
    plant(settings)
    with ops_engine(settings).connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return kept


def plant(settings: Settings) -> None:
    """The operators of ``prepared`` in a migrated store."""
    hashed = hash_password(PASSWORD)
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform-1", name="平台"))
        session.flush()
        for login_name, name in (("li.na", "李娜"), ("wang", "王刚")):
            session.add(
                Operator(
                    login=login_name,
                    name=name,
                    password_hash=hashed,
                    role_id=1,
                    node_id=1,
                    created_at=datetime.now(UTC),
                )
            )


def prepared(folder: Path, **values: Any) -> Settings:
    """A store of this test's own, with the operators ``li.na`` and ``wang``, administrators of the platform."""
    home = folder / "home"
    shutil.copytree(_template().name, home)
    return Settings(home=home, **values)


async def _page(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("the page")


async def _stream(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("figures")
    await websocket.close()


def served(settings: Settings) -> Starlette:
    """The routes and the gate."""
    return Starlette(
        routes=[
            *login.routes(settings),
            Route("/", _page),
            Route("/home", _page),
            Route("/static/app.js", _page),
            WebSocketRoute("/_stcore/stream", _stream),
        ],
        middleware=[Middleware(Gate, settings=settings)],
    )


def browser(settings: Settings, **options: Any) -> TestClient:
    """A browser with its own cookies."""
    return TestClient(served(settings), follow_redirects=False, **options)


def form_value(answer: httpx.Response) -> str:
    """The anti-forgery value of the form in an answer."""
    found = re.search(r'name="form_token" value="([^"]+)"', answer.text)
    assert found, answer.text
    return found.group(1)


def sign_in(
    client: TestClient,
    password: str = PASSWORD,
    *,
    login: str = "li.na",
    target: str = "/",
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """Fill in the login form."""
    fields = {"form_token": form_value(client.get("/auth/login")), "login": login, "password": password, "next": target}
    return client.post("/auth/login", data=fields, headers=ORIGIN if headers is None else headers)


def post(client: TestClient, path: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
    """Post a form of a page with its own anti-forgery value."""
    token = form_value(client.get(path, headers=BROWSER))
    return client.post(
        path, data={"form_token": token} | fields, headers=(ORIGIN if headers is None else headers) | BROWSER
    )


def change_operator(settings: Settings, login_name: str = "li.na", **values: Any) -> None:
    """Change columns of an operator."""
    with ops_session(settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == login_name)).one()
        for name, value in values.items():
            setattr(operator, name, value)


def operator_of(settings: Settings, login_name: str = "li.na") -> Operator:
    """An operator's row."""
    with ops_session(settings) as session:
        return session.scalars(select(Operator).where(Operator.login == login_name)).one()


def events(settings: Settings, action: str = "session.") -> list[AuditEntry]:
    """The operator log's entries about signing in, oldest first."""
    with ops_session(settings) as session:
        return list(
            session.scalars(
                select(AuditEntry).where(AuditEntry.action.startswith(action)).order_by(AuditEntry.entry_id)
            )
        )
