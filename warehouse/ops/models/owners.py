"""Long-term parkers of a lot: owners, their vehicles and spaces, wallets, renewals.

Wallet entries and renewals are append-only: a mistake is corrected by a further row.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base, Deletable, Versioned
from warehouse.ops.types import Instant, Money

_ALIVE = text("deleted_at is null")


class Owner(Versioned, Deletable, Base):
    """A long-term parker of one lot; ``code`` is the owner's number at the lot."""

    __tablename__ = "owner"

    owner_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    code: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str | None] = mapped_column(String(40))
    address: Mapped[str | None] = mapped_column(String(200))
    remark: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index("uq_owner_lot_id_code", "lot_id", "code", unique=True, sqlite_where=_ALIVE, postgresql_where=_ALIVE),
        Index("ix_owner_lot_id_name", "lot_id", "name"),
    )


class OwnerSpace(Versioned, Base):
    """A numbered space that belongs to an owner."""

    __tablename__ = "owner_space"

    space_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.owner_id"), index=True)
    area_id: Mapped[str | None] = mapped_column(String(64))
    number: Mapped[str] = mapped_column(String(40))

    __table_args__ = (Index("uq_owner_space_lot_id_number", "lot_id", "number", unique=True),)


class VehicleGroup(Versioned, Base):
    """Several plates of an owner that share ``spaces`` spaces."""

    __tablename__ = "vehicle_group"

    group_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.owner_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    spaces: Mapped[int]

    __table_args__ = (CheckConstraint("spaces > 0", name="spaces"),)


class LongTermVehicle(Versioned, Deletable, Base):
    """A plate that parks by the period; valid from ``valid_from`` to ``valid_to``, both local days included."""

    __tablename__ = "long_term_vehicle"

    vehicle_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"))
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.owner_id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("vehicle_group.group_id"), index=True)
    plate: Mapped[str] = mapped_column(String(20))
    plate_colour: Mapped[str | None] = mapped_column(String(16))
    vehicle_class: Mapped[str] = mapped_column(String(32))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        Index(
            "uq_long_term_vehicle_lot_id_plate",
            "lot_id",
            "plate",
            unique=True,
            sqlite_where=_ALIVE,
            postgresql_where=_ALIVE,
        ),
        Index("ix_long_term_vehicle_lot_id_valid_to", "lot_id", "valid_to"),
    )


class RenewalPlan(Versioned, Base):
    """What a lot sells to long-term parkers: so many months or days for a price."""

    __tablename__ = "renewal_plan"

    plan_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    unit: Mapped[str] = mapped_column(String(8))
    unit_count: Mapped[int]
    price: Mapped[Decimal] = mapped_column(Money)
    is_active: Mapped[bool] = mapped_column(default=True)

    __table_args__ = (
        CheckConstraint("unit in ('day', 'month')", name="unit"),
        CheckConstraint("unit_count > 0", name="unit_count"),
        CheckConstraint("price >= 0", name="price"),
    )


class Wallet(Base):
    """An owner's prepaid balance; always the sum of its entries."""

    __tablename__ = "wallet"

    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.owner_id"), primary_key=True)
    balance: Mapped[Decimal] = mapped_column(Money)

    __table_args__ = (CheckConstraint("balance >= 0", name="balance"),)


class WalletEntry(Base):
    """One movement of a wallet; ``amount`` is positive for money put in and negative for money used.

    A top-up is money owed to the owner and no revenue; using it is revenue.
    """

    __tablename__ = "wallet_entry"

    entry_id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("wallet.owner_id"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    amount: Mapped[Decimal] = mapped_column(Money)
    balance_after: Mapped[Decimal] = mapped_column(Money)
    method: Mapped[str | None] = mapped_column(String(32))
    renewal_id: Mapped[int | None] = mapped_column(ForeignKey("owner_renewal.renewal_id"))
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.operator_id"))
    operator_name: Mapped[str] = mapped_column(String(200))
    remark: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        CheckConstraint("kind in ('top_up', 'renewal', 'refund', 'correction')", name="kind"),
        CheckConstraint("balance_after >= 0", name="balance_after"),
        CheckConstraint("amount <> 0", name="amount"),
    )


class OwnerRenewal(Base):
    """A period paid for a vehicle, or for all vehicles of a group; days are local and included.

    ``receipt_number`` is printed; ``plates`` are those it was for, separated by commas.
    """

    __tablename__ = "owner_renewal"

    renewal_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("owner.owner_id"), index=True)
    group_id: Mapped[int | None] = mapped_column(ForeignKey("vehicle_group.group_id"))
    plates: Mapped[str] = mapped_column(String(2000))
    plan_name: Mapped[str] = mapped_column(String(100))
    periods: Mapped[int]
    unit_price: Mapped[Decimal] = mapped_column(Money)
    amount: Mapped[Decimal] = mapped_column(Money)
    method: Mapped[str] = mapped_column(String(32))
    valid_from_before: Mapped[date | None]
    valid_to_before: Mapped[date | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date]
    receipt_number: Mapped[str] = mapped_column(String(40), unique=True)
    idempotency_key: Mapped[str] = mapped_column(String(64), unique=True)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.operator_id"))
    operator_name: Mapped[str] = mapped_column(String(200))
    remark: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        CheckConstraint("periods > 0", name="periods"),
        CheckConstraint("amount >= 0", name="amount"),
    )
