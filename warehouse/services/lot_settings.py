"""What a lot is told about itself: one command with all of it, so that the newest is enough.

Belongs here: the downlink command ``lot_settings``. Does not belong here: changing lots.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.ops.models import AreaCapacity, Lot
from warehouse.security.actor import Actor
from warehouse.services.downlink_queue import queue_command

LOT_SETTINGS: Final = "lot_settings"
TOLD: Final = ("name", "time_zone", "cutover_minutes", "free_space_minutes")
"""Fields whose change is told to the lot."""


def queue_lot_settings(session: Session, actor: Actor, lot: Lot, now: datetime) -> None:
    """Queue the lot's settings as they are now, inside the caller's transaction."""
    session.flush()
    queue_command(
        session,
        lot.lot_id,
        LOT_SETTINGS,
        LOT_SETTINGS,
        _payload(session, lot),
        now,
        operator_id=actor.operator_id,
        operator_name=actor.name,
    )


def capacities_of(session: Session, lot_id: int) -> list[dict[str, Any]]:
    """All capacities of a lot as JSON values: area (None: the lot), first day, spaces."""
    rows = session.scalars(
        select(AreaCapacity)
        .where(AreaCapacity.lot_id == lot_id)
        .order_by(AreaCapacity.area_id, AreaCapacity.valid_from, AreaCapacity.capacity_id)
    )
    return [{"area_id": row.area_id, "valid_from": row.valid_from.isoformat(), "spaces": row.spaces} for row in rows]


def _payload(session: Session, lot: Lot) -> dict[str, Any]:
    told = {name: getattr(lot, name) for name in TOLD}
    return {"code": lot.code, **told, "capacities": capacities_of(session, lot.lot_id)}
