"""Long-term vehicles whose validity ends soon or has ended.

Belongs here: their number, for the home page. Does not belong here: the list of them (``vehicles.py``), which has the
same states.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from warehouse.ops.models import LongTermVehicle
from warehouse.security.actor import Actor
from warehouse.services.parkers import lot_days, vehicle_in_state
from warehouse.services.validity import DUE, EXPIRED
from warehouse.services.work import reading
from warehouse.settings import Settings


@dataclass(frozen=True)
class DueVehicles:
    """Vehicles due within ``validity.DUE_DAYS``, and those that have expired, each by its lot's own day."""

    due: int
    expired: int


def count_due(
    settings: Settings, actor: Actor, lot_ids: Collection[int] | None = None, *, now: datetime | None = None
) -> DueVehicles:
    """Count the vehicles of the scope, or of those of ``lot_ids`` that are in it.

    Raises:
        Forbidden: without ``long_term_vehicles.view``.
    """
    with reading(settings, actor, "long_term_vehicles.view") as session:
        lots = lot_days(session, actor, now or datetime.now(UTC))
        if lot_ids is not None:
            lots = {lot_id: lot for lot_id, lot in lots.items() if lot_id in lot_ids}
        if not lots:
            return DueVehicles(0, 0)
        due, expired = session.execute(
            select(
                func.count().filter(vehicle_in_state(DUE, lots)), func.count().filter(vehicle_in_state(EXPIRED, lots))
            ).where(LongTermVehicle.deleted_at.is_(None), LongTermVehicle.lot_id.in_(lots))
        ).one()
        return DueVehicles(due, expired)
