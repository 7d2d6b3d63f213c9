"""What the services of long-term parkers share: who may, which lots, which owner.

Belongs here: permissions that several pages give, lots with their own today, finding an owner in scope. Does not belong
here: any use case.

The manual lets people add owners on one page and renew and top up on another, so either page's permission is enough
for what both do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, and_, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from warehouse.errors import Forbidden
from warehouse.ops.models import LongTermVehicle, Lot, Owner
from warehouse.plates import masked_plate
from warehouse.security.actor import Actor
from warehouse.security.permissions import DELETE, EDIT, VIEW
from warehouse.services.validity import in_state, local_today
from warehouse.services.work import Work, locked, visible_lot

SEES: Final = (f"long_term_owners.{VIEW}", f"owner_wallets.{VIEW}", f"long_term_vehicles.{VIEW}")
EDITS: Final = (f"long_term_owners.{EDIT}", f"owner_wallets.{EDIT}")
WHOLE_PLATES: Final = "plates.view"
DELETES: Final = (f"long_term_owners.{DELETE}", f"owner_wallets.{DELETE}")


def one_of(actor: Actor, permissions: Sequence[str]) -> str:
    """The first of ``permissions`` that the actor holds; the first of all when none, for the refusal to name."""
    return next((permission for permission in permissions if actor.allows(permission)), permissions[0])


def plate_writer(actor: Actor) -> Callable[[str], str]:
    """How plates are shown to the actor: whole to those who may see or type them, to others with stars."""
    is_whole = actor.allows(WHOLE_PLATES) or any(actor.allows(permission) for permission in EDITS)
    return str if is_whole else masked_plate


@dataclass(frozen=True)
class LotDay:
    """A lot in use and the day on its calendar."""

    lot_id: int
    code: str
    name: str
    time_zone: str
    today: date


def lot_days(session: Session, actor: Actor, now: datetime, lot_id: int | None = None) -> dict[int, LotDay]:
    """Lots of the scope by id, in the order of their names, or the one asked for.

    Raises:
        Forbidden: ``lot_id`` is not there for this actor.
    """
    if lot_id is not None:
        lots = [visible_lot(session, actor, lot_id)]
    else:
        query = select(Lot).where(Lot.deleted_at.is_(None), in_scope(Lot.lot_id, actor)).order_by(Lot.name, Lot.lot_id)
        lots = list(session.scalars(query))
    return {
        lot.lot_id: LotDay(lot.lot_id, lot.code, lot.name, lot.time_zone, local_today(lot.time_zone, now))
        for lot in lots
    }


def in_scope(lot_id: InstrumentedAttribute[int], actor: Actor) -> ColumnElement[bool]:
    """Whether a row's lot may be seen."""
    lot_ids = actor.scope.lot_ids
    return true() if isinstance(lot_ids, str) else lot_id.in_(lot_ids)


def vehicle_in_state(state: str, lots: dict[int, LotDay]) -> ColumnElement[bool]:
    """Whether a vehicle is in ``state`` on the day of its own lot."""
    by_day: dict[date, list[int]] = {}
    for lot in lots.values():
        by_day.setdefault(lot.today, []).append(lot.lot_id)
    conditions = {day: in_state(state, day, LongTermVehicle.valid_from, LongTermVehicle.valid_to) for day in by_day}
    if len(by_day) == 1:
        return next(iter(conditions.values()))
    return or_(*(and_(LongTermVehicle.lot_id.in_(by_day[day]), conditions[day]) for day in by_day))


def owner_of(work: Work, owner_id: int, expected_version: int | None = None) -> tuple[Owner, Lot]:
    """An owner in scope and the owner's lot, both locked: the lot first, so that nobody waits in a circle.

    Raises:
        Forbidden: there is no such owner for this actor.
        ParkError: ``conflict`` when somebody changed owner, vehicles or validity since ``expected_version``.
    """
    lot_id = find_owner(work.session, work.actor, owner_id).lot_id
    lot = work.lot(lot_id)
    owner = work.session.scalar(locked(select(Owner).where(Owner.owner_id == owner_id, Owner.deleted_at.is_(None))))
    if owner is None:
        raise no_owner(owner_id)
    if expected_version is not None:
        work.expect(owner, expected_version, "owner", owner_id)
    return owner, lot


def find_owner(session: Session, actor: Actor, owner_id: int) -> Owner:
    """An owner in scope that is not deleted, of a lot that is not.

    Raises:
        Forbidden: there is no such owner for this actor; existence is not told.
    """
    owner = session.scalar(
        select(Owner)
        .join(Lot, Lot.lot_id == Owner.lot_id)
        .where(Owner.owner_id == owner_id, Owner.deleted_at.is_(None), Lot.deleted_at.is_(None))
    )
    if owner is None or not actor.scope.allows(owner.lot_id):
        raise no_owner(owner_id)
    return owner


def no_owner(owner_id: int) -> Forbidden:
    """The refusal of an owner that is not there for the actor."""
    return Forbidden(
        zh=f"车主 {owner_id} 不存在，或您无权查看：请从列表中选择",
        en=f"owner {owner_id} does not exist, or you may not see it: choose from the list",
    )
