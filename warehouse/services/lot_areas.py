"""Areas of a lot: adding, renaming, nesting, removing.

Belongs here: which areas there are. Does not belong here: how many spaces they have (``lot_capacity.py``). Areas are
edited under the version of their lot: two people who rearrange one lot at the same time are told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, AreaFreeSpaces, Gate, Lot, OwnerSpace
from warehouse.security.actor import Actor
from warehouse.services.dependents import Dependents, refuse_while_used
from warehouse.services.fields import Fields
from warehouse.services.lot_licence import local_today
from warehouse.services.rows import put, raise_version
from warehouse.services.work import Work, picture, reading, visible_lot, working
from warehouse.settings import Settings

_FIELDS: Final = ("area_id", "name", "parent_area_id", "is_inner")


@dataclass(frozen=True)
class AreaForm:
    """What people type about an area; ``area_id`` is what the lot's records call it, and counts only when it is new."""

    area_id: str
    name: str
    parent_area_id: str | None = None
    is_inner: bool = False


@dataclass(frozen=True)
class AreaView:
    """An area, how deep it is nested (0: in the lot itself) and its spaces of today, None when not counted."""

    area_id: str
    name: str
    parent_area_id: str | None
    is_inner: bool
    depth: int
    capacity: int | None


def list_areas(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> list[AreaView]:
    """A lot's areas, each behind the one around it.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        lot = visible_lot(session, actor, lot_id)
        today = local_today(lot.time_zone, now or datetime.now(UTC))
        spaces: dict[str | None, int] = {
            row.area_id: row.spaces
            for row in session.scalars(
                select(AreaCapacity)
                .where(AreaCapacity.lot_id == lot_id, AreaCapacity.valid_from <= today)
                .order_by(AreaCapacity.valid_from, AreaCapacity.capacity_id)
            )
        }
        return [
            AreaView(
                area_id=area.area_id,
                name=area.name,
                parent_area_id=area.parent_area_id,
                is_inner=area.is_inner,
                depth=depth,
                capacity=spaces.get(area.area_id),
            )
            for area, depth in nested(session, lot_id)
        ]


def add_area(settings: Settings, actor: Actor, lot_id: int, version: int, form: AreaForm) -> None:
    """Add an area to a lot.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
        ParkError: ``conflict``: the lot was changed since ``version``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id, version)
        fields = Fields()
        area_id = fields.text("area_id", form.area_id, required=True, longest=64)
        if area_id is not None and work.session.get(Area, (lot_id, area_id)) is not None:
            fields.wrong(
                "area_id", f"“{area_id}”已存在，请换一个编号", f"“{area_id}” exists already, choose another id"
            )
        name, parent = _checked(work, fields, lot_id, area_id, form)
        fields.done()
        area = Area(lot_id=lot_id, area_id=area_id, name=name, parent_area_id=parent, is_inner=form.is_inner)
        work.session.add(area)
        raise_version(lot)
        work.session.flush()
        _record(work, lot, area, None)


