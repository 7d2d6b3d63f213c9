"""Spaces of a lot and of its areas, with their history.

Belongs here: from which day on how many spaces there are. Does not belong here: the areas themselves
(``lot_areas.py``), free spaces (``live.py``). Days that have passed stay as they are, because reports rest on them;
only days before the first known capacity may still be filled in.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, Lot
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields, Problem
from warehouse.services.lot_areas import nested
from warehouse.services.lot_editing import MOST_SPACES
from warehouse.services.lot_licence import local_today
from warehouse.services.lot_settings import queue_lot_settings
from warehouse.services.lots import FIRST_DAY
from warehouse.services.rows import raise_version
from warehouse.services.work import Work, reading, visible_lot, working
from warehouse.settings import Settings


class InForce(StrEnum):
    """Where today lies: behind, within or before the days of an entry."""

    PAST = "past"
    CURRENT = "current"
    FUTURE = "future"


@dataclass(frozen=True)
class CapacityForm:
    """``spaces`` of the lot (``area_id`` None) or of one area, from ``valid_from`` on; numbers may come as typed."""

    area_id: str | None
    valid_from: date | None
    spaces: int | str | None


@dataclass(frozen=True)
class CapacityView:
    """An entry of the history; ``valid_to`` is its last day, None for the last one. ``area_name`` None: the lot."""

    capacity_id: int
    area_id: str | None
    area_name: str | None
    valid_from: date
    valid_to: date | None
    spaces: int
    state: InForce


def capacity_history(
    settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None
) -> list[CapacityView]:
    """All capacities of a lot, the lot's own first, then by area; within one, the newest first.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        lot = visible_lot(session, actor, lot_id)
        return _history(session, lot, local_today(lot.time_zone, now or datetime.now(UTC)))


def capacity_warnings(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> list[Problem]:
    """Where areas have more spaces than what is around them, today or on a later day; at most one a lot or area.

    ``field`` is the area, "" for the lot.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        lot = visible_lot(session, actor, lot_id)
        return _warnings(session, lot, local_today(lot.time_zone, now or datetime.now(UTC)))


def set_capacity(
    settings: Settings,
    actor: Actor,
    lot_id: int,
    version: int,
    form: CapacityForm,
    *,
    now: datetime | None = None,
) -> None:
    """Set the spaces from a day on; an entry of the same day is corrected. The lot is told.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
        ParkError: ``conflict``: the lot was changed since ``version``.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id, version)
        area_id = form.area_id or None
        fields = Fields()
        spaces = fields.whole("spaces", form.spaces, least=0, most=MOST_SPACES)
        if area_id is not None and work.session.get(Area, (lot_id, area_id)) is None:
            fields.wrong("area_id", f"没有区域“{area_id}”", f"there is no area “{area_id}”")
        rows = _rows(work.session, lot_id, area_id)
        _check_day(fields, form.valid_from, rows, local_today(lot.time_zone, work.now))
        fields.done()
        assert spaces is not None and form.valid_from is not None  # noqa: PT018 - both follow from ``done``
        same = next((row for row in rows if row.valid_from == form.valid_from), None)
        before = None if same is None else _picture(same)
        if same is None:
            same = AreaCapacity(lot_id=lot_id, area_id=area_id, valid_from=form.valid_from, spaces=spaces)
            work.session.add(same)
        elif same.spaces == spaces:
            return
        same.spaces = spaces
        _changed(work, lot, area_id, before, _picture(same))


