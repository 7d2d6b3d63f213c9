"""The renewal plans of a lot, in a drawer.

Belongs here: listing, adding and changing them. Does not belong here: rules (``warehouse.services.renewal_plans``).
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from warehouse.errors import ParkError
from warehouse.services.renewal_plans import (
    EDIT,
    MOST_UNITS,
    UNITS,
    PlanForm,
    PlanView,
    create_plan,
    edit_plan,
    list_plans,
    set_plan_active,
)
from warehouse.services.visible import LotName

NEW = 0


def open_plans(context: Context, lot: LotName) -> None:
    """Open the plans of ``lot``."""
    opened = {NEW: forms.OpenForm.of(context, _form(context, lot, None))} if context.allows(EDIT) else {}
    if opened:
        for plan in list_plans(context.settings, context.actor, lot.lot_id, active=None):
            opened[plan.plan_id] = forms.OpenForm.of(context, _form(context, lot, plan))
    title = context.text("parkers.plans_of", lot=lot.name)
    context.dialog(title, lambda renewed: _draw(renewed, lot, opened), width="large", drawer=True)


def _draw(context: Context | None, lot: LotName, opened: dict[int, forms.OpenForm]) -> None:
    if context is None:
        return
    text = context.text
    plans = list_plans(context.settings, context.actor, lot.lot_id, active=None)
    if plans:
        cards.table(
            text("parkers.plans"),
            [text("parkers.plan"), text("parkers.length"), text("parkers.price"), text("parkers.on_sale")],
            [
                (
                    plan.name,
                    text(f"parkers.unit_{plan.unit}_count", count=plan.unit_count),
                    f"{plan.price:,.2f}",
                    text("form.yes" if plan.is_active else "form.no"),
                )
                for plan in plans
            ],
            right=(2,),
        )
    else:
        cards.nothing(text("parkers.no_plans_yet"))
    if not opened:
        return
    names = {NEW: text("parkers.add_plan")} | {plan.plan_id: plan.name for plan in plans if plan.plan_id in opened}
    chosen = st.selectbox(
        text("parkers.plan"), list(names), format_func=lambda code: names[code], key=f"parkers_plan_{lot.lot_id}"
    )
    plan = next((one for one in plans if one.plan_id == chosen), None)
    opened[chosen].draw(context)
    if plan is not None:
        _switch(context, plan)


def _form(context: Context, lot: LotName, plan: PlanView | None) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = PlanForm(values["name"], values["unit"], values["unit_count"], values["price"])
        if plan is None:
            create_plan(renewed.settings, renewed.actor, lot.lot_id, form)
        else:
            edit_plan(renewed.settings, renewed.actor, plan.plan_id, plan.version, form)
        return forms.Done(renewed.text("parkers.saved", name=form.name))

    return forms.Form(
        key=f"parkers_plan_{lot.lot_id}_{plan.plan_id if plan else 'new'}",
        title=text("parkers.plans_of", lot=lot.name),
        fields=[
            forms.Field("name", text("parkers.plan_name"), required=True, longest=100),
            forms.Field("price", text("parkers.price"), "money", required=True),
            forms.Field("unit_count", text("parkers.unit_count"), "number", required=True, least=1, most=MOST_UNITS),
            forms.Field(
                "unit",
                text("parkers.unit"),
                "choice",
                required=True,
                options={unit: text(f"parkers.unit_{unit}") for unit in UNITS},
            ),
        ],
        initial={"unit": UNITS[0], "unit_count": 1}
        if plan is None
        else {"name": plan.name, "price": plan.price, "unit": plan.unit, "unit_count": plan.unit_count},
        submit=submit,
    )


def _switch(context: Context, plan: PlanView) -> None:
    label = context.text("parkers.stop_selling" if plan.is_active else "parkers.sell_again")
    if not st.button(label, icon=":material/block:", key=f"parkers_plan_active_{plan.plan_id}"):
        return
    try:
        set_plan_active(context.settings, context.actor, plan.plan_id, plan.version, active=not plan.is_active)
    except ParkError as error:
        cards.notice("bad", context.text("form.not_saved"), error.text(context.language))
        return
    st.rerun(scope="fragment")
