"""Creating, editing, moving and deleting lots.

Belongs here: a lot's own fields. Does not belong here: its areas, capacities, gates, tariffs, credentials and payment
accounts, which have modules of their own, and whole lots from files (``lots.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.ops.models import AreaCapacity, Lot, LotCredential, Node, Operator, Owner
from warehouse.security.actor import Actor
from warehouse.services import nodes
from warehouse.services.customers import refuse_roles_left_behind
from warehouse.services.dependents import Dependents, refuse_while_used
from warehouse.services.fields import Fields
from warehouse.services.lot_list import SHOWN_PLACES, given_point, in_force, may_set_licence
from warehouse.services.lot_settings import TOLD, queue_lot_settings
from warehouse.services.lots import FIRST_DAY
from warehouse.services.numbering import check_code_is_free, lock_codes, next_code
from warehouse.services.rows import put
from warehouse.services.work import Work, picture, working
from warehouse.settings import Settings

_EDIT, _DELETE = "lots.edit", "lots.delete"
MOST_SPACES: Final = 1_000_000
_LONGEST_FREE_SPACE_AGE: Final = 1440
_STORED_PLACES: Final = 8
FIELDS: Final = (
    "code",
    "name",
    "customer_id",
    "region",
    "address",
    "longitude",
    "latitude",
    "coordinate_datum",
    "time_zone",
    "cutover_minutes",
    "is_test",
    "is_void",
    "contact_name",
    "phone",
    "remark",
    "licence_from",
    "licence_to",
    "free_space_minutes",
)


@dataclass(frozen=True)
class LotForm:
    """What people type about a lot.

    ``code`` and ``capacity`` (spaces, from always) count only when it is created; ``longitude`` and ``latitude`` are
    degrees in ``coordinate_datum``; numbers may come as typed.
    """

    name: str
    code: str = ""
    region: str = ""
    address: str = ""
    longitude: float | str | None = None
    latitude: float | str | None = None
    coordinate_datum: str = Datum.WGS84.value
    time_zone: str = "Asia/Shanghai"
    cutover_minutes: int | str = 0
    is_test: bool = False
    is_void: bool = False
    contact_name: str = ""
    phone: str = ""
    remark: str = ""
    licence_from: date | None = None
    licence_to: date | None = None
    free_space_minutes: int | str = 15
    capacity: int | str | None = None


@dataclass(frozen=True)
class NewLot:
    """A created lot."""

    lot_id: int
    code: str


def create_lot(settings: Settings, actor: Actor, customer_id: int, form: LotForm) -> NewLot:
    """Add a lot to a customer; an empty code is chosen.

    Raises:
        Forbidden: the customer is not there for this actor.
        InvalidFields: by field.
    """
    with working(settings, actor, _EDIT) as work:
        customer = nodes.node_of(work, "customer", customer_id)
        lock_codes(work.session)
        fields, values = cleaned(form, None)
        check_new(work.session, actor, customer, form, fields, values)
        fields.done()
        return add(work, customer, values)


def check_new(
    session: Session, actor: Actor, customer: Node, form: LotForm, fields: Fields, values: dict[str, Any]
) -> None:
    """Check what counts for a new lot only; puts ``code`` and ``capacity`` into ``values``."""
    check_licence(fields, values, (None, None), actor, customer)
    values["capacity"] = fields.whole("capacity", form.capacity, least=0, most=MOST_SPACES, required=False)
    if form.code.strip():
        values["code"] = fields.code("code", form.code)
        check_code_is_free(session, fields, Lot, values["code"])
    else:
        values["code"] = next_code(session, Lot, "L")


def add(work: Work, customer: Node, values: dict[str, Any]) -> NewLot:
    """Write a new lot with checked ``values``."""
    capacity = values.pop("capacity")
    lot = Lot(customer_id=customer.node_id, **values)
    work.session.add(lot)
    work.session.flush()
    if capacity is not None:
        work.session.add(AreaCapacity(lot_id=lot.lot_id, area_id=None, valid_from=FIRST_DAY, spaces=capacity))
    after = picture(lot, FIELDS) | {"capacity": capacity}
    work.record("lot", lot.lot_id, lot.name, None, after, lot_id=lot.lot_id)
    return NewLot(lot.lot_id, lot.code)


def edit_lot(settings: Settings, actor: Actor, lot_id: int, version: int, form: LotForm) -> None:
    """Change a lot's fields; the code stays. The lot is told of its name, zone, cut-over and age of free spaces.

    Raises:
        Forbidden: it is not there for this actor.
        InvalidFields: by field; the licence may be changed only by those who see the customer's agent.
        ParkError: ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        lot = work.lot(lot_id, version)
        fields, values = cleaned(form, lot)
        customer = work.session.get_one(Node, lot.customer_id)
        check_licence(fields, values, (lot.licence_from, lot.licence_to), actor, customer)
        fields.done()
        change(work, lot, values)


