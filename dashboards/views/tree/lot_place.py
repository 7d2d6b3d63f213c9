"""Where a lot is: the map, and the dialog that sets the place by a click or by typing.

Belongs here: the place of one lot. Does not belong here: the map itself (``dashboards.map``), datums
(``warehouse.geography``).
"""

from __future__ import annotations

import secrets
from dataclasses import replace

import streamlit as st

from dashboards.context import Context, flash
from dashboards.map import picker
from dashboards.ui import cards
from dashboards.views.tree.lot_fields import datum_labels, form_of
from warehouse.errors import ParkError
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.services.fields import InvalidFields
from warehouse.services.listing import ListQuery
from warehouse.services.lot_editing import edit_lot
from warehouse.services.lot_list import SHOWN_PLACES, LotView, list_lots

MOST_MARKS = 500


def show(context: Context, lot: LotView) -> None:
    """The map with the lot and its neighbours, to look at."""
    if lot.longitude is None or lot.latitude is None:
        return
    text = context.text
    marker = Point(lot.longitude, lot.latitude)
    picker.draw(f"lot_map_{lot.lot_id}", text("lots.map"), text("lots.map_look"), _marks(context, lot), marker)


def open_place(context: Context, lot: LotView) -> None:
    """Open the dialog."""
    # Each opening has widgets of its own: nothing of a cancelled one shines through.
    prefix = f"place_{secrets.token_hex(6)}"
    marks = _marks(context, lot)
    st.session_state[f"{prefix}_longitude"] = _shown(lot.given_longitude)
    st.session_state[f"{prefix}_latitude"] = _shown(lot.given_latitude)
    st.session_state[f"{prefix}_datum"] = lot.coordinate_datum
    title = context.text("lots.place_of", name=lot.name)
    context.dialog(title, lambda renewed: _draw(context, renewed, lot, prefix, marks), width="large")


def _shown(degrees: float | None) -> str:
    return "" if degrees is None else f"{degrees:.{SHOWN_PLACES}f}"


def _marks(context: Context, lot: LotView) -> list[picker.Mark]:
    lots = list_lots(context.settings, context.actor, ListQuery(size=MOST_MARKS), now=context.now).rows
    return [
        picker.Mark(one.longitude, one.latitude, one.name)
        for one in lots
        if one.longitude is not None and one.latitude is not None and one.lot_id != lot.lot_id
    ]


def _draw(opened_by: Context, renewed: Context | None, lot: LotView, prefix: str, marks: list[picker.Mark]) -> None:
    text, state = opened_by.text, st.session_state
    problems = state.get(f"{prefix}_problems", [])
    above = st.container()
    datums = datum_labels(opened_by)
    columns = st.columns([2, 2, 3])
    for column, name in zip(columns[:2], ("longitude", "latitude"), strict=True):
        with column:
            st.text_input(text(f"lots.{name}"), key=f"{prefix}_{name}", max_chars=20)
            for problem in problems:
                if problem.field == name:
                    cards.problem(problem.text(text.language))
    with columns[2]:
        st.selectbox(text("lots.datum"), list(datums), format_func=lambda code: datums[code], key=f"{prefix}_datum")

    def pick(place: Point) -> None:
        point = convert(place, Datum.WGS84, Datum(state[f"{prefix}_datum"]))
        state[f"{prefix}_longitude"], state[f"{prefix}_latitude"] = _shown(point.longitude), _shown(point.latitude)

    picker.draw(
        f"{prefix}_map", text("lots.map"), text("lots.map_pick"), marks, _typed(prefix), on_pick=pick, height=380
    )
    pressed = st.button(text("form.save"), type="primary", key=f"{prefix}_save", width="stretch")
    with above:
        cards.note(text("lots.place_help"))
        if renewed is None:
            cards.notice("bad", text("frame.session_ended"))
        elif pressed:
            _save(renewed, lot, prefix)


def _typed(prefix: str) -> Point | None:
    """What the fields say, in WGS-84; None while it is no place."""
    state = st.session_state
    try:
        point = Point(float(state[f"{prefix}_longitude"]), float(state[f"{prefix}_latitude"]))
    except ValueError:
        return None
    if not (abs(point.longitude) <= 180 and abs(point.latitude) <= 90):
        return None
    return convert(point, Datum(state[f"{prefix}_datum"]), Datum.WGS84)


def _save(context: Context, lot: LotView, prefix: str) -> None:
    state = st.session_state
    form = replace(
        form_of(lot),
        longitude=state[f"{prefix}_longitude"].strip(),
        latitude=state[f"{prefix}_latitude"].strip(),
        coordinate_datum=state[f"{prefix}_datum"],
    )
    try:
        edit_lot(context.settings, context.actor, lot.lot_id, lot.version, form)
    except InvalidFields as error:
        state[f"{prefix}_problems"] = error.problems
        st.rerun(scope="fragment")
    except ParkError as error:
        cards.notice("bad", context.text("form.not_saved"), error.text(context.language))
        return
    flash(context.text("node.saved", name=lot.name))
    st.rerun()
