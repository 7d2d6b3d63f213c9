"""Long-term owners with their vehicles, and long-term vehicles alone, as tables: one line per vehicle.

Belongs here: columns, lines, and owners put together from them. Does not belong here: what an owner may be
(``owner_forms.py``) and saving one (``owner_changes.py``).

An owner's columns are repeated in each of the owner's lines. Lines with the same owner code are one owner; without a
code, lines with the same name and telephone are one new owner. Vehicles, spaces and groups that a file does not name
stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.codes import code_sets
from warehouse.ops.models import LongTermVehicle, Lot, Owner, OwnerSpace, VehicleGroup
from warehouse.plates import recognise
from warehouse.security.actor import Actor
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.fields import Fields
from warehouse.services.owner_changes import (
    living_vehicles,
    next_code,
    note_change,
    owner_picture,
    put_owner,
)
from warehouse.services.owner_forms import CLASSES, GroupForm, OwnerForm, SpaceForm, VehicleForm, cleaned
from warehouse.services.parkers import owner_of, plate_writer
from warehouse.services.rows import put
from warehouse.services.vehicle_commands import payloads, send_changes
from warehouse.services.work import Work

_OWNER: Final = ("name", "phone", "address", "remark")
_VEHICLE: Final = ("plate_colour", "vehicle_class", "valid_from", "valid_to", "group")
_ROW: Final = re.compile(r"(vehicles|spaces|groups)(?:\.(\d+)\.(\w+))?")


@dataclass
class _Known:
    """What the lot has already, read once."""

    owners: dict[str, OwnerForm] = field(default_factory=dict)
    ids: dict[str, int] = field(default_factory=dict)
    code_of_plate: dict[str, str] = field(default_factory=dict)
    code_of_space: dict[str, str] = field(default_factory=dict)


def _known(session: Session, lot: Lot) -> _Known:
    known = _Known()
    owners = list(session.scalars(select(Owner).where(Owner.lot_id == lot.lot_id, Owner.deleted_at.is_(None))))
    codes = {owner.owner_id: owner.code for owner in owners}
    groups = {
        group.group_id: group
        for group in session.scalars(select(VehicleGroup).where(VehicleGroup.lot_id == lot.lot_id))
    }
    vehicles: dict[int, list[VehicleForm]] = {}
    used: dict[int, dict[int, GroupForm]] = {}
    query = select(LongTermVehicle).where(LongTermVehicle.lot_id == lot.lot_id, LongTermVehicle.deleted_at.is_(None))
    for row in session.scalars(query.order_by(LongTermVehicle.vehicle_id)):
        group = None if row.group_id is None else groups[row.group_id]
        if group is not None:
            used.setdefault(row.owner_id, {})[group.group_id] = GroupForm(group.name, group.spaces, group.group_id)
        form = VehicleForm(
            row.plate,
            row.plate_colour,
            row.vehicle_class,
            row.valid_from,
            row.valid_to,
            None if group is None else group.name,
            row.vehicle_id,
        )
        vehicles.setdefault(row.owner_id, []).append(form)
        known.code_of_plate[row.plate] = codes[row.owner_id]
    spaces: dict[int, list[SpaceForm]] = {}
    for space in session.scalars(select(OwnerSpace).where(OwnerSpace.lot_id == lot.lot_id).order_by(OwnerSpace.number)):
        spaces.setdefault(space.owner_id, []).append(SpaceForm(space.number, space.area_id))
        known.code_of_space[space.number] = codes.get(space.owner_id, "")
    for owner in owners:
        known.ids[owner.code] = owner.owner_id
        known.owners[owner.code] = OwnerForm(
            lot_id=lot.lot_id,
            name=owner.name,
            code=owner.code,
            phone=owner.phone,
            address=owner.address,
            remark=owner.remark,
            vehicles=tuple(vehicles.get(owner.owner_id, ())),
            spaces=tuple(spaces.get(owner.owner_id, ())),
            groups=tuple(used.get(owner.owner_id, {}).values()),
        )
    return known


def _rows(session: Session, actor: Actor, lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    assert lot is not None
    written = plate_writer(actor)
    for code, owner in sorted(_known(session, lot).owners.items()):
        spaces_of = {group.name: group.spaces for group in owner.groups}
        shared = {name: getattr(owner, name) for name in _OWNER} | {
            "code": code,
            "spaces": " ".join(space.number for space in owner.spaces) or None,
        }
        for vehicle in owner.vehicles or (None,):
            row = {} if vehicle is None else {name: getattr(vehicle, name) for name in _VEHICLE}
            if vehicle is not None:
                row |= {"plate": written(vehicle.plate), "group_spaces": spaces_of.get(vehicle.group or "")}
            yield shared | row


def _vehicle_rows(session: Session, actor: Actor, lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    return (row for row in _rows(session, actor, lot) if row.get("plate"))


def _judge(judging: Judging, lines: list[Line]) -> list[Step]:
    assert judging.lot is not None
    known = _known(judging.session, judging.lot)
    by_owner: dict[tuple[str | None, ...], list[Line]] = {}
    for line in lines:
        code = line.values.get("code")
        name, phone = line.values.get("name"), line.values.get("phone")
        by_owner.setdefault((code,) if code else (None, name, phone), []).append(line)
    steps: list[Step] = []
    for own in by_owner.values():
        steps += _owner_steps(judging, known, own)
    return steps


def _owner_steps(judging: Judging, known: _Known, lines: list[Line]) -> list[Step]:
    """What an owner's lines come to; wrong lines are noted and left out, and the rest is looked at again."""
    assert judging.lot is not None
    code = lines[0].values.get("code") or ""
    before = known.owners.get(code)
    if "name" not in lines[0].values and before is None:
        for line in lines:
            judging.wrong(line, "code", "没有这个编号的车主", "there is no owner with this code")
        return []
    while lines:
        found = len(judging.problems)
        form = _merged(judging, before, code, lines)
        fields = Fields()
        stored = cleaned(form, fields)
        _note(judging, form, lines, fields)
        _check_others(judging, known, code, stored, lines)
        wrong = {problem.line for problem in judging.problems[found:]}
        if not wrong:
            return _steps(known, before, code, stored, lines)
        lines = [line for line in lines if line.number not in wrong]
    return []


