"""Customers: the list, adding with a first login, editing, moving, switching off, deleting, their logins.

Belongs here: what this page shows and asks. Does not belong here: rules (``warehouse.services.customers``).
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import address, cards, exchange, forms, grid
from dashboards.views.tree import node_forms
from dashboards.views.tree.customer_logins import open_logins
from warehouse.services import customers
from warehouse.services.customers import CustomerRow, FirstOperator
from warehouse.services.visible import node_names

VIEW = View("customers", ":material/apartment:")


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.customers"), text("customers.below"))
    agents = _agents(context)
    columns = [
        grid.Column("name", text("node.name"), "large", sortable=True),
        grid.Column("code", text("node.code"), sortable=True),
        grid.Column("agent_name", text("customers.agent"), sortable=True),
        grid.Column("lots", text("node.lots"), "small", right=True),
        grid.Column("operators", text("node.operators"), "small", right=True),
        grid.Column("contact_name", text("node.contact_name")),
        grid.Column("phone", text("node.phone")),
        node_forms.state_column(context),
    ]
    with cards.card("customers"):
        left, middle, third, right = st.columns([3, 2, 2, 4], vertical_alignment="center")
        with left:
            search = address.search(context)
        with middle:
            agent = address.choice(context, "agent", text("customers.agent"), agents) if len(agents) > 1 else ""
        with third:
            active = node_forms.state_choice(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = customers.list_customers(
            context.settings, context.actor, asked, agent_id=int(agent) if agent else None, active=active
        )
        bar = grid.bar("customers")
        chosen = grid.table(
            context, "customers", columns, found, asked, lambda row: row.node_id, none_yet=text("customers.none_yet")
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen, agents)
            exchange.buttons(context, "customers")


def _agents(context: Context) -> dict[str, str]:
    found = node_names(context.settings, context.actor, "agent")
    return {str(agent.node_id): agent.name for agent in found}


def _buttons(context: Context, chosen: CustomerRow | None, agents: dict[str, str]) -> None:
    text = context.text
    nothing = chosen is None
    may_arrange = context.allows("customers.edit") and bool(agents)
    if may_arrange and st.button(text("customers.add"), icon=":material/add:", type="primary", key="customers_add"):
        forms.open_form(context, _new(context, agents))
    if (
        context.allows("customers.edit")
        and st.button(text("node.edit"), icon=":material/edit:", disabled=nothing, key="customers_edit")
        and chosen
    ):
        forms.open_form(context, _edit(context, chosen))
    if context.allows("operators.view"):
        label = text("customers.logins")
        if st.button(label, icon=":material/group:", disabled=nothing, key="customers_logins") and chosen:
            open_logins(context, chosen)
    if may_arrange and len(agents) > 1:
        label = text("customers.move")
        if st.button(label, icon=":material/move_up:", disabled=nothing, key="customers_move") and chosen:
            forms.open_form(context, _move(context, chosen, agents))
    if may_arrange:
        label = text("node.disable" if chosen is None or chosen.is_active else "node.enable")
        if st.button(label, icon=":material/block:", disabled=nothing, key="customers_active") and chosen:
            _confirm_active(context, chosen)
    if context.allows("customers.delete") and agents:
        label = text("form.delete")
        if st.button(label, icon=":material/delete:", disabled=nothing, key="customers_delete") and chosen:
            _confirm_delete(context, chosen)


def _new(context: Context, agents: dict[str, str]) -> forms.Form:
    text = context.text
    fields = [
        forms.Field("agent_id", text("customers.agent"), "choice", required=True, options=agents, wide=True),
        *node_forms.contact_fields(context, is_new=True),
    ]
    if context.allows("operators.edit"):
        fields += [
            forms.Field("first", text("customers.first_login_note"), "note"),
            forms.Field("login", text("customers.login"), longest=64),
            forms.Field("operator_name", text("customers.operator_name")),
        ]

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        login, name = (values.get("login") or "").strip(), (values.get("operator_name") or "").strip()
        first = FirstOperator(login, name) if login or name else None
        form = node_forms.typed(values)
        agent_id = int(values["agent_id"] or 0)
        made = customers.create_customer(renewed.settings, renewed.actor, agent_id, form, first)
        once = {}
        if made.password is not None:
            once = {
                renewed.text("customers.login"): login.casefold(),
                renewed.text("customers.password"): made.password,
            }
        return forms.Done(renewed.text("node.saved", name=form.name), once)

    only = next(iter(agents)) if len(agents) == 1 else ""
    return forms.Form("customer_new", text("customers.add"), fields, {"agent_id": only}, submit, drawer=True)


def _edit(context: Context, customer: CustomerRow) -> forms.Form:
    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = node_forms.typed(values)
        customers.edit_customer(renewed.settings, renewed.actor, customer.node_id, customer.version, form)
        return forms.Done(renewed.text("node.saved", name=form.name))

    return forms.Form(
        key=f"customer_{customer.node_id}",
        title=context.text("customers.edit"),
        fields=node_forms.contact_fields(context, is_new=False),
        initial=node_forms.initial(customer),
        submit=submit,
        drawer=True,
    )


def _move(context: Context, customer: CustomerRow, agents: dict[str, str]) -> forms.Form:
    text = context.text
    others = {code: name for code, name in agents.items() if code != str(customer.agent_id)}

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        customers.move_customer(
            renewed.settings, renewed.actor, customer.node_id, customer.version, int(values["agent_id"] or 0)
        )
        return forms.Done(renewed.text("customers.moved", name=customer.name, agent=agents[values["agent_id"]]))

    field = forms.Field("agent_id", text("customers.new_agent"), "choice", required=True, options=others, wide=True)
    return forms.Form(
        key=f"customer_move_{customer.node_id}",
        title=text("customers.move"),
        fields=[field],
        initial={},
        submit=submit,
        submit_label=text("customers.move"),
        note=text("customers.move_note", name=customer.name, agent=customer.agent_name),
        width="small",
    )


def _confirm_active(context: Context, customer: CustomerRow) -> None:
    text, wanted = context.text, not customer.is_active

    def act(renewed: Context) -> str:
        customers.set_customer_active(
            renewed.settings, renewed.actor, customer.node_id, customer.version, active=wanted
        )
        return renewed.text("node.enabled" if wanted else "node.disabled", name=customer.name)

    forms.confirm(
        context,
        f"customer_active_{customer.node_id}",
        text("node.enable" if wanted else "node.disable"),
        text("node.confirm_enable" if wanted else "customers.confirm_disable", name=customer.name),
        act,
        label=text("node.enable" if wanted else "node.disable"),
    )


def _confirm_delete(context: Context, customer: CustomerRow) -> None:
    def act(renewed: Context) -> str:
        customers.delete_customer(renewed.settings, renewed.actor, customer.node_id, customer.version)
        return renewed.text("node.deleted", name=customer.name)

    title = context.text("node.delete_title", name=customer.name)
    forms.confirm(context, f"customer_delete_{customer.node_id}", title, context.text("node.confirm_delete"), act)
