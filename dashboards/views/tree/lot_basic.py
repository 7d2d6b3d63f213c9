"""A lot's own fields: what it is, editing, moving, deleting, its place.

Belongs here: this section of the lot's page. Does not belong here: the form (``lot_fields.py``), the map
(``lot_place.py``).
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from dashboards.views.tree import lot_address, lot_place
from dashboards.views.tree.lot_fields import datum_labels, lot_form
from warehouse.services import lot_editing
from warehouse.services.lot_list import LotView
from warehouse.services.visible import node_names


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    text = context.text
    with cards.card("lot_basic"):
        with st.container(horizontal=True, key="lot_basic_bar", vertical_alignment="center"):
            _buttons(context, lot)
        cards.facts(_facts(context, lot))
    with cards.card("lot_place", text("lots.place")):
        place = ""
        if lot.given_longitude is not None:
            datum = datum_labels(context)[lot.coordinate_datum]
            place = f"{lot.given_longitude}, {lot.given_latitude} · {datum}"
        cards.note(place or text("lots.no_place"))
        if context.allows("lots.edit") and st.button(
            text("lots.set_place"), icon=":material/edit_location_alt:", key="lots_set_place"
        ):
            lot_place.open_place(context, lot)
        lot_place.show(context, lot)


def _facts(context: Context, lot: LotView) -> list[cards.Fact]:
    text = context.text
    yes, no = text("form.yes"), text("form.no")
    hours, minutes = divmod(lot.cutover_minutes, 60)
    return [
        cards.Fact(text("lots.name"), lot.name),
        cards.Fact(text("lots.code"), lot.code),
        cards.Fact(text("lots.customer"), lot.customer_name),
        cards.Fact(text("lots.agent"), lot.agent_name),
        cards.Fact(text("lots.region"), lot.region or ""),
        cards.Fact(text("lots.address"), lot.address or ""),
        cards.Fact(text("lots.capacity"), "" if lot.capacity is None else f"{lot.capacity:,}"),
        cards.Fact(text("lots.time_zone"), lot.time_zone),
        cards.Fact(text("lots.cutover"), f"{hours:02}:{minutes:02}"),
        cards.Fact(text("lots.free_space_minutes"), str(lot.free_space_minutes)),
        cards.Fact(text("node.contact_name"), lot.contact_name or ""),
        cards.Fact(text("node.phone"), lot.phone or ""),
        cards.Fact(text("lots.gates"), f"{lot.gates:,}"),
        cards.Fact(text("lots.owners"), f"{lot.owners:,}"),
        cards.Fact(text("node.operators"), f"{lot.operators:,}"),
        cards.Fact(text("lots.credentials"), f"{lot.credentials:,}"),
        cards.Fact(text("lots.test"), yes if lot.is_test else no),
        cards.Fact(text("lots.void"), yes if lot.is_void else no),
        cards.Fact(text("node.remark"), lot.remark or ""),
    ]


def _buttons(context: Context, lot: LotView) -> None:
    text = context.text
    if context.allows("lots.edit"):
        if st.button(text("node.edit"), icon=":material/edit:", type="primary", key="lots_edit"):
            forms.open_form(context, lot_form(context, lot, {}))
        others = {
            str(node.node_id): node.name
            for node in node_names(context.settings, context.actor, "customer")
            if node.node_id != lot.customer_id
        }
        if others and st.button(text("lots.move"), icon=":material/move_up:", key="lots_move"):
            forms.open_form(context, _move(context, lot, others))
    if context.allows("lots.delete") and st.button(text("form.delete"), icon=":material/delete:", key="lots_delete"):
        _confirm_delete(context, lot)


def _move(context: Context, lot: LotView, others: dict[str, str]) -> forms.Form:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        customer = values["customer_id"]
        lot_editing.move_lot(renewed.settings, renewed.actor, lot.lot_id, lot.version, int(customer or 0))
        return forms.Done(renewed.text("lots.moved", name=lot.name, customer=others[customer]))

    field = forms.Field("customer_id", text("lots.new_customer"), "choice", required=True, options=others, wide=True)
    return forms.Form(
        key=f"lot_move_{lot.lot_id}",
        title=text("lots.move"),
        fields=[field],
        initial={},
        submit=submit,
        submit_label=text("lots.move"),
        note=text("lots.move_note", name=lot.name, customer=lot.customer_name),
        width="small",
    )


def _confirm_delete(context: Context, lot: LotView) -> None:
    def act(renewed: Context) -> str:
        lot_editing.delete_lot(renewed.settings, renewed.actor, lot.lot_id, lot.version)
        lot_address.go_to_list()
        return renewed.text("node.deleted", name=lot.name)

    text = context.text
    title = text("node.delete_title", name=lot.name)
    forms.confirm(context, f"lot_delete_{lot.lot_id}", title, text("lots.confirm_delete"), act, typed=lot.code)
