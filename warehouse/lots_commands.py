"""Commands about lots: import, list."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from warehouse.errors import ParkError
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park lots import`` and ``park lots list``."""
    lots = typer.Typer(help="Lots: import from a table, list.", no_args_is_help=True)
    app.add_typer(lots, name="lots")

    @lots.command("import")
    def import_file(
        file: Annotated[Path, typer.Argument(help="CSV or XLSX; columns in docs/lot-import.md")],
        skip_bad: Annotated[
            bool, typer.Option("--skip-bad", help="Import the good lots and leave out bad ones.")
        ] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    ) -> None:
        """Create or update lots from a table; nothing is written while any line is wrong."""
        from warehouse.ops.session import write_session
        from warehouse.services.lot_file import import_lots

        settings = load_settings()
        with write_session(settings) as session:
            summary = import_lots(session, file, skip_bad=skip_bad)
        if as_json:
            typer.echo(json.dumps(asdict(summary), ensure_ascii=False))
        else:
            for error in summary.errors:
                typer.echo(error.text(settings.language), err=True)
            typer.echo(f"created {summary.created}, updated {summary.updated}, unchanged {summary.unchanged}")
        if summary.errors and not skip_bad:
            lines = len({error.line for error in summary.errors})
            raise ParkError(
                zh=f"{lines} 行有误，未写入任何停车场；改正后重试，或用 --skip-bad 跳过",
                en=f"{lines} lines are wrong, nothing was written; correct them or pass --skip-bad",
                code="bad_lines",
            )

    @lots.command("list")
    def list_all(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
        """List all lots with the capacity in force."""
        from warehouse.security.actor import LOCAL
        from warehouse.services.listing import LARGEST_PAGE, ListQuery
        from warehouse.services.lot_list import list_lots

        found = list_lots(load_settings(), LOCAL, ListQuery(size=LARGEST_PAGE, sort="code")).rows
        if as_json:
            typer.echo(json.dumps([asdict(lot) for lot in found], ensure_ascii=False, default=str))
            return
        for lot in found:
            flags = "".join(f" [{flag}]" for flag, is_set in (("test", lot.is_test), ("void", lot.is_void)) if is_set)
            spaces = "-" if lot.capacity is None else str(lot.capacity)
            typer.echo(f"{lot.lot_id:>4}  {lot.code:<24} {spaces:>6}  {lot.name}{flags}  {lot.address or ''}")
