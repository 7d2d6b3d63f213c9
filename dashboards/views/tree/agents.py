"""Agents: the list, adding, editing, switching off, deleting.

Belongs here: what this page shows and asks. Does not belong here: rules (``warehouse.services.agents``).
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import address, cards, exchange, forms, grid
from dashboards.views.tree import node_forms
from warehouse.services import agents
from warehouse.services.agents import AgentRow

VIEW = View("agents", ":material/handshake:")


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.agents"), text("agents.below"))
    columns = [
        grid.Column("name", text("node.name"), "large", sortable=True),
        grid.Column("code", text("node.code"), sortable=True),
        grid.Column("customers", text("agents.customers"), "small", right=True),
        grid.Column("lots", text("node.lots"), "small", right=True),
        grid.Column("operators", text("node.operators"), "small", right=True),
        grid.Column("contact_name", text("node.contact_name")),
        grid.Column("phone", text("node.phone")),
        node_forms.state_column(context),
    ]
    with cards.card("agents"):
        left, middle, right = st.columns([3, 2, 4], vertical_alignment="center")
        with left:
            search = address.search(context)
        with middle:
            active = node_forms.state_choice(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = agents.list_agents(context.settings, context.actor, asked, active=active)
        bar = grid.bar("agents")
        chosen = grid.table(
            context, "agents", columns, found, asked, lambda row: row.node_id, none_yet=text("agents.none_yet")
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen)
            exchange.buttons(context, "agents")


def _buttons(context: Context, chosen: AgentRow | None) -> None:
    text = context.text
    nothing = chosen is None
    if context.allows("agents.edit"):
        if st.button(text("agents.add"), icon=":material/add:", type="primary", key="agents_add"):
            forms.open_form(context, _form(context, None))
        if st.button(text("node.edit"), icon=":material/edit:", disabled=nothing, key="agents_edit") and chosen:
            forms.open_form(context, _form(context, chosen))
        label = text("node.disable" if chosen is None or chosen.is_active else "node.enable")
        if st.button(label, icon=":material/block:", disabled=nothing, key="agents_active") and chosen:
            _confirm_active(context, chosen)
    if (
        context.allows("agents.delete")
        and st.button(text("form.delete"), icon=":material/delete:", disabled=nothing, key="agents_delete")
        and chosen
    ):
        _confirm_delete(context, chosen)


def _form(context: Context, agent: AgentRow | None) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = node_forms.typed(values)
        if agent is None:
            agents.create_agent(renewed.settings, renewed.actor, form)
        else:
            agents.edit_agent(renewed.settings, renewed.actor, agent.node_id, agent.version, form)
        return forms.Done(renewed.text("node.saved", name=form.name))

    return forms.Form(
        key=f"agent_{agent.node_id if agent else 'new'}",
        title=text("agents.edit" if agent else "agents.add"),
        fields=node_forms.contact_fields(context, is_new=agent is None),
        initial=node_forms.initial(agent) if agent else {},
        submit=submit,
        drawer=True,
    )


def _confirm_active(context: Context, agent: AgentRow) -> None:
    text, wanted = context.text, not agent.is_active

    def act(renewed: Context) -> str:
        agents.set_agent_active(renewed.settings, renewed.actor, agent.node_id, agent.version, active=wanted)
        return renewed.text("node.enabled" if wanted else "node.disabled", name=agent.name)

    forms.confirm(
        context,
        f"agent_active_{agent.node_id}",
        text("node.enable" if wanted else "node.disable"),
        text("node.confirm_enable" if wanted else "agents.confirm_disable", name=agent.name),
        act,
        label=text("node.enable" if wanted else "node.disable"),
    )


def _confirm_delete(context: Context, agent: AgentRow) -> None:
    def act(renewed: Context) -> str:
        agents.delete_agent(renewed.settings, renewed.actor, agent.node_id, agent.version)
        return renewed.text("node.deleted", name=agent.name)

    title = context.text("node.delete_title", name=agent.name)
    forms.confirm(context, f"agent_delete_{agent.node_id}", title, context.text("node.confirm_delete"), act)
