"""A lot's gates and their payment QR codes.

Belongs here: this section of the lot's page. Does not belong here: rules (``warehouse.services.lot_gates``), drawing
codes (``warehouse.services.gate_codes``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, exchange, forms, grid
from warehouse.services import gate_codes, lot_gates
from warehouse.services.listing import Found, ListQuery
from warehouse.services.lot_areas import list_areas
from warehouse.services.lot_gates import DIRECTIONS, GateForm, GateView
from warehouse.services.lot_list import LotView

CODE_PIXELS = 220


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    text = context.text
    found = lot_gates.list_gates(context.settings, context.actor, lot.lot_id)
    directions = {name: text(f"gates.{name}") for name in DIRECTIONS}
    columns = [
        grid.Column("name", text("gates.name"), "large"),
        grid.Column("gate_id", text("gates.gate_id")),
        grid.Column("direction", text("gates.direction"), labels=directions),
        grid.Column("area_name", text("gates.area")),
    ]
    with cards.card("lot_gates", text("gates.title")):
        bar = grid.bar("lot_gates")
        chosen = grid.table(
            context,
            "lot_gates",
            columns,
            Found(found, len(found)),
            ListQuery(size=1000),
            lambda row: row.gate_id,
            none_yet=text("gates.none_yet"),
            name=text("gates.title"),
        )
        with grid.actions(context, bar, chosen.name if chosen else None):
            if context.allows("lots.edit"):
                _buttons(context, lot, chosen, directions)
            exchange.buttons(context, "gates", lot_id=lot.lot_id)
            if found:
                _whole(context, lot)
    if chosen is not None:
        _code(context, lot, chosen)


def _buttons(context: Context, lot: LotView, chosen: GateView | None, directions: Mapping[str, str]) -> None:
    text = context.text
    nothing = chosen is None
    if st.button(text("gates.add"), icon=":material/add:", type="primary", key="gates_add"):
        forms.open_form(context, _form(context, lot, None, directions))
    if st.button(text("node.edit"), icon=":material/edit:", disabled=nothing, key="gates_edit") and chosen:
        forms.open_form(context, _form(context, lot, chosen, directions))
    if st.button(text("form.delete"), icon=":material/delete:", disabled=nothing, key="gates_remove") and chosen:
        _confirm_remove(context, lot, chosen)


def _whole(context: Context, lot: LotView) -> None:
    text = context.text

    def sheet(renewed: Context) -> bytes:
        return gate_codes.code_sheet(renewed.settings, renewed.actor, lot.lot_id)

    def archive(renewed: Context) -> bytes:
        return gate_codes.all_codes(renewed.settings, renewed.actor, lot.lot_id)

    context.download(
        text("gates.sheet"), f"{lot.code}-gates.html", "lots.view", sheet, key="gates_sheet", icon=":material/print:"
    )
    context.download(
        text("gates.archive"),
        f"{lot.code}-gates.zip",
        "lots.view",
        archive,
        key="gates_zip",
        icon=":material/folder_zip:",
    )


def _code(context: Context, lot: LotView, gate: GateView) -> None:
    text = context.text

    def build(kind: str) -> Any:
        return lambda renewed: gate_codes.gate_code(renewed.settings, renewed.actor, lot.lot_id, gate.gate_id, kind)[1]

    with cards.card("gate_code", text("gates.code_of", name=gate.name)):
        picture, beside = st.columns([1, 3], vertical_alignment="top")
        with picture:
            st.image(gate_codes.code_png(gate.pay_url), width=CODE_PIXELS)
        with beside:
            cards.note(text("gates.says"))
            st.code(gate.pay_url, language=None, wrap_lines=True)
            with st.container(horizontal=True, key="gate_code_bar"):
                for kind in ("png", "svg"):
                    name = f"{lot.code}-{gate.gate_id}.{kind}"
                    context.download(kind.upper(), name, "lots.view", build(kind), key=f"gate_{kind}")
                if context.allows("lots.edit") and st.button(
                    text("gates.replace"), icon=":material/refresh:", key="gates_replace"
                ):
                    _confirm_replace(context, lot, gate)
            if not context.settings.public_url:
                cards.note(text("gates.no_public_url"))


def _form(context: Context, lot: LotView, gate: GateView | None, directions: Mapping[str, str]) -> forms.Form:
    text = context.text
    areas = {area.area_id: area.name for area in list_areas(context.settings, context.actor, lot.lot_id)}

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        gate_id = gate.gate_id if gate else values["gate_id"]
        form = GateForm(gate_id, values["name"], values["direction"], values["area_id"] or None)
        if gate is None:
            lot_gates.add_gate(renewed.settings, renewed.actor, lot.lot_id, form)
        else:
            lot_gates.edit_gate(renewed.settings, renewed.actor, lot.lot_id, gate.version, form)
        return forms.Done(renewed.text("node.saved", name=form.name))

    initial = {"direction": "both"}
    if gate is not None:
        initial = {name: getattr(gate, name) for name in ("gate_id", "name", "direction", "area_id")}
    return forms.Form(
        key=f"gate_{lot.lot_id}_{gate.gate_id if gate else ''}",
        title=text("gates.edit" if gate else "gates.add"),
        fields=[
            forms.Field("name", text("gates.name"), required=True),
            forms.Field(
                "gate_id",
                text("gates.gate_id"),
                required=gate is None,
                help_text=text("gates.gate_id_help"),
                longest=64,
                disabled=gate is not None,
            ),
            forms.Field("direction", text("gates.direction"), "choice", required=True, options=directions),
            forms.Field("area_id", text("gates.area"), "choice", options=areas, help_text=text("gates.area_help")),
        ],
        initial=initial,
        submit=submit,
    )


def _confirm_remove(context: Context, lot: LotView, gate: GateView) -> None:
    def act(renewed: Context) -> str:
        lot_gates.remove_gate(renewed.settings, renewed.actor, lot.lot_id, gate.version, gate.gate_id)
        return renewed.text("node.deleted", name=gate.name)

    title = context.text("node.delete_title", name=gate.name)
    key = f"gate_remove_{lot.lot_id}_{gate.gate_id}"
    forms.confirm(context, key, title, context.text("gates.confirm_remove"), act)


def _confirm_replace(context: Context, lot: LotView, gate: GateView) -> None:
    def act(renewed: Context) -> str:
        lot_gates.replace_code(renewed.settings, renewed.actor, lot.lot_id, gate.version, gate.gate_id)
        return renewed.text("gates.replaced", name=gate.name)

    text = context.text
    key = f"gate_replace_{lot.lot_id}_{gate.gate_id}"
    sentence = text("gates.confirm_replace", name=gate.name)
    forms.confirm(context, key, text("gates.replace"), sentence, act, label=text("gates.replace"))
