"""Commands about roads: import them, ask for a route."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Point
from warehouse.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add ``park map import`` and ``park map route``."""
    roads = typer.Typer(help="Roads for driving routes: import an extract, ask for a route.", no_args_is_help=True)
    app.add_typer(roads, name="map")

    @roads.command("import")
    def import_file(
        file: Annotated[Path, typer.Argument(help="OpenStreetMap extract: .osm.pbf, .osm.gz, .osm.bz2 or .osm")],
    ) -> None:
        """Keep the roads of an extract for the embedded router, instead of earlier ones."""
        from warehouse.routing.choosing import import_roads, roads_file

        settings = load_settings()
        found = import_roads(settings, file)
        kilometres = float(found.metres.sum()) / 1000
        typer.echo(
            f"{file.name}: {found.segments} segments, {kilometres:.0f} km, {len(found.turns)} turns -> "
            f"{roads_file(settings)}"
        )

    @roads.command("route")
    def route(
        start: Annotated[str, typer.Argument(metavar="FROM", help="A lot's code, or LONGITUDE,LATITUDE (WGS-84)")],
        end: Annotated[str, typer.Argument(metavar="TO", help="The same")],
        language: Annotated[str, typer.Option("--language", help="zh or en; the instance's when not given.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Print the whole route as JSON.")] = False,
    ) -> None:
        """The fastest way by car, step by step."""
        from warehouse.routing.choosing import provider_of
        from warehouse.routing.words import duration, instruction, length

        settings = load_settings()
        provider = provider_of(settings)
        if provider is None:
            raise ParkError(
                zh="没有设置路线服务：请用 park map import 导入 OpenStreetMap 数据，或设置 PARK_ROUTE_PROVIDER",
                en="nobody finds routes: import an OpenStreetMap extract with park map import, or set "
                "PARK_ROUTE_PROVIDER",
                code="no_provider",
            )
        found = provider.route(_place(settings, start), _place(settings, end))
        said = language or settings.language
        if as_json:
            typer.echo(json.dumps(asdict(found), ensure_ascii=False))
            return
        typer.echo(f"{length(found.metres, said)}  {duration(found.seconds, said)}  {found.notice}")
        for number, step in enumerate(found.steps, start=1):
            typer.echo(f"{number:3}  {instruction(step, said)}")


def _place(settings: Settings, written: str) -> Point:
    parts = written.split(",")
    if len(parts) == 2:
        try:
            point = Point(float(parts[0]), float(parts[1]))
        except ValueError:
            point = Point(999.0, 999.0)
        if abs(point.longitude) > 180 or abs(point.latitude) > 90:
            raise ParkError(
                zh=f"{written} 不是经纬度：请写作 经度,纬度，如 121.4737,31.2304",
                en=f"{written} is no place: write longitude,latitude, such as 121.4737,31.2304",
                code="bad_place",
            )
        return point
    from warehouse.ops.session import ops_session
    from warehouse.services.lots import find_lot

    with ops_session(settings) as session:
        lot = find_lot(session, written)
        if lot.longitude is None or lot.latitude is None:
            raise ParkError(
                zh=f"停车场 {written} 没有坐标：请先在停车场管理中设置",
                en=f"the lot {written} has no coordinates: set them under Lots first",
                code="no_place",
            )
        return Point(lot.longitude, lot.latitude)
