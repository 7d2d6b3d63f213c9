"""Signed-in browsers.

Belongs here: opening, reading, listing and ending sessions, and their entries in the operator log. Does not belong
here: checking passwords (logins.py, oidc.py) and cookies (dashboards). A token leaves the process only in the browser's
cookie; the store keeps its SHA-256, which suffices because a token is 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, select, update
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden
from warehouse.ops.models import AuthSession, Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security import audit
from warehouse.security.actor import Actor, actor_of, may_sign_in, permissions_of
from warehouse.security.devices import device_of
from warehouse.security.scope import Scope
from warehouse.settings import Settings

# Writing "seen" on each request would make every page view a write; a minute is exact enough for limits of hours.
SEEN_RESOLUTION = timedelta(minutes=1)

LOGIN, REFUSED, LOGOUT, REVOKED = "session.login", "session.refused", "session.logout", "session.revoked"
PASSWORD_CHANGED = "session.password_changed"  # noqa: S105 - an action of the operator log


@dataclass(frozen=True)
class SignedIn:
    """Who a token belongs to, and which of the operator's sessions it is."""

    operator_id: int
    login: str
    name: str
    must_change_password: bool
    session_id: str
    address: str


@dataclass(frozen=True)
class SessionRow:
    """One signed-in browser as listed."""

    session_id: str
    user_agent: str
    address: str
    created_at: datetime
    seen_at: datetime

    def device(self, language: str) -> str:
        """Browser and system in words."""
        return device_of(self.user_agent, language)


def token_hash(token: str) -> bytes:
    """What the store keeps of a token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def form_token(token: str) -> str:
    """The anti-forgery value of forms inside this session; it cannot be computed without the session's token."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def _is_open(settings: Settings, now: datetime) -> ColumnElement[bool]:
    return (AuthSession.created_at > now - timedelta(hours=settings.session_hours)) & (
        AuthSession.seen_at > now - timedelta(minutes=settings.session_idle_minutes)
    )


def open_session(
    session: Session,
    settings: Settings,
    operator: Operator,
    *,
    how: str,
    address: str,
    user_agent: str,
    now: datetime,
) -> str:
    """Start a session inside a ``write_session`` and return its token; sessions past their limits are removed.

    The operator's last sign-in and the operator log are written with it; ``how`` is ``password`` or ``oidc``.
    """
    token, session_id = secrets.token_urlsafe(32), secrets.token_hex(8)
    session.execute(delete(AuthSession).where(~_is_open(settings, now)))
    session.add(
        AuthSession(
            token_hash=token_hash(token),
            session_id=session_id,
            operator_id=operator.operator_id,
            created_at=now,
            seen_at=now,
            address=address[:64],
            user_agent=user_agent[:300],
        )
    )
    set_columns(session, operator, last_login_at=now)
    log_event(
        session,
        LOGIN,
        operator,
        address=address,
        now=now,
        after={"session": session_id, "how": how, "device": device_of(user_agent, "en")},
    )
    return token


