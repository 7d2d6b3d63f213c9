"""Which provider finds routes, by the settings.

Belongs here: the choice, and where the imported roads lie. Does not belong here: the providers.
"""

from __future__ import annotations

from pathlib import Path

from warehouse.errors import ParkError
from warehouse.routing.amap import Amap
from warehouse.routing.embedded import router_of
from warehouse.routing.extract import read_extract
from warehouse.routing.graph import Roads, write
from warehouse.routing.model import Provider
from warehouse.routing.osrm import Osrm
from warehouse.routing.valhalla import Valhalla
from warehouse.settings import Settings


def roads_file(settings: Settings) -> Path:
    """Where the imported roads lie, if any."""
    return settings.home / "map" / "roads.npz"


def provider_of(settings: Settings) -> Provider | None:
    """Who finds routes; None when nobody is set up.

    Raises:
        ParkError: ``bad_setting``: the chosen one lacks its address, key or roads; ``bad_roads``.
    """
    key = settings.route_key.get_secret_value() if settings.route_key is not None else ""
    match settings.route_provider:
        case "osrm" | "valhalla" if not settings.route_url:
            raise _lacks(settings.route_provider, "PARK_ROUTE_URL")
        case "osrm":
            return Osrm(settings.route_url)
        case "valhalla":
            return Valhalla(settings.route_url)
        case "amap":
            if not key:
                raise _lacks("amap", "PARK_ROUTE_KEY")
            return Amap(settings.route_url, key)
        case "none":
            return None
    file = roads_file(settings)
    return router_of(file) if file.exists() else None


def import_roads(settings: Settings, extract: Path) -> Roads:
    """Read an OpenStreetMap extract and keep its roads for the embedded router, instead of earlier ones.

    Raises:
        ParkError: ``bad_extract``.
    """
    roads = read_extract(extract)
    write(roads, roads_file(settings))
    return roads


def _lacks(provider: str, setting: str) -> ParkError:
    return ParkError(
        zh=f"路线服务 {provider} 缺少设置：请设置 {setting}，或更改 PARK_ROUTE_PROVIDER",
        en=f"the route service {provider} lacks a setting: set {setting}, or change PARK_ROUTE_PROVIDER",
        code="bad_setting",
    )
