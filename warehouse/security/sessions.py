"""Signed-in browsers.

Belongs here: opening, reading and ending a session by its opaque token. Does not belong here: checking passwords
(logins.py) and cookies (dashboards). The token leaves the process only in the browser's cookie; the store keeps its
SHA-256, which suffices because a token is 256 random bits.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update

from warehouse.ops.models import AuthSession, Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import may_sign_in
from warehouse.settings import Settings

# Writing "seen" on each request would make every page view a write; a minute is exact enough for limits of hours.
SEEN_RESOLUTION = timedelta(minutes=1)


@dataclass(frozen=True)
class SignedIn:
    """Who a token belongs to, and which of the operator's sessions it is."""

    operator_id: int
    login: str
    name: str
    must_change_password: bool
    session_id: str
    address: str


def token_hash(token: str) -> bytes:
    """What the store keeps of a token: 32 bytes."""
    return hashlib.sha256(token.encode()).digest()


def form_token(token: str) -> str:
    """The anti-forgery value of forms inside this session; it cannot be computed without the session's token."""
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def open_session(settings: Settings, operator_id: int, *, address: str, user_agent: str, now: datetime) -> str:
    """Start a session and return its token; sessions past their limits are removed on the way."""
    token = secrets.token_urlsafe(32)
    with ops_session(settings) as session:
        session.execute(
            delete(AuthSession).where(
                (AuthSession.created_at <= now - timedelta(hours=settings.session_hours))
                | (AuthSession.seen_at <= now - timedelta(minutes=settings.session_idle_minutes))
            )
        )
        session.add(
            AuthSession(
                token_hash=token_hash(token),
                session_id=secrets.token_hex(8),
                operator_id=operator_id,
                created_at=now,
                seen_at=now,
                address=address[:64],
                user_agent=user_agent[:300],
            )
        )
    return token


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
    if not token:
        return None
    moment = now or datetime.now(UTC)
    with ops_session(settings) as session:
        row = session.execute(
            select(Operator, AuthSession)
            .join(AuthSession, AuthSession.operator_id == Operator.operator_id)
            .where(
                AuthSession.token_hash == token_hash(token),
                AuthSession.created_at > moment - timedelta(hours=settings.session_hours),
                AuthSession.seen_at > moment - timedelta(minutes=settings.session_idle_minutes),
            )
        ).one_or_none()
        if row is None or not may_sign_in(session, row[0]):
            return None
        operator, opened = row
        if is_activity and moment - opened.seen_at >= SEEN_RESOLUTION:
            session.execute(
                update(AuthSession).where(AuthSession.token_hash == token_hash(token)).values(seen_at=moment)
            )
        return SignedIn(
            operator_id=operator.operator_id,
            login=operator.login,
            name=operator.name,
            must_change_password=operator.must_change_password,
            session_id=opened.session_id,
            address=opened.address,
        )


def close_session(settings: Settings, token: str) -> None:
    """End one session, here and in every other tab that uses it."""
    with ops_session(settings) as session:
        session.execute(delete(AuthSession).where(AuthSession.token_hash == token_hash(token)))


def close_all_sessions(settings: Settings, operator_id: int) -> int:
    """End every session of an operator and return how many there were."""
    with ops_session(settings) as session:
        ended = session.execute(
            delete(AuthSession).where(AuthSession.operator_id == operator_id).returning(AuthSession.token_hash)
        )
        return len(ended.all())
