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

from dashboards.requests import is_same_origin, public_origin, session_cookie, trusted_networks
from warehouse.security.sessions import signed_in
from warehouse.settings import Settings

OPEN_PATHS = frozenset(
    {
        "/auth/login",
        "/auth/logout",
        "/auth/language",
        "/auth/oidc",
        "/auth/oidc/callback",
        "/healthz",
        "/_stcore/health",
    }
)
PASSWORD_PATH = "/auth/password"  # noqa: S105 - an address
# The program files of the pages; they hold no figures, and a cold browser asks for some fifty of them at once.
OPEN_FOLDER = "/static/"
# What an open map fetches without anybody's doing.
BY_ITSELF = "/map/"

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
    """ASGI middleware: lets signed-in browsers through, sends others to the login, refuses their websockets.

    An operator whose password must be changed reaches the form for that and nothing else.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.networks = trusted_networks(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refusal = await self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self.app(self._with_public_host(scope), receive, send)
            else:
                # Closing before accepting makes the server answer the handshake with 403.
                await send({"type": "websocket.close", "code": 4401})
            return
        with_headers = _adding_headers(send, is_private=refusal is not None or scope["path"].startswith("/auth/"))
        await (refusal or self.app)(scope, receive, with_headers)

    def _with_public_host(self, scope: Scope) -> Scope:
        """The scope with the host that the browser asked for; Streamlit compares it with the websocket's origin."""
        _scheme, host = public_origin(HTTPConnection(scope), self.networks, self.settings)
        others = [(name, value) for name, value in scope["headers"] if name != b"host"]
        return {**scope, "headers": [(b"host", host.encode("latin-1")), *others]}

    async def _refusal(self, scope: Scope) -> ASGIApp | None:
        """The answer to who may not pass; None for who may."""
        path: str = scope["path"]
        if scope["type"] == "http" and (path in OPEN_PATHS or (path.startswith(OPEN_FOLDER) and ".." not in path)):
            return None
        connection = HTTPConnection(scope)
        token = connection.cookies.get(session_cookie(self.settings))
        operator = (
            await run_in_threadpool(signed_in, self.settings, token, is_activity=not path.startswith(BY_ITSELF))
            if token
            else None
        )
        if operator is None:
            return _elsewhere(connection, "/auth/login", PlainTextResponse("sign in first\n", 401))
        # A page of a neighbouring host could open a websocket with this browser's cookie.
        if scope["type"] == "websocket" and not is_same_origin(connection, self.networks, self.settings):
            return PlainTextResponse("foreign origin\n", 403)
        if operator.must_change_password and path != PASSWORD_PATH:
            return _elsewhere(connection, PASSWORD_PATH, PlainTextResponse("change your password first\n", 403))
        return None


def _elsewhere(connection: HTTPConnection, where: str, otherwise: ASGIApp) -> ASGIApp:
    """Send a browser ``where`` and from there back to the page that it wanted; other clients get ``otherwise``."""
    if "text/html" not in connection.headers.get("accept", ""):
        return otherwise
    wanted = connection.url.path + (f"?{connection.url.query}" if connection.url.query else "")
    target = wanted if connection.scope.get("method") == "GET" else "/"
    return RedirectResponse(f"{where}?next={quote(target)}", 303)


def _adding_headers(send: Send, *, is_private: bool) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if is_private:
                headers.setdefault("cache-control", "no-store")
        await send(message)

    return with_headers
