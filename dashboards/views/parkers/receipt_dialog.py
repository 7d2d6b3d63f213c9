"""Receipts on screen: the one of a renewal just made, and those of an owner.

Belongs here: dialogs around them. Does not belong here: the receipt itself (``warehouse.services.receipts``).
"""

from __future__ import annotations

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from dashboards.views.parkers.labels import comma, local
from warehouse.codes import label
from warehouse.services.listing import ListQuery
from warehouse.services.owners import get_owner
from warehouse.services.receipts import file_name, receipt_page
from warehouse.services.renewal_entries import RenewalView, get_receipt, list_renewals

PER_PAGE = 20
RECEIPT_HEIGHT = 690
_NEXT = "parkers_next_receipt"


def show_next(renewal_id: int) -> None:
    """Let the next run of the page show this receipt."""
    st.session_state[_NEXT] = renewal_id


def open_pending(context: Context) -> None:
    """Open the receipt that ``show_next`` asked for."""
    renewal_id = st.session_state.pop(_NEXT, None)
    if renewal_id is not None:
        context.dialog(
            context.text("parkers.receipt"), lambda renewed: _draw_receipt(renewed, renewal_id), width="medium"
        )


def open_renewals(context: Context, owner_id: int) -> None:
    """Open the renewals of an owner."""
    owner = get_owner(context.settings, context.actor, owner_id)
    title = context.text("parkers.renewals_of", name=owner.name)
    context.dialog(title, lambda renewed: _draw_renewals(renewed, owner_id), width="large", drawer=True)


def _draw_receipt(context: Context | None, renewal_id: int) -> None:
    if context is None:
        return
    receipt = get_receipt(context.settings, context.actor, renewal_id)
    page = receipt_page(receipt, context.language)
    st.iframe(page, height=RECEIPT_HEIGHT, alt=context.text("parkers.receipt"))
    permission = context.permission or "long_term_owners.view"
    context.download(
        context.text("parkers.save_receipt"),
        file_name(receipt),
        permission,
        lambda renewed: receipt_page(
            get_receipt(renewed.settings, renewed.actor, renewal_id), renewed.language
        ).encode(),
        key=f"parkers_receipt_{renewal_id}",
    )


def _draw_renewals(context: Context | None, owner_id: int) -> None:
    if context is None:
        return
    text = context.text
    owner = get_owner(context.settings, context.actor, owner_id)
    page = int(st.session_state.get("parkers_renewals_page", 1))
    found = list_renewals(context.settings, context.actor, owner_id, ListQuery(page=page, size=PER_PAGE))
    if not found.rows:
        cards.nothing(text("parkers.no_renewals"))
        return
    cards.note(text("grid.total", count=f"{found.total:,}"))
    cards.table(
        text("parkers.renewals"),
        [
            text("parkers.paid_at"),
            text("parkers.receipt_number"),
            text("parkers.plates"),
            text("parkers.plan"),
            text("parkers.renewal_amount"),
            text("parkers.method"),
            text("parkers.valid_after"),
            text("parkers.operator"),
            text("parkers.remark"),
        ],
        [_cells(context, row, owner.time_zone) for row in found.rows],
        right=(4,),
    )
    if found.total > PER_PAGE:
        st.pagination(-(-found.total // PER_PAGE), key="parkers_renewals_page")
    chosen = st.selectbox(
        text("parkers.receipt"),
        [None, *(row.renewal_id for row in found.rows)],
        format_func=lambda code: next(
            (row.receipt_number for row in found.rows if row.renewal_id == code), text("form.choose")
        ),
        key="parkers_renewals_receipt",
    )
    if chosen is not None:
        _draw_receipt(context, chosen)


def _cells(context: Context, row: RenewalView, zone: str) -> tuple[str, ...]:
    return (
        local(row.created_at, zone),
        row.receipt_number,
        comma(context).join(row.plates),
        f"{row.plan_name} × {row.periods}",
        f"{row.amount:,.2f}",
        label("method", row.method, context.language),
        context.text("parkers.span", first=row.valid_from, last=row.valid_to),
        row.operator_name,
        row.remark or "",
    )
