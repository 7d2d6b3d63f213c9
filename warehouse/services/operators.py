"""Logins: who may sign in and which part of the tree they see.

Belongs here: creating operators and the first administrator. Does not belong here: checking a password
(``warehouse.security.logins``) or the lots themselves (``lots.py``).
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Node, Operator, Role
from warehouse.security.passwords import hash_password
from warehouse.services.tree import ensure_platform
from warehouse.settings import Settings

ADMIN_LOGIN = "admin"

# No 0/O, 1/l/I: a printed password is typed by hand once.
_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"


def generate_password(length: int = 14) -> str:
    """A random password of ``length`` letters and digits that are not mistaken for each other."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def create_operator(
    session: Session,
    *,
    login: str,
    name: str,
    role: str,
    node_id: int,
    lot_id: int | None = None,
    password: str | None = None,
) -> str:
    """Add a login and return its password.

    Args:
        session: open session of the operational store.
        login: unique; stored in lower case, because sign-in ignores case.
        name: shown to people.
        role: code of a built-in role, see ``warehouse.security.permissions.BUILT_IN``.
        node_id: node of the tree whose lots the login sees.
        lot_id: set when the login sees one lot only.
        password: generated when None; the person must then change it.

    Raises:
        ParkError: ``login_taken`` when the login exists.
    """
    key = login.strip().casefold()
    if session.scalar(select(Operator.operator_id).where(Operator.login == key)) is not None:
        raise ParkError(
            zh=f"登录名 {key} 已存在，请换一个", en=f"login {key} exists already, choose another", code="login_taken"
        )
    chosen = password or generate_password()
    session.add(
        Operator(
            login=key,
            name=name,
            password_hash=hash_password(chosen),
            role_id=session.scalars(select(Role.role_id).where(Role.code == role)).one(),
            node_id=node_id,
            lot_id=lot_id,
            is_active=True,
            must_change_password=False,
            created_at=datetime.now(UTC),
        )
    )
    session.flush()
    return chosen


def ensure_admin(session: Session, settings: Settings) -> str | None:
    """Create the platform node and the login ``admin`` when absent.

    Returns:
        The password that was generated, to be printed once; None when the login exists already or its password came
        from ``PARK_ADMIN_PASSWORD``.
    """
    platform: Node = ensure_platform(session)
    if session.scalar(select(Operator.operator_id).where(Operator.login == ADMIN_LOGIN)) is not None:
        return None
    given = settings.admin_password.get_secret_value() if settings.admin_password else None
    password = create_operator(
        session, login=ADMIN_LOGIN, name="平台管理员", role="admin", node_id=platform.node_id, password=given
    )
    return None if given else password
