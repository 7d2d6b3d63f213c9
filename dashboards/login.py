"""Signing in and out over HTTP.

Belongs here: the login form, sign-out, the language cookie, the list of all routes under /auth. Does not belong here:
passwords, delays and sessions themselves (warehouse.security), one's own account (auth/account.py), OpenID
(auth/oidc.py).
"""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from dashboards.auth.account import AccountRoutes
from dashboards.auth.forms import Forms, new_form_token, read_form
from dashboards.requests import LANGUAGE_COOKIE, LANGUAGES, host_cookie, local_target
from warehouse.security.logins import LoginResult, log_in
from warehouse.security.sessions import close_session, form_token, signed_in
from warehouse.settings import Settings

FORM_COOKIE = "park_form"
OIDC_START = "/auth/oidc"
# A check takes 19 MiB and some 30 ms of a core; more at once would only make everybody wait, pages included.
PARALLEL_CHECKS = 2
YEAR_SECONDS = 365 * 86_400


def routes(settings: Settings) -> list[Route]:
    """The routes under /auth and the health check."""
    checks = anyio.CapacityLimiter(PARALLEL_CHECKS)
    login, account = LoginRoutes(settings, checks), AccountRoutes(settings, checks)
    found = [
        Route("/auth/login", login.form, methods=["GET"]),
        Route("/auth/login", login.submit, methods=["POST"]),
        Route("/auth/logout", login.logout, methods=["GET", "POST"]),
        Route("/auth/language", login.language, methods=["GET"]),
        Route("/auth/account", account.show, methods=["GET"]),
        Route("/auth/account", account.end, methods=["POST"]),
        Route("/auth/password", account.password_form, methods=["GET"]),
        Route("/auth/password", account.change, methods=["POST"]),
        Route("/healthz", _healthy, methods=["GET"]),
    ]
    if settings.oidc_issuer:
        from dashboards.auth.oidc import OidcRoutes

        oidc = OidcRoutes(settings, login)
        found.append(Route(OIDC_START, oidc.start, methods=["GET"]))
        found.append(Route("/auth/oidc/callback", oidc.callback, methods=["GET"]))
    return found


async def _healthy(_request: Request) -> Response:
    return PlainTextResponse("ok\n")


class LoginRoutes:
    """The login of one instance."""

    def __init__(self, settings: Settings, checks: anyio.CapacityLimiter) -> None:
        self.settings = settings
        self.forms = Forms.of(settings)
        self.checks = checks

    async def form(self, request: Request) -> Response:
        """GET: the form, or straight on when already signed in."""
        target = local_target(request.query_params.get("next"))
        if await run_in_threadpool(signed_in, self.settings, self.forms.token(request)):
            return RedirectResponse(target, 303)
        return self.page(request, target)

    async def submit(self, request: Request) -> Response:
        """POST: check and open a session, or show the form again with the reason."""
        fields = await read_form(request)
        target = local_target(fields.get("next"))
        login = fields.get("login", "")
        text = self.forms.text(request)
        known = request.cookies.get(host_cookie(self.settings, FORM_COOKIE))
        if not self.forms.is_ours(request, fields, known):
            return self.page(request, target, login, text("login.stale"), 403)
        result = await anyio.to_thread.run_sync(self._check, request, login, fields, limiter=self.checks)
        if result.wait_seconds:
            wait = self.page(request, target, login, text("login.wait", seconds=result.wait_seconds), 429)
            wait.headers["Retry-After"] = str(result.wait_seconds)
            return wait
        if result.token is None:
            return self.page(request, target, login, text("login.wrong"), 401)
        return await self.enter(request, result.token, target)

    async def enter(self, request: Request, token: str, target: str) -> Response:
        """Go on with a new session; the one that this browser had before ends."""
        earlier = self.forms.token(request)
        if earlier:
            await run_in_threadpool(close_session, self.settings, earlier, address=self.forms.address(request))
        answer = RedirectResponse(target, 303)
        self.forms.set_session(answer, token)
        return answer

    def _check(self, request: Request, login: str, fields: dict[str, str]) -> LoginResult:
        return log_in(
            self.settings,
            login,
            fields.get("password", ""),
            address=self.forms.address(request),
            user_agent=request.headers.get("user-agent", ""),
            now=datetime.now(UTC),
        )

    async def logout(self, request: Request) -> Response:
        """POST only: a link or image somewhere must not sign anybody out."""
        if request.method != "POST":
            return PlainTextResponse("sign out by POST\n", 405, {"Allow": "POST"})
        token = self.forms.token(request)
        fields = await read_form(request)
        if token and (await run_in_threadpool(signed_in, self.settings, token)) is not None:
            if not self.forms.is_ours(request, fields, form_token(token)):
                return PlainTextResponse(self.forms.text(request)("login.stale"), 403)
            await run_in_threadpool(close_session, self.settings, token, address=self.forms.address(request))
        answer = RedirectResponse("/auth/login", 303)
        self.forms.drop_session(answer)
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

    def page(self, request: Request, target: str, login: str = "", problem: str = "", status: int = 200) -> Response:
        """The login form with a reason why it is shown again."""
        token = request.cookies.get(host_cookie(self.settings, FORM_COOKIE)) or new_form_token()
        answer = self.forms.page(
            request,
            "login.html",
            here="/auth/login?next=" + quote(target),
            status=status,
            problem=problem,
            login=login[:64],
            target=target,
            form_token=token,
            oidc_url=f"{OIDC_START}?next={quote(target)}" if self.settings.oidc_issuer else "",
            oidc_label=self.settings.oidc_label,
        )
        self.forms.set_cookie(answer, FORM_COOKIE, token, same_site="strict")
        return answer
