"""The style of the base map, as MapLibre and Mapbox take it.

Belongs here: colours and layers of the base map. Does not belong here: markers, answering requests.
"""

from __future__ import annotations

from typing import Any, Final

from dashboards.map.land import land
from warehouse.geography.coordinates import Datum
from warehouse.settings import Settings

LIGHT: Final = {"sea": "#dfe9f5", "land": "#fbfcfe", "coast": "#b3c2d6"}
DARK: Final = {"sea": "#0e1a30", "land": "#1c2942", "coast": "#3a4966"}


def datum_of(settings: Settings) -> Datum:
    """The datum in which the map is drawn: that of the tiles, WGS-84 without any."""
    return Datum(settings.map_tiles_datum) if settings.map_tiles else Datum.WGS84


def style(settings: Settings, *, is_dark: bool) -> dict[str, Any]:
    """The style: the outline of land, and over it the tiles of a map server through this server, if one is set."""
    colours = DARK if is_dark else LIGHT
    background = {"id": "sea", "type": "background", "paint": {"background-color": colours["sea"]}}
    shared: dict[str, Any] = {"version": 8, "name": "ParkCloud"}
    outlines = {
        name: {"type": "geojson", "data": {"type": "Feature", "properties": {}, "geometry": geometry}}
        for name, geometry in land().items()
    }
    tiles = {
        f"tiles-{number}": {"type": "raster", "tiles": [f"/map/tiles/{number}/{{z}}/{{x}}/{{y}}"], "tileSize": 256}
        for number, _address in enumerate(settings.map_tiles.split())
    }
    drawn = [{"id": name, "type": "raster", "source": name} for name in tiles]
    return {**shared, "sources": {**outlines, **tiles}, "layers": [background, *_land(colours), *drawn]}


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
