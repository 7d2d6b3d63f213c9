"""Adding, changing and deleting owners with their vehicles, spaces and groups, as one thing.

Belongs here: what saving the form does. Does not belong here: the form's own checks (``owner_forms.py``), reading
(``owners.py``), money (``wallets.py``, ``renewals.py``).

The owner's version stands for all of it: whoever changes a vehicle, a space, a group or a validity raises it, so that
a form opened before does not take back what happened since.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm.attributes import flag_modified

from warehouse.errors import ParkError
from warehouse.ops.models import Area, Base, LongTermVehicle, Lot, Owner, OwnerSpace, VehicleGroup, Wallet
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.owner_forms import GroupForm, OwnerForm, SpaceForm, VehicleForm, cleaned
from warehouse.services.parkers import DELETES, EDITS, one_of, owner_of
from warehouse.services.validity import local_today
from warehouse.services.vehicle_commands import payloads, send_changes
from warehouse.services.work import Work, picture, value_of, working
from warehouse.settings import Settings

_OWNER_FIELDS: Final = ("code", "name", "phone", "address", "remark")
_VEHICLE_FIELDS: Final = ("plate", "plate_colour", "vehicle_class", "valid_from", "valid_to")
_CODE_DIGITS: Final = 5
_SHOWN: Final = 5


def create_owner(settings: Settings, actor: Actor, form: OwnerForm) -> int:
    """Add an owner with everything in the form; returns the id.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field; rows as ``vehicles.0.plate``.
    """
    with working(settings, actor, one_of(actor, EDITS)) as work:
        return put_owner(work, work.lot(form.lot_id), None, form).owner_id


def edit_owner(settings: Settings, actor: Actor, owner_id: int, version: int, form: OwnerForm) -> None:
    """Make an owner what the form says; an owner stays in its lot.

    Raises:
        Forbidden: the owner is not there for this actor.
        InvalidFields: by field; rows as ``vehicles.0.plate``.
        ParkError: ``conflict`` when owner, vehicles or a validity changed since the form was opened.
    """
    with working(settings, actor, one_of(actor, EDITS)) as work:
        owner, lot = owner_of(work, owner_id, version)
        put_owner(work, lot, owner, form)


def put_owner(work: Work, lot: Lot, owner: Owner | None, form: OwnerForm) -> Owner:
    """As ``create_owner`` and ``edit_owner``, inside a use case that may save several owners of the locked lot.

    Raises:
        InvalidFields: nothing of the form was stored.
    """
    fields = Fields()
    wanted = cleaned(form, fields)
    _check_against_others(work, lot, owner, wanted, fields)
    fields.done()
    values = {name: getattr(wanted, name) for name in _OWNER_FIELDS}
    before: dict[str, Any] | None = None
    known: dict[str, dict[str, Any]] = {}
    if owner is None:
        values["code"] = wanted.code or next_code(work, lot)
        owner = Owner(lot_id=lot.lot_id, created_at=work.now, **values)
        work.session.add(owner)
        work.session.flush()
    else:
        values["code"] = wanted.code or owner.code
        before, known = owner_picture(work, owner), payloads(work, owner)
        _set(owner, values)
    _put_spaces(work, owner, wanted.spaces)
    _put_vehicles(work, owner, wanted.vehicles, _put_groups(work, owner, wanted.groups))
    # Before the operator log, which is to be the last thing that others wait for.
    send_changes(work, lot.lot_id, known, payloads(work, owner))
    note_change(work, owner, before)
    return owner


def note_change(work: Work, owner: Owner, before: dict[str, Any] | None) -> None:
    """Write what changed of the owner to the operator log and raise the owner's version for it."""
    work.session.flush()
    after = owner_picture(work, owner)
    if before is not None:
        # A row that came or went is a change of its own key on both sides.
        keys = dict.fromkeys([*before, *after])
        before, after = ({key: side.get(key) for key in keys} for side in (before, after))
        if before != after:
            flag_modified(owner, "name")
    work.record("owner", owner.owner_id, owner.name, before, after, lot_id=owner.lot_id)


def owner_picture(work: Work, owner: Owner) -> dict[str, Any]:
    """The owner as the operator log keeps it, for ``note_change``: one key for each field, vehicle, space and group."""
    session = work.session
    shown = picture(owner, _OWNER_FIELDS)
    groups = {
        group.group_id: group
        for group in session.scalars(select(VehicleGroup).where(VehicleGroup.owner_id == owner.owner_id))
    }
    vehicles = living_vehicles(work, owner)
    for vehicle in vehicles:
        group = groups[vehicle.group_id].name if vehicle.group_id is not None else None
        shown[f"vehicle {vehicle.plate}"] = {
            **picture(vehicle, ("vehicle_id", *_VEHICLE_FIELDS[1:])),
            "group": group,
        }
    for group_id in {vehicle.group_id for vehicle in vehicles if vehicle.group_id is not None}:
        shown[f"group {groups[group_id].name}"] = picture(groups[group_id], ("group_id", "spaces"))
    for space in session.scalars(select(OwnerSpace).where(OwnerSpace.owner_id == owner.owner_id)):
        shown[f"space {space.number}"] = {"area_id": value_of(space.area_id)}
    return shown


