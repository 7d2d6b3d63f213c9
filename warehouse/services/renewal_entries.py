"""Reading renewals: those of an owner, and one for its receipt.

Belongs here: what lists and receipts show. Does not belong here: selling (``renewals.py``), the receipt's look
(``receipts.py``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import select

from warehouse.errors import Forbidden
from warehouse.ops.models import Lot, Owner, OwnerRenewal, VehicleGroup
from warehouse.security.actor import Actor
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.parkers import SEES, find_owner, one_of, plate_writer
from warehouse.services.work import reading
from warehouse.settings import Settings


@dataclass(frozen=True)
class RenewalView:
    """A renewal; days are of the lot's calendar and included."""

    renewal_id: int
    owner_id: int
    receipt_number: str
    created_at: datetime
    plates: tuple[str, ...]
    plan_name: str
    periods: int
    unit_price: Decimal
    amount: Decimal
    method: str
    valid_from_before: date | None
    valid_to_before: date | None
    valid_from: date
    valid_to: date
    operator_name: str
    remark: str | None


@dataclass(frozen=True)
class Receipt:
    """A renewal with the names that its receipt prints; its time is shown in ``time_zone``."""

    renewal: RenewalView
    lot_name: str
    time_zone: str
    owner_code: str
    owner_name: str
    group: str | None


def list_renewals(settings: Settings, actor: Actor, owner_id: int, query: ListQuery) -> Found[RenewalView]:
    """Renewals of an owner, newest first.

    Raises:
        Forbidden: the owner is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES)) as session:
        find_owner(session, actor, owner_id)
        wanted = select(OwnerRenewal).where(OwnerRenewal.owner_id == owner_id)
        sorts = {"created_at": OwnerRenewal.created_at, "renewal_id": OwnerRenewal.renewal_id}
        rows, total = one_page(session, wanted, query, sorts, "-renewal_id")
        written = plate_writer(actor)
        return Found([view_of(row[0], written) for row in rows], total)


def get_receipt(settings: Settings, actor: Actor, renewal_id: int) -> Receipt:
    """A renewal for printing, also of an owner who was deleted since.

    Raises:
        Forbidden: the renewal is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES)) as session:
        found = session.execute(
            select(OwnerRenewal, Owner, Lot, VehicleGroup.name)
            .join(Owner, Owner.owner_id == OwnerRenewal.owner_id)
            .join(Lot, Lot.lot_id == OwnerRenewal.lot_id)
            .outerjoin(VehicleGroup, VehicleGroup.group_id == OwnerRenewal.group_id)
            .where(OwnerRenewal.renewal_id == renewal_id)
        ).one_or_none()
        if found is None or not actor.scope.allows(found[2].lot_id):
            raise Forbidden(
                zh=f"续费 {renewal_id} 不存在，或您无权查看：请从列表中选择",
                en=f"renewal {renewal_id} does not exist, or you may not see it: choose from the list",
            )
        renewal, owner, lot, group = found
        return Receipt(view_of(renewal, plate_writer(actor)), lot.name, lot.time_zone, owner.code, owner.name, group)


def view_of(renewal: OwnerRenewal, written: Callable[[str], str] = str) -> RenewalView:
    """What a renewal shows; ``written`` says how plates are."""
    return RenewalView(
        renewal_id=renewal.renewal_id,
        owner_id=renewal.owner_id,
        receipt_number=renewal.receipt_number,
        created_at=renewal.created_at,
        plates=tuple(written(plate) for plate in renewal.plates.split(",")),
        plan_name=renewal.plan_name,
        periods=renewal.periods,
        unit_price=renewal.unit_price,
        amount=renewal.amount,
        method=renewal.method,
        valid_from_before=renewal.valid_from_before,
        valid_to_before=renewal.valid_to_before,
        valid_from=renewal.valid_from,
        valid_to=renewal.valid_to,
        operator_name=renewal.operator_name,
        remark=renewal.remark,
    )
