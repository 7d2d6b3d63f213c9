"""权限管理: roles and what they permit.

Belongs here: the list and its buttons. Does not belong here: the ticks (roles_form.py), the rules
(``warehouse.services.roles``).
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import address, cards, exchange, forms, grid
from dashboards.views.settings import roles_form
from dashboards.views.settings.labels import role_label
from warehouse.services.listing import Found
from warehouse.services.roles import RoleRow, delete_role, list_roles

VIEW = View("roles", ":material/verified_user:")


@dataclass(frozen=True)
class Shown:
    """A role as the list shows it."""

    row: RoleRow
    name: str
    kind: str
    place: str | None
    permissions: int
    operators: int
    remark: str | None


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.roles"), text("roles.below"))
    columns = [
        grid.Column("name", text("roles.name"), sortable=True),
        grid.Column("kind", text("roles.kind"), width="small"),
        grid.Column("place", text("roles.place")),
        grid.Column("permissions", text("roles.permissions"), width="small", right=True),
        grid.Column("operators", text("roles.operators"), width="small", right=True),
        grid.Column("remark", text("roles.remark"), width="large"),
    ]
    with cards.card("roles"):
        left, right = st.columns([3, 5], vertical_alignment="center")
        with left:
            search = address.search(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = list_roles(context.settings, context.actor, asked)
        bar = grid.bar("roles")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(context, "roles", columns, shown, asked, lambda one: one.row.role_id)
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen.row if chosen else None)


def _shown(context: Context, row: RoleRow) -> Shown:
    return Shown(
        row=row,
        name=role_label(context, row.code, row.name),
        kind=context.text("roles.built_in") if row.code else context.text("roles.custom"),
        place=row.node_name,
        permissions=len(row.permissions),
        operators=row.operators,
        remark=row.remark,
    )


def _buttons(context: Context, chosen: RoleRow | None) -> None:
    text = context.text
    may_edit = chosen is not None and chosen.may_edit
    makes_roles = context.allows("roles.edit") and context.actor.lot_id is None
    if makes_roles and st.button(text("roles.add"), icon=":material/add:", type="primary", key="roles_add"):
        roles_form.open_role(context, None)
    label = text("roles.edit_one") if may_edit else text("roles.show")
    if st.button(label, disabled=chosen is None, key="roles_edit"):
        roles_form.open_role(context, chosen)
    if makes_roles and st.button(text("roles.copy"), disabled=chosen is None, key="roles_copy"):
        roles_form.open_role(context, chosen, as_copy=True)
    if context.allows("roles.delete") and st.button(text("form.delete"), disabled=not may_edit, key="roles_delete"):
        assert chosen is not None
        _delete(context, chosen)
    exchange.buttons(context, "roles")


def _delete(context: Context, row: RoleRow) -> None:
    def act(renewed: Context) -> str:
        delete_role(renewed.settings, renewed.actor, row.role_id, row.version)
        return renewed.text("roles.was_deleted", name=row.name)

    forms.confirm(
        context,
        f"roles_delete_{row.role_id}",
        context.text("roles.delete_one"),
        context.text("roles.delete_sure", name=row.name),
        act,
    )
