"""Commands of the simulator: simulate."""

from __future__ import annotations

import json
import logging
import signal
import threading
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.heartbeat import Heartbeat
from warehouse.logs import set_up
from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park simulate``."""
    app.command("simulate")(simulate)


def simulate(
    rate: Annotated[
        float | None, typer.Option(min=0.1, help="Records a second of all lots; their own pace when not given.")
    ] = None,
    seconds: Annotated[float | None, typer.Option(min=1, help="End after so many seconds; else when stopped.")] = None,
    seed: Annotated[int | None, typer.Option(help="Seed; that of the demonstration when not given.")] = None,
    scale: Annotated[float | None, typer.Option(min=0.01, help="Factor of the traffic; likewise.")] = None,
    url: Annotated[str | None, typer.Option(help="Address of the gateway; from the settings when not given.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the totals as JSON.")] = False,
) -> None:
    """Let the demonstration's lots go on: upload to the gateway what happens as time goes by."""
    from ingest.simulator.demo_lots import DEMO_LOTS
    from ingest.simulator.live import LiveSimulator
    from ingest.simulator.state import read_state

    settings = load_settings()
    set_up(settings, "simulator", level=logging.WARNING)
    state = read_state(settings)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda _number, _frame: stop.set())
    simulator = LiveSimulator(
        settings,
        DEMO_LOTS,
        seed=seed if seed is not None else state.seed if state else 1,
        scale=scale if scale is not None else state.scale if state else 1.0,
        rate=rate,
        base_url=url,
    )
    with Heartbeat(settings, "simulator"):
        summary = simulator.run(stop, seconds=seconds)
    if as_json:
        typer.echo(json.dumps(asdict(summary)))
    else:
        typer.echo(
            f"sent {summary.records}: accepted {summary.accepted}, marked {summary.marked}, "
            f"rejected {summary.rejected}; failed attempts {summary.failures}; pictures {summary.pictures}; "
            f"commands applied {summary.commands.applied}, failed {summary.commands.failed}"
        )
