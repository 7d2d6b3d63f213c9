"""Command of the occupancy forecast."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park forecast``."""

    @app.command()
    def forecast(
        lot: Annotated[list[str] | None, typer.Option("--lot", help="Lot, code or id; repeat for several.")] = None,
        ahead: Annotated[str, typer.Option(help="Hours ahead, 1 to 6, or all.")] = "all",
        login: Annotated[str | None, typer.Option("--as", help="Login whose lots to show; all lots without.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    ) -> None:
        """Forecast the cars in the lots over the next hours, with the error of the back-test."""
        from warehouse.audit_commands import acting
        from warehouse.lake.reader import Reader
        from warehouse.report_commands import print_table
        from warehouse.reports.access import run
        from warehouse.reports.forecast import FORECAST

        settings = load_settings()
        reader = Reader(settings)
        try:
            given = {"ahead": ahead, **({"lot": lot} if lot else {})}
            result = run(FORECAST, reader, settings, acting(settings, login), given, settings.language)
        finally:
            reader.close()
        if as_json:
            typer.echo(json.dumps(result.records(), ensure_ascii=False, default=str, indent=1))
            return
        print_table(result)
        error, week, better = (result.totals[key] for key in ("error", "week_error", "better"))
        if error is not None and week is not None and better is not None:
            zh = f"回测平均误差 {error} 辆,上周同时刻 {week} 辆,减少 {better:.1%}"
            en = f"mean error of the back-test {error} cars, of the same hour last week {week}: less by {better:.1%}"
            typer.echo(zh if settings.language == "zh" else en)
