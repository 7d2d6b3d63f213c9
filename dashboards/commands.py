"""Commands of the dashboards package."""

from __future__ import annotations

import typer

from warehouse.logs import set_up
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""

    @app.command()
    def pages() -> None:
        """Serve the pages until stopped."""
        from dashboards import instance
        from dashboards.server import serve
        from warehouse.heartbeat import Heartbeat

        settings = load_settings()
        set_up(settings, "pages")
        typer.echo(f"停车云 ParkCloud  http://{settings.host}:{settings.pages_port}")
        with Heartbeat(settings, "pages", gather=instance.figures):
            serve(settings)
