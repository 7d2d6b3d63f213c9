"""Long-term vehicles: plate, owner, validity, group and state.

Belongs here: what this page shows and asks. Does not belong here: rules (``warehouse.services``), the forms
(modules beside this one).
"""

from __future__ import annotations

import streamlit as st

from dashboards.frame import Context, View
from dashboards.ui import address, cards, exchange, grid
from dashboards.views.parkers import labels, owner_form, receipt_dialog, renewal_dialog
from warehouse.services.listing import Found
from warehouse.services.parkers import EDITS
from warehouse.services.vehicles import VehicleRow, list_vehicles

VIEW = View("long_term_vehicles", ":material/directions_car:")
GROUPED = {"yes": True, "no": False}


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.long_term_vehicles"), text("parkers.vehicles_below"))
    columns = [
        grid.Column("plate", text("parkers.plate"), "small", sortable=True),
        grid.Column("owner", text("parkers.owner")),
        grid.Column("state", text("parkers.state"), "small"),
        grid.Column("valid_from", text("parkers.valid_from"), "small", sortable=True),
        grid.Column("valid_to", text("parkers.valid_to"), "small", sortable=True),
        grid.Column("group", text("parkers.group")),
        grid.Column("vehicle_class", text("parkers.class"), "small"),
        grid.Column("created_at", text("parkers.added_at"), sortable=True),
        grid.Column("lot_name", text("grid.lot"), "medium"),
    ]
    with cards.card("long_term_vehicles"):
        first, second, third, fourth = st.columns([4, 1.6, 1.6, 4], vertical_alignment="center")
        with first:
            lot, search = labels.filters(context)
        with second:
            state = labels.state_choice(context)
        with third:
            options = {"yes": text("parkers.grouped"), "no": text("parkers.alone")}
            grouped = GROUPED.get(address.choice(context, "group", text("parkers.group"), options))
        with fourth:
            asked = grid.asked(context, columns, search)
        found = list_vehicles(
            context.settings,
            context.actor,
            asked,
            lot_id=lot.lot_id if lot else None,
            state=state,
            grouped=grouped,
            now=context.now,
        )
        bar = grid.bar("long_term_vehicles")
        chosen = grid.table(
            context,
            "long_term_vehicles",
            columns,
            Found([labels.vehicle_line(context, row) for row in found.rows], found.total),
            asked,
            lambda line: line.row.vehicle_id,
            none_yet=text("parkers.no_vehicles_yet"),
        )
        with grid.actions(context, bar, chosen.plate if chosen else None):
            _buttons(context, chosen.row if chosen else None)
            if lot is not None:
                exchange.buttons(context, "long_term_vehicles", lot_id=lot.lot_id)
    receipt_dialog.open_pending(context)


def _buttons(context: Context, chosen: VehicleRow | None) -> None:
    text = context.text
    nothing = chosen is None
    if any(context.allows(permission) for permission in EDITS):
        label = text("parkers.renew")
        if (
            st.button(label, icon=":material/event_repeat:", type="primary", disabled=nothing, key="vehicles_renew")
            and chosen
        ):
            renewal_dialog.open_renewal(context, chosen.owner_id, chosen.vehicle_id)
        label = text("parkers.edit_owner")
        if st.button(label, icon=":material/edit:", disabled=nothing, key="vehicles_edit") and chosen:
            owner_form.open_edit(context, chosen.owner_id)
    label = text("parkers.renewals")
    if st.button(label, icon=":material/receipt_long:", disabled=nothing, key="vehicles_renewals") and chosen:
        receipt_dialog.open_renewals(context, chosen.owner_id)