def edit_area(settings: Settings, actor: Actor, lot_id: int, version: int, form: AreaForm) -> None:
    """Rename an area, put it into another one, or mark it as an inner one; its id stays.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
        ParkError: ``conflict``; ``unknown_area``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id, version)
        area = _area(work, lot, form.area_id)
        fields = Fields()
        name, parent = _checked(work, fields, lot_id, area.area_id, form)
        fields.done()
        before = picture(area, _FIELDS)
        put(area, {"name": name, "parent_area_id": parent, "is_inner": form.is_inner})
        if before != picture(area, _FIELDS):
            raise_version(lot)
            _record(work, lot, area, before)


def remove_area(settings: Settings, actor: Actor, lot_id: int, version: int, area_id: str) -> None:
    """Remove an area that nothing refers to; one that records name is better renamed.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``in_use`` names the areas inside it, gates, capacities, owners' spaces and uploaded counts;
            ``conflict``; ``unknown_area``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id, version)
        area = _area(work, lot, area_id)
        inside = select(Area.name).where(Area.lot_id == lot_id, Area.parent_area_id == area_id)
        gates = select(Gate.name).where(Gate.lot_id == lot_id, Gate.area_id == area_id)
        days = select(AreaCapacity.valid_from).where(AreaCapacity.lot_id == lot_id, AreaCapacity.area_id == area_id)
        spaces = select(OwnerSpace.number).where(OwnerSpace.lot_id == lot_id, OwnerSpace.area_id == area_id)
        counts = select(AreaFreeSpaces.counted_at).where(
            AreaFreeSpaces.lot_id == lot_id, AreaFreeSpaces.area_id == area_id
        )
        refuse_while_used(
            work.session,
            f"区域“{area.name}”",
            f"the area “{area.name}”",
            (
                Dependents("下级区域", "areas inside it", inside.order_by(Area.name)),
                Dependents("出入口", "gates", gates.order_by(Gate.name)),
                Dependents("车位数记录", "capacities", days.order_by(AreaCapacity.valid_from)),
                Dependents("车主车位", "owners' spaces", spaces.order_by(OwnerSpace.number)),
                Dependents("上传的余位数", "uploaded counts", counts),
            ),
        )
        before = picture(area, _FIELDS)
        name = area.name
        work.session.delete(area)
        raise_version(lot)
        work.record("area", f"{lot_id}/{area_id}", name, before, None, lot_id=lot_id)


def nested(session: Session, lot_id: int) -> list[tuple[Area, int]]:
    """The areas of a lot and their depths, each behind the one around it; those without a way out come last."""
    areas = session.scalars(select(Area).where(Area.lot_id == lot_id).order_by(Area.name, Area.area_id)).all()
    found: list[tuple[Area, int]] = []

    def add(parent: str | None, depth: int) -> None:
        for area in areas:
            if area.parent_area_id == parent:
                found.append((area, depth))
                add(area.area_id, depth + 1)

    add(None, 0)
    placed = {area.area_id for area, _ in found}
    return found + [(area, 0) for area in areas if area.area_id not in placed]


def _area(work: Work, lot: Lot, area_id: str) -> Area:
    area = work.session.get(Area, (lot.lot_id, area_id))
    if area is None:
        raise ParkError(
            zh=f"停车场“{lot.name}”没有区域 {area_id}：请重新打开列表",
            en=f"the lot “{lot.name}” has no area {area_id}: open the list again",
            code="unknown_area",
        )
    return area


def _checked(
    work: Work, fields: Fields, lot_id: int, area_id: str | None, form: AreaForm
) -> tuple[str | None, str | None]:
    name = fields.text("name", form.name, required=True, longest=200)
    parent = form.parent_area_id or None
    if parent is not None:
        above = parents_of(work.session, lot_id, parent)
        if not above:
            fields.wrong("parent_area_id", f"没有区域“{parent}”", f"there is no area “{parent}”")
        elif area_id in above:
            fields.wrong(
                "parent_area_id",
                f"“{parent}”就是此区域或在其内部，不能作其上级",
                f"“{parent}” is this area or lies inside it and cannot be around it",
            )
    return name, parent


def parents_of(session: Session, lot_id: int, area_id: str) -> list[str]:
    """An area and those around it, from the inside; empty when there is no such area."""
    found: list[str] = []
    current: str | None = area_id
    while current is not None and current not in found:
        area = session.get(Area, (lot_id, current))
        if area is None:
            break
        found.append(current)
        current = area.parent_area_id
    return found


def _record(work: Work, lot: Lot, area: Area, before: dict[str, object] | None) -> None:
    after = picture(area, _FIELDS)
    work.record("area", f"{lot.lot_id}/{area.area_id}", area.name, before, after, lot_id=lot.lot_id)
