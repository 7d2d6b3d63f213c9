"""The list of long-term vehicles.

Belongs here: finding vehicles across owners and lots. Does not belong here: changes of vehicles, which are made with
their owner (``owner_changes.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from warehouse.ops.models import LongTermVehicle, Owner, VehicleGroup
from warehouse.plates import normalise
from warehouse.security.actor import Actor
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.parkers import SEES, lot_days, one_of, plate_writer, vehicle_in_state
from warehouse.services.validity import STATES, state_on
from warehouse.services.work import reading
from warehouse.settings import Settings


@dataclass(frozen=True)
class VehicleRow:
    """A vehicle as listed; ``group`` is the name of its group, ``group_spaces`` what the group shares."""

    vehicle_id: int
    lot_id: int
    lot_name: str
    time_zone: str
    plate: str
    plate_colour: str | None
    vehicle_class: str
    owner_id: int
    owner_code: str
    owner_name: str
    phone: str | None
    created_at: datetime
    valid_from: date | None
    valid_to: date | None
    state: str
    group: str | None
    group_spaces: int | None


def list_vehicles(
    settings: Settings,
    actor: Actor,
    query: ListQuery,
    *,
    lot_id: int | None = None,
    state: str | None = None,
    grouped: bool | None = None,
    now: datetime | None = None,
) -> Found[VehicleRow]:
    """Vehicles of the scope, or of one lot.

    Args:
        settings: names the store.
        actor: who asks.
        query: ``search`` looks into plate and owner; sorts: plate, created_at, valid_from, valid_to.
        lot_id: only this lot.
        state: only this state, one of ``validity.STATES``.
        grouped: only vehicles that are, or are not, in a group.
        now: for tests.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES[::-1])) as session:
        lots = lot_days(session, actor, now or datetime.now(UTC), lot_id)
        wanted: Select[*tuple[Any, ...]] = (
            select(LongTermVehicle, Owner, VehicleGroup)
            .join(Owner, Owner.owner_id == LongTermVehicle.owner_id)
            .outerjoin(VehicleGroup, VehicleGroup.group_id == LongTermVehicle.group_id)
            .where(LongTermVehicle.deleted_at.is_(None), LongTermVehicle.lot_id.in_(lots))
        )
        if query.search.strip():
            plate = normalise(query.search)
            owner = [like(column, query.search) for column in (Owner.name, Owner.code, Owner.phone)]
            wanted = wanted.where(or_(*owner, *([like(LongTermVehicle.plate, plate)] if plate else [])))
        if state in STATES and lots:
            wanted = wanted.where(vehicle_in_state(state, lots))
        if grouped is not None:
            wanted = wanted.where(LongTermVehicle.group_id.is_not(None) == grouped)
        sorts: dict[str, InstrumentedAttribute[Any]] = {
            "plate": LongTermVehicle.plate,
            "created_at": LongTermVehicle.created_at,
            "valid_from": LongTermVehicle.valid_from,
            "valid_to": LongTermVehicle.valid_to,
            "vehicle_id": LongTermVehicle.vehicle_id,
        }
        rows, total = one_page(session, wanted, query, sorts, "plate")
        written = plate_writer(actor)
        return Found(
            [
                VehicleRow(
                    vehicle_id=vehicle.vehicle_id,
                    lot_id=vehicle.lot_id,
                    lot_name=lots[vehicle.lot_id].name,
                    time_zone=lots[vehicle.lot_id].time_zone,
                    plate=written(vehicle.plate),
                    plate_colour=vehicle.plate_colour,
                    vehicle_class=vehicle.vehicle_class,
                    owner_id=owner_row.owner_id,
                    owner_code=owner_row.code,
                    owner_name=owner_row.name,
                    phone=owner_row.phone,
                    created_at=vehicle.created_at,
                    valid_from=vehicle.valid_from,
                    valid_to=vehicle.valid_to,
                    state=state_on(lots[vehicle.lot_id].today, vehicle.valid_from, vehicle.valid_to),
                    group=group.name if group else None,
                    group_spaces=group.spaces if group else None,
                )
                for vehicle, owner_row, group in rows
            ],
            total,
        )
