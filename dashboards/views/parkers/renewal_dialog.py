"""Selling a period: what, from when, for how much, with the new validity shown before anything is paid.

Belongs here: the dialog. Does not belong here: rules and booking (``warehouse.services.renewals``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.texts import Texts
from dashboards.ui import cards, forms
from dashboards.views.parkers.labels import code_labels, comma
from dashboards.views.parkers.receipt_dialog import show_next
from warehouse.services.fields import Fields
from warehouse.services.owners import OwnerView, VehicleView, get_owner
from warehouse.services.renewal_plans import PlanView, list_plans
from warehouse.services.renewals import (
    AFTER_END,
    CHOSEN,
    METHODS,
    MOST_PERIODS,
    STARTS,
    TODAY,
    RenewalForm,
    first_day_of,
    group_validity,
    renew,
    suggested_amount,
)
from warehouse.services.validity import last_day


@dataclass(frozen=True)
class Target:
    """A vehicle or a group that can be renewed."""

    label: str
    vehicles: tuple[VehicleView, ...]
    vehicle_id: int | None = None
    group_id: int | None = None

    @property
    def validity(self) -> tuple[date | None, date | None]:
        """The validity that a renewal continues."""
        return group_validity([(row.valid_from, row.valid_to) for row in self.vehicles])


@dataclass(frozen=True)
class Sale:
    """What is chosen above the form."""

    target: Target
    plan: PlanView
    periods: int
    start: str
    first_day: date | None


def open_renewal(context: Context, owner_id: int, vehicle_id: int | None = None) -> None:
    """Open the dialog for an owner, with a vehicle chosen already when given."""
    text = context.text
    owner = get_owner(context.settings, context.actor, owner_id)
    targets = _targets(context, owner)
    plans = {plan.plan_id: plan for plan in list_plans(context.settings, context.actor, owner.lot_id)}
    title = text("parkers.renew_title", name=owner.name)
    if not targets or not plans:
        sentence = text("parkers.no_vehicles" if not targets else "parkers.no_plans", lot=owner.lot_name)
        context.dialog(title, lambda _renewed: cards.nothing(sentence))
        return
    chosen: list[Sale] = []

    def submit(renewed: Context, values: dict[str, Any], form_id: str) -> forms.Done:
        sold = renew(
            renewed.settings, renewed.actor, owner_id, _typed(chosen[-1], values), form_id, version=owner.version
        )
        show_next(sold.renewal_id)
        return forms.Done(renewed.text("parkers.renewed", number=sold.receipt_number, day=str(sold.valid_to)))

    form = forms.Form(
        key=f"parkers_renew_{owner_id}",
        title=title,
        fields=_fields(context, owner),
        initial={},
        submit=submit,
        submit_label=text("parkers.renew"),
    )
    opened = forms.OpenForm.of(context, form)
    first = next((name for name, one in targets.items() if _holds(one, vehicle_id)), next(iter(targets)))

    def draw(renewed: Context | None) -> None:
        chosen[:] = [_choose(text, owner, targets, plans, first, opened.prefix)]
        _preview(text, owner, chosen[0])
        opened.draw(renewed)

    context.dialog(title, draw, width="medium")


def _targets(context: Context, owner: OwnerView) -> dict[str, Target]:
    alone = {
        f"v{row.vehicle_id}": Target(row.plate, (row,), vehicle_id=row.vehicle_id)
        for row in owner.vehicles
        if row.group is None
    }
    groups = {}
    for group in owner.groups:
        rows = tuple(row for row in owner.vehicles if row.group == group.name)
        plates = comma(context).join(row.plate for row in rows)
        label = context.text("parkers.group_target", name=group.name, plates=plates)
        groups[f"g{group.group_id}"] = Target(label, rows, group_id=group.group_id)
    return alone | groups


def _holds(target: Target, vehicle_id: int | None) -> bool:
    return any(row.vehicle_id == vehicle_id for row in target.vehicles)


def _choose(
    text: Texts, owner: OwnerView, targets: dict[str, Target], plans: dict[int, PlanView], first: str, prefix: str
) -> Sale:
    left, right = st.columns(2)
    name = left.selectbox(
        text("parkers.renewed_target"),
        list(targets),
        index=list(targets).index(first),
        format_func=lambda code: targets[code].label,
        key=f"{prefix}_target",
    )
    plan_id = right.selectbox(
        text("parkers.plan"),
        list(plans),
        format_func=lambda code: text("parkers.plan_option", name=plans[code].name, price=f"{plans[code].price:,.2f}"),
        key=f"{prefix}_plan",
    )
    target = targets[name]
    left, right = st.columns([1, 2])
    periods = left.number_input(
        text("parkers.periods"), min_value=1, max_value=MOST_PERIODS, value=1, step=1, key=f"{prefix}_periods"
    )
    possible = _starts(owner, target)
    start = right.segmented_control(
        text("parkers.start"),
        possible,
        default=possible[0],
        required=True,
        format_func=lambda code: text(f"parkers.start_{code}"),
        # Another target has other starts.
        key=f"{prefix}_start_{name}",
    )
    first_day = None
    if start == CHOSEN:
        first_day = st.date_input(
            text("parkers.first_day"),
            value=owner.today,
            format="YYYY-MM-DD",
            min_value=date(2000, 1, 1),
            max_value=date(2100, 1, 1),
            key=f"{prefix}_first_day",
        )
    return Sale(target, plans[plan_id], int(periods), start or possible[0], first_day)


def _starts(owner: OwnerView, target: Target) -> list[str]:
    valid_to = target.validity[1]
    if valid_to is None:
        return [TODAY, CHOSEN]
    return (
        [AFTER_END] if valid_to >= owner.today else [start for start in (TODAY, AFTER_END, CHOSEN) if start in STARTS]
    )


def _preview(text: Texts, owner: OwnerView, sale: Sale) -> None:
    fields = Fields()
    old_from, old_to = sale.target.validity
    first = first_day_of(sale.start, sale.first_day, old_to, owner.today, fields)
    span = new = text("parkers.no_validity")
    if old_to is not None:
        span = text("parkers.span", first=_whole(old_from), last=_whole(old_to))
    if first is not None:
        last = last_day(first, sale.plan.unit, sale.plan.unit_count * sale.periods)
        new = text("parkers.span", first=_whole(first), last=_whole(last))
    price = suggested_amount(sale.plan.price, sale.periods)
    cards.facts(
        [
            cards.Fact(text("parkers.valid_before"), span),
            cards.Fact(text("parkers.valid_after"), new),
            cards.Fact(text("parkers.plan_price"), f"¥{price:,.2f}"),
        ]
    )
    for problem in fields.problems:
        cards.problem(problem.text(text.language))


def _whole(day: date | None) -> str:
    """A day that no line break tears."""
    return str(day).replace("-", "\N{NON-BREAKING HYPHEN}") if day is not None else ""


def _fields(context: Context, owner: OwnerView) -> list[forms.Field]:
    text = context.text
    methods = code_labels(context, "method", METHODS)
    methods["wallet"] = text("parkers.wallet_method", name=methods["wallet"], balance=f"{owner.balance:,.2f}")
    return [
        forms.Field("amount", text("parkers.renewal_amount"), "money", help_text=text("parkers.amount_help")),
        forms.Field("method", text("parkers.method"), "choice", required=True, options=methods),
        forms.Field("remark", text("parkers.remark"), longest=500, wide=True, help_text=text("parkers.remark_help")),
    ]


def _typed(sale: Sale, values: dict[str, Any]) -> RenewalForm:
    return RenewalForm(
        plan_id=sale.plan.plan_id,
        periods=sale.periods,
        method=values["method"] or None,
        start=sale.start,
        first_day=sale.first_day,
        amount=values["amount"],
        remark=values["remark"],
        vehicle_id=sale.target.vehicle_id,
        group_id=sale.target.group_id,
    )
