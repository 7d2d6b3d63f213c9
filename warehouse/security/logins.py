"""Trying to sign in.

Belongs here: counting failures, the growing delay, the check itself. Does not belong here: HTTP. Failures are counted
by login *and* address: guessing from one place slows only that place down, so nobody can lock a colleague out by
typing wrong passwords for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from warehouse.ops.models import AuthFailure, Operator
from warehouse.ops.session import ops_session
from warehouse.security.actor import may_sign_in
from warehouse.security.passwords import MAX_PASSWORD_LENGTH, hash_password, needs_rehash, password_matches
from warehouse.security.sessions import open_session
from warehouse.settings import Settings

FREE_FAILURES = 4
"""Failures from one address before the first delay; typing errors of an honest person."""

FIRST_DELAY_SECONDS = 5
LONGEST_DELAY_SECONDS = 900
MEMORY = timedelta(days=1)
"""A failure older than this no longer counts."""


@dataclass(frozen=True)
class LoginResult:
    """``token`` after success; otherwise ``wait_seconds`` > 0 while the delay runs and 0 for a wrong pair."""

    token: str | None
    wait_seconds: int = 0


def delay_after(failures: int) -> int:
    """Seconds that must pass after the last of ``failures`` before the next try: 0, then 5, 10, 20, … at most 900."""
    if failures <= FREE_FAILURES:
        return 0
    return int(min(LONGEST_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** min(failures - FREE_FAILURES - 1, 20)))


def log_in(
    settings: Settings, login: str, password: str, *, address: str, user_agent: str, now: datetime
) -> LoginResult:
    """Check a login and open a session.

    Args:
        settings: names the operational store.
        login: as typed; upper and lower case are one.
        password: as typed.
        address: where the attempt comes from, see ``dashboards.requests.client_address``.
        user_agent: kept with the session.
        now: the present instant.
    """
    key = login.strip().casefold()[:64]
    counted, wait = _count_attempt(settings, key, address, now)
    if counted is None:
        return LoginResult(token=None, wait_seconds=wait)
    with ops_session(settings) as session:
        operator = session.scalar(select(Operator).where(func.lower(Operator.login) == key))
        if operator is not None and not may_sign_in(session, operator):
            operator = None
    too_long = len(password) > MAX_PASSWORD_LENGTH
    matches = password_matches(operator.password_hash if operator else None, "" if too_long else password)
    if operator is None or not matches or too_long:
        return LoginResult(token=None)
    with ops_session(settings) as session:
        session.execute(delete(AuthFailure).where(AuthFailure.login == key, AuthFailure.address == address[:64]))
        if needs_rehash(operator.password_hash):
            session.merge(operator).password_hash = hash_password(password)
    return LoginResult(
        token=open_session(settings, operator.operator_id, address=address, user_agent=user_agent, now=now)
    )


def _count_attempt(settings: Settings, key: str, address: str, now: datetime) -> tuple[int | None, int]:
    """Book the attempt as a failure before the password is looked at, or say how long to wait.

    Booking first makes a burst of parallel guesses count like guesses in a row. Attempts during a delay are not
    booked: they are never checked, and would only keep an honest person out for longer.
    """
    same = (AuthFailure.login == key, AuthFailure.address == address[:64])
    with ops_session(settings) as session:
        session.execute(delete(AuthFailure).where(AuthFailure.failed_at <= now - MEMORY))
        failures, last = session.execute(select(func.count(), func.max(AuthFailure.failed_at)).where(*same)).one()
        if failures:
            wait = delay_after(failures) - (now - last).total_seconds()
            if wait > 0:
                return None, int(wait) + 1
        session.add(AuthFailure(login=key, address=address[:64], failed_at=now))
        return failures + 1, 0
