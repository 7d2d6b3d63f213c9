"""What a lot sells to long-term parkers.

Belongs here: listing, saving and switching off plans. Does not belong here: selling (``renewals.py``).

A plan is a price of the lot, as its tariff is, and takes the permission to edit the lot: whoever takes money at the
counter does not set the prices as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from sqlalchemy import select

from warehouse.errors import Forbidden
from warehouse.ops.models import RenewalPlan
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.parkers import SEES, one_of
from warehouse.services.work import Work, locked, picture, reading, visible_lot, working
from warehouse.settings import Settings

EDIT: Final = "lots.edit"
UNITS: Final = ("month", "day")
MOST_UNITS: Final = 3660
_FIELDS: Final = ("name", "unit", "unit_count", "price", "is_active")


@dataclass(frozen=True)
class PlanForm:
    """What people type about a plan; ``price`` in yuan is that of ``unit_count`` units."""

    name: str
    unit: str
    unit_count: int | str | None
    price: Decimal | str | None


@dataclass(frozen=True)
class PlanView:
    """A plan; ``version`` goes back with the form."""

    plan_id: int
    lot_id: int
    name: str
    unit: str
    unit_count: int
    price: Decimal
    is_active: bool
    version: int


def list_plans(settings: Settings, actor: Actor, lot_id: int, *, active: bool | None = True) -> list[PlanView]:
    """Plans of a lot, shortest first; ``active`` None lists those switched off as well.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, one_of(actor, (*SEES, EDIT))) as session:
        visible_lot(session, actor, lot_id)
        query = select(RenewalPlan).where(RenewalPlan.lot_id == lot_id)
        if active is not None:
            query = query.where(RenewalPlan.is_active.is_(active))
        order = (RenewalPlan.unit, RenewalPlan.unit_count, RenewalPlan.price, RenewalPlan.plan_id)
        return [view_of(plan) for plan in session.scalars(query.order_by(*order))]


def create_plan(settings: Settings, actor: Actor, lot_id: int, form: PlanForm) -> int:
    """Add a plan; returns its id.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
    """
    with working(settings, actor, EDIT) as work:
        work.lot(lot_id)
        plan = RenewalPlan(lot_id=lot_id, is_active=True)
        _fill(work, plan, form)
        work.session.add(plan)
        work.session.flush()
        work.record("renewal_plan", plan.plan_id, plan.name, None, picture(plan, _FIELDS), lot_id=lot_id)
        return plan.plan_id


def edit_plan(settings: Settings, actor: Actor, plan_id: int, version: int, form: PlanForm) -> None:
    """Change a plan; renewals that were sold keep their price.

    Raises:
        Forbidden: the plan is not there for this actor.
        InvalidFields: by field.
        ParkError: ``conflict``.
    """
    with working(settings, actor, EDIT) as work:
        plan = plan_of(work, plan_id, version)
        before = picture(plan, _FIELDS)
        _fill(work, plan, form)
        work.record("renewal_plan", plan_id, plan.name, before, picture(plan, _FIELDS), lot_id=plan.lot_id)


def set_plan_active(settings: Settings, actor: Actor, plan_id: int, version: int, *, active: bool) -> None:
    """Take a plan off sale, or put it on again.

    Raises:
        Forbidden: the plan is not there for this actor.
        ParkError: ``conflict``.
    """
    with working(settings, actor, EDIT) as work:
        plan = plan_of(work, plan_id, version)
        before = picture(plan, _FIELDS)
        if plan.is_active != active:
            plan.is_active = active
        work.record("renewal_plan", plan_id, plan.name, before, picture(plan, _FIELDS), lot_id=plan.lot_id)


def plan_of(work: Work, plan_id: int, expected_version: int | None = None) -> RenewalPlan:
    """A plan of a lot in scope, locked.

    Raises:
        Forbidden: the plan is not there for this actor.
        ParkError: ``conflict``.
    """
    lot_id = work.session.scalar(select(RenewalPlan.lot_id).where(RenewalPlan.plan_id == plan_id))
    if lot_id is None or not work.actor.scope.allows(lot_id):
        raise Forbidden(
            zh=f"续费套餐 {plan_id} 不存在，或您无权查看：请从列表中选择",
            en=f"renewal plan {plan_id} does not exist, or you may not see it: choose from the list",
        )
    work.lot(lot_id)
    plan = work.session.scalars(locked(select(RenewalPlan).where(RenewalPlan.plan_id == plan_id))).one()
    if expected_version is not None:
        work.expect(plan, expected_version, "renewal_plan", plan_id)
    return plan


def view_of(plan: RenewalPlan) -> PlanView:
    """What a plan shows."""
    return PlanView(
        plan_id=plan.plan_id,
        lot_id=plan.lot_id,
        name=plan.name,
        unit=plan.unit,
        unit_count=plan.unit_count,
        price=plan.price,
        is_active=plan.is_active,
        version=plan.version,
    )


def _fill(work: Work, plan: RenewalPlan, form: PlanForm) -> None:
    fields = Fields()
    values = {
        "name": fields.text("name", form.name, required=True, longest=100),
        "unit": fields.choice("unit", form.unit, UNITS),
        "unit_count": fields.whole("unit_count", form.unit_count, least=1, most=MOST_UNITS),
        "price": fields.money("price", form.price),
    }
    fields.done()
    with work.session.no_autoflush:
        for name, value in values.items():
            if getattr(plan, name) != value:
                setattr(plan, name, value)
