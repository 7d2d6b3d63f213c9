"""The one form of an owner: owner, vehicles, spaces and groups, and what is wrong with it.

Belongs here: the form's shape and the checks that need no store. Does not belong here: checks against other owners and
saving (``owner_changes.py``).

Problems of rows name their row: ``vehicles.2.plate`` is the plate of the third vehicle.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from warehouse.codes import codes
from warehouse.plates import recognise, usual_colour
from warehouse.services.fields import Fields
from warehouse.services.validity import LAST_POSSIBLE_DAY

MOST_VEHICLES: Final = 200
"""Of one owner: a renewal of a group names all its plates in 2,000 characters."""
MOST_SPACES: Final = 500
FIRST_POSSIBLE_DAY: Final = date(1990, 1, 1)
CLASSES: Final = tuple(code for code in codes("vehicle_class") if code not in ("temporary", "visitor"))
"""Vehicle classes that park by the period."""


@dataclass(frozen=True)
class VehicleForm:
    """One vehicle; ``vehicle_id`` says which it was, ``group`` is the name of a group of the same form.

    An empty colour becomes the one that plates of this form usually have.
    """

    plate: str
    plate_colour: str | None = None
    vehicle_class: str = "long_term"
    valid_from: date | None = None
    valid_to: date | None = None
    group: str | None = None
    vehicle_id: int | None = None


@dataclass(frozen=True)
class SpaceForm:
    """One numbered space; ``area_id`` is an area of the lot."""

    number: str
    area_id: str | None = None


@dataclass(frozen=True)
class GroupForm:
    """Vehicles that share ``spaces`` spaces; ``group_id`` says which group it was."""

    name: str
    spaces: int | str | None
    group_id: int | None = None


@dataclass(frozen=True)
class OwnerForm:
    """All of an owner; what is left out of the rows is removed. An empty code is filled in."""

    lot_id: int
    name: str
    code: str = ""
    phone: str | None = None
    address: str | None = None
    remark: str | None = None
    vehicles: tuple[VehicleForm, ...] = ()
    spaces: tuple[SpaceForm, ...] = ()
    groups: tuple[GroupForm, ...] = ()


def cleaned(form: OwnerForm, fields: Fields) -> OwnerForm:
    """The form as it is to be stored; problems go to ``fields``."""
    groups = _groups(form.groups, fields)
    return replace(
        form,
        name=fields.text("name", form.name, required=True, longest=100) or "",
        code=fields.code("code", form.code) if form.code.strip() else "",
        phone=fields.phone("phone", form.phone),
        address=fields.text("address", form.address, longest=200),
        remark=fields.text("remark", form.remark, longest=500),
        groups=groups,
        vehicles=_vehicles(form.vehicles, groups, fields),
        spaces=_spaces(form.spaces, fields),
    )


def _vehicles(rows: tuple[VehicleForm, ...], groups: tuple[GroupForm, ...], fields: Fields) -> tuple[VehicleForm, ...]:
    if len(rows) > MOST_VEHICLES:
        fields.wrong("vehicles", f"一位车主最多 {MOST_VEHICLES} 辆车", f"an owner has at most {MOST_VEHICLES} vehicles")
    names = {group.name for group in groups}
    found = tuple(_vehicle(f"vehicles.{place}", row, names, fields) for place, row in enumerate(rows))
    repeated = Counter(row.plate for row in found if row.plate)
    for place, row in enumerate(found):
        if repeated[row.plate] > 1:
            fields.wrong(
                f"vehicles.{place}.plate",
                f"车牌“{row.plate}”在表中出现多次",
                f"the plate “{row.plate}” is in the form more than once",
            )
    used = {row.group for row in found}
    for place, group in enumerate(groups):
        if group.name and group.name not in used:
            fields.wrong(
                f"groups.{place}.name",
                f"车辆组“{group.name}”没有车辆：请为车辆选择此组，或删除此组",
                f"no vehicle is in the group “{group.name}”: put vehicles into it or remove it",
            )
    return found


def _vehicle(at: str, row: VehicleForm, groups: set[str], fields: Fields) -> VehicleForm:
    plate, mark = recognise(row.plate or "")
    if not plate:
        fields.wrong(f"{at}.plate", "请填写车牌", "a plate is needed")
    elif mark is not None:
        fields.wrong(
            f"{at}.plate",
            f"“{plate}”不是有效的车牌，例如 鲁F69Y07、粤BD12345",
            f"“{plate}” is no number plate, for example 鲁F69Y07 or 粤BD12345",
        )
    colour = row.plate_colour or (usual_colour(plate) if plate else None)
    if colour is not None:
        fields.choice(f"{at}.plate_colour", colour, codes("plate_color"))
    fields.choice(f"{at}.vehicle_class", row.vehicle_class, CLASSES)
    _validity(at, row.valid_from, row.valid_to, fields)
    group = (row.group or "").strip() or None
    if group is not None and group not in groups:
        fields.wrong(
            f"{at}.group",
            f"没有车辆组“{group}”：请先在车辆组中添加",
            f"there is no group “{group}”: add it to the groups first",
        )
    return replace(row, plate=plate or "", plate_colour=colour, group=group)


def _validity(at: str, first: date | None, last: date | None, fields: Fields) -> None:
    if (first is None) != (last is None):
        missing = "valid_from" if first is None else "valid_to"
        fields.wrong(f"{at}.{missing}", "有效期的开始和结束须同时填写", "a validity needs its first and its last day")
    for name, day in (("valid_from", first), ("valid_to", last)):
        if day is not None and not FIRST_POSSIBLE_DAY <= day <= LAST_POSSIBLE_DAY:
            fields.wrong(
                f"{at}.{name}",
                f"{day} 应在 {FIRST_POSSIBLE_DAY} 至 {LAST_POSSIBLE_DAY} 之间",
                f"{day} must be between {FIRST_POSSIBLE_DAY} and {LAST_POSSIBLE_DAY}",
            )
    fields.period(first, f"{at}.valid_to", last)


def _spaces(rows: tuple[SpaceForm, ...], fields: Fields) -> tuple[SpaceForm, ...]:
    if len(rows) > MOST_SPACES:
        fields.wrong("spaces", f"一位车主最多 {MOST_SPACES} 个车位", f"an owner has at most {MOST_SPACES} spaces")
    found = tuple(
        SpaceForm(
            number=fields.text(f"spaces.{place}.number", row.number, required=True, longest=40) or "",
            area_id=(row.area_id or "").strip() or None,
        )
        for place, row in enumerate(rows)
    )
    _once("spaces", "number", [row.number for row in found], fields)
    return found


def _groups(rows: tuple[GroupForm, ...], fields: Fields) -> tuple[GroupForm, ...]:
    found = tuple(
        GroupForm(
            name=fields.text(f"groups.{place}.name", row.name, required=True, longest=100) or "",
            spaces=fields.whole(f"groups.{place}.spaces", row.spaces, least=1, most=MOST_SPACES),
            group_id=row.group_id,
        )
        for place, row in enumerate(rows)
    )
    _once("groups", "name", [row.name for row in found], fields)
    return found


def _once(rows: str, name: str, values: list[str], fields: Fields) -> None:
    repeated = Counter(value for value in values if value)
    for place, value in enumerate(values):
        if repeated[value] > 1:
            fields.wrong(
                f"{rows}.{place}.{name}", f"“{value}”在表中出现多次", f"“{value}” is in the form more than once"
            )
