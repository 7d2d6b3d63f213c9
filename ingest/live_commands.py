"""Commands of the live state: rebuild."""

from __future__ import annotations

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park live``."""
    group = typer.Typer(no_args_is_help=True, help="Live state: what lots and devices said last.")
    group.command("rebuild")(rebuild)
    app.add_typer(group, name="live")


def rebuild() -> None:
    """Make the live state anew from the lake and from what waits in the journal."""
    from ingest import live_follow

    live_follow.rebuild(load_settings())
    typer.echo("live state rebuilt")
