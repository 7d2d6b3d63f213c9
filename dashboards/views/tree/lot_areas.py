"""A lot's areas and the history of their spaces.

Belongs here: this section of the lot's page. Does not belong here: rules (``warehouse.services.lot_areas``,
``lot_capacity``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms, grid
from warehouse.services import lot_areas, lot_capacity
from warehouse.services.listing import Found, ListQuery
from warehouse.services.lot_areas import AreaForm, AreaView
from warehouse.services.lot_capacity import CapacityForm, CapacityView, InForce
from warehouse.services.lot_editing import MOST_SPACES
from warehouse.services.lot_list import LotView

ALL = ListQuery(size=1000)


@dataclass(frozen=True)
class _AreaRow:
    area: AreaView
    name: str
    area_id: str
    is_inner: bool
    capacity: int | None


@dataclass(frozen=True)
class _CapacityRow:
    capacity: CapacityView
    where: str
    valid_from: date
    valid_to: date | None
    spaces: int
    state: str


def draw(context: Context, lot: LotView) -> None:
    """Draw the section."""
    areas = lot_areas.list_areas(context.settings, context.actor, lot.lot_id, now=context.now)
    history = lot_capacity.capacity_history(context.settings, context.actor, lot.lot_id, now=context.now)
    for problem in lot_capacity.capacity_warnings(context.settings, context.actor, lot.lot_id, now=context.now):
        cards.notice("plain", context.text("lots.capacity_warning"), problem.text(context.language))
    _areas(context, lot, areas)
    _capacities(context, lot, areas, history)


def _areas(context: Context, lot: LotView, areas: Sequence[AreaView]) -> None:
    text = context.text
    columns = [
        grid.Column("name", text("areas.name"), "large"),
        grid.Column("area_id", text("areas.area_id")),
        grid.Column("is_inner", text("areas.is_inner"), "small"),
        grid.Column("capacity", text("areas.capacity_today"), "small", right=True),
    ]
    rows = [_AreaRow(area, "　" * area.depth + area.name, area.area_id, area.is_inner, area.capacity) for area in areas]
    with cards.card("lot_areas", text("areas.title")):
        bar = grid.bar("lot_areas")
        chosen = grid.table(
            context,
            "lot_areas",
            columns,
            Found(rows, len(rows)),
            ALL,
            lambda row: row.area_id,
            none_yet=text("areas.none_yet"),
            name=text("areas.title"),
        )
        if not context.allows("lots.edit"):
            return
        area = chosen.area if chosen else None
        with grid.actions(context, bar, area.name if area else None):
            if st.button(text("areas.add"), icon=":material/add:", type="primary", key="areas_add"):
                forms.open_form(context, _area_form(context, lot, areas, None))
            if st.button(text("node.edit"), icon=":material/edit:", disabled=area is None, key="areas_edit") and area:
                forms.open_form(context, _area_form(context, lot, areas, area))
            label = text("areas.remove")
            if st.button(label, icon=":material/delete:", disabled=area is None, key="areas_remove") and area:
                _confirm_area(context, lot, area)


def _area_form(context: Context, lot: LotView, areas: Sequence[AreaView], area: AreaView | None) -> forms.Form:
    text = context.text
    around = {one.area_id: one.name for one in areas if area is None or one.area_id != area.area_id}

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = AreaForm(
            area.area_id if area else values["area_id"],
            values["name"],
            values["parent_area_id"] or None,
            values["is_inner"],
        )
        save = lot_areas.edit_area if area else lot_areas.add_area
        save(renewed.settings, renewed.actor, lot.lot_id, lot.version, form)
        return forms.Done(renewed.text("node.saved", name=form.name))

    initial = {name: getattr(area, name) for name in ("area_id", "name", "parent_area_id", "is_inner")} if area else {}
    return forms.Form(
        key=f"area_{lot.lot_id}_{area.area_id if area else ''}",
        title=text("areas.edit" if area else "areas.add"),
        fields=[
            forms.Field("name", text("areas.name"), required=True),
            forms.Field(
                "area_id",
                text("areas.area_id"),
                required=area is None,
                help_text=text("areas.area_id_help"),
                longest=64,
                disabled=area is not None,
            ),
            forms.Field("parent_area_id", text("areas.parent"), "choice", options=around),
            forms.Field("is_inner", text("areas.is_inner"), "flag", help_text=text("areas.is_inner_help")),
        ],
        initial=initial,
        submit=submit,
    )


def _confirm_area(context: Context, lot: LotView, area: AreaView) -> None:
    def act(renewed: Context) -> str:
        lot_areas.remove_area(renewed.settings, renewed.actor, lot.lot_id, lot.version, area.area_id)
        return renewed.text("node.deleted", name=area.name)

    text = context.text
    title = text("node.delete_title", name=area.name)
    forms.confirm(context, f"area_remove_{lot.lot_id}_{area.area_id}", title, text("areas.confirm_remove"), act)


def _capacities(context: Context, lot: LotView, areas: Sequence[AreaView], history: Sequence[CapacityView]) -> None:
    text = context.text
    columns = [
        grid.Column("where", text("areas.where"), "large"),
        grid.Column("valid_from", text("areas.valid_from")),
        grid.Column("valid_to", text("areas.valid_to")),
        grid.Column("spaces", text("lots.capacity"), "small", right=True),
        grid.Column("state", text("node.state"), "small"),
    ]
    rows = [
        _CapacityRow(
            one,
            text("areas.whole_lot") if one.area_name is None else one.area_name,
            one.valid_from,
            one.valid_to,
            one.spaces,
            text(f"areas.state_{one.state.value}"),
        )
        for one in history
    ]
    with cards.card("lot_capacity", text("areas.history")):
        bar = grid.bar("lot_capacity")
        chosen = grid.table(
            context,
            "lot_capacity",
            columns,
            Found(rows, len(rows)),
            ALL,
            lambda row: row.capacity.capacity_id,
            none_yet=text("areas.no_capacity"),
            name=text("areas.history"),
        )
        if not context.allows("lots.edit"):
            return
        capacity = chosen.capacity if chosen else None
        coming = capacity is not None and capacity.state is InForce.FUTURE
        with grid.actions(context, bar, f"{chosen.where} {chosen.valid_from}" if chosen else None):
            if st.button(text("areas.set_capacity"), icon=":material/add:", type="primary", key="capacity_set"):
                forms.open_form(context, _capacity_form(context, lot, areas, None))
            label = text("areas.correct")
            if st.button(label, icon=":material/edit:", disabled=not coming, key="capacity_edit") and capacity:
                forms.open_form(context, _capacity_form(context, lot, areas, capacity))
            label = text("form.delete")
            if st.button(label, icon=":material/delete:", disabled=not coming, key="capacity_remove") and capacity:
                _confirm_capacity(context, lot, capacity)


def _capacity_form(
    context: Context, lot: LotView, areas: Sequence[AreaView], capacity: CapacityView | None
) -> forms.Form:
    text = context.text
    fixed = capacity is not None

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        area_id = capacity.area_id if capacity else values["area_id"] or None
        day = capacity.valid_from if capacity else values["valid_from"]
        form = CapacityForm(area_id, day, values["spaces"])
        lot_capacity.set_capacity(renewed.settings, renewed.actor, lot.lot_id, lot.version, form)
        return forms.Done(renewed.text("areas.capacity_saved"))

    return forms.Form(
        key=f"capacity_{lot.lot_id}_{capacity.capacity_id if capacity else 'new'}",
        title=text("areas.correct" if fixed else "areas.set_capacity"),
        fields=[
            forms.Field(
                "area_id",
                text("areas.where"),
                "choice",
                options={area.area_id: area.name for area in areas},
                help_text=text("areas.where_help"),
                disabled=fixed,
            ),
            forms.Field("valid_from", text("areas.valid_from"), "date", required=True, disabled=fixed),
            forms.Field("spaces", text("lots.capacity"), "number", required=True, least=0, most=MOST_SPACES),
        ],
        initial={
            "area_id": capacity.area_id if capacity else None,
            "valid_from": capacity.valid_from if capacity else lot.today,
            "spaces": capacity.spaces if capacity else None,
        },
        submit=submit,
    )


def _confirm_capacity(context: Context, lot: LotView, capacity: CapacityView) -> None:
    def act(renewed: Context) -> str:
        lot_capacity.remove_capacity(renewed.settings, renewed.actor, lot.lot_id, lot.version, capacity.capacity_id)
        return renewed.text("areas.capacity_removed")

    text = context.text
    sentence = text("areas.confirm_capacity", day=capacity.valid_from, count=capacity.spaces)
    forms.confirm(context, f"capacity_remove_{capacity.capacity_id}", text("form.delete"), sentence, act)