def set_columns(session: Session, operator: Operator, **values: Any) -> None:
    """Write columns of an operator without raising its version: signing in must not upset whoever edits the row."""
    session.execute(
        update(Operator)
        .where(Operator.operator_id == operator.operator_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )


def log_event(
    session: Session,
    action: str,
    operator: Operator | None,
    *,
    address: str,
    login: str = "",
    by: Actor | None = None,
    outcome: str = audit.DONE,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    now: datetime,
) -> None:
    """Write a sign-in event about ``operator`` to the operator log.

    Args:
        session: a ``write_session``.
        action: one of this module's.
        operator: whom it is about; None when the login is nobody's.
        address: where it came from.
        login: as typed, for a login that is nobody's; at most 64 characters are kept.
        by: who did it when it was not the operator.
        outcome: ``audit.DONE`` or ``audit.REFUSED``.
        before: JSON values, never secrets.
        after: likewise.
        now: the present instant.
    """
    if operator is None:
        audit.append(session, _stranger(login, address), action, outcome=outcome, after=after, now=now)
        return
    audit.append(
        session,
        by or actor_of(session, operator, address),
        action,
        outcome=outcome,
        entity="operator",
        entity_id=operator.operator_id,
        entity_name=operator.name,
        node_id=None if operator.lot_id is not None else operator.node_id,
        lot_id=operator.lot_id,
        before=before,
        after=after,
        now=now,
    )


def _stranger(login: str, address: str) -> Actor:
    return Actor(
        operator_id=None,
        login=login[:64],
        name="",
        address=address,
        node_id=None,
        lot_id=None,
        level="lot",
        scope=Scope(frozenset()),
        node_ids=frozenset(),
        permissions=frozenset(),
    )


def signed_in(
    settings: Settings, token: str | None, *, now: datetime | None = None, is_activity: bool = True
) -> SignedIn | None:
    """Who the token belongs to, or None when it is unknown, ended, expired, or its operator was disabled.

    Args:
        settings: the idle limit and the greatest age.
        token: the cookie's value.
        now: for tests; the present instant when None.
        is_activity: False for what a page does by itself (automatic refresh), which must not keep a session alive.
    """
    with ops_session(settings) as session:
        found = _signed_in(session, settings, token, now or datetime.now(UTC), is_activity=is_activity)
        return found[0] if found is not None else None


def actor_signed_in(
    settings: Settings, token: str | None, *, is_activity: bool = True
) -> tuple[SignedIn, Actor] | None:
    """As ``signed_in``, with what the operator may see and do."""
    with ops_session(settings) as session:
        found = _signed_in(session, settings, token, datetime.now(UTC), is_activity=is_activity)
        return (found[0], actor_of(session, found[1], found[0].address)) if found is not None else None


def _signed_in(
    session: Session, settings: Settings, token: str | None, moment: datetime, *, is_activity: bool
) -> tuple[SignedIn, Operator] | None:
    if not token:
        return None
    row = session.execute(
        select(Operator, AuthSession)
        .join(AuthSession, AuthSession.operator_id == Operator.operator_id)
        .where(AuthSession.token_hash == token_hash(token), _is_open(settings, moment))
    ).one_or_none()
    if row is None or not may_sign_in(session, row[0]):
        return None
    operator, opened = row
    if is_activity and moment - opened.seen_at >= SEEN_RESOLUTION:
        session.execute(update(AuthSession).where(AuthSession.token_hash == token_hash(token)).values(seen_at=moment))
    found = SignedIn(
        operator_id=operator.operator_id,
        login=operator.login,
        name=operator.name,
        must_change_password=operator.must_change_password,
        session_id=opened.session_id,
        address=opened.address,
    )
    return found, operator


def close_session(settings: Settings, token: str, *, address: str, now: datetime | None = None) -> None:
    """Sign out: end one session, here and in every other tab that uses it; nothing happens when it ended already."""
    with write_session(settings) as session:
        opened = session.scalar(select(AuthSession).where(AuthSession.token_hash == token_hash(token)))
        if opened is None:
            return
        operator = session.get_one(Operator, opened.operator_id)
        before = _told(opened)
        session.delete(opened)
        session.flush()
        log_event(session, LOGOUT, operator, address=address, before=before, now=now or datetime.now(UTC))


def list_sessions(settings: Settings, operator_id: int, *, now: datetime | None = None) -> tuple[SessionRow, ...]:
    """The open sessions of an operator, the one seen last first.

    Whether the reader may know about this operator is the caller's to check.
    """
    with ops_session(settings) as session:
        opened = session.scalars(
            select(AuthSession)
            .where(AuthSession.operator_id == operator_id, _is_open(settings, now or datetime.now(UTC)))
            .order_by(AuthSession.seen_at.desc(), AuthSession.session_id)
        )
        return tuple(
            SessionRow(row.session_id, row.user_agent, row.address, row.created_at, row.seen_at) for row in opened
        )


def revoke_session(settings: Settings, actor: Actor, session_id: str, *, now: datetime | None = None) -> None:
    """End one session, of the actor's own or of an operator whom the actor may edit.

    Raises:
        Forbidden: there is no such session for this actor; existence is not told.
    """
    with write_session(settings) as session:
        opened = session.scalar(select(AuthSession).where(AuthSession.session_id == session_id))
        operator = None if opened is None else session.get_one(Operator, opened.operator_id)
        is_allowed = operator is not None and _may_end(actor, operator)
        if opened is not None and operator is not None and is_allowed:
            _revoke(session, actor, operator, [opened], now or datetime.now(UTC))
    if not is_allowed:
        refusal = Forbidden(
            zh="这个会话已结束，或您无权结束它：请刷新列表",
            en="this session has ended already, or you may not end it: reload the list",
        )
        if operator is not None:
            audit.note_refusal(settings, actor, REVOKED, refusal)
        raise refusal


def revoke_all_sessions(
    settings: Settings, actor: Actor, operator_id: int, *, keep: str | None = None, now: datetime | None = None
) -> int:
    """End every session of an operator but the one named ``keep``, and return how many there were.

    Raises:
        Forbidden: the operator is neither the actor nor one whom the actor may edit.
    """
    with write_session(settings) as session:
        operator = session.get(Operator, operator_id)
        is_allowed = operator is not None and _may_end(actor, operator)
        ended: list[AuthSession] = []
        if operator is not None and is_allowed:
            ended = list(
                session.scalars(
                    select(AuthSession).where(
                        AuthSession.operator_id == operator_id, AuthSession.session_id != (keep or "")
                    )
                )
            )
            _revoke(session, actor, operator, ended, now or datetime.now(UTC))
    if not is_allowed:
        refusal = Forbidden(
            zh=f"操作员 {operator_id} 不存在，或您无权结束其会话：请从列表中选择",
            en=f"operator {operator_id} does not exist, or you may not end their sessions: choose from the list",
        )
        audit.note_refusal(settings, actor, REVOKED, refusal)
        raise refusal
    return len(ended)


def _revoke(session: Session, actor: Actor, operator: Operator, ended: list[AuthSession], now: datetime) -> None:
    for opened in ended:
        before = _told(opened)
        session.delete(opened)
        session.flush()
        log_event(session, REVOKED, operator, by=actor, address=actor.address, before=before, now=now)


def _told(opened: AuthSession) -> dict[str, Any]:
    return {
        "session": opened.session_id,
        "device": device_of(opened.user_agent, "en"),
        "address": opened.address,
        "since": opened.created_at.isoformat(timespec="seconds"),
    }


def _may_end(actor: Actor, operator: Operator) -> bool:
    """Whether the sessions are the actor's own or those of somebody below who has no more rights than the actor."""
    if actor.operator_id is not None and actor.operator_id == operator.operator_id:
        return True
    lot_id = operator.lot_id
    is_below = actor.sees_node(operator.node_id) if lot_id is None else actor.scope.allows(lot_id)
    return is_below and actor.allows("operators.edit") and permissions_of(operator.role) <= actor.permissions
