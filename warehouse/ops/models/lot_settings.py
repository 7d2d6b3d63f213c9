"""What is set for one lot besides its own fields: tariffs, payment accounts, invoices."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base, Versioned
from warehouse.ops.types import Document, Instant


class LotTariff(Versioned, Base):
    """A tariff of a lot, in force from the lot's local day ``valid_from`` on; the next row ends it.

    ``document`` is the form that ``warehouse.tariffs`` parses.
    """

    __tablename__ = "lot_tariff"

    tariff_id: Mapped[int] = mapped_column(primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    valid_from: Mapped[date]
    document: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (UniqueConstraint("lot_id", "valid_from"),)


class PaymentAccount(Versioned, Base):
    """A lot's account with a payment provider; its secrets are one encrypted JSON object."""

    __tablename__ = "payment_account"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    provider: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_enabled: Mapped[bool] = mapped_column(default=False)
    public: Mapped[dict[str, Any]] = mapped_column(Document)
    secrets_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (CheckConstraint("provider in ('alipay', 'wechat')", name="provider"),)


class InvoiceSetting(Versioned, Base):
    """How a lot issues e-invoices: the encryption string of the request, and for how many days one may be asked for."""

    __tablename__ = "invoice_setting"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    is_enabled: Mapped[bool] = mapped_column(default=False)
    encryption_string_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    late_issue_days: Mapped[int] = mapped_column(default=30)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (CheckConstraint("late_issue_days >= 0", name="late_issue_days"),)