def delete_owner(settings: Settings, actor: Actor, owner_id: int, version: int) -> None:
    """Hide an owner and the vehicles, and free the spaces; receipts and ledger stay.

    Raises:
        Forbidden: the owner is not there for this actor.
        ParkError: ``in_use`` while the wallet holds money or a vehicle is valid, naming them; ``conflict``.
    """
    with working(settings, actor, one_of(actor, DELETES)) as work:
        owner, lot = owner_of(work, owner_id, version)
        _refuse_while_used(work, owner, lot)
        before, known = owner_picture(work, owner), payloads(work, owner)
        for vehicle in living_vehicles(work, owner):
            vehicle.deleted_at = work.now
        for space in work.session.scalars(select(OwnerSpace).where(OwnerSpace.owner_id == owner_id)):
            work.session.delete(space)
        owner.deleted_at = work.now
        send_changes(work, lot.lot_id, known, {})
        work.record("owner", owner_id, owner.name, before, None, lot_id=lot.lot_id)


def living_vehicles(work: Work, owner: Owner) -> list[LongTermVehicle]:
    """The owner's vehicles that are not deleted, oldest first."""
    return list(
        work.session.scalars(
            select(LongTermVehicle)
            .where(LongTermVehicle.owner_id == owner.owner_id, LongTermVehicle.deleted_at.is_(None))
            .order_by(LongTermVehicle.vehicle_id)
        )
    )


def next_code(work: Work, lot: Lot) -> str:
    """The first free number after the count of owners that the lot ever had; the lot is locked."""
    number = work.session.scalar(select(func.count()).where(Owner.lot_id == lot.lot_id)) or 0
    while True:
        number += 1
        code = str(number).zfill(_CODE_DIGITS)
        if work.session.scalar(select(Owner.owner_id).where(Owner.lot_id == lot.lot_id, Owner.code == code)) is None:
            return code


def _refuse_while_used(work: Work, owner: Owner, lot: Lot) -> None:
    balance = work.session.scalar(select(Wallet.balance).where(Wallet.owner_id == owner.owner_id))
    today = local_today(lot.time_zone, work.now)
    valid = [row for row in living_vehicles(work, owner) if row.valid_to is not None and row.valid_to >= today]
    zh, en = [], []
    if balance:
        zh.append(f"钱包余额 {balance} 元，请先退款")
        en.append(f"the wallet holds {balance} yuan, refund it first")
    if valid:
        named = [f"{row.plate}（{row.valid_to}）" for row in valid[:_SHOWN]]
        more = len(valid) - len(named)
        zh.append(f"仍有效的车辆 {len(valid)} 辆：{'、'.join(named)}{f' 等，另有 {more} 辆' if more else ''}")
        en.append(
            f"{len(valid)} vehicles are valid: {', '.join(f'{row.plate} to {row.valid_to}' for row in valid[:_SHOWN])}"
            f"{f' and {more} more' if more else ''}"
        )
    if zh:
        raise ParkError(
            zh=f"车主“{owner.name}”还不能删除：{'；'.join(zh)}",
            en=f"the owner “{owner.name}” cannot be deleted yet: {'; '.join(en)}",
            code="in_use",
        )


def _check_against_others(work: Work, lot: Lot, owner: Owner | None, form: OwnerForm, fields: Fields) -> None:
    own_id = None if owner is None else owner.owner_id
    session = work.session
    if form.code:
        holder = session.scalar(
            select(Owner).where(Owner.lot_id == lot.lot_id, Owner.code == form.code, Owner.deleted_at.is_(None))
        )
        if holder is not None and holder.owner_id != own_id:
            fields.wrong(
                "code", f"编号“{form.code}”已属于车主“{holder.name}”", f"“{form.code}” belongs to “{holder.name}”"
            )
    plates = {row.plate: place for place, row in enumerate(form.vehicles)}
    others = (
        select(LongTermVehicle.plate, Owner.name, Owner.code)
        .join(Owner, Owner.owner_id == LongTermVehicle.owner_id)
        .where(
            LongTermVehicle.lot_id == lot.lot_id,
            LongTermVehicle.plate.in_(plates),
            LongTermVehicle.deleted_at.is_(None),
            LongTermVehicle.owner_id != (own_id or 0),
        )
    )
    for plate, name, code in session.execute(others):
        fields.wrong(
            f"vehicles.{plates[plate]}.plate",
            f"车牌“{plate}”已属于车主“{name}”（{code}）",
            f"the plate “{plate}” belongs to the owner “{name}” ({code})",
        )
    numbers = {row.number: place for place, row in enumerate(form.spaces)}
    taken = (
        select(OwnerSpace.number, Owner.name, Owner.code)
        .join(Owner, Owner.owner_id == OwnerSpace.owner_id)
        .where(OwnerSpace.lot_id == lot.lot_id, OwnerSpace.number.in_(numbers), OwnerSpace.owner_id != (own_id or 0))
    )
    for number, name, code in session.execute(taken):
        fields.wrong(
            f"spaces.{numbers[number]}.number",
            f"车位“{number}”已属于车主“{name}”（{code}）",
            f"the space “{number}” belongs to the owner “{name}” ({code})",
        )
    areas = set(session.scalars(select(Area.area_id).where(Area.lot_id == lot.lot_id)))
    for place, space in enumerate(form.spaces):
        if space.area_id is not None and space.area_id not in areas:
            fields.wrong(
                f"spaces.{place}.area_id",
                f"停车场没有区域“{space.area_id}”",
                f"the lot has no area “{space.area_id}”",
            )
    _check_ids(work, own_id, form, fields)


