"""One lot: its head and its sections.

Belongs here: which section is shown. Does not belong here: the sections, a module each.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from dashboards.views.tree import (
    lot_address,
    lot_areas,
    lot_basic,
    lot_credentials,
    lot_gates,
    lot_licence,
    lot_payment,
    lot_tariff,
)
from warehouse.services.lot_list import LotView, get_lot

SECTIONS: dict[str, Callable[[Context, LotView], None]] = {
    "basic": lot_basic.draw,
    "areas": lot_areas.draw,
    "tariff": lot_tariff.draw,
    "licence": lot_licence.draw,
    "credentials": lot_credentials.draw,
    "payment": lot_payment.draw,
    "gates": lot_gates.draw,
}


def draw(context: Context, code: str, lot_id: int | None) -> None:
    """Draw the lot, or say that there is none with this code."""
    text = context.text
    if lot_id is None:
        cards.empty(text("lots.unknown"), [text("lots.unknown_why", code=code)])
        _back(context)
        return
    lot = get_lot(context.settings, context.actor, lot_id, now=context.now)
    below = " · ".join(part for part in (lot.code, lot.customer_name, lot.agent_name) if part)
    left, right = st.columns([5, 1], vertical_alignment="center")
    with left:
        cards.title(lot.name, below)
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        _back(context)
    if lot.is_void:
        cards.notice("plain", text("lots.void"), text("lots.void_help"))
    if lot.is_test:
        cards.notice("plain", text("lots.test"), text("lots.test_help"))
    lot_licence.warn(context, lot)
    SECTIONS[_section(context)](context, lot)


def _section(context: Context) -> str:
    """The section in the address; the widget's own binding would put words of one language there."""
    asked = st.query_params.get(lot_address.TAB, "")
    chosen = st.segmented_control(
        context.text("lots.sections"),
        list(SECTIONS),
        required=True,
        default=asked if asked in SECTIONS else "basic",
        format_func=lambda name: context.text(f"lots.section_{name}"),
        key="lots_section",
        label_visibility="collapsed",
    )
    if chosen != asked:
        st.query_params[lot_address.TAB] = chosen
    return chosen


def _back(context: Context) -> None:
    if st.button(context.text("lots.back"), icon=":material/arrow_back:", key="lots_back"):
        lot_address.go_to_list()
        st.rerun()