def _merged(judging: Judging, before: OwnerForm | None, code: str, lines: list[Line]) -> OwnerForm:
    """The owner that the lines describe, on top of what there is."""
    assert judging.lot is not None
    first = lines[0]
    form = before or OwnerForm(lot_id=judging.lot.lot_id, name="", code=code)
    shared: dict[str, Any] = {name: first.values[name] or "" for name in _OWNER if name in first.values}
    form = replace(form, **shared)
    for line in lines[1:]:
        for name in (*_OWNER, "spaces"):
            if line.values.get(name) != first.values.get(name):
                judging.wrong(
                    line,
                    name,
                    f"与同一车主的第 {first.number} 行不同",
                    f"differs from line {first.number} of the owner",
                )
    if "spaces" in first.values:
        areas = {space.number: space.area_id for space in form.spaces}
        numbers = re.split(r"[\s,，;；、]+", first.values["spaces"] or "")
        form = replace(form, spaces=tuple(SpaceForm(number, areas.get(number)) for number in numbers if number))
    return replace(form, **_vehicles_and_groups(judging, form, lines))


def _vehicles_and_groups(judging: Judging, form: OwnerForm, lines: list[Line]) -> dict[str, Any]:
    vehicles = {vehicle.plate: vehicle for vehicle in form.vehicles}
    groups = {group.name: group for group in form.groups}
    for line in lines:
        given = line.values
        if not given.get("plate"):
            continue
        plate = recognise(given["plate"])[0] or given["plate"]
        vehicle = vehicles.get(plate) or VehicleForm(plate)
        values = {name: given[name] for name in _VEHICLE if name in given}
        if values.get("vehicle_class", "") is None:
            values["vehicle_class"] = VehicleForm(plate).vehicle_class
        vehicles[plate] = replace(vehicle, **values)
        name, spaces = given.get("group"), given.get("group_spaces")
        if name and spaces is not None:
            known = groups.get(name)
            groups[name] = replace(known, spaces=spaces) if known is not None else GroupForm(name, spaces)
        elif name and name not in groups:
            judging.wrong(line, "group_spaces", "新车辆组要填共用车位数", "a new group needs its number of spaces")
            groups[name] = GroupForm(name, 1)
    used = {vehicle.group for vehicle in vehicles.values()}
    return {
        "vehicles": tuple(vehicles.values()),
        # A group that its last vehicle left is kept by the service for the receipts that name it.
        "groups": tuple(group for group in groups.values() if group.name in used),
    }


