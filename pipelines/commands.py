"""Commands of the pipelines: demo, up, refresh, publish, recompute."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from pipelines import demo_commands, recompute_commands, up_commands
from warehouse.logs import set_up
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""
    demo_commands.register(app)
    up_commands.register(app)
    recompute_commands.register(app)

    @app.command()
    def refresh(
        full: Annotated[bool, typer.Option("--full", help="Build everything anew.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Build the marts from what has landed, test them, and publish when all is green."""
        from pipelines.build import refresh as run_refresh

        settings = load_settings()
        set_up(settings, "refresh")
        result = run_refresh(settings, full=full, progress=lambda step: typer.echo(f"building: {step}", err=True))
        if as_json:
            typer.echo(msgspec.json.encode(result).decode())
        else:
            typer.echo(f"published snapshot {result.snapshot_id}" + ("" if result.built else " (nothing new to build)"))

    @app.command()
    def publish() -> None:
        """Publish the newest green build when a crash kept it from being published."""
        from pipelines.build import refresh as run_refresh

        result = run_refresh(load_settings())
        typer.echo(f"published snapshot {result.snapshot_id}")
