"""The gate in front of pages and websockets.

Belongs here: who may reach Streamlit at all, and the headers of every answer. Does not belong here: login forms
(login.py) and what a signed-in operator may see (frame.py). It is plain ASGI because Starlette's BaseHTTPMiddleware
does not see websockets, and a page's figures travel over a websocket.
"""

from __future__ import annotations

from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboards.requests import session_cookie
from warehouse.security.sessions import signed_in
from warehouse.settings import Settings

OPEN_PATHS = frozenset({"/auth/login", "/auth/logout", "/auth/language", "/healthz", "/_stcore/health"})
# The program files of the pages; they hold no figures, and a cold browser asks for some fifty of them at once.
OPEN_FOLDER = "/static/"

# 'self' for connections: a page cannot send anything to another server, whatever text ends up in it.
CONTENT_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": CONTENT_POLICY,
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Gate:
    """ASGI middleware: lets signed-in browsers through, sends others to the login, refuses their websockets."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        with_headers = send if scope["type"] == "websocket" else _adding_headers(send)
        if await self._may_pass(scope):
            await self.app(scope, receive, with_headers)
        elif scope["type"] == "websocket":
            # Closing before accepting makes the server answer the handshake with 403.
            await send({"type": "websocket.close", "code": 4401})
        else:
            await _refusal(HTTPConnection(scope))(scope, receive, with_headers)

    async def _may_pass(self, scope: Scope) -> bool:
        path: str = scope["path"]
        if scope["type"] == "http" and (path in OPEN_PATHS or (path.startswith(OPEN_FOLDER) and ".." not in path)):
            return True
        token = HTTPConnection(scope).cookies.get(session_cookie(self.settings))
        if not token:
            return False
        return await run_in_threadpool(signed_in, self.settings, token) is not None


def _refusal(connection: HTTPConnection) -> ASGIApp:
    if "text/html" not in connection.headers.get("accept", ""):
        return PlainTextResponse("sign in first\n", 401)
    target = connection.url.path + (f"?{connection.url.query}" if connection.url.query else "")
    return RedirectResponse(f"/auth/login?next={quote(target)}", 303)


def _adding_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return with_headers
