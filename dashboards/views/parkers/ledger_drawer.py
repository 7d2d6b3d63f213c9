"""The ledger of a wallet, in a drawer.

Belongs here: showing entries. Does not belong here: moving money (``money_forms.py``).
"""

from __future__ import annotations

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from dashboards.views.parkers.labels import local
from warehouse.codes import label
from warehouse.services.listing import ListQuery
from warehouse.services.owners import get_owner
from warehouse.services.wallet_entries import EntryView, list_entries

PER_PAGE = 20


def open_ledger(context: Context, owner_id: int) -> None:
    """Open the ledger of an owner."""
    owner = get_owner(context.settings, context.actor, owner_id)
    title = context.text("parkers.ledger_of", name=owner.name)
    context.dialog(title, lambda renewed: _draw(renewed, owner_id), width="large", drawer=True)


def _draw(context: Context | None, owner_id: int) -> None:
    if context is None:
        return
    text = context.text
    owner = get_owner(context.settings, context.actor, owner_id)
    page = int(st.session_state.get("parkers_ledger_page", 1))
    found = list_entries(context.settings, context.actor, owner_id, ListQuery(page=page, size=PER_PAGE))
    cards.facts(
        [
            cards.Fact(text("parkers.balance"), f"¥{owner.balance:,.2f}"),
            cards.Fact(text("parkers.entries"), f"{found.total:,}"),
        ]
    )
    if not found.rows:
        cards.nothing(text("parkers.no_entries"))
        return
    cards.table(
        text("parkers.ledger"),
        [
            text("parkers.booked_at"),
            text("parkers.kind"),
            text("parkers.amount"),
            text("parkers.balance_after"),
            text("parkers.method"),
            text("parkers.receipt_number"),
            text("parkers.operator"),
            text("parkers.remark"),
        ],
        [_cells(context, row, owner.time_zone) for row in found.rows],
        right=(2, 3),
    )
    if found.total > PER_PAGE:
        st.pagination(-(-found.total // PER_PAGE), key="parkers_ledger_page")


def _cells(context: Context, row: EntryView, zone: str) -> tuple[str, ...]:
    return (
        local(row.created_at, zone),
        context.text(f"parkers.kind_{row.kind}"),
        f"{row.amount:+,.2f}",
        f"{row.balance_after:,.2f}",
        label("method", row.method, context.language) if row.method else "",
        row.receipt_number or "",
        row.operator_name,
        row.remark or "",
    )
