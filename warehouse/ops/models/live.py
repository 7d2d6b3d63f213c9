"""Live state, written by the lander: only a newer value replaces an older one.

Of two values of one instant the higher revision counts, and of two of these the higher fingerprint of their content:
whatever the order in which news arrive, the same value remains.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, false
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Instant


class LotLive(Base):
    """When a lot was last heard of; ``drift_at`` is when its clock was last compared with ours."""

    __tablename__ = "lot_live"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    heartbeat_at: Mapped[datetime | None] = mapped_column(Instant)
    clock_drift_seconds: Mapped[float | None]
    drift_at: Mapped[datetime | None] = mapped_column(Instant)
    pending_records: Mapped[int | None]


class AreaFreeSpaces(Base):
    """The last free-space count of a lot (area_id "") or of one area."""

    __tablename__ = "area_free_spaces"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(Instant)
    free_spaces: Mapped[int]
    total_spaces: Mapped[int | None]
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    fingerprint: Mapped[str] = mapped_column(String(16), default="", server_default="")


class LivePassage(Base):
    """An entry or exit of the last hours: with these a free-space count is carried on until the next one.

    ``kind`` is that of the record; a voided record stays as ``is_void``, so that an old copy of it cannot come back.
    """

    __tablename__ = "live_passage"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    revision: Mapped[int]
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    received_at: Mapped[datetime] = mapped_column(Instant)
    gate_id: Mapped[str | None] = mapped_column(String(64))
    area_id: Mapped[str | None] = mapped_column(String(64))
    is_void: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        Index("ix_live_passage_lot_id", "lot_id", "occurred_at"),
        Index("ix_live_passage_received_at", "received_at"),
    )


class DeviceLive(Base):
    """The last reported state of a device."""

    __tablename__ = "device_live"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_type: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(32))
    reported_at: Mapped[datetime] = mapped_column(Instant)
    revision: Mapped[int] = mapped_column(default=0, server_default="0")
    fingerprint: Mapped[str] = mapped_column(String(16), default="", server_default="")

    # Counts of present states read nothing but this.
    __table_args__ = (Index("ix_device_live_device_type", "device_type", "state", "lot_id", "reported_at"),)


class OpenAlarm(Base):
    """The newest event of each alarm; ``recovered_at`` is null while it is open."""

    __tablename__ = "open_alarm"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    alarm_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    alarm_type: Mapped[str | None] = mapped_column(String(64))
    level: Mapped[str | None] = mapped_column(String(16))
    message: Mapped[str | None] = mapped_column(String(500))
    raised_at: Mapped[datetime | None] = mapped_column(Instant)
    recovered_at: Mapped[datetime | None] = mapped_column(Instant)
