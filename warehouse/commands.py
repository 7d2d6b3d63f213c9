"""Commands of the stores: init, doctor, version, and those that the domains register."""

from __future__ import annotations

from typing import Annotated

import typer

from warehouse import (
    alarm_commands,
    analysts_commands,
    audit_commands,
    backup_commands,
    delivery_commands,
    exchange_commands,
    lots_commands,
    moving_commands,
    report_commands,
    restatement_commands,
)
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""
    lots_commands.register(app)
    report_commands.register(app)
    restatement_commands.register(app)
    audit_commands.register(app)
    exchange_commands.register(app)
    delivery_commands.register(app)
    moving_commands.register(app)
    backup_commands.register(app)
    analysts_commands.register(app)
    alarm_commands.register(app)

    @app.command()
    def init() -> None:
        """Create and migrate the stores; safe to run again."""
        from warehouse.lake.schema import create_lake
        from warehouse.ops.session import migrate

        settings = load_settings()
        migrate(settings)
        create_lake(settings)
        typer.echo(f"{settings.home}")

    @app.command()
    def version() -> None:
        """Print the product's version."""
        from importlib.metadata import version as installed_version

        typer.echo(f"parkcloud {installed_version('parkcloud')}")

    @app.command()
    def doctor(
        as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    ) -> None:
        """Check this instance; each fault comes with its cure, and any fault ends in exit code 1."""
        from warehouse import doctor as checks

        settings = load_settings()
        findings = checks.examine(settings)
        typer.echo(
            checks.as_json(findings) if as_json else "\n".join(found.line(settings.language) for found in findings)
        )
        if any(found.state == "fault" for found in findings):
            raise typer.Exit(1)