def move_lot(settings: Settings, actor: Actor, lot_id: int, version: int, customer_id: int) -> None:
    """Give a lot to another customer; its own operators, owners and history go with it.

    Raises:
        Forbidden: the actor does not see the lot and both customers.
        ParkError: ``foreign_role`` when one of the lot's operators has a role of the customer or agent that is left;
            ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        lot = work.lot(lot_id, version)
        # In one order, so that two opposite moves do not wait for each other for ever.
        both = {node_id: nodes.node_of(work, "customer", node_id) for node_id in sorted({lot.customer_id, customer_id})}
        old, new = both[lot.customer_id], both[customer_id]
        if old.node_id == new.node_id:
            return
        left = {old.node_id} if old.parent_id == new.parent_id else {old.node_id, old.parent_id or 0}
        refuse_roles_left_behind(work, Operator.lot_id == lot_id, left, lot.name)
        # PostgreSQL locks no row that an outer join may leave out, and operators come joined with their roles.
        operators = select(Operator).where(Operator.lot_id == lot_id).with_for_update(of=Operator)
        for operator in work.session.scalars(operators):
            put(operator, {"node_id": customer_id})
        change(work, lot, {"customer_id": customer_id})


def delete_lot(settings: Settings, actor: Actor, lot_id: int, version: int) -> None:
    """Delete a lot that nothing depends on; its history stays in the reports. Marking it void is the gentler way.

    Raises:
        Forbidden: it is not there for this actor.
        ParkError: ``in_use`` names its owners, operators and credentials in force; ``conflict``.
    """
    with working(settings, actor, _DELETE) as work:
        lot = work.lot(lot_id, version)
        owners = select(Owner.name).where(Owner.lot_id == lot_id, Owner.deleted_at.is_(None))
        operators = select(Operator.login).where(Operator.lot_id == lot_id, Operator.deleted_at.is_(None))
        keys = select(LotCredential.key_id).where(LotCredential.lot_id == lot_id, in_force(work.now))
        refuse_while_used(
            work.session,
            f"停车场“{lot.name}”",
            f"the lot “{lot.name}”",
            (
                Dependents("长期车主", "long-term owners", owners.order_by(Owner.name)),
                Dependents("操作员", "operators", operators.order_by(Operator.login)),
                Dependents("有效的上传凭证", "upload credentials in force", keys.order_by(LotCredential.created_at)),
            ),
        )
        before = picture(lot, FIELDS)
        lot.deleted_at = work.now
        work.record("lot", lot_id, lot.name, before, None, lot_id=lot_id)


def change(work: Work, lot: Lot, values: dict[str, Any]) -> None:
    """Set checked values, write what changed to the operator log, and tell the lot what it must know."""
    before = picture(lot, FIELDS)
    put(lot, values)
    after = picture(lot, FIELDS)
    work.record("lot", lot.lot_id, lot.name, before, after, lot_id=lot.lot_id)
    if any(before[name] != after[name] for name in TOLD):
        queue_lot_settings(work.session, work.actor, lot, work.now)


def cleaned(form: LotForm, lot: Lot | None) -> tuple[Fields, dict[str, Any]]:
    """The form's values, trimmed, and the problems found so far; ``lot`` is the one that is edited."""
    fields = Fields()
    values: dict[str, Any] = {
        "name": fields.text("name", form.name, required=True, longest=200),
        "region": fields.text("region", form.region, longest=200),
        "address": fields.text("address", form.address, longest=300),
        "cutover_minutes": fields.whole("cutover_minutes", form.cutover_minutes, least=0, most=1439),
        "free_space_minutes": fields.whole(
            "free_space_minutes", form.free_space_minutes, least=1, most=_LONGEST_FREE_SPACE_AGE
        ),
        "is_test": form.is_test,
        "is_void": form.is_void,
        "contact_name": fields.text("contact_name", form.contact_name, longest=100),
        "phone": fields.phone("phone", form.phone),
        "remark": fields.text("remark", form.remark, longest=500),
        "licence_from": form.licence_from,
        "licence_to": form.licence_to,
        "time_zone": form.time_zone,
        **_place(fields, form, lot),
    }
    fields.period(form.licence_from, "licence_to", form.licence_to)
    if form.time_zone not in available_timezones():
        fields.wrong(
            "time_zone",
            f"“{form.time_zone}”不是 IANA 时区名，如 Asia/Shanghai",
            f"“{form.time_zone}” is no IANA zone such as Asia/Shanghai",
        )
    return fields, values


def _place(fields: Fields, form: LotForm, lot: Lot | None) -> dict[str, Any]:
    longitude = _degrees(fields, "longitude", form.longitude, 180)
    latitude = _degrees(fields, "latitude", form.latitude, 90)
    datum = fields.choice("coordinate_datum", form.coordinate_datum, [datum.value for datum in Datum])
    if (form.longitude in (None, "")) != (form.latitude in (None, "")):
        missing = "longitude" if form.longitude in (None, "") else "latitude"
        fields.wrong(missing, "经度和纬度要么都填，要么都不填", "give both longitude and latitude, or neither")
    if longitude is None or latitude is None or fields.problems:
        return {"longitude": None, "latitude": None, "coordinate_datum": datum}
    typed = Point(longitude, latitude)
    if lot is not None and lot.coordinate_datum == datum and given_point(lot) == typed:
        return {}  # shown and sent back: what is stored has more decimals
    point = convert(typed, Datum(datum), Datum.WGS84)
    return {
        "longitude": round(point.longitude, _STORED_PLACES),
        "latitude": round(point.latitude, _STORED_PLACES),
        "coordinate_datum": datum,
    }


def _degrees(fields: Fields, name: str, value: float | str | None, limit: int) -> float | None:
    if value is None or value == "":
        return None
    try:
        degrees = float(value)
    except ValueError:
        degrees = float("nan")
    if not isfinite(degrees) or abs(degrees) > limit:
        fields.wrong(
            name, f"“{value}”应为 -{limit} 至 {limit} 的度数", f"“{value}” must be degrees from -{limit} to {limit}"
        )
        return None
    return round(degrees, SHOWN_PLACES + 1)


def check_licence(
    fields: Fields,
    values: dict[str, Any],
    standing: tuple[date | None, date | None],
    actor: Actor,
    customer: Node,
) -> None:
    """Note a problem when the licence differs from ``standing`` and is not the actor's to set."""
    if (values["licence_from"], values["licence_to"]) != standing and not may_set_licence(actor, customer):
        fields.wrong(
            "licence_to",
            "授权期限由代理商或平台设定，请联系他们",
            "the licence term is set by the agent or the platform: ask them",
        )
