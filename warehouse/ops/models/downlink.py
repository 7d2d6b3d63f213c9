"""What goes down to the lots, and what the cloud itself puts on the way up."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, Index, LargeBinary, String, literal_column, text
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Document, Instant

COMMAND_STATES: Final = ("queued", "delivered", "applied", "failed", "expired", "superseded", "cancelled")
_IS_OPEN: Final = text("state in ('queued', 'delivered')")


class DownlinkCommand(Base):
    """A command for a lot; commands with the same ``subject`` are applied in the order of their ids.

    ``number`` counts the lot's deliveries and is what its cursor refers to; ``sealed`` holds what of the payload is
    secret, encrypted, until the command is finished; ``reported_at`` is when the lot says that it acted.
    """

    __tablename__ = "downlink_command"

    command_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    kind: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(128))
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
    state: Mapped[str] = mapped_column(String(12), default="queued")
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.operator_id"))
    operator_name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    message: Mapped[str | None] = mapped_column(String(500))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    number: Mapped[int | None]
    last_delivered_at: Mapped[datetime | None] = mapped_column(Instant)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    retry_of: Mapped[int | None]

    __table_args__ = (
        CheckConstraint(
            "state in ('queued', 'delivered', 'applied', 'failed', 'expired', 'superseded', 'cancelled')", name="state"
        ),
        Index("ix_downlink_command_lot_id", "lot_id", "command_id"),
        Index("uq_downlink_command_number", "lot_id", "number", unique=True),
        Index(
            "ix_downlink_command_open",
            "lot_id",
            "subject",
            "command_id",
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )


def is_open(command: type[DownlinkCommand] = DownlinkCommand) -> ColumnElement[bool]:
    """Whether a command is unfinished, in the words of the index: with bound values SQLite would not use it."""
    return command.state.in_([literal_column("'queued'"), literal_column("'delivered'")])


class OutboxRecord(Base):
    """A record of the contract that the cloud makes itself (a renewal at the counter of a page, say).

    Written with the change that it tells of, in one transaction; the lander takes it into the journal, so that it
    reaches the reports the same way as what lots upload. ``record`` holds no secrets.
    """

    __tablename__ = "outbox_record"

    outbox_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    record: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime] = mapped_column(Instant)
    journaled_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (Index("ix_outbox_record_journaled_at", "journaled_at", "outbox_id"),)
