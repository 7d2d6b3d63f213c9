"""操作员管理: who may sign in.

Belongs here: the list, its filters and buttons. Does not belong here: the form (operators_form.py), the rules
(``warehouse.services.operators``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from dashboards.context import Context, flash
from dashboards.frame import View
from dashboards.ui import address, cards, exchange, forms, grid
from dashboards.views.settings import operators_form
from dashboards.views.settings.labels import level_label, places, role_label, role_title
from warehouse.services.listing import Found
from warehouse.services.operator_list import OperatorRow, list_operators
from warehouse.services.operators import delete_operator, set_operator_active
from warehouse.services.roles import roles_to_give

VIEW = View("operators", ":material/manage_accounts:")


@dataclass(frozen=True)
class Shown:
    """An operator as the list shows it."""

    row: OperatorRow
    login: str
    name: str
    role: str
    place: str
    phone: str | None
    state: str
    last_login_at: datetime | None


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.operators"), text("operators.below"))
    columns = [
        grid.Column("login", text("operators.login"), width=130, sortable=True),
        grid.Column("name", text("operators.name"), width=130, sortable=True),
        grid.Column("role", text("operators.role"), width=130),
        grid.Column("place", text("operators.place"), width=290),
        grid.Column("phone", text("operators.phone"), width=120),
        grid.Column("state", text("operators.state"), width=70),
        grid.Column("last_login_at", text("operators.last_login"), width=160, sortable=True),
    ]
    with cards.card("operators"):
        first, second, third, fourth, fifth = st.columns([2.1, 1.9, 1.9, 1.6, 4.3], vertical_alignment="center")
        with first:
            search = address.search(context)
        with second:
            place = address.choice(context, "place", text("operators.place"), places(context))
        with third:
            given = roles_to_give(context.settings, context.actor)
            roles = {str(row.role_id): role_title(context, row.code, row.name, row.node_name) for row in given}
            role = address.choice(context, "role", text("operators.role"), roles)
        with fourth:
            states = {"active": text("operators.active"), "disabled": text("operators.disabled")}
            state = address.choice(context, "state", text("operators.state"), states)
        with fifth:
            asked = grid.asked(context, columns, search)
        found = list_operators(
            context.settings,
            context.actor,
            asked,
            node_id=int(place[1:]) if place.startswith("n") else None,
            lot_id=int(place[1:]) if place.startswith("l") else None,
            role_id=int(role) if role else None,
            is_active=state == "active" if state else None,
        )
        bar = grid.bar("operators")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(context, "operators", columns, shown, asked, lambda one: one.row.operator_id)
        with grid.actions(context, bar, f"{chosen.name} ({chosen.login})" if chosen else None):
            _buttons(context, chosen.row if chosen else None)


def _shown(context: Context, row: OperatorRow) -> Shown:
    text = context.text
    where = f"{level_label(context, 'lot')} · {row.lot_name}" if row.lot_name else ""
    return Shown(
        row=row,
        login=row.login,
        name=row.name,
        role=role_label(context, row.role_code, row.role_name),
        place=where or f"{level_label(context, row.node_level)} · {row.node_name}",
        phone=row.phone,
        state=text("operators.active") if row.is_active else text("operators.disabled"),
        last_login_at=row.last_login_at,
    )


def _buttons(context: Context, chosen: OperatorRow | None) -> None:
    text = context.text
    # What may not be touched has dead buttons; the services refuse it again.
    untouchable = chosen is None or not chosen.may_edit
    foreign_help = text("operators.more_rights") if chosen is not None and not chosen.may_edit else None
    own = chosen is not None and chosen.is_self
    if context.allows("operators.edit"):
        if st.button(text("operators.add"), icon=":material/person_add:", type="primary", key="operators_add"):
            operators_form.add(context)
        if st.button(text("operators.edit_one"), disabled=untouchable, help=foreign_help, key="operators_edit"):
            assert chosen is not None
            operators_form.edit(context, chosen)
        is_active = chosen is None or chosen.is_active
        label = text("operators.disable") if is_active else text("operators.enable")
        if st.button(label, disabled=untouchable or own, key="operators_switch"):
            assert chosen is not None
            _switch(context, chosen)
        if st.button(text("operators.reset"), disabled=untouchable or own, key="operators_reset"):
            assert chosen is not None
            operators_form.reset(context, chosen)
    if context.allows("operators.delete") and st.button(
        text("form.delete"), disabled=untouchable or own, key="operators_delete"
    ):
        assert chosen is not None
        _delete(context, chosen)
    exchange.buttons(context, "operators")


def _switch(context: Context, row: OperatorRow) -> None:
    text = context.text
    if not row.is_active:
        set_operator_active(context.settings, context.actor, row.operator_id, True, row.version)
        flash(text("operators.enabled", name=row.name))
        st.rerun()

    def act(renewed: Context) -> str:
        set_operator_active(renewed.settings, renewed.actor, row.operator_id, False, row.version)
        return renewed.text("operators.was_disabled", name=row.name)

    forms.confirm(
        context,
        f"operators_disable_{row.operator_id}",
        text("operators.disable"),
        text("operators.disable_sure", name=row.name, login=row.login),
        act,
        label=text("operators.disable"),
    )


def _delete(context: Context, row: OperatorRow) -> None:
    def act(renewed: Context) -> str:
        delete_operator(renewed.settings, renewed.actor, row.operator_id, row.version)
        return renewed.text("operators.was_deleted", name=row.name)

    forms.confirm(
        context,
        f"operators_delete_{row.operator_id}",
        context.text("operators.delete_one"),
        context.text("operators.delete_sure", name=row.name, login=row.login),
        act,
    )
