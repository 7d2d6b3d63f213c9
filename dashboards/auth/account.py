"""One's own account over HTTP: sessions and password.

Belongs here: the two pages and their posts. Does not belong here: which passwords are good and whose session may be
ended (warehouse.security).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import anyio
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from dashboards.auth.forms import Forms, read_form
from dashboards.requests import local_target
from warehouse.errors import ParkError
from warehouse.ops.models import Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import actor_of
from warehouse.security.logins import change_password
from warehouse.security.passwords import MIN_PASSWORD_LENGTH
from warehouse.security.sessions import (
    SignedIn,
    form_token,
    list_sessions,
    revoke_all_sessions,
    revoke_session,
    signed_in,
)
from warehouse.services.fields import InvalidFields
from warehouse.settings import Settings

LOGIN = "/auth/login"
PASSWORD_FIELDS = ("old", "new", "repeated")


class AccountRoutes:
    """The account pages of one instance; the gate lets only signed-in browsers come here."""

    def __init__(self, settings: Settings, checks: anyio.CapacityLimiter) -> None:
        self.settings = settings
        self.forms = Forms.of(settings)
        self.checks = checks

    async def show(self, request: Request) -> Response:
        """GET: who is signed in, and where."""
        text = self.forms.text(request)
        done = {
            "session": text("account.session_ended"),
            "sessions": text("account.sessions_ended"),
            "password": text("account.password_changed"),
        }.get(request.query_params.get("done", ""), "")
        return await self._account(request, done=done)

    async def end(self, request: Request) -> Response:
        """POST: end one session, all others, or all."""
        token, me = await self._me(request)
        if me is None:
            return RedirectResponse(LOGIN, 303)
        fields = await read_form(request)
        text = self.forms.text(request)
        if not self.forms.is_ours(request, fields, form_token(token)):
            return await self._account(request, problem=text("login.stale"), status=403)
        action = fields.get("action", "")
        try:
            await run_in_threadpool(self._end, me, action, fields.get("session", ""), self.forms.address(request))
        except ParkError as error:
            return await self._account(request, problem=error.text(text.language), status=409)
        if action == "all":
            answer = RedirectResponse(LOGIN, 303)
            self.forms.drop_session(answer)
            return answer
        return RedirectResponse(f"/auth/account?done={'sessions' if action == 'others' else 'session'}", 303)

    def _end(self, me: SignedIn, action: str, session_id: str, address: str) -> None:
        with ops_session(self.settings) as session:
            actor = actor_of(session, session.get_one(Operator, me.operator_id), address)
        if action == "others":
            revoke_all_sessions(self.settings, actor, me.operator_id, keep=me.session_id)
        elif action == "all":
            revoke_all_sessions(self.settings, actor, me.operator_id)
        else:
            revoke_session(self.settings, actor, session_id)

    async def password_form(self, request: Request) -> Response:
        """GET: the form for a new password."""
        token, me = await self._me(request)
        if me is None:
            return RedirectResponse(LOGIN, 303)
        return self._password(request, token, me, local_target(request.query_params.get("next")))

    async def change(self, request: Request) -> Response:
        """POST: change the password, or show the form again with the reasons."""
        token, me = await self._me(request)
        if me is None:
            return RedirectResponse(LOGIN, 303)
        fields = await read_form(request)
        text = self.forms.text(request)
        target = local_target(fields.get("next"))
        if not self.forms.is_ours(request, fields, form_token(token)):
            return self._password(request, token, me, target, problem=text("login.stale"), status=403)
        try:
            fresh = await anyio.to_thread.run_sync(self._change, request, token, fields, limiter=self.checks)
        except InvalidFields as error:
            problems: dict[str, list[str]] = {}
            for problem in error.problems:
                problems.setdefault(problem.field, []).append(problem.text(text.language))
            return self._password(request, token, me, target, problems=problems, status=422)
        except ParkError as error:
            status = 429 if error.code == "too_many_attempts" else 409
            return self._password(request, token, me, target, problem=error.text(text.language), status=status)
        answer = RedirectResponse(target if me.must_change_password else "/auth/account?done=password", 303)
        self.forms.set_session(answer, fresh)
        return answer

    def _change(self, request: Request, token: str, fields: dict[str, str]) -> str:
        old, new, repeated = (fields.get(name, "") for name in PASSWORD_FIELDS)
        return change_password(
            self.settings,
            token,
            old=old,
            new=new,
            repeated=repeated,
            address=self.forms.address(request),
            now=datetime.now(UTC),
        )

    async def _me(self, request: Request) -> tuple[str, SignedIn | None]:
        token = self.forms.token(request) or ""
        return token, await run_in_threadpool(signed_in, self.settings, token)

    async def _account(self, request: Request, *, done: str = "", problem: str = "", status: int = 200) -> Response:
        token, me = await self._me(request)
        if me is None:
            return RedirectResponse(LOGIN, 303)
        text = self.forms.text(request)
        zone = ZoneInfo(self.settings.schedule_time_zone)

        def told(moment: datetime) -> str:
            return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")

        rows: list[dict[str, Any]] = [
            {
                "session_id": row.session_id,
                "device": row.device(text.language),
                "address": row.address,
                "since": told(row.created_at),
                "seen": told(row.seen_at),
                "is_this": row.session_id == me.session_id,
            }
            for row in await run_in_threadpool(list_sessions, self.settings, me.operator_id)
        ]
        rows.sort(key=lambda row: not row["is_this"])
        return self.forms.page(
            request,
            "account.html",
            here="/auth/account",
            status=status,
            me=me,
            sessions=rows,
            zone=zone.key,
            done=done,
            problem=problem,
            form_token=form_token(token),
        )

    def _password(
        self,
        request: Request,
        token: str,
        me: SignedIn,
        target: str,
        *,
        problem: str = "",
        problems: dict[str, list[str]] | None = None,
        status: int = 200,
    ) -> Response:
        wrong = problems or {}
        return self.forms.page(
            request,
            "password.html",
            here="/auth/password",
            status=status,
            name=me.name,
            login=me.login,
            is_forced=me.must_change_password,
            least=MIN_PASSWORD_LENGTH,
            target=target,
            problem=problem,
            problems=wrong,
            first_wrong=next((name for name in PASSWORD_FIELDS if name in wrong), ""),
            form_token=form_token(token),
        )
