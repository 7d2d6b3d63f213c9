"""The way to the selected lot.

Belongs here: asking for the route once for a start and a lot, and saying it. Does not belong here: finding routes
(``warehouse.routing``), drawing the line (cloud_map_chart.py), choosing the start (cloud_map_start.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

import streamlit as st

from dashboards.context import Context
from dashboards.map import navigation
from dashboards.map.markers import around
from dashboards.ui import cards
from dashboards.views.overview.cloud_map_list import distance
from dashboards.views.overview.cloud_map_state import Start, ask_to_see, start_of
from warehouse.errors import ParkError
from warehouse.geography.distance import metres_between
from warehouse.routing.choosing import provider_of
from warehouse.routing.model import Route
from warehouse.routing.words import duration, instruction, length
from warehouse.services.map_lots import MapLot

_FOUND = "cloud_map_route"


@dataclass(frozen=True)
class Way:
    """What came of asking: a route, or why there is none; neither when nobody finds routes."""

    lot_id: int
    start: Start
    route: Route | None = None
    problem: ParkError | None = None


def way_to(context: Context, lot: MapLot | None, size: tuple[int, int]) -> Way | None:
    """The way from the chosen start, asked for once; the map turns to it. None without a start or a place."""
    start, state = start_of(), st.session_state
    if lot is None or lot.place is None or start is None:
        return None
    known: Way | None = state.get(_FOUND)
    if known is not None and (known.lot_id, known.start) == (lot.lot_id, start):
        return known
    try:
        provider = provider_of(context.settings)
        found = Way(lot.lot_id, start, route=provider.route(start.place, lot.place) if provider is not None else None)
    except ParkError as error:
        found = Way(lot.lot_id, start, problem=error)
    state[_FOUND] = found
    seen = found.route.line if found.route is not None else (start.place, lot.place)
    ask_to_see(*around(seen, *size, closest=16.0))
    return found


def draw(context: Context, lot: MapLot, way: Way | None, height: int) -> None:
    """The card: distance, time, what to do on the way, and the apps that navigate."""
    text = context.text
    with cards.card("map_route", text("map.route"), _notice(way), height=height):
        if lot.place is None:
            cards.nothing(text("map.no_place"))
            return
        start = start_of()
        apps = navigation.links(
            context.settings.map_navigation, lot.place, lot.name, start.place if start is not None else None
        )
        st.html(
            "<div class='pc-apps'>"
            + "".join(
                f"<a class='pc-button' href='{escape(address, quote=True)}' target='_blank' rel='noopener noreferrer'>"
                f"{escape(text(f'map.app_{app}'))}</a>"
                for app, address in apps
            )
            + "</div>"
        )
        if way is None:
            cards.note(text("map.start_first"))
            return
        crow = distance(context, metres_between(way.start.place, lot.place))
        if way.route is not None:
            _say(context, way.route)
        elif way.problem is not None:
            cards.notice("plain", crow, way.problem.text(context.language))
            st.button(text("map.again"), key="cloud_map_route_again", on_click=_forget)
        else:
            cards.notice("plain", crow, text("map.no_provider"))


def _say(context: Context, route: Route) -> None:
    text, language = context.text, context.language
    cards.facts(
        [
            cards.Fact(text("map.route_length"), length(route.metres, language)),
            cards.Fact(text("map.route_time"), duration(route.seconds, language)),
        ]
    )
    steps = "".join(f"<li>{escape(instruction(step, language))}</li>" for step in route.steps)
    st.html(f"<ol class='pc-steps' aria-label='{escape(text('map.route'), quote=True)}'>{steps}</ol>")


def _notice(way: Way | None) -> str:
    return way.route.notice if way is not None and way.route is not None else ""


def _forget() -> None:
    st.session_state.pop(_FOUND, None)
