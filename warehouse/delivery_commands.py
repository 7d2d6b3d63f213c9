"""Commands about deliveries: list, run."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from warehouse.errors import ParkError
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park deliveries list`` and ``park deliveries run``."""
    deliveries = typer.Typer(help="Reports delivered by the clock: list them, run them.", no_args_is_help=True)
    app.add_typer(deliveries, name="deliveries")

    @deliveries.command("list")
    def list_all(
        login: Annotated[str | None, typer.Option("--as", help="See what this login may see.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    ) -> None:
        """List deliveries with their next and last moment."""
        from warehouse.audit_commands import acting
        from warehouse.services.deliveries import list_deliveries
        from warehouse.services.listing import LARGEST_PAGE, ListQuery

        settings = load_settings()
        rows = list_deliveries(settings, acting(settings, login), ListQuery(size=LARGEST_PAGE)).rows
        if as_json:
            typer.echo(json.dumps([asdict(row) for row in rows], ensure_ascii=False, default=_text, indent=1))
            return
        zone = ZoneInfo(settings.schedule_time_zone)
        for row in rows:
            due = f"{row.next_due_at.astimezone(zone):%Y-%m-%d %H:%M}" if row.next_due_at else "-"
            to = ",".join(row.addresses) or f"deliveries/{row.owner_login}"
            typer.echo(
                f"{row.delivery_id:>5}  {due:<16}  {row.last_state or '-':<8} {row.report:<26} {row.file_format:<5}"
                f"{row.owner_login:<16} {row.name}  → {to}"
            )

    @deliveries.command()
    def run(
        delivery_id: Annotated[int | None, typer.Argument(help="Run this one now, due or not.")] = None,
        due: Annotated[bool, typer.Option("--due", help="Run everything that is due.")] = False,
    ) -> None:
        """Make and send reports; exit code 1 when one failed."""
        from warehouse.delivering import Outcome, run_due, run_one
        from warehouse.security.actor import LOCAL
        from warehouse.services.deliveries import request_run

        settings = load_settings()
        if (delivery_id is None) != due:
            raise ParkError(
                zh="请给出投递编号,或加 --due 运行所有到期的",
                en="name a delivery by its number, or pass --due for all that are due",
                code="bad_parameter",
            )
        outcomes: list[Outcome]
        if delivery_id is None:
            outcomes = run_due(settings)
        else:
            one = run_one(settings, request_run(settings, LOCAL, delivery_id))
            outcomes = [one] if one is not None else []
        for outcome in outcomes:
            said = outcome.sentence.text(settings.language) if outcome.sentence is not None else ""
            state = "done" if outcome.is_done else "failed"
            typer.echo(f"{outcome.claimed.delivery_id:>5}  {state:<7} {outcome.claimed.name}  {outcome.target} {said}")
        if not all(outcome.is_done for outcome in outcomes):
            raise typer.Exit(1)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
