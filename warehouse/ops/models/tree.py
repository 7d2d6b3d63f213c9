"""Who owns what: platform, agents, customers, lots, areas, gates, capacity, upload credentials."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, true
from sqlalchemy.orm import Mapped, mapped_column, relationship

from warehouse.ops.models.base import Base, Deletable, Versioned
from warehouse.ops.types import Instant


class Node(Versioned, Deletable, Base):
    """A node of the tenancy tree above the lots: the platform, an agent or a customer.

    Operators of a node that is not active, and of those below it, cannot sign in.
    """

    __tablename__ = "node"

    node_id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("node.node_id"), index=True)
    level: Mapped[str] = mapped_column(String(16))
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    contact_name: Mapped[str | None] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(300))
    remark: Mapped[str | None] = mapped_column(String(500))
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())

    __table_args__ = (CheckConstraint("level in ('platform', 'agent', 'customer')", name="level"),)


class Lot(Versioned, Deletable, Base):
    """A parking lot of a customer.

    ``longitude`` and ``latitude`` are WGS-84; ``coordinate_datum`` is the datum in which they were given. The licence
    runs from ``licence_from`` to ``licence_to``, both days included. A free-space count older than
    ``free_space_minutes`` is unknown.
    """

    __tablename__ = "lot"

    lot_id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("node.node_id"), index=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    region: Mapped[str | None] = mapped_column(String(200))
    address: Mapped[str | None] = mapped_column(String(300))
    longitude: Mapped[float | None]
    latitude: Mapped[float | None]
    time_zone: Mapped[str] = mapped_column(String(64), default="Asia/Shanghai")
    cutover_minutes: Mapped[int] = mapped_column(default=0)
    is_test: Mapped[bool] = mapped_column(default=False)
    is_void: Mapped[bool] = mapped_column(default=False)
    coordinate_datum: Mapped[str] = mapped_column(String(8), default="wgs84", server_default="wgs84")
    contact_name: Mapped[str | None] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(40))
    remark: Mapped[str | None] = mapped_column(String(500))
    licence_from: Mapped[date | None]
    licence_to: Mapped[date | None]
    free_space_minutes: Mapped[int] = mapped_column(default=15, server_default="15")

    customer: Mapped[Node] = relationship()
    areas: Mapped[list[Area]] = relationship(back_populates="lot", cascade="all, delete-orphan")

    __table_args__ = (
        CheckConstraint("cutover_minutes >= 0 and cutover_minutes < 1440", name="cutover_minutes"),
        CheckConstraint("coordinate_datum in ('wgs84', 'gcj02', 'bd09')", name="coordinate_datum"),
        CheckConstraint("free_space_minutes > 0", name="free_space_minutes"),
    )


class Area(Base):
    """An area of a lot; an inner area has gates of its own inside the lot."""

    __tablename__ = "area"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    area_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    parent_area_id: Mapped[str | None] = mapped_column(String(64))
    is_inner: Mapped[bool] = mapped_column(default=False)

    lot: Mapped[Lot] = relationship(back_populates="areas")


class AreaCapacity(Base):
    """Spaces in force from a day on, of a lot (area_id null) or of one area; the next row ends it."""

    __tablename__ = "area_capacity"

    capacity_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    area_id: Mapped[str | None] = mapped_column(String(64))
    valid_from: Mapped[date]
    spaces: Mapped[int]

    __table_args__ = (
        CheckConstraint("spaces >= 0", name="spaces"),
        Index("ix_area_capacity_lot_area", "lot_id", "area_id", "valid_from"),
    )


class Gate(Versioned, Base):
    """A gate of a lot; ``pay_token`` is what its payment QR code names, and changes when the code is replaced."""

    __tablename__ = "gate"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    gate_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    direction: Mapped[str] = mapped_column(String(8))
    area_id: Mapped[str | None] = mapped_column(String(64))
    pay_token: Mapped[str] = mapped_column(String(40), unique=True)

    __table_args__ = (CheckConstraint("direction in ('entry', 'exit', 'both')", name="direction"),)


class LotCredential(Base):
    """A key with which a lot signs its uploads; the secret is encrypted with a key outside this store."""

    __tablename__ = "lot_credential"

    key_id: Mapped[str] = mapped_column(String(40), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    secret_encrypted: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("key_id", "lot_id"),)
