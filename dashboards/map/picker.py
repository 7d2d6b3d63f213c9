"""The map on which a place is picked.

Belongs here: mounting the component and reading what was picked. Does not belong here: datums and storing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import streamlit as st
from streamlit.components.v2.get_bidi_component_manager import get_bidi_component_manager
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest

from dashboards.ui import cards
from warehouse.geography.coordinates import Point

_NAME: Final = "parkcloud.map"
_ASSETS: Final = Path(__file__).parent / "assets"


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

    _component()(
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


def _component() -> Any:
    """The component, served from this server's own files: the policy of our pages runs no script from elsewhere."""
    manager = get_bidi_component_manager()
    if manager.get_component_asset_root(_NAME) is None:
        package, _, name = _NAME.partition(".")
        manifest = ComponentManifest(package, "1", [ComponentConfig(name, _ASSETS.name)])
        manager.register_from_manifest(manifest, _ASSETS.parent)
    return st.components.v2.component(_NAME, html="<div class='map'></div>", css="picker.css", js="picker.js")
