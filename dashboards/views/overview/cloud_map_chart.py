"""The map of the cloud map.

Belongs here: the layers of the map and what a click on it means. Does not belong here: markers of a tile and the base
map, which the browser fetches from ``/map/`` (``dashboards.map``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlencode

import pydeck
import streamlit as st

from dashboards.context import Context
from dashboards.map.lots import Shown
from dashboards.map.markers import CLOSEST, FEW, around
from dashboards.map.style import datum_of
from dashboards.theme import BLUE, GREEN, GREY, ORANGE, RED, SANS
from dashboards.ui import cards
from dashboards.views.overview.cloud_map_route import Way
from dashboards.views.overview.cloud_map_state import ask_to_see, seen, start_of
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.services.map_lots import MapLot

HEIGHT: Final = 560
USUAL_WIDTH: Final = 820
NEAR: Final = 15.0
KEY: Final = "cloud_map_chart"
_CLICKS: Final = "cloud_map_clicks"
_VERSION: Final = "cloud_map_version"
SETTLED_SECONDS: Final = 5.0
_SEARCH: Final = "cloud_map_search"


def draw(
    context: Context,
    shown: Shown,
    selected: MapLot | None,
    way: Way | None,
    search: str,
    chosen: Callable[[str], None],
) -> None:
    """The map; ``chosen`` gets the code of a lot whose marker was clicked, before the page runs again."""
    text, state = context.text, st.session_state
    if seen() is None or state.get(_SEARCH, search) != search:
        _look(shown, selected if seen() is None else None)
    state[_SEARCH] = search
    view = seen()
    assert view is not None
    datum = datum_of(context.settings)
    middle, zoom = convert(view[0], Datum.WGS84, datum), view[1]
    clicks = state.setdefault(_CLICKS, 0)
    theme = "dark" if cards.is_dark() else "light"
    tiles = _tiles(shown, search)
    # Clicks are told by a marker's place in its tile, which markers of two tiles may share; a layer of another name
    # forgets the last click.
    layers = [_names(tiles), _markers(tiles, clicks)]
    if selected is not None and selected.place is not None:
        place = convert(selected.place, Datum.WGS84, datum)
        layers = [_halo(place), *layers, _name(selected.name, place)]
    start = start_of()
    if start is not None:
        layers = [*_line(way, datum), *layers, _begin(convert(start.place, Datum.WGS84, datum))]
    deck = pydeck.Deck(
        layers=layers,
        initial_view_state=pydeck.ViewState(
            longitude=middle.longitude, latitude=middle.latitude, zoom=zoom, min_zoom=1, max_zoom=20
        ),
        map_provider=None,
        map_style=f"/map/style.json?theme={theme}",
        tooltip={"text": "{tip}"},
    )

    def clicked() -> None:
        state[_CLICKS] = clicks + 1
        picked = [one for objects in state[KEY].selection.objects.values() for one in objects if one]
        if not picked:
            return
        told = picked[0].get("properties", {})
        if "lot" in told:
            chosen(str(told["lot"]))
        elif "closer" in told:
            longitude, latitude = picked[0]["geometry"]["coordinates"]
            middle = convert(Point(float(longitude), float(latitude)), datum, Datum.WGS84)
            ask_to_see(middle, float(told["closer"]))

    with st.container(key="map_chart", gap="small"):
        st.pydeck_chart(deck, height=HEIGHT, on_select=clicked, key=KEY, alt=text("map.alt"))
        legend = [("plenty", GREEN), ("some", ORANGE), ("few", RED), ("share_unknown", BLUE), ("unknown", GREY)]
        cards.legend([(text(f"map.legend_{name}"), colour) for name, colour in legend])
        cards.note(" · ".join(part for part in (context.settings.map_tiles_notice, text("map.natural_earth")) if part))


def _look(shown: Shown, selected: MapLot | None) -> None:
    """First look: at the selected lot, else at all lots of the list."""
    if selected is not None and selected.place is not None:
        ask_to_see(selected.place, NEAR)
    else:
        ask_to_see(*around([lot.place for lot in shown.lots if lot.place is not None], USUAL_WIDTH, HEIGHT))


def _tiles(shown: Shown, search: str) -> dict[str, Any]:
    version = _version(shown)
    query = urlencode({"q": search, "v": version} if search else {"v": version})
    return {
        "data": f"/map/lots/{{z}}/{{x}}/{{y}}.json?{query}",
        "min_zoom": 0,
        "max_zoom": CLOSEST,
        "tile_size": 512,
        "text_font_family": _literal(SANS.replace("'", "")),
        "text_character_set": _literal("auto"),
    }


def _version(shown: Shown) -> str:
    """That of the counts; of many lots one is always new, and their markers are not renewed for each."""
    state, now = st.session_state, time.monotonic()
    since, told, lots = state.get(_VERSION, (float("-inf"), "", 0))
    if len(shown.lots) > FEW and lots == len(shown.lots) and now - since < SETTLED_SECONDS:
        return str(told)
    state[_VERSION] = (now, version := shown.version, len(shown.lots))
    return version


def _markers(tiles: dict[str, Any], clicks: int) -> pydeck.Layer:
    return pydeck.Layer(
        "TileLayer",
        id=f"lots-{clicks}",
        pickable=True,
        auto_highlight=True,
        point_type=_literal("circle+text"),
        get_fill_color="properties.colour",
        get_line_color=[255, 255, 255, 235],
        line_width_units=_literal("pixels"),
        get_line_width=1.5,
        get_point_radius="properties.radius",
        point_radius_units=_literal("pixels"),
        get_text="properties.label",
        get_text_color=[255, 255, 255],
        get_text_size=12,
        text_font_weight=600,
        **tiles,
    )


def _names(tiles: dict[str, Any]) -> pydeck.Layer:
    ink = [228, 231, 236] if cards.is_dark() else [52, 64, 84]
    return pydeck.Layer(
        "TileLayer",
        id="names",
        pickable=False,
        point_type=_literal("text"),
        get_text="properties.name",
        get_text_color=ink,
        get_text_size=12,
        get_text_pixel_offset=[0, 24],
        **tiles,
    )


def _halo(place: Point) -> pydeck.Layer:
    return pydeck.Layer(
        "ScatterplotLayer",
        id="selected",
        data=[{"place": [place.longitude, place.latitude]}],
        pickable=False,
        get_position="place",
        get_fill_color=[20, 86, 216, 60],
        get_line_color=[20, 86, 216],
        get_radius=24,
        radius_units=_literal("pixels"),
        stroked=True,
        line_width_units=_literal("pixels"),
        get_line_width=3,
    )


def _name(name: str, place: Point) -> pydeck.Layer:
    return pydeck.Layer(
        "TextLayer",
        id="selected-name",
        data=[{"place": [place.longitude, place.latitude], "name": name}],
        pickable=False,
        get_position="place",
        get_text="name",
        get_size=14,
        get_color=[255, 255, 255],
        background=True,
        get_background_color=[20, 86, 216, 235],
        background_padding=[8, 5],
        get_pixel_offset=[0, -42],
        font_family=_literal(SANS.replace("'", "")),
        character_set=_literal("auto"),
    )


def _line(way: Way | None, datum: Datum) -> list[pydeck.Layer]:
    """The route on its light edge."""
    if way is None or way.route is None:
        return []
    shown = [convert(place, Datum.WGS84, datum) for place in way.route.line]
    data = [{"path": [[round(place.longitude, 6), round(place.latitude, 6)] for place in shown]}]

    def one(name: str, colour: list[int], width: int) -> pydeck.Layer:
        return pydeck.Layer(
            "PathLayer",
            id=name,
            data=data,
            pickable=False,
            get_path="path",
            get_color=colour,
            get_width=width,
            width_units=_literal("pixels"),
            cap_rounded=True,
            joint_rounded=True,
        )

    return [one("route-edge", [255, 255, 255, 230], 9), one("route", [20, 86, 216], 5)]


def _begin(place: Point) -> pydeck.Layer:
    return pydeck.Layer(
        "ScatterplotLayer",
        id="start",
        data=[{"place": [place.longitude, place.latitude]}],
        pickable=False,
        get_position="place",
        get_fill_color=[20, 86, 216],
        get_line_color=[255, 255, 255],
        get_radius=8,
        radius_units=_literal("pixels"),
        stroked=True,
        line_width_units=_literal("pixels"),
        get_line_width=3,
    )


def _literal(value: str) -> Any:
    """A text: pydeck takes a bare word for the name of a column."""
    return pydeck.types.String(value)
