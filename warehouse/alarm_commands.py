"""Commands about alarms: evaluate the rules once, or go on doing so."""

from __future__ import annotations

import json
import signal
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from warehouse.errors import ParkError
from warehouse.settings import load_settings

if TYPE_CHECKING:
    from warehouse.alarms.evaluate import Evaluation


def register(app: typer.Typer) -> None:
    """Add ``park alarms``."""
    alarms = typer.Typer(help="Rules that raise alarms: check them once, or follow.", invoke_without_command=True)
    app.add_typer(alarms, name="alarms")

    @alarms.callback()
    def every(
        context: typer.Context,
        follow: Annotated[
            bool, typer.Option("--follow", help="Check every PARK_ALARM_INTERVAL_SECONDS until stopped.")
        ] = False,
    ) -> None:
        """Rules that raise alarms: check them once (``check``), or go on (``--follow``)."""
        if context.invoked_subcommand is not None:
            return
        if not follow:
            raise ParkError(
                zh="请写 park alarms check 检查一次，或 park alarms --follow 持续检查",
                en="write park alarms check to check once, or park alarms --follow to go on",
                code="bad_parameter",
            )
        from warehouse.alarms.evaluate import follow as follow_rules
        from warehouse.heartbeat import Heartbeat
        from warehouse.logs import set_up

        settings = load_settings()
        set_up(settings, "alarms")
        heartbeat = Heartbeat(settings, "alarms")
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())

        def report(found: Evaluation) -> None:
            heartbeat.count("raised", found.raised)
            heartbeat.count("recovered", found.recovered)
            typer.echo(f"{found.raised} raised, {found.recovered} recovered, {found.open} open")

        with heartbeat:
            follow_rules(settings, stop, report)

    @alarms.command()
    def check(as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False) -> None:
        """Check every rule once, and send the messages that are due."""
        from warehouse.alarms.deliver import deliver_due
        from warehouse.alarms.evaluate import Evaluator

        settings = load_settings()
        evaluator = Evaluator(settings)
        try:
            found = evaluator.check()
        finally:
            evaluator.close()
        for outcome in deliver_due(settings, datetime.now(UTC)):
            said = "sent" if outcome.error is None else outcome.error.text(settings.language)
            typer.echo(f"{outcome.message.name}: {said}", err=True)
        typer.echo(
            json.dumps(found.as_dict())
            if as_json
            else f"{found.lots} lots, {found.broken} rules broken: {found.raised} raised, {found.recovered} recovered, "
            f"{found.open} open, {found.notices} to be told ({found.milliseconds} ms)"
        )