def _line_of(form: OwnerForm, lines: list[Line], place: int) -> Line | None:
    """The line that describes the form's vehicle at ``place``; None when it is only in the store."""
    plate = form.vehicles[place].plate
    named = (line for line in lines if line.values.get("plate"))
    return next((line for line in named if (recognise(line.values["plate"])[0] or line.values["plate"]) == plate), None)


def _note(judging: Judging, form: OwnerForm, lines: list[Line], fields: Fields) -> None:
    """Put the form's problems at the lines they come from."""
    for problem in fields.problems:
        row = _ROW.fullmatch(problem.field)
        if row is None:
            for line in lines:
                judging.wrong(line, problem.field, problem.zh, problem.en)
            continue
        rows, place, name = row.groups()
        if rows == "vehicles" and place is not None:
            at = _line_of(form, lines, int(place))
            judging.wrong(at or lines[0], name, problem.zh, problem.en)
        elif rows == "groups":
            judging.wrong(lines[0], "group_spaces" if name == "spaces" else "group", problem.zh, problem.en)
        else:
            for line in lines:
                judging.wrong(line, "plate" if rows == "vehicles" else rows, problem.zh, problem.en)


def _check_others(judging: Judging, known: _Known, code: str, form: OwnerForm, lines: list[Line]) -> None:
    """Plates and spaces of other owners, of the store and of the file so far."""
    own = code or f"#{lines[0].number}"
    for place, vehicle in enumerate(form.vehicles):
        other = known.code_of_plate.setdefault(vehicle.plate, own)
        at = _line_of(form, lines, place)
        if other != own and at is not None:
            judging.wrong(at, "plate", f"已属于{_named(other)[0]}", f"belongs to {_named(other)[1]} already")
    for space in form.spaces:
        other = known.code_of_space.setdefault(space.number, own)
        if other != own:
            for line in lines:
                zh, en = _named(other)
                judging.wrong(
                    line,
                    "spaces",
                    f"车位“{space.number}”已属于{zh}",
                    f"the space “{space.number}” belongs to {en} already",
                )


def _named(owner: str) -> tuple[str, str]:
    """An owner of the store or the file, who may have no code yet but a line."""
    line = owner.removeprefix("#")
    return (
        (f"车主 {owner}", f"the owner {owner}")
        if line == owner
        else (f"第 {line} 行的车主", f"the owner of line {line}")
    )


def _steps(known: _Known, before: OwnerForm | None, code: str, form: OwnerForm, lines: list[Line]) -> list[Step]:
    """One step that saves the owner, and steps that only say what the other lines are."""
    old = {} if before is None else {vehicle.plate: vehicle for vehicle in before.vehicles}
    owner_differs = before is None or any(
        (getattr(before, name) or None) != (getattr(form, name) or None) for name in (*_OWNER, "spaces", "groups")
    )
    by_verdict: dict[Verdict, list[int]] = {}
    for line in lines:
        plate = recognise(line.values.get("plate") or "")[0]
        now = next((vehicle for vehicle in form.vehicles if vehicle.plate == plate), None)
        if before is None or (now is not None and plate not in old):
            verdict = Verdict.NEW
        elif (now is not None and plate is not None and now != old[plate]) or (owner_differs and line is lines[0]):
            verdict = Verdict.CHANGED
        else:
            verdict = Verdict.UNCHANGED
        by_verdict.setdefault(verdict, []).append(line.number)
    steps = []
    is_regrouped = before is not None and (before.spaces, before.groups) != (form.spaces, form.groups)
    save = partial(_save, known.ids.get(code), is_regrouped, form)
    for verdict in Verdict:
        if verdict in by_verdict:
            steps.append(Step(tuple(by_verdict[verdict]), verdict, save))
            save = partial(_saved_already)
    return steps


