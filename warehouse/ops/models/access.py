"""Logins, roles and sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warehouse.ops.models.base import Base, Deletable, Versioned
from warehouse.ops.types import Document, Instant


class Role(Versioned, Base):
    """A set of permissions; belongs to a node and may be given to operators at or below it.

    ``code`` is set for the roles that every instance has.
    """

    __tablename__ = "role"

    role_id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[int | None] = mapped_column(ForeignKey("node.node_id"), index=True)
    code: Mapped[str | None] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    remark: Mapped[str | None] = mapped_column(String(500))

    permissions: Mapped[list[RolePermission]] = relationship(cascade="all, delete-orphan", lazy="selectin")


class RolePermission(Base):
    """One permission of a role, as ``menu.action``."""

    __tablename__ = "role_permission"

    role_id: Mapped[int] = mapped_column(ForeignKey("role.role_id"), primary_key=True)
    permission: Mapped[str] = mapped_column(String(80), primary_key=True)


class Operator(Versioned, Deletable, Base):
    """A login; sees the lots below its node, or one lot. Logins are kept in lower case.

    ``oidc_subject`` is ``issuer subject`` of the account that signs it in from outside.
    """

    __tablename__ = "operator"

    operator_id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    phone: Mapped[str | None] = mapped_column(String(40))
    email: Mapped[str | None] = mapped_column(String(200))
    remark: Mapped[str | None] = mapped_column(String(500))
    password_hash: Mapped[str] = mapped_column(String(300))
    role_id: Mapped[int] = mapped_column(ForeignKey("role.role_id"), index=True)
    node_id: Mapped[int] = mapped_column(ForeignKey("node.node_id"), index=True)
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.lot_id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    password_changed_at: Mapped[datetime | None] = mapped_column(Instant)
    last_login_at: Mapped[datetime | None] = mapped_column(Instant)
    oidc_subject: Mapped[str | None] = mapped_column(String(500), unique=True)
    created_at: Mapped[datetime] = mapped_column(Instant)

    role: Mapped[Role] = relationship(lazy="joined")


class AuthSession(Base):
    """A signed-in browser; only the hash of its token is kept, ``session_id`` names it in lists."""

    __tablename__ = "auth_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(String(32), unique=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.operator_id"), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(300))


class AuthFailure(Base):
    """A failed login, counted by login and address together so that nobody can lock a colleague out."""

    __tablename__ = "auth_failure"

    failure_id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    failed_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (Index("ix_auth_failure_login_address", "login", "address", "failed_at"),)


class FormDraft(Base):
    """What an operator typed into a form when their session had ended; no secrets."""

    __tablename__ = "form_draft"

    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.operator_id"), primary_key=True)
    form: Mapped[str] = mapped_column(String(200), primary_key=True)
    values: Mapped[dict[str, Any]] = mapped_column(Document)
    saved_at: Mapped[datetime] = mapped_column(Instant)
