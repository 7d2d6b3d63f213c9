"""The map on which a place is picked.

Belongs here: mounting the component and reading what was picked. Does not belong here: datums and storing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import streamlit as st

from dashboards.map.component import component
from dashboards.ui import cards
from warehouse.geography.coordinates import Point


@dataclass(frozen=True)
class Mark:
    """A place to find one's way by, in WGS-84."""

    longitude: float
    latitude: float
    name: str


def draw(
    key: str,
    label: str,
    hint: str,
    marks: Sequence[Mark],
    marker: Point | None,
    *,
    on_pick: Callable[[Point], None] | None = None,
    height: int = 360,
) -> None:
    """Draw the map.

    Args:
        key: unique over all pages.
        label: for screen readers.
        hint: what to do with it.
        marks: other places, in WGS-84.
        marker: the place itself, in WGS-84; None when it has none yet.
        on_pick: called with the WGS-84 place that was clicked, before the page runs again; None: only to look at.
        height: in pixels.
    """

    def picked() -> None:
        place = (st.session_state.get(key) or {}).get("picked")
        if on_pick is not None and isinstance(place, dict):
            on_pick(Point(float(place["longitude"]), float(place["latitude"])))

    component("map", "<div class='map'></div>", "picker.css", "picker.js")(
        key=key,
        data={
            "marks": [asdict(mark) for mark in marks],
            "marker": asdict(marker) if marker else None,
            "label": label,
            "hint": hint,
            "pick": on_pick is not None,
            "dark": cards.is_dark(),
            "height": height,
        },
        height=height,
        on_picked_change=picked,
    )
