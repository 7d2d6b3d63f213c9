"""Signing in with an OpenID provider over HTTP.

Belongs here: the way to the provider and back, and the cookie in between. Does not belong here: what is asked and
checked (warehouse.security.oidc).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboards.auth.forms import Forms
from dashboards.requests import host_cookie, local_target, public_origin
from warehouse.errors import ParkError
from warehouse.security.oidc import PENDING_FOR, Provider, sign_in
from warehouse.settings import Settings

if TYPE_CHECKING:
    from dashboards.login import LoginRoutes

COOKIE = "park_oidc"
CALLBACK = "/auth/oidc/callback"


class OidcRoutes:
    """The two endpoints of an instance with an OpenID provider."""

    def __init__(self, settings: Settings, login: LoginRoutes) -> None:
        """ParkError for settings that cannot work, so that the pages do not start with them."""
        self.settings = settings
        self.login = login
        self.forms = Forms.of(settings)
        self.provider = Provider(settings)

    async def start(self, request: Request) -> Response:
        """GET: off to the provider."""
        target = local_target(request.query_params.get("next"))
        scheme, host = public_origin(request, self.forms.networks, self.settings)
        now = datetime.now(UTC)
        try:
            address, pending = await run_in_threadpool(self.provider.begin, f"{scheme}://{host}{CALLBACK}", target, now)
        except ParkError as error:
            return self._failed(request, target, error)
        answer = RedirectResponse(address, 303)
        # Lax: the way back is a link from the provider's site.
        self.forms.set_cookie(
            answer,
            COOKIE,
            pending.sealed(self.settings),
            same_site="lax",
            seconds=int(PENDING_FOR.total_seconds()),
        )
        return answer

    async def callback(self, request: Request) -> Response:
        """GET: back from the provider, into a session or to the login with the reason why not."""
        try:
            token, target = await run_in_threadpool(self._finish, request)
        except ParkError as error:
            answer = self._failed(request, "/", error)
        else:
            answer = await self.login.enter(request, token, target)
        self.forms.drop_cookie(answer, COOKIE)
        return answer

    def _finish(self, request: Request) -> tuple[str, str]:
        now = datetime.now(UTC)
        sealed = request.cookies.get(host_cookie(self.settings, COOKIE), "")
        identity, target = self.provider.finish(sealed, request.query_params, now)
        token = sign_in(
            self.settings,
            self.provider.issuer,
            identity,
            address=self.forms.address(request),
            user_agent=request.headers.get("user-agent", ""),
            now=now,
        )
        return token, target

    def _failed(self, request: Request, target: str, error: ParkError) -> Response:
        status = 502 if error.code in ("oidc_unreachable", "bad_oidc_settings") else 403
        return self.login.page(request, target, problem=error.text(self.forms.text(request).language), status=status)
