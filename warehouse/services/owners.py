"""Long-term owners: listing and showing them.

Belongs here: what lists and the form show. Does not belong here: changes (``owner_changes.py``), the list of vehicles
(``vehicles.py``), the wallet's entries (``wallets.py``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from warehouse.ops.models import Area, LongTermVehicle, Owner, OwnerSpace, VehicleGroup, Wallet
from warehouse.plates import normalise
from warehouse.security.actor import Actor
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.parkers import SEES, LotDay, find_owner, lot_days, one_of, plate_writer, vehicle_in_state
from warehouse.services.validity import STATES, state_on
from warehouse.services.work import reading, visible_lot
from warehouse.settings import Settings

NOTHING: Final = Decimal("0.00")
_ALIVE: Final = LongTermVehicle.deleted_at.is_(None)


@dataclass(frozen=True)
class OwnerRow:
    """An owner as listed; ``states`` counts the vehicles by state, ``valid_to`` is the last day of the latest."""

    owner_id: int
    lot_id: int
    lot_name: str
    code: str
    name: str
    phone: str | None
    plates: tuple[str, ...]
    spaces: tuple[str, ...]
    states: Mapping[str, int]
    valid_to: date | None
    balance: Decimal
    created_at: datetime
    version: int


@dataclass(frozen=True)
class VehicleView:
    """A vehicle of an owner; ``group`` is the name of its group."""

    vehicle_id: int
    plate: str
    plate_colour: str | None
    vehicle_class: str
    valid_from: date | None
    valid_to: date | None
    state: str
    group: str | None
    created_at: datetime


@dataclass(frozen=True)
class SpaceView:
    """A space of an owner."""

    number: str
    area_id: str | None


@dataclass(frozen=True)
class GroupView:
    """A group of an owner; ``spaces`` are shared by its vehicles."""

    group_id: int
    name: str
    spaces: int


@dataclass(frozen=True)
class OwnerView:
    """All of an owner; ``version`` goes back with the form, ``today`` is the day on the lot's calendar."""

    owner_id: int
    lot_id: int
    lot_name: str
    time_zone: str
    today: date
    code: str
    name: str
    phone: str | None
    address: str | None
    remark: str | None
    vehicles: tuple[VehicleView, ...]
    spaces: tuple[SpaceView, ...]
    groups: tuple[GroupView, ...]
    balance: Decimal
    created_at: datetime
    version: int


def list_owners(
    settings: Settings,
    actor: Actor,
    query: ListQuery,
    *,
    lot_id: int | None = None,
    state: str | None = None,
    now: datetime | None = None,
) -> Found[OwnerRow]:
    """Owners of the scope, or of one lot.

    Args:
        settings: names the store.
        actor: who asks.
        query: ``search`` looks into name, code, phone and plates; sorts: code, name, created_at.
        lot_id: only this lot.
        state: only owners with a vehicle in this state.
        now: for tests.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES)) as session:
        lots = lot_days(session, actor, now or datetime.now(UTC), lot_id)
        wanted = select(Owner).where(Owner.deleted_at.is_(None), Owner.lot_id.in_(lots))
        if query.search.strip():
            wanted = wanted.where(_matches(query.search))
        if state in STATES and lots:
            wanted = wanted.where(
                exists().where(LongTermVehicle.owner_id == Owner.owner_id, _ALIVE, vehicle_in_state(state, lots))
            )
        sorts: dict[str, InstrumentedAttribute[Any]] = {
            "code": Owner.code,
            "name": Owner.name,
            "created_at": Owner.created_at,
            "owner_id": Owner.owner_id,
        }
        rows, total = one_page(session, wanted, query, sorts, "code")
        return Found(_rows(session, actor, [row[0] for row in rows], lots), total)


def get_owner(settings: Settings, actor: Actor, owner_id: int, *, now: datetime | None = None) -> OwnerView:
    """All of one owner.

    Raises:
        Forbidden: the owner is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES)) as session:
        owner = find_owner(session, actor, owner_id)
        lot = lot_days(session, actor, now or datetime.now(UTC), owner.lot_id)[owner.lot_id]
        groups = {
            group.group_id: group
            for group in session.scalars(
                select(VehicleGroup).where(VehicleGroup.owner_id == owner_id).order_by(VehicleGroup.group_id)
            )
        }
        vehicles = session.scalars(
            select(LongTermVehicle)
            .where(LongTermVehicle.owner_id == owner_id, _ALIVE)
            .order_by(LongTermVehicle.vehicle_id)
        ).all()
        spaces = session.scalars(select(OwnerSpace).where(OwnerSpace.owner_id == owner_id).order_by(OwnerSpace.number))
        used = {vehicle.group_id for vehicle in vehicles}
        written = plate_writer(actor)
        return OwnerView(
            owner_id=owner_id,
            lot_id=owner.lot_id,
            lot_name=lot.name,
            time_zone=lot.time_zone,
            today=lot.today,
            code=owner.code,
            name=owner.name,
            phone=owner.phone,
            address=owner.address,
            remark=owner.remark,
            vehicles=tuple(
                VehicleView(
                    vehicle_id=row.vehicle_id,
                    plate=written(row.plate),
                    plate_colour=row.plate_colour,
                    vehicle_class=row.vehicle_class,
                    valid_from=row.valid_from,
                    valid_to=row.valid_to,
                    state=state_on(lot.today, row.valid_from, row.valid_to),
                    group=groups[row.group_id].name if row.group_id is not None else None,
                    created_at=row.created_at,
                )
                for row in vehicles
            ),
            spaces=tuple(SpaceView(space.number, space.area_id) for space in spaces),
            groups=tuple(
                GroupView(group.group_id, group.name, group.spaces)
                for group in groups.values()
                if group.group_id in used
            ),
            balance=session.scalar(select(Wallet.balance).where(Wallet.owner_id == owner_id)) or NOTHING,
            created_at=owner.created_at,
            version=owner.version,
        )


