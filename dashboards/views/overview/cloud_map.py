"""云地图: lots on a map, beside a list of them, and the details of the one that is selected.

Belongs here: the page's state in the address, its layout, and what a click does. Does not belong here: the parts
(``cloud_map_list.py``, ``_chart``, ``_start``, ``_route``, ``_details``), markers and base map (``dashboards.map``).
"""

from __future__ import annotations

import streamlit as st

from dashboards.context import Context, current
from dashboards.frame import View
from dashboards.map.lots import Shown, map_lots
from dashboards.ui import address, cards
from dashboards.views.overview import (
    cloud_map_chart,
    cloud_map_details,
    cloud_map_list,
    cloud_map_route,
    cloud_map_start,
)
from dashboards.views.overview.cloud_map_state import LOT, ask_to_see
from warehouse.services.map_lots import MapLot

VIEW = View("cloud_map", ":material/map:")

EVERY_SECONDS = 2.0


def render(context: Context) -> None:
    """Draw the page."""
    title_side, start_side = st.columns([5, 6], vertical_alignment="center")
    with title_side:
        cards.title(context.text("menu.cloud_map"), context.text("map.below"))
    with start_side:
        cloud_map_start.bar(context)
    context.fragment(_draw, run_every=EVERY_SECONDS)


def _draw(context: Context) -> None:
    everything = map_lots(context.settings).of(context.actor)
    if not everything.lots:
        cards.empty(context.text("map.no_lots"), [context.text("map.no_lots_why")])
        return
    selected = _selected(context, everything)
    list_side, map_side = st.columns([3.1, 6.9], gap="small")
    with list_side, cards.card("map_list", height=cloud_map_chart.HEIGHT + 26):
        found = address.search(context, label=context.text("map.search"))
        shown = map_lots(context.settings).of(context.actor, found) if found else everything
        cloud_map_list.draw(context, shown, selected, lambda lot: _choose(context, lot))
    way = cloud_map_route.way_to(context, selected, (cloud_map_chart.USUAL_WIDTH, cloud_map_chart.HEIGHT))
    with map_side:
        cloud_map_chart.draw(context, shown, selected, way, found, lambda code: _chosen(context, everything, code))
    if selected is not None:
        cloud_map_details.draw(context, everything, selected, way)


def _selected(context: Context, shown: Shown) -> MapLot | None:
    """The lot in the address; one that is not there, or not this visitor's, is named and forgotten."""
    code = (address.written(LOT) or [""])[0]
    if not code:
        return None
    found = next((lot for lot in shown.lots if lot.code == code), None)
    if found is None:
        cards.notice("plain", context.text("map.unknown_lot", lot=code[:80]))
    return found


def _chosen(context: Context, shown: Shown, code: str) -> None:
    """A marker was clicked."""
    if any(lot.code == code for lot in shown.lots):
        _note_activity(context)
        address.write(LOT, [code])


def _choose(context: Context, lot: MapLot) -> None:
    """An entry of the list was clicked."""
    _note_activity(context)
    address.write(LOT, [lot.code])
    if lot.place is not None:
        ask_to_see(lot.place, cloud_map_chart.NEAR)


def _note_activity(context: Context) -> None:
    # The page runs again by a timer, which is no activity; a click is.
    current(context.settings, context.permission, is_activity=True)
