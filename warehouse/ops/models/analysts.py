"""What analysts keep and what they asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warehouse.ops.models.access import Operator
from warehouse.ops.models.base import Base, Versioned
from warehouse.ops.types import Instant


class SqlQuery(Versioned, Base):
    """A query that an operator keeps under a name. ``is_shared``: shown to the operators of the same place."""

    __tablename__ = "sql_query"

    query_id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int] = mapped_column(ForeignKey("operator.operator_id"))
    name: Mapped[str] = mapped_column(String(100))
    sql: Mapped[str] = mapped_column(Text)
    is_shared: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(Instant)

    operator: Mapped[Operator] = relationship()

    __table_args__ = (Index("uq_sql_query_name", "operator_id", "name", unique=True),)


class SqlRun(Base):
    """A query that was run; ``login`` is ``local`` and ``operator_id`` null for the command line of the server."""

    __tablename__ = "sql_run"

    run_id: Mapped[int] = mapped_column(primary_key=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.operator_id"))
    login: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(Instant)
    sql: Mapped[str] = mapped_column(Text)
    snapshot_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(String(12))
    row_count: Mapped[int | None]
    milliseconds: Mapped[int | None]
    message_zh: Mapped[str | None] = mapped_column(String(1000))
    message_en: Mapped[str | None] = mapped_column(String(1000))

    __table_args__ = (
        CheckConstraint("state in ('done', 'failed', 'stopped', 'cancelled', 'refused')", name="state"),
        Index("ix_sql_run_login", "login", "run_id"),
    )
