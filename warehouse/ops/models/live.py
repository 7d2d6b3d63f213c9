"""Live state, written by the lander: only a newer value replaces an older one."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base
from warehouse.ops.types import Instant


class LotLive(Base):
    """When a lot was last heard of."""

    __tablename__ = "lot_live"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    received_at: Mapped[datetime] = mapped_column(Instant)
    heartbeat_at: Mapped[datetime | None] = mapped_column(Instant)
    clock_drift_seconds: Mapped[float | None]
    pending_records: Mapped[int | None]


class AreaFreeSpaces(Base):
    """The last free-space count of a lot (area_id "") or of one area."""

    __tablename__ = "area_free_spaces"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(Instant)
    free_spaces: Mapped[int]
    total_spaces: Mapped[int | None]


class DeviceLive(Base):
    """The last reported state of a device."""

    __tablename__ = "device_live"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    device_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    device_type: Mapped[str] = mapped_column(String(32))
    state: Mapped[str] = mapped_column(String(32))
    reported_at: Mapped[datetime] = mapped_column(Instant)


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
