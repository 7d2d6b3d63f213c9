"""Commands of the demonstration: demo."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer

from warehouse.settings import load_settings


def register(app: typer.Typer) -> None:
    """Add ``park demo``."""
    app.command("demo")(demo)


def demo(
    manual: Annotated[
        bool, typer.Option("--manual", help="The manual's lots and tables instead; needs a fresh PARK_HOME.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=1000, help="Days of history before today.")] = 35,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same history.")] = 1,
    scale: Annotated[float, typer.Option(min=0.01, max=100, help="Factor of the traffic.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result, passwords included, as JSON.")] = False,
) -> None:
    """Fill this instance with demonstration lots, logins and history, and publish their reports."""
    from pipelines.demo import load_demo

    begun = time.monotonic()

    def tell(step: str) -> None:
        print(f"[{time.monotonic() - begun:6.1f} s] {step}", file=sys.stderr, flush=True)

    settings = load_settings()
    result = load_demo(settings, manual=manual, days=days, seed=seed, scale=scale, progress=tell)
    if as_json:
        typer.echo(json.dumps(asdict(result), ensure_ascii=False, default=str))
        return
    if result.load is None or result.refresh is None:
        typer.echo(f"the demonstration is there already: {settings.home}")
        return
    load = result.load
    typer.echo(f"loaded: accepted {load.accepted}, marked {load.marked}, rejected {load.rejected}")
    typer.echo(f"published snapshot {result.refresh.snapshot_id}")
    if result.logins:
        typer.echo("logins (shown once):")
    for login in result.logins:
        typer.echo(f"  {login.login:<18} {login.password:<16} {login.role:<9} {login.sees}")
