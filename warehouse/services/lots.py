"""Lots as files and programs define them: one definition with its nodes, areas and capacities, written as a whole.

Belongs here: the definition and writing it as the command line. Does not belong here: reading files (``lot_file.py``),
what people do on pages (``lot_list.py``, ``lot_editing.py``, ``lot_areas.py``, ``lot_capacity.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, Lot
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services.lot_licence import local_today
from warehouse.services.lot_settings import TOLD, capacities_of, queue_lot_settings
from warehouse.services.rows import put
from warehouse.services.tree import ensure_agent, ensure_customer
from warehouse.services.work import picture

FIRST_DAY = date(2000, 1, 1)
"""Start of a capacity given without a day: records before it are refused as absurd, so it covers all of them."""


@dataclass(frozen=True)
class AreaDefinition:
    """An area of a lot. ``capacity`` None: not counted by itself."""

    area_id: str
    name: str
    parent_area_id: str | None = None
    is_inner: bool = False
    capacity: int | None = None


@dataclass(frozen=True)
class LotDefinition:
    """All that an import or a form says about one lot; ``None`` of an optional field means: not known.

    ``agent`` and ``customer`` are node codes; their names are optional and rename the node when given.
    ``capacity_from`` is the first day of the capacities; None: always for a new lot, today for a changed one.
    """

    code: str
    name: str
    agent: str
    customer: str
    agent_name: str | None = None
    customer_name: str | None = None
    region: str | None = None
    address: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    time_zone: str = "Asia/Shanghai"
    cutover_minutes: int = 0
    capacity: int | None = None
    capacity_from: date | None = None
    is_test: bool = False
    is_void: bool = False
    areas: tuple[AreaDefinition, ...] = field(default=())


class Change(StrEnum):
    """What saving a lot did."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


_LOT_FIELDS = (
    "name",
    "region",
    "address",
    "longitude",
    "latitude",
    "time_zone",
    "cutover_minutes",
    "is_test",
    "is_void",
)


def save_lot(session: Session, definition: LotDefinition, now: datetime | None = None) -> Change:
    """Create or update the lot ``definition.code`` with its nodes, areas and capacities, as the command line does.

    Areas that the definition does not name stay: records may refer to them. What changed is written to the operator
    log, and told to the lot when it was there before.

    Raises:
        ParkError: ``code_taken`` when the lot, or one of its nodes, was deleted or is something else.
    """
    agent, agent_changed = ensure_agent(session, definition.agent, definition.agent_name)
    customer, customer_changed = ensure_customer(session, definition.customer, definition.customer_name, agent)
    lot = session.scalar(select(Lot).where(Lot.code == definition.code))
    if lot is not None and lot.deleted_at is not None:
        raise ParkError(
            zh=f"停车场 {definition.code}（{lot.name}）已删除，其编号仍保留；请换一个编号",
            en=f"the lot {definition.code} ({lot.name}) was deleted and keeps its code; choose another",
            code="code_taken",
        )
    before = None if lot is None else _picture(session, lot)
    if lot is None:
        lot = Lot(code=definition.code)
        session.add(lot)
    put(lot, {name: getattr(definition, name) for name in _LOT_FIELDS} | {"customer_id": customer.node_id})
    session.flush()
    for area in definition.areas:
        _save_area(session, lot, area)
    capacities = [(None, definition.capacity)] + [(area.area_id, area.capacity) for area in definition.areas]
    for area_id, spaces in capacities:
        if spaces is not None:
            _save_capacity(session, lot, area_id, spaces, definition.capacity_from)
    session.flush()
    after = _picture(session, lot)
    if before == after:
        return Change.UPDATED if agent_changed or customer_changed else Change.UNCHANGED
    moment = now or datetime.now(UTC)
    changed = [name for name in after if before is None or before[name] != after[name]]
    audit.append(
        session,
        LOCAL,
        "lots.edit",
        entity="lot",
        entity_id=lot.lot_id,
        entity_name=lot.name,
        lot_id=lot.lot_id,
        before=None if before is None else {name: before[name] for name in changed},
        after={name: after[name] for name in changed},
        now=moment,
    )
    if before is None:
        return Change.CREATED
    if {"capacities", *TOLD} & set(changed):
        queue_lot_settings(session, LOCAL, lot, moment)
    return Change.UPDATED


def _picture(session: Session, lot: Lot) -> dict[str, Any]:
    areas = session.scalars(select(Area).where(Area.lot_id == lot.lot_id).order_by(Area.area_id))
    return {
        **picture(lot, ("code", "customer_id", *_LOT_FIELDS)),
        "areas": [picture(area, ("area_id", "name", "parent_area_id", "is_inner")) for area in areas],
        "capacities": capacities_of(session, lot.lot_id),
    }


def find_lot(session: Session, code: str) -> Lot:
    """The lot ``code``.

    Raises:
        ParkError: ``unknown_lot``.
    """
    lot = session.scalar(select(Lot).where(Lot.code == code, Lot.deleted_at.is_(None)))
    if lot is None:
        raise ParkError(
            zh=f"没有代码为 {code} 的停车场；park lots list 列出全部",
            en=f"no lot has the code {code}; `park lots list` shows all",
            code="unknown_lot",
        )
    return lot


def capacity_on(session: Session, lot_id: int, area_id: str | None, day: date) -> int | None:
    """Spaces of the lot (``area_id`` None) or area in force on ``day``; None when not known."""
    row = _capacity_row(session, lot_id, area_id, day)
    return row.spaces if row else None


def _capacity_row(session: Session, lot_id: int, area_id: str | None, day: date) -> AreaCapacity | None:
    same_area = AreaCapacity.area_id.is_(None) if area_id is None else AreaCapacity.area_id == area_id
    return session.scalar(
        select(AreaCapacity)
        .where(AreaCapacity.lot_id == lot_id, same_area, AreaCapacity.valid_from <= day)
        .order_by(AreaCapacity.valid_from.desc(), AreaCapacity.capacity_id.desc())
        .limit(1)
    )


def _save_capacity(session: Session, lot: Lot, area_id: str | None, spaces: int, valid_from: date | None) -> None:
    start = valid_from or local_today(lot.time_zone, datetime.now(UTC))
    current = _capacity_row(session, lot.lot_id, area_id, start)
    if current is not None and current.spaces == spaces:
        return
    if current is not None and current.valid_from == start:
        current.spaces = spaces
        return
    first = current is None and valid_from is None
    session.add(
        AreaCapacity(lot_id=lot.lot_id, area_id=area_id, valid_from=FIRST_DAY if first else start, spaces=spaces)
    )
    session.flush()


def _save_area(session: Session, lot: Lot, definition: AreaDefinition) -> None:
    area = session.get(Area, (lot.lot_id, definition.area_id))
    if area is None:
        area = Area(lot_id=lot.lot_id, area_id=definition.area_id)
        session.add(area)
    put(area, {name: getattr(definition, name) for name in ("name", "parent_area_id", "is_inner")})
    session.flush()
