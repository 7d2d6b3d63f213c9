"""Work on the instance itself that somebody asked for or that is due: backups, their proof, clean-ups of a lot."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base, Versioned
from warehouse.ops.types import Document, Instant


class OperationRun(Base):
    """One piece of work and what became of it; ``subject`` is the backup or the lot's code.

    ``due_at`` is the moment of the clock for which it runs, and at most one does; None for one that somebody asked for.
    """

    __tablename__ = "operation_run"

    run_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(12))
    subject: Mapped[str | None] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(12))
    operator_id: Mapped[int | None]
    login: Mapped[str] = mapped_column(String(64))
    requested_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    result: Mapped[dict[str, Any] | None] = mapped_column(Document)
    message_zh: Mapped[str | None] = mapped_column(String(1000))
    message_en: Mapped[str | None] = mapped_column(String(1000))

    __table_args__ = (
        CheckConstraint("kind in ('backup', 'verify', 'clean_up')", name="kind"),
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed')", name="state"),
        Index("ix_operation_run_state", "state", "run_id"),
        Index("uq_operation_run_kind_due_at", "kind", "due_at", unique=True),
    )


class BackupPlan(Versioned, Base):
    """The one row that says when backups are taken by the clock and which are kept."""

    __tablename__ = "backup_plan"

    plan_id: Mapped[int] = mapped_column(primary_key=True)
    time_of_day: Mapped[str] = mapped_column(String(5))
    is_active: Mapped[bool]
    keep_count: Mapped[int]
    keep_days: Mapped[int]
    scheduled_since: Mapped[datetime] = mapped_column(Instant)


class Removal(Base):
    """The tombstone of entry and exit records that were removed from a lot: all of days before ``removed_before``.

    ``counts`` holds the removed records by kind and month.
    """

    __tablename__ = "removal"

    removal_id: Mapped[str] = mapped_column(String(32), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    removed_before: Mapped[date]
    removed_at: Mapped[datetime] = mapped_column(Instant)
    operator_id: Mapped[int | None]
    login: Mapped[str] = mapped_column(String(64))
    counts: Mapped[list[dict[str, Any]]] = mapped_column(Document)
