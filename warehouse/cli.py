"""The ``park`` command: joins what each package registers.

Belongs here: discovery, the one place where an error becomes one line and an exit code. Commands live in the
``commands`` module of the package that does the work, so that nothing here imports upward.
"""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import typer

from warehouse.errors import ParkError
from warehouse.settings import load_settings

app = typer.Typer(
    name="park",
    help="停车云 ParkCloud",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _register_all() -> None:
    for entry in sorted(entry_points(group="parkcloud.commands"), key=lambda found: found.name):
        entry.load()(app)


def main() -> None:
    """Run one command; a ParkError becomes one line on standard error and exit code 1."""
    _register_all()
    try:
        app()
    except ParkError as error:
        print(f"park: {error.text(load_settings().language)}", file=sys.stderr)
        raise SystemExit(1) from error
