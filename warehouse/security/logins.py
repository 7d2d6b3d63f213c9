"""Trying a password: at sign-in, and for changing it.

Belongs here: counting failures, the growing delays, the check itself, changing one's own password. Does not belong
here: HTTP, and which passwords are good (passwords.py).

Failures are counted by login *and* address: guessing from one place slows only that place down, so nobody can lock a
colleague elsewhere out by typing wrong passwords for them. Failures of one address over all logins are counted too,
with more patience, so that one address cannot try a few passwords on thousands of logins.
"""

from __future__ import annotations

import math
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement, delete, func, select, update
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import AuthFailure, AuthSession, Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import may_sign_in
from warehouse.security.audit import REFUSED as NOT_DONE
from warehouse.security.passwords import (
    MAX_PASSWORD_LENGTH,
    check_new_password,
    hash_password,
    needs_rehash,
    password_matches,
)
from warehouse.security.sessions import (
    PASSWORD_CHANGED,
    REFUSED,
    log_event,
    open_session,
    set_columns,
    signed_in,
    token_hash,
)
from warehouse.services.fields import Fields, InvalidFields, Problem
from warehouse.settings import Settings

FREE_FAILURES = 4
"""Failures of one login from one address before the first delay; typing errors of an honest person."""
LONGEST_DELAY_SECONDS = 900

FREE_ADDRESS_FAILURES = 50
"""Failures from one address over all logins before the first delay; a whole office may share an address, and whoever
signs in at last takes their own failures back."""
LONGEST_ADDRESS_DELAY_SECONDS = 300

FIRST_DELAY_SECONDS = 5
MEMORY = timedelta(days=1)
"""A failure older than this no longer counts."""

_COUNT_LOCK: Final = 0x5061724C


@dataclass(frozen=True)
class LoginResult:
    """``token`` after success; otherwise ``wait_seconds`` > 0 while the delay runs and 0 for a wrong pair."""

    token: str | None
    wait_seconds: int = 0


def delay_after(failures: int, *, free: int = FREE_FAILURES, longest: int = LONGEST_DELAY_SECONDS) -> int:
    """Seconds that must pass after the last of ``failures`` before the next try.

    None for the first ``free`` failures, then 5, 10, 20, … up to ``longest``.
    """
    if failures <= free:
        return 0
    return int(min(longest, FIRST_DELAY_SECONDS * 2 ** min(failures - free - 1, 20)))


def log_in(
    settings: Settings, login: str, password: str, *, address: str, user_agent: str, now: datetime
) -> LoginResult:
    """Check a login and open a session.

    Every attempt whose password was looked at goes to the operator log, with the login as typed. Attempts during a
    delay do not: the log would grow as fast as somebody can send requests.

    Args:
        settings: names the operational store.
        login: as typed; upper and lower case are one.
        password: as typed.
        address: where the attempt comes from, see ``dashboards.requests.client_address``.
        user_agent: kept with the session.
        now: the present instant.
    """
    typed = "".join(filter(str.isprintable, login)).strip()[:64]
    key = typed.casefold()[:64]
    wait, next_wait = _count_attempt(settings, key, address, now)
    if wait:
        return LoginResult(token=None, wait_seconds=wait)
    with ops_session(settings) as session:
        operator = session.scalar(select(Operator).where(Operator.login == key))
        usable = operator if operator is not None and may_sign_in(session, operator) else None
    is_right = _is_right(usable, password)
    with write_session(settings) as session:
        if usable is not None and is_right and _is_unchanged(session, usable):
            _forgive(session, key, address)
            if needs_rehash(usable.password_hash):
                set_columns(session, usable, password_hash=hash_password(password))
            token = open_session(
                session, settings, usable, how="password", address=address, user_agent=user_agent, now=now
            )
            return LoginResult(token=token)
        reason = "no such login" if operator is None else "may not sign in" if usable is None else "wrong password"
        told = {"reason": reason} | ({"wait_seconds": next_wait} if next_wait else {})
        log_event(session, REFUSED, operator, login=typed, address=address, outcome=NOT_DONE, after=told, now=now)
    return LoginResult(token=None)


