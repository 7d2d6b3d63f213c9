"""Commands of maintenance: run."""

from __future__ import annotations

import json

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park maintenance``."""
    maintenance = typer.Typer(help="Maintenance: tidy the lake.", no_args_is_help=True)
    app.add_typer(maintenance, name="maintenance")

    @maintenance.callback()
    def group() -> None:
        """Maintenance: tidy the lake."""

    @maintenance.command()
    def run() -> None:
        """Merge small files, expire old snapshots, delete what nothing refers to; safe at any time."""
        from warehouse.lake.maintain import maintain

        typer.echo(json.dumps(maintain(load_settings()).as_dict()))
