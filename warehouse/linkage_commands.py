"""Command of the region linkage."""

from __future__ import annotations

import json
import logging
import signal
import threading
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from warehouse.settings import load_settings

_EVERY_SECONDS: Final = 10.0


def register(app: typer.Typer) -> None:
    """Add ``park linkage``."""

    @app.command()
    def linkage(
        follow: Annotated[bool, typer.Option("--follow", help="Go on every 10 seconds until stopped.")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Point the displays of lots that are nearly full to free neighbours."""
        from sqlalchemy.exc import InterfaceError, OperationalError

        from warehouse.heartbeat import Heartbeat
        from warehouse.logs import set_up
        from warehouse.services.linkage import link

        settings = load_settings()
        if not follow:
            found = link(settings, datetime.now(UTC))
            typer.echo(
                json.dumps(asdict(found))
                if as_json
                else f"{found.linked} lots linked: {found.shown} told, {found.renewed} renewed, {found.ended} ended"
            )
            return
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: stop.set())
        set_up(settings, "linkage")
        with Heartbeat(settings, "linkage"):
            while not stop.is_set():
                try:
                    link(settings, datetime.now(UTC))
                except (OperationalError, InterfaceError):
                    logging.getLogger(__name__).exception("region linkage waits for the operational store")
                stop.wait(_EVERY_SECONDS)
