"""Logins and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Instant


class Operator(Base):
    """A login; sees the lots below its node, or one lot."""

    __tablename__ = "operator"

    operator_id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(300))
    role: Mapped[str] = mapped_column(String(64))
    node_id: Mapped[int] = mapped_column(ForeignKey("node.node_id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.lot_id"))
    is_active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)


class AuthSession(Base):
    """A signed-in browser; only the hash of its token is kept."""

    __tablename__ = "auth_session"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
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
