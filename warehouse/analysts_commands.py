"""Commands of analysts' SQL: make the files, run a query, hand out a file."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park analysts``."""
    analysts = typer.Typer(no_args_is_help=True, help="DuckDB files of the published marts for analysts.")
    app.add_typer(analysts, name="analysts")

    @analysts.callback()
    def group() -> None:
        """Keep this a group while it has one command."""

    @analysts.command()
    def build(
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Make the analysts' file of the published snapshot, unless it is there."""
        import json

        from warehouse.lake.analysts import ensure_file

        made = ensure_file(load_settings())
        if as_json:
            found = {"path": str(made.path), "snapshot": made.snapshot_id, "new": made.is_new}
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            typer.echo(f"{made.path}" + ("" if made.is_new else " (was there)"))
