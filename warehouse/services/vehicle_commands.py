"""What the lots are told about long-term vehicles.

Belongs here: the commands' kind and payload, and which of them a change needs. Does not belong here: changing anything,
the lots' fetching of commands.

A command of the kind ``long_term_vehicle`` has the plate as its subject and says all there is to know, so that applying
it twice, or only the last one of several, gives the same:

    {"action": "put", "plate", "plate_color", "vehicle_class", "valid_from", "valid_to": days of the lot's calendar,
     both included, or null, "owner": {"code", "name", "phone"}, "group": {"group_id", "name", "spaces"} or null,
     "spaces": numbers of the owner's spaces}
    {"action": "remove", "plate"}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import select

from warehouse.ops.models import LongTermVehicle, Owner, OwnerSpace, VehicleGroup
from warehouse.services.work import Work, value_of

KIND: Final = "long_term_vehicle"
Payloads = Mapping[str, dict[str, Any]]


def payloads(work: Work, owner: Owner) -> dict[str, dict[str, Any]]:
    """What the lot should know of the owner's vehicles, by plate."""
    session = work.session
    spaces = list(
        session.scalars(
            select(OwnerSpace.number).where(OwnerSpace.owner_id == owner.owner_id).order_by(OwnerSpace.number)
        )
    )
    groups = {
        group.group_id: {"group_id": group.group_id, "name": group.name, "spaces": group.spaces}
        for group in session.scalars(select(VehicleGroup).where(VehicleGroup.owner_id == owner.owner_id))
    }
    vehicles = session.scalars(
        select(LongTermVehicle)
        .where(LongTermVehicle.owner_id == owner.owner_id, LongTermVehicle.deleted_at.is_(None))
        .order_by(LongTermVehicle.vehicle_id)
    )
    return {
        vehicle.plate: {
            "action": "put",
            "plate": vehicle.plate,
            "plate_color": vehicle.plate_colour,
            "vehicle_class": vehicle.vehicle_class,
            "valid_from": value_of(vehicle.valid_from),
            "valid_to": value_of(vehicle.valid_to),
            "owner": {"code": owner.code, "name": owner.name, "phone": owner.phone},
            "group": groups[vehicle.group_id] if vehicle.group_id is not None else None,
            "spaces": spaces,
        }
        for vehicle in vehicles
    }


def send_changes(work: Work, lot_id: int, before: Payloads, after: Payloads) -> None:
    """Queue a command for each plate of which the lot would know something else than before."""
    for plate in before:
        if plate not in after:
            work.command(lot_id, KIND, plate, {"action": "remove", "plate": plate})
    for plate, payload in after.items():
        if before.get(plate) != payload:
            work.command(lot_id, KIND, plate, payload)
