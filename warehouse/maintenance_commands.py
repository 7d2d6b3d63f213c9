"""Commands of maintenance: clean, list, run."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park maintenance``."""
    maintenance = typer.Typer(help="Maintenance: clean a lot, list removals, tidy the lake.", no_args_is_help=True)
    app.add_typer(maintenance, name="maintenance")

    @maintenance.command()
    def clean(
        lot_code: Annotated[str, typer.Argument(metavar="LOT", help="The lot's code.")],
        before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Records of days before this one go.")],
        confirm: Annotated[
            str, typer.Option("--confirm", help="The lot's code once more; without it, a preview.")
        ] = "",
    ) -> None:
        """Remove entry and exit records and pictures of a lot; without --confirm say what would go."""
        from warehouse.operating import run_waiting
        from warehouse.ops.session import ops_session
        from warehouse.security.actor import LOCAL
        from warehouse.security.credentials import lot_by_code
        from warehouse.services.clean_ups import preview_clean_up, request_clean_up

        settings = load_settings()
        with ops_session(settings) as session:
            lot_id = lot_by_code(session, lot_code).lot_id
        for one in preview_clean_up(settings, LOCAL, lot_id, before.date()):
            month = f"{one.month:%Y-%m}" if one.month else ""
            typer.echo(f"{month:<8} {one.kind:<12} {one.records:>12,}")
        if not confirm:
            zh = settings.language == "zh"
            typer.echo(f"以上为预览；确认请加 --confirm {lot_code}" if zh else f"preview; add --confirm {lot_code}")
            return
        run_id = request_clean_up(settings, LOCAL, lot_id, before.date(), confirm)
        for outcome in run_waiting(settings, only=run_id):
            if outcome.error is not None:
                raise outcome.error
            typer.echo(json.dumps(outcome.result))

    @maintenance.command("list")
    def list_tombstones(
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    ) -> None:
        """List what was removed, newest first."""
        from warehouse.security.actor import LOCAL
        from warehouse.services.clean_ups import list_removals

        found = list_removals(load_settings(), LOCAL)
        if as_json:
            import msgspec

            typer.echo(msgspec.json.encode(found).decode())
            return
        for one in found:
            typer.echo(
                f"{one.removed_at:%Y-%m-%d %H:%M}Z  {one.lot_code:<12} before {one.removed_before}  "
                f"{one.records:>12,} records  {one.login}"
            )

    @maintenance.command()
    def run() -> None:
        """Merge small files, expire old snapshots, delete what nothing refers to; safe at any time."""
        from warehouse.lake.maintain import maintain

        typer.echo(json.dumps(maintain(load_settings()).as_dict()))
