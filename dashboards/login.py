"""Signing in and out over HTTP.

Belongs here: the login form, its forgery and origin checks, the session cookie, the language cookie. Does not belong
here: passwords, delays and sessions themselves (warehouse.security).
"""

from __future__ import annotations

import hmac
import html
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from string import Template
from urllib.parse import parse_qs, quote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboards.requests import (
    LANGUAGE_COOKIE,
    LANGUAGES,
    client_address,
    is_same_origin,
    language_of,
    local_target,
    session_cookie,
    trusted_networks,
)
from dashboards.texts import Texts
from warehouse.security.logins import LoginResult, log_in
from warehouse.security.sessions import close_session, form_token, signed_in
from warehouse.settings import Settings

FORM_COOKIE = "park_form"
MAX_FORM_BYTES = 8_192
# A check takes 19 MiB and some 30 ms of a core; more at once would only make everybody wait, pages included.
PARALLEL_CHECKS = 2
YEAR_SECONDS = 365 * 86_400
PAGE = Template((Path(__file__).parent / "login.html").read_text(encoding="utf-8"))
# The form runs no script at all.
FORM_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)

Endpoint = Callable[[Request], Awaitable[Response]]


def routes(settings: Settings) -> list[Route]:
    """The routes under /auth and the health check."""
    login = LoginRoutes(settings)
    return [
        Route("/auth/login", login.form, methods=["GET"]),
        Route("/auth/login", login.submit, methods=["POST"]),
        Route("/auth/logout", login.logout, methods=["GET", "POST"]),
        Route("/auth/language", login.language, methods=["GET"]),
        Route("/healthz", _healthy, methods=["GET"]),
    ]


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _read_form(request: Request) -> dict[str, str]:
    """The form's fields, the first value each; empty for a body that is too long or no form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            return {}
    try:
        parsed = parse_qs(body.decode("utf-8"), keep_blank_values=True, max_num_fields=16)
    except ValueError:
        return {}
    return {name: values[0] for name, values in parsed.items()}


class LoginRoutes:
    """The endpoints of one instance."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.networks = trusted_networks(settings)
        self.cookie = session_cookie(settings)
        self.checks = anyio.CapacityLimiter(PARALLEL_CHECKS)

    async def form(self, request: Request) -> Response:
        """GET: the form, or straight on when already signed in."""
        target = local_target(request.query_params.get("next"))
        if await run_in_threadpool(signed_in, self.settings, request.cookies.get(self.cookie)):
            return RedirectResponse(target, 303)
        return self._page(request, target)

    async def submit(self, request: Request) -> Response:
        """POST: check and open a session, or show the form again with the reason."""
        fields = await _read_form(request)
        target = local_target(fields.get("next"))
        login = fields.get("login", "")
        text = Texts(language_of(request, self.settings))
        known = request.cookies.get(FORM_COOKIE, "")
        is_ours = known and hmac.compare_digest(known.encode(), fields.get("form_token", "").encode())
        if not is_ours or not is_same_origin(request, self.networks):
            return self._page(request, target, login, text("login.stale"), 403)
        result = await anyio.to_thread.run_sync(self._check, request, login, fields, limiter=self.checks)
        if result.wait_seconds:
            wait = self._page(request, target, login, text("login.wait", seconds=result.wait_seconds), 429)
            wait.headers["Retry-After"] = str(result.wait_seconds)
            return wait
        if result.token is None:
            return self._page(request, target, login, text("login.wrong"), 401)
        earlier = request.cookies.get(self.cookie)
        if earlier:
            await run_in_threadpool(close_session, self.settings, earlier)
        answer = RedirectResponse(target, 303)
        answer.set_cookie(
            self.cookie,
            result.token,
            max_age=self.settings.session_hours * 3600,
            path="/",
            secure=self.settings.cookie_secure,
            httponly=True,
            samesite="lax",
        )
        return answer

    def _check(self, request: Request, login: str, fields: dict[str, str]) -> LoginResult:
        return log_in(
            self.settings,
            login,
            fields.get("password", ""),
            address=client_address(request, self.networks),
            user_agent=request.headers.get("user-agent", ""),
            now=datetime.now(UTC),
        )

    async def logout(self, request: Request) -> Response:
        """POST only: a link or image somewhere must not sign anybody out."""
        if request.method != "POST":
            return PlainTextResponse("sign out by POST\n", 405, {"Allow": "POST"})
        token = request.cookies.get(self.cookie)
        fields = await _read_form(request)
        operator = await run_in_threadpool(signed_in, self.settings, token)
        if token and operator:
            is_ours = hmac.compare_digest(form_token(token).encode(), fields.get("form_token", "").encode())
            if not is_ours or not is_same_origin(request, self.networks):
                return PlainTextResponse(Texts(language_of(request, self.settings))("login.stale"), 403)
            await run_in_threadpool(close_session, self.settings, token)
        answer = RedirectResponse("/auth/login", 303)
        answer.delete_cookie(self.cookie, path="/", secure=self.settings.cookie_secure, httponly=True, samesite="lax")
        return answer

    async def language(self, request: Request) -> Response:
        """Keep the wanted language in a cookie and go back; nothing else changes, so GET will do."""
        target = request.query_params.get("next") or "/"
        is_login = target.startswith("/auth/login?next=") or target == "/auth/login"
        answer = RedirectResponse(target if is_login else local_target(target), 303)
        wanted = request.query_params.get("set")
        if wanted in LANGUAGES:
            answer.set_cookie(
                LANGUAGE_COOKIE, wanted, max_age=YEAR_SECONDS, secure=self.settings.cookie_secure, samesite="lax"
            )
        return answer

    def _page(self, request: Request, target: str, login: str = "", problem: str = "", status: int = 200) -> Response:
        language = language_of(request, self.settings)
        text = Texts(language)
        other = "en" if language == "zh" else "zh"
        token = request.cookies.get(FORM_COOKIE) or secrets.token_urlsafe(24)
        here = "/auth/login?next=" + quote(target)
        words = {
            "language": "zh-CN" if language == "zh" else "en",
            "brand": text("brand"),
            "slogan": text("brand.slogan"),
            "login_label": text("login.login"),
            "password_label": text("login.password"),
            "button": text("login.button"),
            "other_language": text("language.other"),
            "other_language_url": f"/auth/language?set={other}&next={quote(here)}",
            "problem": problem,
            "problem_class": "problem" if problem else "problem none",
            "login": login[:64],
            "next": target,
            "form_token": token,
        }
        page = PAGE.substitute({name: html.escape(value, quote=True) for name, value in words.items()})
        answer = HTMLResponse(page, status, {"Cache-Control": "no-store", "Content-Security-Policy": FORM_POLICY})
        answer.set_cookie(
            FORM_COOKIE, token, path="/auth", secure=self.settings.cookie_secure, httponly=True, samesite="strict"
        )
        return answer