def change_password(
    settings: Settings, token: str, *, old: str, new: str, repeated: str, address: str, now: datetime
) -> str:
    """Change the password of whoever is signed in with ``token``, and end all their other sessions.

    Returns:
        The session's new token; the old one is void, in whoever's hands it is.

    Raises:
        InvalidFields: ``old``, ``new`` or ``repeated`` is not accepted. The old password is looked at, and a failure
            counted, only when the new one is good.
        ParkError: ``signed_out``; ``too_many_attempts``; ``conflict`` when it was changed at the same moment.
    """
    me = signed_in(settings, token, now=now)
    if me is None:
        raise ParkError(zh="登录已过期：请重新登录", en="you are signed out: sign in again", code="signed_out")
    fields = Fields()
    check_new_password(fields, "new", new, login=me.login, person=me.name)
    if new != repeated:
        fields.wrong("repeated", "两次输入的新密码不一致", "the two entries of the new password differ")
    if new == old:
        fields.wrong("new", "新密码不能与当前密码相同", "the new password must differ from the present one")
    fields.done()
    wait, _next_wait = _count_attempt(settings, me.login, address, now)
    if wait:
        raise ParkError(
            zh=f"尝试次数过多，请在 {wait} 秒后再试",
            en=f"too many attempts: try again in {wait} seconds",
            code="too_many_attempts",
        )
    with ops_session(settings) as session:
        operator = session.get_one(Operator, me.operator_id)
    if not _is_right(operator, old):
        with write_session(settings) as session:
            told = {"reason": "wrong password"}
            log_event(session, PASSWORD_CHANGED, operator, address=address, outcome=NOT_DONE, after=told, now=now)
        raise InvalidFields([Problem("old", "当前密码不正确", "the present password is wrong")])
    changed, fresh = hash_password(new), secrets.token_urlsafe(32)
    with write_session(settings) as session:
        if not _is_unchanged(session, operator):
            raise ParkError(
                zh="密码刚被修改过：请重新登录后再试",
                en="the password was changed at this moment: sign in again and try once more",
                code="conflict",
            )
        set_columns(session, operator, password_hash=changed, must_change_password=False, password_changed_at=now)
        _forgive(session, me.login, address)
        mine = AuthSession.token_hash == token_hash(token)
        others = session.execute(
            delete(AuthSession)
            .where(AuthSession.operator_id == me.operator_id, ~mine)
            .returning(AuthSession.session_id)
        ).all()
        session.execute(update(AuthSession).where(mine).values(token_hash=token_hash(fresh)))
        log_event(session, PASSWORD_CHANGED, operator, address=address, after={"ended_sessions": len(others)}, now=now)
    return fresh


def forget_failures(session: Session, login: str) -> int:
    """Lift the delays of a login at every address, for an administrator's service; returns the failures forgotten."""
    gone = session.execute(
        delete(AuthFailure).where(AuthFailure.login == login.casefold()).returning(AuthFailure.failure_id)
    )
    return len(gone.all())


def _is_right(operator: Operator | None, password: str) -> bool:
    is_too_long = len(password) > MAX_PASSWORD_LENGTH
    matches = password_matches(operator.password_hash if operator else None, "" if is_too_long else password)
    return matches and not is_too_long


def _is_unchanged(session: Session, operator: Operator) -> bool:
    """Whether the hash that was just checked is still the operator's, who still may sign in."""
    now = session.scalar(
        select(Operator).where(Operator.operator_id == operator.operator_id).with_for_update(of=Operator)
    )
    return now is not None and now.password_hash == operator.password_hash and may_sign_in(session, now)


def _forgive(session: Session, key: str, address: str) -> None:
    session.execute(delete(AuthFailure).where(AuthFailure.login == key, AuthFailure.address == address[:64]))


def _count_attempt(settings: Settings, key: str, address: str, now: datetime) -> tuple[int, int]:
    """Book the attempt as a failure before the password is looked at, or say how long to wait.

    Booking first makes a burst of parallel guesses count like guesses in a row. Attempts during a delay are not
    booked: they are never checked, and would only keep an honest person out for longer.

    Returns:
        Seconds to wait now, 0 when the attempt was booked; and the seconds to wait after it, should it fail.
    """
    here = AuthFailure.address == address[:64]
    with write_session(settings) as session:
        if session.get_bind().dialect.name == "postgresql":
            # SQLite lets one write at a time; here those of one address wait for each other.
            session.execute(select(func.pg_advisory_xact_lock(_COUNT_LOCK, func.hashtext(address))))
        session.execute(delete(AuthFailure).where(AuthFailure.failed_at <= now - MEMORY))

        def failures(*which: ColumnElement[bool]) -> tuple[int, datetime | None]:
            row = session.execute(select(func.count(), func.max(AuthFailure.failed_at)).where(*which)).one()
            return row[0], row[1]

        waits, after = [], []
        for which, free, longest in (
            ((here, AuthFailure.login == key), FREE_FAILURES, LONGEST_DELAY_SECONDS),
            ((here,), FREE_ADDRESS_FAILURES, LONGEST_ADDRESS_DELAY_SECONDS),
        ):
            count, last = failures(*which)
            left = delay_after(count, free=free, longest=longest) - (now - last).total_seconds() if last else 0
            waits.append(max(math.ceil(left), 0))
            after.append(delay_after(count + 1, free=free, longest=longest))
        if not max(waits):
            session.add(AuthFailure(login=key, address=address[:64], failed_at=now))
        return max(waits), max(after)
