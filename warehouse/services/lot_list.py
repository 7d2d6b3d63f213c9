"""Lots as people see them: the list, and one lot with what surrounds it.

Belongs here: reading lots for pages and the command line. Does not belong here: changing them (``lot_editing.py``).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.ops.models import AreaCapacity, Gate, Lot, LotCredential, Node, Operator, Owner
from warehouse.security.actor import Actor
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.lot_licence import LicenceState, in_state, licence_state, local_today
from warehouse.services.work import reading, visible_lot, visible_node
from warehouse.settings import Settings

SHOWN_PLACES = 6
"""Decimals of degrees on screen: a tenth of a metre."""


@dataclass(frozen=True)
class LotFilter:
    """Which lots a list holds besides the search; None: whatever it is."""

    customer_id: int | None = None
    agent_id: int | None = None
    is_test: bool | None = None
    is_void: bool | None = None
    licence: LicenceState | None = None


@dataclass(frozen=True)
class LotRow:
    """A lot as listed; ``capacity`` and ``licence`` are those of today on the lot's calendar."""

    lot_id: int
    code: str
    name: str
    agent_id: int | None
    agent: str
    agent_name: str
    customer_id: int
    customer: str
    customer_name: str
    region: str | None
    address: str | None
    longitude: float | None
    latitude: float | None
    time_zone: str
    cutover_minutes: int
    capacity: int | None
    licence_from: date | None
    licence_to: date | None
    licence: LicenceState
    is_test: bool
    is_void: bool
    version: int


@dataclass(frozen=True)
class LotView(LotRow):
    """One lot with everything; ``given_longitude`` and ``given_latitude`` are in the datum in which they were given."""

    coordinate_datum: str
    given_longitude: float | None
    given_latitude: float | None
    contact_name: str | None
    phone: str | None
    remark: str | None
    free_space_minutes: int
    today: date
    may_set_licence: bool
    gates: int
    owners: int
    operators: int
    credentials: int


_SAME = (
    "lot_id",
    "code",
    "name",
    "customer_id",
    "region",
    "address",
    "longitude",
    "latitude",
    "time_zone",
    "cutover_minutes",
    "licence_from",
    "licence_to",
    "is_test",
    "is_void",
    "version",
)
_MORE = ("coordinate_datum", "contact_name", "phone", "remark", "free_space_minutes")
_AGENT = aliased(Node, name="agent")
_SORTS: dict[str, InstrumentedAttribute[Any]] = {
    "name": Lot.name,
    "customer_name": Node.name,
    "region": Lot.region,
    "licence_to": Lot.licence_to,
    "code": Lot.code,
}


def list_lots(
    settings: Settings,
    actor: Actor,
    query: ListQuery,
    wanted: LotFilter | None = None,
    *,
    now: datetime | None = None,
) -> Found[LotRow]:
    """Lots in the actor's scope.

    Args:
        settings: names the store.
        actor: needs ``lots.view``.
        query: searched are name, code, address and region; sorts: name, customer_name, region, licence_to, code.
        wanted: further conditions.
        now: for tests.

    Raises:
        Forbidden: the customer or agent of the filter is not there for this actor.
    """
    wanted, moment = wanted or LotFilter(), now or datetime.now(UTC)
    with reading(settings, actor, "lots.view") as session:
        for node_id in (wanted.customer_id, wanted.agent_id):
            if node_id is not None:
                visible_node(session, actor, node_id)
        rows, total = one_page(
            session, _lots(actor).where(*_conditions(session, query, wanted, moment)), query, _SORTS, "name"
        )
        capacities = capacities_today(session, [row[0] for row in rows], moment)
        shown = [_shown(lot, customer, agent, capacities, moment) for lot, customer, agent in rows]
        return Found([LotRow(**values) for values in shown], total)


