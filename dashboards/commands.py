"""Commands of the dashboards package."""

from __future__ import annotations

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""

    @app.command()
    def pages() -> None:
        """Serve the pages until stopped."""
        from dashboards.server import serve

        settings = load_settings()
        typer.echo(f"停车云 ParkCloud  http://{settings.host}:{settings.pages_port}")
        serve(settings)
