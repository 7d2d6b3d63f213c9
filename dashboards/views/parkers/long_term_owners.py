"""Long-term owners: the list, adding, editing, deleting, topping up, renewing, receipts.

Belongs here: what this page shows and asks. Does not belong here: rules (``warehouse.services``), the forms
(modules beside this one).
"""

from __future__ import annotations

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import cards, exchange, forms, grid
from dashboards.views.parkers import labels, money_forms, owner_form, receipt_dialog, renewal_dialog
from dashboards.views.parkers.plans_drawer import open_plans
from warehouse.services.listing import Found
from warehouse.services.owner_changes import delete_owner
from warehouse.services.owners import OwnerRow, list_owners
from warehouse.services.parkers import DELETES, EDITS
from warehouse.services.visible import LotName

VIEW = View("long_term_owners", ":material/badge:")


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.long_term_owners"), text("parkers.owners_below"))
    columns = [
        grid.Column("code", text("parkers.code"), 80, sortable=True),
        grid.Column("name", text("parkers.name"), 150, sortable=True),
        grid.Column("phone", text("parkers.phone"), 115),
        grid.Column("plates", text("parkers.plates"), 230),
        grid.Column("spaces", text("parkers.spaces"), 90),
        grid.Column("states", text("parkers.state"), 130),
        grid.Column("valid_to", text("parkers.valid_to"), 95),
        grid.Column("balance", text("parkers.balance"), 90, right=True),
        grid.Column("lot_name", text("grid.lot"), 130),
    ]
    with cards.card("long_term_owners"):
        left, middle, right = st.columns([5, 2, 4], vertical_alignment="center")
        with left:
            lot, search = labels.filters(context)
        with middle:
            state = labels.state_choice(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = list_owners(
            context.settings, context.actor, asked, lot_id=lot.lot_id if lot else None, state=state, now=context.now
        )
        bar = grid.bar("long_term_owners")
        chosen = grid.table(
            context,
            "long_term_owners",
            columns,
            Found([labels.owner_line(context, row) for row in found.rows], found.total),
            asked,
            lambda line: line.row.owner_id,
            none_yet=text("parkers.none_yet"),
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, lot, chosen.row if chosen else None)
            if lot is not None:
                exchange.buttons(context, "owners", lot_id=lot.lot_id)
    receipt_dialog.open_pending(context)


def _buttons(context: Context, lot: LotName | None, chosen: OwnerRow | None) -> None:
    text = context.text
    nothing = chosen is None
    if any(context.allows(permission) for permission in EDITS):
        help_text = None if lot else text("parkers.choose_lot")
        if (
            st.button(
                text("parkers.add"),
                icon=":material/add:",
                type="primary",
                key="owners_add",
                disabled=lot is None,
                help=help_text,
            )
            and lot
        ):
            owner_form.open_new(context, lot, with_money=False)
        if st.button(text("parkers.edit"), icon=":material/edit:", disabled=nothing, key="owners_edit") and chosen:
            owner_form.open_edit(context, chosen.owner_id)
        if (
            st.button(text("parkers.top_up"), icon=":material/add_card:", disabled=nothing, key="owners_top_up")
            and chosen
        ):
            money_forms.open_top_up(context, chosen.owner_id)
        if (
            st.button(text("parkers.renew"), icon=":material/event_repeat:", disabled=nothing, key="owners_renew")
            and chosen
        ):
            renewal_dialog.open_renewal(context, chosen.owner_id)
    if (
        st.button(text("parkers.renewals"), icon=":material/receipt_long:", disabled=nothing, key="owners_renewals")
        and chosen
    ):
        receipt_dialog.open_renewals(context, chosen.owner_id)
    if st.button(text("parkers.plans"), icon=":material/sell:", disabled=lot is None, key="owners_plans") and lot:
        open_plans(context, lot)
    if (
        any(context.allows(permission) for permission in DELETES)
        and st.button(text("form.delete"), icon=":material/delete:", disabled=nothing, key="owners_delete")
        and chosen
    ):
        _confirm_delete(context, chosen)


def _confirm_delete(context: Context, owner: OwnerRow) -> None:
    def act(renewed: Context) -> str:
        delete_owner(renewed.settings, renewed.actor, owner.owner_id, owner.version)
        return renewed.text("parkers.deleted", name=owner.name)

    forms.confirm(
        context,
        f"parkers_delete_{owner.owner_id}",
        context.text("parkers.delete_title", name=owner.name),
        context.text("parkers.confirm_delete", count=len(owner.plates)),
        act,
    )