def get_lot(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> LotView:
    """One lot with everything.

    Raises:
        Forbidden: it is not there for this actor.
    """
    moment = now or datetime.now(UTC)
    with reading(settings, actor, "lots.view") as session:
        visible_lot(session, actor, lot_id)
        row: Any = session.execute(_lots(actor).where(Lot.lot_id == lot_id)).one()
        lot, customer, agent = row
        given = given_point(lot)
        return LotView(
            **_shown(lot, customer, agent, capacities_today(session, [lot], moment), moment),
            **{name: getattr(lot, name) for name in _MORE},
            given_longitude=given.longitude if given else None,
            given_latitude=given.latitude if given else None,
            today=local_today(lot.time_zone, moment),
            may_set_licence=may_set_licence(actor, customer),
            gates=_count(session, Gate.lot_id == lot_id),
            owners=_count(session, (Owner.lot_id == lot_id) & Owner.deleted_at.is_(None)),
            operators=_count(session, (Operator.lot_id == lot_id) & Operator.deleted_at.is_(None)),
            credentials=_count(session, (LotCredential.lot_id == lot_id) & in_force(moment)),
        )


def may_set_licence(actor: Actor, customer: Node) -> bool:
    """Whether the actor sees the customer's agent: a customer does not extend its own licence."""
    return customer.parent_id is not None and actor.sees_node(customer.parent_id)


def in_force(now: datetime) -> ColumnElement[bool]:
    """Whether a credential signs at ``now``."""
    return or_(LotCredential.revoked_at.is_(None), LotCredential.revoked_at > now)


def given_point(lot: Lot) -> Point | None:
    """The lot's place in the datum in which it was given, as shown; None when unknown."""
    if lot.longitude is None or lot.latitude is None:
        return None
    point = convert(Point(lot.longitude, lot.latitude), Datum.WGS84, Datum(lot.coordinate_datum))
    return Point(round(point.longitude, SHOWN_PLACES), round(point.latitude, SHOWN_PLACES))


def capacities_today(session: Session, lots: Collection[Lot], now: datetime) -> dict[int, int]:
    """Spaces of the lots as a whole, each on its own calendar; lots without a capacity are left out."""
    today = {lot.lot_id: local_today(lot.time_zone, now) for lot in lots}
    rows = session.scalars(
        select(AreaCapacity)
        .where(AreaCapacity.lot_id.in_(today), AreaCapacity.area_id.is_(None))
        .order_by(AreaCapacity.valid_from, AreaCapacity.capacity_id)
    )
    return {row.lot_id: row.spaces for row in rows if row.valid_from <= today[row.lot_id]}


def _lots(actor: Actor) -> Select[Any]:
    ids = actor.scope.lot_ids
    query: Any = (
        select(Lot, Node, _AGENT)
        .join(Node, Node.node_id == Lot.customer_id)
        .outerjoin(_AGENT, (_AGENT.node_id == Node.parent_id) & (_AGENT.level == "agent"))
        .where(Lot.deleted_at.is_(None), true() if isinstance(ids, str) else Lot.lot_id.in_(ids))
    )
    return cast(Select[Any], query)


def _conditions(session: Session, query: ListQuery, wanted: LotFilter, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.search.strip():
        searched = (Lot.name, Lot.code, Lot.address, Lot.region)
        found.append(or_(*(like(column, query.search) for column in searched)))
    if wanted.customer_id is not None:
        found.append(Lot.customer_id == wanted.customer_id)
    if wanted.agent_id is not None:
        found.append(Node.parent_id == wanted.agent_id)
    if wanted.is_test is not None:
        found.append(Lot.is_test.is_(wanted.is_test))
    if wanted.is_void is not None:
        found.append(Lot.is_void.is_(wanted.is_void))
    if wanted.licence is not None:
        zones = session.scalars(select(Lot.time_zone).where(Lot.deleted_at.is_(None)).distinct()).all()
        found.append(in_state(wanted.licence, zones, now))
    return found


def _shown(lot: Lot, customer: Node, agent: Node | None, capacities: dict[int, int], now: datetime) -> dict[str, Any]:
    return {
        **{name: getattr(lot, name) for name in _SAME},
        "agent_id": agent.node_id if agent else None,
        "agent": agent.code if agent else "",
        "agent_name": agent.name if agent else "",
        "customer": customer.code,
        "customer_name": customer.name,
        "capacity": capacities.get(lot.lot_id),
        "licence": licence_state(lot.licence_from, lot.licence_to, local_today(lot.time_zone, now)),
    }


def _count(session: Session, condition: ColumnElement[bool]) -> int:
    return session.scalar(select(func.count()).where(condition)) or 0
