"""Where a drive begins: the browser's position, a typed place, or one clicked on a map.

Belongs here: choosing the start. Does not belong here: routes. A position is used for this visit and stored nowhere.
"""

from __future__ import annotations

import secrets

import streamlit as st

from dashboards.context import Context
from dashboards.map import locate, picker
from dashboards.map.lots import map_lots
from dashboards.ui import cards
from dashboards.views.overview.cloud_map_state import Start, choose_start, refuse_start, refused, start_of
from warehouse.geography.coordinates import Datum, Point, convert

MOST_MARKS = 500


def bar(context: Context) -> None:
    """The buttons, the start that was chosen, and why the browser gave no position."""
    text, start = context.text, start_of()
    with st.container(horizontal=True, key="map_start", vertical_alignment="center"):
        with st.container(width=190):
            locate.draw(
                "cloud_map_locate",
                text("map.locate"),
                text("map.locate_why"),
                lambda place: choose_start(Start(place, text("map.my_position"))),
                refuse_start,
            )
        if st.button(text("map.choose_start"), icon=":material/add_location_alt:", key="cloud_map_start_open"):
            prefix = f"map_start_{secrets.token_hex(6)}"
            context.dialog(text("map.choose_start"), lambda renewed: _draw(context, renewed, prefix), width="large")
        if start is not None:
            cards.note(text("map.start_is", name=start.name))
            st.button(
                text("map.forget_start"),
                icon=":material/close:",
                key="cloud_map_start_forget",
                type="tertiary",
                on_click=choose_start,
                args=(None,),
            )
    reason = refused()
    if reason is not None:
        cards.notice("plain", text("map.no_position"), text(f"map.position_{reason}"))


def _draw(opened_by: Context, renewed: Context | None, prefix: str) -> None:
    text, state = opened_by.text, st.session_state
    cards.note(text("map.start_help"))
    typed_side, datum_side = st.columns([5, 3])
    with typed_side:
        typed = st.text_input(
            text("map.start_place"), key=f"{prefix}_typed", max_chars=60, placeholder="121.473700, 31.230400"
        )
    labels = {datum: text(f"map.datum_{datum}") for datum in Datum}
    with datum_side:
        datum = st.selectbox(
            text("map.datum"), list(labels), format_func=lambda code: labels[code], key=f"{prefix}_datum"
        )
    place = read_place(typed, Datum(datum))
    if typed.strip() and place is None:
        cards.problem(text("map.start_unreadable"))

    def pick(clicked: Point) -> None:
        shown = convert(clicked, Datum.WGS84, Datum(state[f"{prefix}_datum"]))
        state[f"{prefix}_typed"] = f"{shown.longitude:.6f}, {shown.latitude:.6f}"

    marks = []
    if renewed is not None:
        lots = map_lots(renewed.settings).of(renewed.actor).lots[:MOST_MARKS]
        marks = [picker.Mark(lot.place.longitude, lot.place.latitude, lot.name) for lot in lots if lot.place]
    picker.draw(f"{prefix}_map", text("map.choose_start"), text("map.start_click"), marks, place, on_pick=pick)
    pressed = st.button(
        text("map.start_here"), type="primary", key=f"{prefix}_save", width="stretch", disabled=place is None
    )
    if renewed is None:
        cards.notice("bad", text("frame.session_ended"))
    elif pressed and place is not None:
        choose_start(Start(place, f"{place.longitude:.5f}, {place.latitude:.5f}"))
        st.rerun()


def read_place(typed: str, datum: Datum) -> Point | None:
    """Longitude and latitude as typed, with any comma or blank between them, in WGS-84; None when they are none."""
    parts = typed.replace("，", ",").replace(",", " ").split()
    try:
        longitude, latitude = (float(part) for part in parts)
    except ValueError:
        return None
    if not (abs(longitude) <= 180 and abs(latitude) <= 90):
        return None
    return convert(Point(longitude, latitude), datum, Datum.WGS84)
