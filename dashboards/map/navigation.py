"""Links that open a navigation app or its page.

Belongs here: their addresses, each in the datum that it takes. Does not belong here: drawing them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final
from urllib.parse import urlencode

from warehouse.geography.coordinates import Datum, Point, convert

_SOURCE: Final = "parkcloud"


def links(settings_value: str, end: Point, name: str, start: Point | None) -> list[tuple[str, str]]:
    """App and address, in the order of the setting; names that are not known are left out. Places are WGS-84.

    Without a start each app begins where its user is.
    """
    wanted = [app.strip().casefold() for app in settings_value.split(",")]
    return [(app, _APPS[app](end, name, start)) for app in dict.fromkeys(wanted) if app in _APPS]


def _amap(end: Point, name: str, start: Point | None) -> str:
    place = convert(end, Datum.WGS84, Datum.GCJ02)
    asked = {"to": f"{place.longitude:.6f},{place.latitude:.6f},{name.replace(',', ' ')}"}
    if start is not None:
        begin = convert(start, Datum.WGS84, Datum.GCJ02)
        asked["from"] = f"{begin.longitude:.6f},{begin.latitude:.6f}"
    return "https://uri.amap.com/navigation?" + urlencode(
        asked | {"mode": "car", "coordinate": "gaode", "src": _SOURCE, "callnative": "1"}
    )


def _baidu(end: Point, name: str, start: Point | None) -> str:
    place = convert(end, Datum.WGS84, Datum.BD09)
    where = f"{place.latitude:.6f},{place.longitude:.6f}"
    shared = {"coord_type": "bd09ll", "output": "html", "src": _SOURCE}
    if start is None:
        # Its directions need a start; its marker leads to directions from where one is.
        return "https://api.map.baidu.com/marker?" + urlencode(
            {"location": where, "title": name, "content": name} | shared
        )
    begin = convert(start, Datum.WGS84, Datum.BD09)
    ends = {
        "origin": f"{begin.latitude:.6f},{begin.longitude:.6f}",
        "destination": f"latlng:{where}|name:{name.replace('|', ' ')}",
        "mode": "driving",
    }
    return "https://api.map.baidu.com/direction?" + urlencode(ends | shared)


def _apple(end: Point, name: str, start: Point | None) -> str:
    asked = {"daddr": _shifted(end), "q": name, "dirflg": "d"}
    return "https://maps.apple.com/?" + urlencode(asked | ({"saddr": _shifted(start)} if start else {}))


def _google(end: Point, _name: str, start: Point | None) -> str:
    asked = {"api": "1", "destination": _shifted(end), "travelmode": "driving"}
    return "https://www.google.com/maps/dir/?" + urlencode(asked | ({"origin": _shifted(start)} if start else {}))


def _shifted(place: Point) -> str:
    """Both draw China's roads in GCJ-02 and put a place onto them as it is given."""
    shown = convert(place, Datum.WGS84, Datum.GCJ02)
    return f"{shown.latitude:.6f},{shown.longitude:.6f}"


_APPS: Final[dict[str, Callable[[Point, str, Point | None], str]]] = {
    "amap": _amap,
    "baidu": _baidu,
    "apple": _apple,
    "google": _google,
}
