"""Commands of the stores: init, doctor, version, lots, credentials, reports."""

from __future__ import annotations

import typer

from warehouse import lots_commands, report_commands
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""
    lots_commands.register(app)
    report_commands.register(app)

    @app.command()
    def init() -> None:
        """Create and migrate the stores; safe to run again."""
        from warehouse.lake.schema import create_lake
        from warehouse.ops.session import migrate

        settings = load_settings()
        migrate(settings)
        create_lake(settings)
        typer.echo(f"{settings.home}")

    @app.command()
    def version() -> None:
        """Print the product's version."""
        from importlib.metadata import version as installed_version

        typer.echo(f"parkcloud {installed_version('parkcloud')}")
