"""The operator log: append-only, each entry hashed together with the one before it.

Triggers in the store refuse to change or delete an entry.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Document, Instant


class AuditEntry(Base):
    """Who did what, when and from where. No foreign keys: an entry outlives what it speaks of.

    ``action`` is menu.action or a sign-in event; ``outcome`` is done or refused. ``node_id`` and ``lot_id`` say whose
    it is, for the scope of readers. ``before`` and ``after`` hold the fields that changed.
    """

    __tablename__ = "audit_entry"

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)
    operator_id: Mapped[int | None]
    login: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(64))
    action: Mapped[str] = mapped_column(String(80))
    outcome: Mapped[str] = mapped_column(String(8))
    entity: Mapped[str | None] = mapped_column(String(40))
    entity_id: Mapped[str | None] = mapped_column(String(128))
    entity_name: Mapped[str | None] = mapped_column(String(300))
    node_id: Mapped[int | None]
    lot_id: Mapped[int | None]
    before: Mapped[dict[str, Any] | None] = mapped_column(Document)
    after: Mapped[dict[str, Any] | None] = mapped_column(Document)
    previous_hash: Mapped[str] = mapped_column(String(64))
    entry_hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index("ix_audit_entry_at", "at"),
        Index("ix_audit_entry_lot_id", "lot_id", "entry_id"),
        Index("ix_audit_entry_operator_id", "operator_id", "entry_id"),
        Index("ix_audit_entry_entity", "entity", "entity_id", "entry_id"),
    )


class AuditHead(Base):
    """The one row that says where the chain ends; locking it puts writers in a row."""

    __tablename__ = "audit_head"

    head_id: Mapped[int] = mapped_column(primary_key=True)
    entry_id: Mapped[int]
    entry_hash: Mapped[str] = mapped_column(String(64))
