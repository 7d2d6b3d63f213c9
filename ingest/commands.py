"""Commands of the ingest package."""

from __future__ import annotations

import typer

from ingest import live_commands
from ingest.files import commands as files_commands
from ingest.gateway import commands as gateway_commands
from ingest.simulator import commands as simulator_commands


def register(app: typer.Typer) -> None:
    """Add this package's commands to ``park``."""
    files_commands.register(app)
    gateway_commands.register(app)
    simulator_commands.register(app)
    live_commands.register(app)