def _save(owner_id: int | None, is_regrouped: bool, form: OwnerForm, work: Work) -> None:
    """As ``put_owner`` does, without asking again for each owner what was read once for all lines of the locked lot."""
    session = work.session
    if owner_id is not None and is_regrouped:
        owner, lot = owner_of(work, owner_id)
        put_owner(work, lot, owner, form)
        return
    before: dict[str, Any] | None = None
    known: dict[str, dict[str, Any]] = {}
    groups = {group.name: group.group_id for group in form.groups}
    standing: dict[int, LongTermVehicle] = {}
    values = {name: getattr(form, name) for name in _OWNER}
    if owner_id is None:
        lot = session.get_one(Lot, form.lot_id)
        owner = Owner(lot_id=lot.lot_id, code=form.code or next_code(work, lot), created_at=work.now, **values)
        session.add(owner)
        session.flush()
        groups = _add_groups_and_spaces(work, owner, form)
    else:
        owner = session.get_one(Owner, owner_id)
        before, known = owner_picture(work, owner), payloads(work, owner)
        standing = {vehicle.vehicle_id: vehicle for vehicle in living_vehicles(work, owner)}
        put(owner, values)
    for vehicle in form.vehicles:
        wanted = {name: getattr(vehicle, name) for name in ("plate", *_VEHICLE[:-1])}
        wanted["group_id"] = groups[vehicle.group] if vehicle.group is not None else None
        if vehicle.vehicle_id is not None:
            put(standing[vehicle.vehicle_id], wanted)
        else:
            shared = {"lot_id": owner.lot_id, "owner_id": owner.owner_id, "created_at": work.now}
            session.add(LongTermVehicle(**shared, **wanted))
    session.flush()
    send_changes(work, owner.lot_id, known, payloads(work, owner))
    note_change(work, owner, before)


def _add_groups_and_spaces(work: Work, owner: Owner, form: OwnerForm) -> dict[str, int | None]:
    """Groups and spaces of a new owner; the groups' ids by name."""
    shared = {"lot_id": owner.lot_id, "owner_id": owner.owner_id}
    groups = [VehicleGroup(name=group.name, spaces=group.spaces, **shared) for group in form.groups]
    work.session.add_all(groups)
    work.session.add_all(OwnerSpace(number=space.number, area_id=space.area_id, **shared) for space in form.spaces)
    work.session.flush()
    return {group.name: group.group_id for group in groups}


def _saved_already(_work: Work) -> None:
    """The owner is saved by the step of its first lines."""


def _labels(code_set: str, only: tuple[str, ...] | None = None) -> dict[str, tuple[str, str]]:
    return {code: (found.zh, found.en) for code, found in code_sets()[code_set].items() if only is None or code in only}


_CODE: Final = Column("code", "车主编号", "Owner code", example="00001")
_PLATE: Final = Column("plate", "车牌", "Plate", example="鲁F69Y07")
_VEHICLE_COLUMNS: Final = (
    Column("plate_colour", "车牌颜色", "Plate colour", Kind.CHOICE, choices=_labels("plate_color"), example="blue"),
    Column(
        "vehicle_class",
        "车辆类型",
        "Vehicle class",
        Kind.CHOICE,
        choices=_labels("vehicle_class", CLASSES),
        example="long_term",
    ),
    Column("valid_from", "有效期起", "Valid from", Kind.DATE, example="2026-01-01"),
    Column("valid_to", "有效期至", "Valid to", Kind.DATE, example="2026-12-31"),
    Column("group", "车辆组", "Vehicle group"),
    Column("group_spaces", "组车位数", "Spaces of the group", Kind.INTEGER),
)
OWNERS: Final = Sheet(
    name="owners",
    menu="long_term_owners",
    zh="长期车主与车辆",
    en="Owners and vehicles",
    columns=(
        _CODE,
        Column("name", "车主姓名", "Owner", required=True, example="张三"),
        Column("phone", "电话", "Telephone", example="13800000000"),
        Column("address", "住址", "Address", example="1 号楼 101"),
        Column("remark", "备注", "Remark"),
        Column("spaces", "车位号", "Spaces", example="A-01 A-02"),
        _PLATE,
        *_VEHICLE_COLUMNS,
    ),
    key=("plate",),
    rows=_rows,
    judge=_judge,
    per_lot=True,
)
LONG_TERM_VEHICLES: Final = Sheet(
    name="long_term_vehicles",
    menu="long_term_vehicles",
    zh="长期车辆",
    en="Long-term vehicles",
    columns=(replace(_PLATE, required=True), replace(_CODE, required=True), *_VEHICLE_COLUMNS),
    key=("plate",),
    rows=_vehicle_rows,
    judge=_judge,
    per_lot=True,
)
