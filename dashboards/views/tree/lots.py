"""Lots: the list with its filters, and one lot behind ``?lot=``.

Belongs here: the list. Does not belong here: one lot (``lot_page.py``), rules (``warehouse.services.lot_*``).
"""

from __future__ import annotations

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import address, cards, exchange, forms, grid
from dashboards.views.tree import lot_address, lot_page
from dashboards.views.tree.lot_fields import licence_labels, lot_form
from warehouse.services.lot_licence import LicenceState, licence_warnings
from warehouse.services.lot_list import LotFilter, LotRow, list_lots
from warehouse.services.visible import lot_names, node_names

VIEW = View("lots", ":material/local_parking:")
SHOWN_NAMES = 5
LONGEST_NAME = 16


def render(context: Context) -> None:
    """Draw the list, or the lot that the address names."""
    code = st.query_params.get(lot_address.LOT)
    if code:
        lots = {lot.code: lot.lot_id for lot in lot_names(context.settings, context.actor)}
        lot_page.draw(context, code, lots.get(code))
        return
    _list(context)


def _list(context: Context) -> None:
    text = context.text
    cards.title(text("menu.lots"), text("lots.below"))
    _warnings(context)
    columns = _columns(context)
    customers = {str(node.node_id): node.name for node in node_names(context.settings, context.actor, "customer")}
    with cards.card("lots"):
        search, wanted = _filters(context, customers)
        asked = grid.asked(context, columns, search)
        found = list_lots(context.settings, context.actor, asked, wanted, now=context.now)
        bar = grid.bar("lots")
        chosen = grid.table(
            context, "lots", columns, found, asked, lambda row: row.lot_id, none_yet=text("lots.none_yet")
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen, customers)
            exchange.buttons(context, "lots")


def _columns(context: Context) -> list[grid.Column]:
    text = context.text
    flags = {"True": text("form.yes"), "False": ""}
    return [
        grid.Column("name", text("lots.name"), "large", sortable=True),
        grid.Column("code", text("lots.code"), sortable=True),
        grid.Column("customer_name", text("lots.customer"), sortable=True),
        grid.Column("agent_name", text("lots.agent")),
        grid.Column("region", text("lots.region"), sortable=True),
        grid.Column("address", text("lots.address"), "large"),
        grid.Column("capacity", text("lots.capacity"), "small", right=True),
        grid.Column("licence", text("lots.licence"), "small", labels=licence_labels(context)),
        grid.Column("licence_to", text("lots.licence_to"), sortable=True),
        grid.Column("is_test", text("lots.test"), "small", labels=flags),
        grid.Column("is_void", text("lots.void"), "small", labels=flags),
    ]


def _filters(context: Context, customers: dict[str, str]) -> tuple[str, LotFilter]:
    text = context.text
    left, second, third, fourth = st.columns([3, 2, 2, 2], vertical_alignment="center")
    with left:
        search = address.search(context, label=text("lots.search"))
    with second:
        customer = address.choice(context, "customer", text("lots.customer"), customers) if len(customers) > 1 else ""
    with third:
        licence = address.choice(context, "licence", text("lots.licence"), licence_labels(context))
    with fourth:
        kinds = {"real": text("lots.kind_real"), "test": text("lots.test"), "void": text("lots.void")}
        kind = address.choice(context, "kind", text("lots.kind"), kinds)
    return search, LotFilter(
        customer_id=int(customer) if customer else None,
        licence=LicenceState(licence) if licence else None,
        is_test={"test": True, "real": False}.get(kind),
        is_void={"void": True, "real": False}.get(kind),
    )


def _warnings(context: Context) -> None:
    found = licence_warnings(context.settings, context.actor, now=context.now)
    if not found:
        return
    text = context.text
    over = [warning.name for warning in found if warning.state is LicenceState.EXPIRED]
    due = [warning.name for warning in found if warning.state is LicenceState.DUE]
    for names, key, tone in ((over, "lots.warn_expired", "bad"), (due, "lots.warn_due", "plain")):
        if names:
            short = [name if len(name) <= LONGEST_NAME else f"{name[:LONGEST_NAME]}…" for name in names[:SHOWN_NAMES]]
            shown = ("、" if context.language == "zh" else ", ").join(short)
            cards.notice(tone, text(key, count=len(names)), shown + (" …" if len(names) > SHOWN_NAMES else ""))


def _buttons(context: Context, chosen: LotRow | None, customers: dict[str, str]) -> None:
    text = context.text
    if (
        context.allows("lots.edit")
        and customers
        and st.button(text("lots.add"), icon=":material/add:", type="primary", key="lots_add")
    ):
        forms.open_form(context, lot_form(context, None, customers))
    label = text("lots.open")
    if st.button(label, icon=":material/arrow_forward:", disabled=chosen is None, key="lots_open") and chosen:
        lot_address.go_to(chosen.code)
        st.rerun()