def _check_ids(work: Work, own_id: int | None, form: OwnerForm, fields: Fields) -> None:
    """Ids of rows must be the owner's own and name one row each."""
    session = work.session
    own_vehicles = set(
        session.scalars(
            select(LongTermVehicle.vehicle_id).where(
                LongTermVehicle.owner_id == own_id, LongTermVehicle.deleted_at.is_(None)
            )
        )
    )
    own_groups = set(session.scalars(select(VehicleGroup.group_id).where(VehicleGroup.owner_id == own_id)))
    for rows, ids, own in (
        ("vehicles", [row.vehicle_id for row in form.vehicles], own_vehicles),
        ("groups", [row.group_id for row in form.groups], own_groups),
    ):
        given = [row_id for row_id in ids if row_id is not None]
        if len(given) != len(set(given)) or not own.issuperset(given):
            fields.wrong(rows, "有一行已不存在，请重新打开表单", "a row is not there any more, open the form again")


def _put_spaces(work: Work, owner: Owner, rows: tuple[SpaceForm, ...]) -> None:
    standing = {
        space.number: space
        for space in work.session.scalars(select(OwnerSpace).where(OwnerSpace.owner_id == owner.owner_id))
    }
    for row in rows:
        space = standing.pop(row.number, None)
        if space is None:
            work.session.add(
                OwnerSpace(lot_id=owner.lot_id, owner_id=owner.owner_id, number=row.number, area_id=row.area_id)
            )
        else:
            _set(space, {"area_id": row.area_id})
    for space in standing.values():
        work.session.delete(space)
    work.session.flush()


def _put_groups(work: Work, owner: Owner, rows: tuple[GroupForm, ...]) -> dict[str, int]:
    """Ids of the form's groups by name; a group that no vehicle is in any more stays for the receipts that name it."""
    own = select(VehicleGroup).where(VehicleGroup.owner_id == owner.owner_id)
    standing = {group.group_id: group for group in work.session.scalars(own)}
    named = {row.group_id for row in rows}
    by_name = {group.name: group for group in standing.values() if group.group_id not in named}
    ids: dict[str, int] = {}
    for row in rows:
        values = {"name": row.name, "spaces": row.spaces}
        group = by_name.get(row.name) if row.group_id is None else standing[row.group_id]
        if group is None:
            group = VehicleGroup(lot_id=owner.lot_id, owner_id=owner.owner_id, **values)
            work.session.add(group)
        else:
            _set(group, values)
        work.session.flush()
        ids[row.name] = group.group_id
    return ids


def _put_vehicles(work: Work, owner: Owner, rows: tuple[VehicleForm, ...], groups: dict[str, int]) -> None:
    standing = {vehicle.vehicle_id: vehicle for vehicle in living_vehicles(work, owner)}
    named = {row.vehicle_id for row in rows}
    by_plate = {vehicle.plate: vehicle for vehicle in standing.values() if vehicle.vehicle_id not in named}
    chosen = [by_plate.get(row.plate) if row.vehicle_id is None else standing[row.vehicle_id] for row in rows]
    kept = {vehicle.vehicle_id: row.plate for vehicle, row in zip(chosen, rows, strict=True) if vehicle is not None}
    plates = {vehicle.plate for vehicle in standing.values()}
    for vehicle_id, old in standing.items():
        if vehicle_id not in kept:
            old.deleted_at = work.now
        elif kept[vehicle_id] != old.plate and kept[vehicle_id] in plates:
            # Two vehicles may trade plates; the index knows no moment at which both have the same.
            old.plate = f"#{vehicle_id}"
    work.session.flush()
    for vehicle, row in zip(chosen, rows, strict=True):
        values = {name: getattr(row, name) for name in _VEHICLE_FIELDS}
        values["group_id"] = groups[row.group] if row.group is not None else None
        if vehicle is None:
            work.session.add(
                LongTermVehicle(lot_id=owner.lot_id, owner_id=owner.owner_id, created_at=work.now, **values)
            )
        else:
            _set(vehicle, values)
    work.session.flush()


def _set(row: Base, values: dict[str, Any]) -> None:
    """Set what differs: a row that is set to what it holds would count as changed."""
    for name, value in values.items():
        if getattr(row, name) != value:
            setattr(row, name, value)
