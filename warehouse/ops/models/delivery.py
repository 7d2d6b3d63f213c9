"""Views of report pages that people keep, and reports that are delivered to them by the clock."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warehouse.ops.models.access import Operator
from warehouse.ops.models.base import Base, Deletable, Versioned
from warehouse.ops.types import Document, Instant

_IS_START = text("is_start")


class SavedView(Versioned, Base):
    """A name for the filters of a page; ``query`` is the address behind the question mark.

    ``is_start``: the page opens with it. ``is_shared``: shown to the operators of the same place.
    """

    __tablename__ = "saved_view"

    view_id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.operator_id"))
    page: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    query: Mapped[str] = mapped_column(String(4000))
    is_start: Mapped[bool] = mapped_column(default=False)
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)

    operator: Mapped[Operator] = relationship()

    __table_args__ = (
        Index("uq_saved_view_name", "operator_id", "page", "name", unique=True),
        Index(
            "uq_saved_view_start",
            "operator_id",
            "page",
            unique=True,
            sqlite_where=_IS_START,
            postgresql_where=_IS_START,
        ),
    )


class Delivery(Versioned, Deletable, Base):
    """A report that is made and sent by the clock, with the rights that its owner has at that moment.

    ``parameters`` are the report's own; ``period`` is one of the relative ones. ``time_of_day`` is HH:MM in the zone of
    the schedules; ``weekdays`` holds the digits 1 (Monday) to 7. ``scheduled_since``: nothing before is caught up.
    """

    __tablename__ = "delivery"

    delivery_id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.operator_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    report: Mapped[str] = mapped_column(String(64))
    period: Mapped[str] = mapped_column(String(16))
    parameters: Mapped[dict[str, Any]] = mapped_column(Document)
    file_format: Mapped[str] = mapped_column(String(8))
    language: Mapped[str] = mapped_column(String(8))
    time_of_day: Mapped[str] = mapped_column(String(5))
    weekdays: Mapped[str] = mapped_column(String(7))
    channel: Mapped[str] = mapped_column(String(8))
    addresses: Mapped[list[str]] = mapped_column(Document)
    is_active: Mapped[bool] = mapped_column(default=True)
    scheduled_since: Mapped[datetime] = mapped_column(Instant)
    created_at: Mapped[datetime] = mapped_column(Instant)

    operator: Mapped[Operator] = relationship()

    __table_args__ = (
        CheckConstraint("file_format in ('csv', 'xlsx', 'pdf')", name="file_format"),
        CheckConstraint("channel in ('folder', 'email')", name="channel"),
    )


class DeliveryRun(Base):
    """One due moment of a delivery and what became of it; at most one row for each.

    ``running`` rows are given up when ``next_attempt_at`` passes; ``waiting`` ones are tried again then.
    """

    __tablename__ = "delivery_run"

    run_id: Mapped[int] = mapped_column(primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.delivery_id"))
    due_at: Mapped[datetime] = mapped_column(Instant)
    state: Mapped[str] = mapped_column(String(12))
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    row_count: Mapped[int | None]
    file_bytes: Mapped[int | None]
    target: Mapped[str | None] = mapped_column(String(500))
    message_zh: Mapped[str | None] = mapped_column(String(1000))
    message_en: Mapped[str | None] = mapped_column(String(1000))

    __table_args__ = (
        CheckConstraint("state in ('waiting', 'running', 'done', 'failed', 'missed', 'stopped')", name="state"),
        Index("uq_delivery_run_delivery_id_due_at", "delivery_id", "due_at", unique=True),
        Index("ix_delivery_run_state", "state", "next_attempt_at"),
    )