def remove_capacity(
    settings: Settings, actor: Actor, lot_id: int, version: int, capacity_id: int, *, now: datetime | None = None
) -> None:
    """Remove an entry that has not begun. The lot is told.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_capacity``; ``capacity_begun``; ``conflict``.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id, version)
        row = work.session.get(AreaCapacity, capacity_id)
        if row is None or row.lot_id != lot_id:
            raise ParkError(
                zh="此车位数记录已不存在：请重新打开列表",
                en="this capacity is not there any more: open the list again",
                code="unknown_capacity",
            )
        if row.valid_from <= local_today(lot.time_zone, work.now):
            raise ParkError(
                zh=f"{row.valid_from} 起的车位数已生效，报表以它为准，不能删除：请从今天或以后的一天起另设新数",
                en=f"the capacity from {row.valid_from} on is in force and reports rest on it: set another from today "
                "or a later day on",
                code="capacity_begun",
            )
        before, area_id = _picture(row), row.area_id
        work.session.delete(row)
        _changed(work, lot, area_id, before, None)


def _check_day(fields: Fields, day: date | None, rows: list[AreaCapacity], today: date) -> None:
    if day is None:
        fields.wrong("valid_from", "必填", "is required")
    elif day < FIRST_DAY:
        fields.wrong("valid_from", f"不能早于 {FIRST_DAY}", f"cannot be before {FIRST_DAY}")
    elif day < today and rows and day >= rows[0].valid_from:
        fields.wrong(
            "valid_from",
            f"{day} 已过，报表以当时的车位数为准：请选今天（{today}）或以后的一天",
            f"{day} has passed and reports rest on its capacity: choose today ({today}) or a later day",
        )


def _changed(
    work: Work, lot: Lot, area_id: str | None, before: dict[str, object] | None, after: dict[str, object] | None
) -> None:
    raise_version(lot)
    work.session.flush()
    work.record("capacity", f"{lot.lot_id}/{area_id or ''}", lot.name, before, after, lot_id=lot.lot_id)
    queue_lot_settings(work.session, work.actor, lot, work.now)


def _picture(row: AreaCapacity) -> dict[str, object]:
    return {"area_id": row.area_id, "valid_from": row.valid_from.isoformat(), "spaces": row.spaces}


def _rows(session: Session, lot_id: int, area_id: str | None) -> list[AreaCapacity]:
    same = AreaCapacity.area_id.is_(None) if area_id is None else AreaCapacity.area_id == area_id
    ordered = select(AreaCapacity).where(AreaCapacity.lot_id == lot_id, same)
    return list(session.scalars(ordered.order_by(AreaCapacity.valid_from, AreaCapacity.capacity_id)))


def _history(session: Session, lot: Lot, today: date) -> list[CapacityView]:
    names: list[tuple[str | None, str | None]] = [(None, None)]
    names += [(area.area_id, area.name) for area, _ in nested(session, lot.lot_id)]
    found: list[CapacityView] = []
    for area_id, area_name in names:
        rows = _rows(session, lot.lot_id, area_id)
        for row, following in reversed(list(zip(rows, [*rows, None][1:], strict=True))):
            ends = None if following is None else date.fromordinal(following.valid_from.toordinal() - 1)
            state = InForce.FUTURE if row.valid_from > today else InForce.CURRENT
            if ends is not None and ends < today:
                state = InForce.PAST
            found.append(CapacityView(row.capacity_id, area_id, area_name, row.valid_from, ends, row.spaces, state))
    return found


def _warnings(session: Session, lot: Lot, today: date) -> list[Problem]:
    history = _history(session, lot, today)
    areas = [area for area, _ in nested(session, lot.lot_id)]
    days = sorted({today, *(view.valid_from for view in history if view.valid_from > today)})
    found: list[Problem] = []
    for around in (None, *(area.area_id for area in areas)):
        inside = [area.area_id for area in areas if area.parent_area_id == around]
        for day in days:
            spaces = {
                view.area_id: view.spaces
                for view in history
                if view.valid_from <= day and (view.valid_to is None or day <= view.valid_to)
            }
            total, most = sum(spaces.get(area_id, 0) for area_id in inside), spaces.get(around)
            if most is not None and total > most:
                name = "" if around is None else next(area.name for area in areas if area.area_id == around)
                found.append(
                    Problem(
                        around or "",
                        f"自 {day} 起，{f'区域“{name}”内各' if name else '各'}区域共 {total} 个车位，多于"
                        f"{'该区域' if name else '全场'}的 {most} 个",
                        f"from {day} on, the areas inside {f'“{name}”' if name else 'the lot'} have {total} spaces "
                        f"together, more than the {most} around them",
                    )
                )
                break
    return found
