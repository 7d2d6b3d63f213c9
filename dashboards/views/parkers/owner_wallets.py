"""Owner, vehicles and wallet: one form for all of it, and the wallet's ledger.

Belongs here: what this page shows and asks. Does not belong here: rules (``warehouse.services``), the forms
(modules beside this one).
"""

from __future__ import annotations

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import cards, grid
from dashboards.views.parkers import labels, money_forms, owner_form
from dashboards.views.parkers.ledger_drawer import open_ledger
from warehouse.services.listing import Found
from warehouse.services.owners import OwnerRow, list_owners
from warehouse.services.parkers import EDITS
from warehouse.services.visible import LotName
from warehouse.services.wallets import EDIT

VIEW = View("owner_wallets", ":material/account_balance_wallet:")


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.owner_wallets"), text("parkers.wallets_below"))
    columns = [
        grid.Column("name", text("parkers.name"), 170, sortable=True),
        grid.Column("code", text("parkers.code"), 80, sortable=True),
        grid.Column("balance", text("parkers.balance"), 110, right=True),
        grid.Column("plates", text("parkers.plates"), 260),
        grid.Column("spaces", text("parkers.spaces"), 120),
        grid.Column("phone", text("parkers.phone"), 120),
        grid.Column("lot_name", text("grid.lot"), 180),
    ]
    with cards.card("owner_wallets"):
        left, right = st.columns([6, 4], vertical_alignment="center")
        with left:
            lot, search = labels.filters(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = list_owners(context.settings, context.actor, asked, lot_id=lot.lot_id if lot else None, now=context.now)
        bar = grid.bar("owner_wallets")
        chosen = grid.table(
            context,
            "owner_wallets",
            columns,
            Found([labels.owner_line(context, row) for row in found.rows], found.total),
            asked,
            lambda line: line.row.owner_id,
            none_yet=text("parkers.none_yet"),
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, lot, chosen.row if chosen else None)


def _buttons(context: Context, lot: LotName | None, chosen: OwnerRow | None) -> None:
    text = context.text
    nothing = chosen is None
    if any(context.allows(permission) for permission in EDITS):
        if (
            st.button(
                text("parkers.add_all"),
                icon=":material/add:",
                type="primary",
                key="wallets_add",
                disabled=lot is None,
                help=None if lot else text("parkers.choose_lot"),
            )
            and lot
        ):
            owner_form.open_new(context, lot, with_money=True)
        if st.button(text("parkers.edit"), icon=":material/edit:", disabled=nothing, key="wallets_edit") and chosen:
            owner_form.open_edit(context, chosen.owner_id)
        if (
            st.button(text("parkers.top_up"), icon=":material/add_card:", disabled=nothing, key="wallets_top_up")
            and chosen
        ):
            money_forms.open_top_up(context, chosen.owner_id)
    if (
        st.button(text("parkers.ledger"), icon=":material/receipt_long:", disabled=nothing, key="wallets_ledger")
        and chosen
    ):
        open_ledger(context, chosen.owner_id)
    if context.allows(EDIT):
        label = text("parkers.refund")
        if st.button(label, icon=":material/currency_exchange:", disabled=nothing, key="wallets_refund") and chosen:
            money_forms.open_refund(context, chosen.owner_id)
        label = text("parkers.correct")
        if st.button(label, icon=":material/edit_note:", disabled=nothing, key="wallets_correct") and chosen:
            money_forms.open_correction(context, chosen.owner_id)
