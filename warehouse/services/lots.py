"""Lots, their areas and their capacity.

Belongs here: what a lot is, writing it to the operational store, listing lots. Does not belong here: reading files of
lots (``lot_file.py``) or upload credentials (``warehouse.security.credentials``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from warehouse.errors import ParkError
from warehouse.ops.models import Area, AreaCapacity, Lot, Node
from warehouse.services.tree import ensure_agent, ensure_customer

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


@dataclass(frozen=True)
class LotSummary:
    """One lot as listed."""

    lot_id: int
    code: str
    name: str
    agent: str
    customer: str
    region: str | None
    address: str | None
    longitude: float | None
    latitude: float | None
    time_zone: str
    cutover_minutes: int
    capacity: int | None
    areas: int
    is_test: bool
    is_void: bool


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


def save_lot(session: Session, definition: LotDefinition) -> Change:
    """Create or update the lot ``definition.code`` with its nodes, areas and capacities.

    Areas that the definition does not name stay: records may refer to them.
    """
    agent, agent_changed = ensure_agent(session, definition.agent, definition.agent_name)
    customer, customer_changed = ensure_customer(session, definition.customer, definition.customer_name, agent)
    lot = session.scalar(select(Lot).where(Lot.code == definition.code))
    created = lot is None
    if lot is None:
        lot = Lot(code=definition.code, customer_id=customer.node_id)
        session.add(lot)
    changed = agent_changed or customer_changed
    for name in _LOT_FIELDS:
        changed |= _set(lot, name, getattr(definition, name))
    changed |= _set(lot, "customer_id", customer.node_id)
    session.flush()
    for area in definition.areas:
        changed |= _save_area(session, lot, area)
    capacities = [(None, definition.capacity)] + [(area.area_id, area.capacity) for area in definition.areas]
    for area_id, spaces in capacities:
        if spaces is not None:
            changed |= _save_capacity(session, lot, area_id, spaces, definition.capacity_from)
    session.flush()
    if created:
        return Change.CREATED
    return Change.UPDATED if changed else Change.UNCHANGED


def list_lots(session: Session) -> list[LotSummary]:
    """All lots by code, with the capacity in force today on the lot's calendar."""
    agents = {node.node_id: node for node in session.scalars(select(Node).where(Node.level == "agent"))}
    lots = session.scalars(select(Lot).options(selectinload(Lot.customer), selectinload(Lot.areas)).order_by(Lot.code))
    return [
        LotSummary(
            lot_id=lot.lot_id,
            code=lot.code,
            name=lot.name,
            agent=agents[lot.customer.parent_id].code if lot.customer.parent_id in agents else "",
            customer=lot.customer.code,
            region=lot.region,
            address=lot.address,
            longitude=lot.longitude,
            latitude=lot.latitude,
            time_zone=lot.time_zone,
            cutover_minutes=lot.cutover_minutes,
            capacity=capacity_on(session, lot.lot_id, None, _today(lot.time_zone)),
            areas=len(lot.areas),
            is_test=lot.is_test,
            is_void=lot.is_void,
        )
        for lot in lots
    ]


def find_lot(session: Session, code: str) -> Lot:
    """The lot ``code``.

    Raises:
        ParkError: ``unknown_lot``.
    """
    lot = session.scalar(select(Lot).where(Lot.code == code))
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


def _save_capacity(session: Session, lot: Lot, area_id: str | None, spaces: int, valid_from: date | None) -> bool:
    today = _today(lot.time_zone)
    start = valid_from or today
    current = _capacity_row(session, lot.lot_id, area_id, start)
    if current is not None and current.spaces == spaces:
        return False
    if current is not None and current.valid_from == start:
        current.spaces = spaces
        return True
    first = current is None and valid_from is None
    session.add(
        AreaCapacity(lot_id=lot.lot_id, area_id=area_id, valid_from=FIRST_DAY if first else start, spaces=spaces)
    )
    session.flush()
    return True


def _save_area(session: Session, lot: Lot, definition: AreaDefinition) -> bool:
    area = session.get(Area, (lot.lot_id, definition.area_id))
    if area is None:
        session.add(
            Area(
                lot_id=lot.lot_id,
                area_id=definition.area_id,
                name=definition.name,
                parent_area_id=definition.parent_area_id,
                is_inner=definition.is_inner,
            )
        )
        session.flush()
        return True
    changed = False
    for name in ("name", "parent_area_id", "is_inner"):
        changed |= _set(area, name, getattr(definition, name))
    return changed


def _set(row: Lot | Area, name: str, value: object) -> bool:
    if getattr(row, name) == value:
        return False
    setattr(row, name, value)
    return True


def _today(time_zone: str) -> date:
    return datetime.now(UTC).astimezone(ZoneInfo(time_zone)).date()
