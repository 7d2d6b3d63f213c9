"""The style of the base map, as MapLibre and Mapbox take it.

Belongs here: colours and layers of the base map. Does not belong here: markers, answering requests.
"""

from __future__ import annotations

from typing import Any, Final

from dashboards.map.land import land

LIGHT: Final = {"sea": "#dfe9f5", "land": "#fbfcfe", "coast": "#b3c2d6"}
DARK: Final = {"sea": "#0e1a30", "land": "#1c2942", "coast": "#3a4966"}


def style(*, is_dark: bool) -> dict[str, Any]:
    """The style: the outline of land, all in one file."""
    colours = DARK if is_dark else LIGHT
    background = {"id": "sea", "type": "background", "paint": {"background-color": colours["sea"]}}
    shared: dict[str, Any] = {"version": 8, "name": "ParkCloud"}
    outlines = {
        name: {"type": "geojson", "data": {"type": "Feature", "properties": {}, "geometry": geometry}}
        for name, geometry in land().items()
    }
    layers = [background, *_land(colours)]
    return {**shared, "sources": outlines, "layers": layers}


def _land(colours: dict[str, str]) -> list[dict[str, Any]]:
    def fill(name: str, colour: str) -> dict[str, Any]:
        return {"id": name, "type": "fill", "source": name, "paint": {"fill-color": colour, "fill-antialias": False}}

    def line(name: str) -> dict[str, Any]:
        return {"id": name, "type": "line", "source": name, "paint": {"line-color": colours["coast"]}}

    return [
        fill("coarse", colours["land"]),
        line("outer_coast"),
        # The finer land replaces the coarse one inside of its box.
        fill("box", colours["sea"]),
        fill("fine", colours["land"]),
        line("coast"),
    ]