def _matches(search: str) -> ColumnElement[bool]:
    plate = normalise(search)
    conditions: list[ColumnElement[bool]] = [like(column, search) for column in (Owner.name, Owner.code, Owner.phone)]
    if plate:
        conditions.append(
            exists().where(LongTermVehicle.owner_id == Owner.owner_id, _ALIVE, like(LongTermVehicle.plate, plate))
        )
    return or_(*conditions)


def _rows(session: Session, actor: Actor, owners: list[Owner], lots: dict[int, LotDay]) -> list[OwnerRow]:
    ids = [owner.owner_id for owner in owners]
    written = plate_writer(actor)
    vehicles: dict[int, list[tuple[str, date | None, date | None]]] = {}
    found = (
        select(LongTermVehicle.owner_id, LongTermVehicle.plate, LongTermVehicle.valid_from, LongTermVehicle.valid_to)
        .where(LongTermVehicle.owner_id.in_(ids), _ALIVE)
        .order_by(LongTermVehicle.vehicle_id)
    )
    for owner_id, plate, first, last in session.execute(found):
        vehicles.setdefault(owner_id, []).append((written(plate), first, last))
    spaces: dict[int, list[str]] = {}
    numbers = select(OwnerSpace.owner_id, OwnerSpace.number).where(OwnerSpace.owner_id.in_(ids))
    for owner_id, number in session.execute(numbers.order_by(OwnerSpace.number)):
        spaces.setdefault(owner_id, []).append(number)
    wallets = session.scalars(select(Wallet).where(Wallet.owner_id.in_(ids)))
    balances = {wallet.owner_id: wallet.balance for wallet in wallets}
    return [
        OwnerRow(
            owner_id=owner.owner_id,
            lot_id=owner.lot_id,
            lot_name=lots[owner.lot_id].name,
            code=owner.code,
            name=owner.name,
            phone=owner.phone,
            plates=tuple(plate for plate, _first, _last in vehicles.get(owner.owner_id, [])),
            spaces=tuple(spaces.get(owner.owner_id, [])),
            states=Counter(
                state_on(lots[owner.lot_id].today, first, last)
                for _plate, first, last in vehicles.get(owner.owner_id, [])
            ),
            valid_to=max((last for *_, last in vehicles.get(owner.owner_id, []) if last is not None), default=None),
            balance=balances.get(owner.owner_id, NOTHING),
            created_at=owner.created_at,
            version=owner.version,
        )
        for owner in owners
    ]


def area_names(settings: Settings, actor: Actor, lot_id: int) -> dict[str, str]:
    """Names of a lot's areas by id, for the choice of where a space is.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, SEES)) as session:
        visible_lot(session, actor, lot_id)
        areas = session.scalars(select(Area).where(Area.lot_id == lot_id).order_by(Area.area_id))
        return {area.area_id: area.name for area in areas}
