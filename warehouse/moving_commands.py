"""The command that moves an instance to PostgreSQL."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park migrate-store``."""

    @app.command("migrate-store")
    def migrate_store(
        ops_url: Annotated[str, typer.Option(help="postgresql:// URL of an empty database for the operational store.")],
        catalog_url: Annotated[
            str | None, typer.Option(help="postgresql:// URL for the lake's catalog; the same database when left out.")
        ] = None,
        catalog_schema: Annotated[str, typer.Option(help="Schema of the catalog.")] = "parkcloud",
        data_path: Annotated[
            str | None, typer.Option(help="Where the data files were copied to; left out, they stay where they are.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    ) -> None:
        """Copy this instance's stores from SQLite to PostgreSQL and prove the copy; the original is only read."""
        from warehouse.moving import move, target_of

        source = load_settings()
        target = target_of(
            source,
            ops_url=ops_url,
            catalog_url=catalog_url or ops_url,
            catalog_schema=catalog_schema,
            data_path=data_path or source.data_path,
        )
        moved = move(source, target, lambda step: typer.echo(step, err=True))
        if as_json:
            typer.echo(json.dumps(asdict(moved)))
            return
        typer.echo(
            f"{moved.store_rows:,} rows in {moved.store_tables} tables, {moved.catalog_rows:,} rows of the catalog, "
            f"{moved.lake_tables} lake tables equal"
        )
        typer.echo("now set PARK_OPS_URL and PARK_CATALOG_URL to these databases, and PARK_SECRET_KEY if it was a file")
