"""Command that builds figures of a past moment: recompute."""

from __future__ import annotations

import sys
from typing import Annotated

import msgspec
import typer

from warehouse.errors import ParkError
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park recompute``."""

    @app.command()
    def recompute(
        known_at: Annotated[str, typer.Option("--known-at", help="The moment, as for park report.")],
        lot_id: Annotated[list[int] | None, typer.Option("--lot-id", help="Lot id; repeat; all without.")] = None,
        marts: Annotated[str, typer.Option("--marts", help="Marts to build, joined by commas; all without.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="Tell each step as a line of JSON.")] = False,
    ) -> None:
        """Build the figures of lots as known at a past moment from the records, beside what is published."""
        from pipelines.recompute import recompute as run
        from warehouse.lake.moments import moment_at
        from warehouse.reports.known import Step, read_moment
        from warehouse.reports.relations import MARTS

        settings = load_settings()

        def tell(step: str, done: int, of: int) -> None:
            if as_json:
                sys.stdout.buffer.write(msgspec.json.encode(Step(step, done, of)) + b"\n")
                sys.stdout.buffer.flush()
            elif done == 0:
                typer.echo(step, err=True)

        try:
            moment = moment_at(settings, read_moment(known_at, settings))
            wanted = [mart for mart in marts.split(",") if mart] or sorted(MARTS)
            scratch = run(settings, moment, lot_id or None, wanted, progress=tell)
        except ParkError as error:
            if not as_json:
                raise
            sys.stdout.buffer.write(msgspec.json.encode(Step(zh=error.zh, en=error.en, code=error.code)) + b"\n")
            raise typer.Exit(1) from error
        state = scratch.state()
        assert state is not None
        if not as_json:
            typer.echo(f"{scratch.folder.name}: {state.rows} records, {state.seconds:.1f} s")
