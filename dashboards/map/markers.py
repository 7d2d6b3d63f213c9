"""Markers of lots on a tile of the map: one for each lot, or one for lots that lie too close to be told apart.

Belongs here: which markers stand on a tile, their colours and labels. Does not belong here: which lots somebody may
see (``lots.py``), answering requests (``routes.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from math import log2
from typing import Any, Final

from dashboards.map.lots import Shown
from dashboards.theme import BLUE, GREEN, GREY, ORANGE, RED
from warehouse.geography.coordinates import Datum, Point, convert
from warehouse.geography.distance import from_mercator, mercator
from warehouse.services.map_lots import MapLot

FEW: Final = 60
"""So many lots are never gathered: their markers may touch, but each can be clicked."""
CLOSEST: Final = 16
"""The zoom from which on each lot has its own marker; closer tiles are made of these."""
NAMED: Final = 13
"""The zoom from which on a lot that stands alone has its name below it."""
NAME_LENGTH: Final = 12
CELLS: Final = 8
"""A tile of 512 pixels has so many cells each way; lots in one cell are gathered."""
PLENTY, SOME = 0.3, 0.1
"""Shares of free spaces from which on a lot is green, and orange."""

Place = tuple[float, float]
Placed = tuple[MapLot, Place]
Words = Callable[..., str]


def colour(free: int | None, total: int | None) -> str:
    """Green, orange or red by the free share, grey when the free spaces are not known, blue when only the share."""
    if free is None:
        return GREY
    if free <= 0:
        return RED
    if not total:
        return BLUE
    share = free / total
    return GREEN if share >= PLENTY else ORANGE if share >= SOME else RED


def channels(colour_code: str, opacity: int = 255) -> list[int]:
    """A colour as deck.gl takes it."""
    return [int(colour_code[start : start + 2], 16) for start in (1, 3, 5)] + [opacity]


def placed(shown: Shown, datum: Datum) -> list[Placed]:
    """The lots that have a place, on the Mercator square of a map of ``datum``."""
    return [(lot, _on_square(lot.place, datum)) for lot in shown.lots if lot.place is not None]


@lru_cache(maxsize=50_000)
def _on_square(place: Point, datum: Datum) -> Place:
    return mercator(convert(place, Datum.WGS84, datum))


def split(places: list[Placed], zoom: int) -> dict[tuple[int, int], list[list[Placed]]]:
    """By tile of a zoom the lots of each marker; ``places`` as ``placed`` gives them."""
    side = 2**zoom
    is_single = len(places) <= FEW or zoom >= CLOSEST
    cells: dict[tuple[int, int], list[list[Placed]]] = {}
    gathered: dict[tuple[int, int], list[Placed]] = {}
    for one in places:
        x, y = one[1]
        at = (min(int(x * side), side - 1), min(int(y * side), side - 1))
        if is_single:
            cells.setdefault(at, []).append([one])
            continue
        cell = (int(x * side * CELLS), int(y * side * CELLS))
        if cell in gathered:
            gathered[cell].append(one)
        else:
            gathered[cell] = [one]
            cells.setdefault(at, []).append(gathered[cell])
    return cells


def features(shown: Shown, members_of: list[list[Placed]], zoom: int, text: Words) -> Any:
    """The markers of a tile as GeoJSON."""
    is_named = zoom >= NAMED or len(shown.lots) <= FEW
    told = [
        _lot(shown, *members[0], text, is_named=is_named)
        if len(members) == 1
        else _gathered(shown, members, zoom, text)
        for members in members_of
    ]
    return {"type": "FeatureCollection", "features": told}


def _lot(shown: Shown, lot: MapLot, place: Place, text: Words, *, is_named: bool) -> Any:
    free, total = shown.count(lot).free_spaces, shown.total(lot)
    if free is None:
        said = text("map.tip_unknown")
    elif total is None:
        said = text("map.tip_free", free=free)
    else:
        said = text("map.tip_free_of", free=free, total=total)
    return _feature(
        place,
        lot=lot.code,
        tip=f"{lot.name}\n{said}",
        label="?" if free is None else _short(free),
        name=_cut(lot.name) if is_named else "",
        colour=channels(colour(free, total)),
        radius=15,
    )


def _gathered(shown: Shown, members: list[Placed], zoom: int, text: Words) -> Any:
    known = [lot for lot, _place in members if shown.count(lot).free_spaces is not None]
    free = sum(shown.count(lot).free_spaces or 0 for lot in known) if known else None
    totals = [shown.total(lot) for lot in known]
    total = sum(one or 0 for one in totals) if totals and None not in totals else None
    x = sum(place[0] for _lot, place in members) / len(members)
    y = sum(place[1] for _lot, place in members) / len(members)
    said = text("map.tip_unknown") if free is None else text("map.tip_free", free=f"{free:,}")
    return _feature(
        (x, y),
        closer=min(zoom + 2, CLOSEST),
        tip=f"{text('map.tip_gathered', count=len(members))}\n{said}",
        label=_short(len(members)),
        name="",
        colour=channels(colour(free, total), 225),
        radius=17 + min(len(str(len(members))), 5) * 3,
    )


def _short(number: int) -> str:
    return str(number) if number < 10_000 else f"{number // 1000}k"


def _cut(name: str) -> str:
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _feature(place: Place, **properties: Any) -> Any:
    point = from_mercator(*place)
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [round(point.longitude, 6), round(point.latitude, 6)]},
        "properties": properties,
    }


def around(points: Iterable[Point], width: int, height: int, closest: float = 14.0) -> tuple[Point, float]:
    """Middle and zoom of a view of ``width`` × ``height`` pixels that holds all points; China without any."""
    places = [mercator(point) for point in points]
    if not places:
        return Point(105.0, 35.0), 3.2
    xs, ys = [x for x, _y in places], [y for _x, y in places]
    margin = 150
    spread = max((max(xs) - min(xs)) / (width - margin), (max(ys) - min(ys)) / (height - margin), 1e-12)
    middle = from_mercator((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    return middle, max(1.0, min(closest, log2(1 / (512 * spread))))
