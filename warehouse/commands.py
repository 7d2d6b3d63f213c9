"""Commands of the stores: init, doctor, metrics, version, and those that the domains register."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from warehouse import (
    alarm_commands,
    analysts_commands,
    audit_commands,
    backup_commands,
    delivery_commands,
    exchange_commands,
    forecast_commands,
    linkage_commands,
    lots_commands,
    maintenance_commands,
    map_commands,
    moving_commands,
    report_commands,
    restatement_commands,
)
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""
    lots_commands.register(app)
    report_commands.register(app)
    forecast_commands.register(app)
    linkage_commands.register(app)
    restatement_commands.register(app)
    audit_commands.register(app)
    exchange_commands.register(app)
    delivery_commands.register(app)
    moving_commands.register(app)
    map_commands.register(app)
    backup_commands.register(app)
    maintenance_commands.register(app)
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
    def metrics(
        host: Annotated[str | None, typer.Option(help="Address to listen on; PARK_HOST when not given.")] = None,
        port: Annotated[int | None, typer.Option(help="Port to listen on; PARK_METRICS_PORT when not given.")] = None,
        once: Annotated[bool, typer.Option("--once", help="Print the metrics once and end.")] = False,
    ) -> None:
        """Serve Prometheus metrics of all processes of this instance until stopped."""
        from warehouse import metrics as exporter
        from warehouse.heartbeat import Heartbeat
        from warehouse.logs import set_up

        settings = load_settings()
        if once:
            typer.echo(exporter.exposition(settings).decode(), nl=False)
            return
        set_up(settings, "metrics")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())
        address = host or settings.host
        server, thread = exporter.serve(
            settings, host=address, port=port if port is not None else settings.metrics_port
        )
        typer.echo(f"metrics  http://{address}:{server.server_port}/metrics")
        with Heartbeat(settings, "metrics"):
            stop.wait()
            server.shutdown()
            thread.join(timeout=5)

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
