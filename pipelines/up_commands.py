"""Commands that run a whole instance: up."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from typing import Annotated

import typer

from warehouse.errors import ParkError
from warehouse.settings import Settings, load_settings


def register(app: typer.Typer) -> None:
    """Add ``park up``."""
    app.command("up")(up)


def up(
    demo: Annotated[
        bool, typer.Option("--demo", help="First load the demonstration when there is no lot yet.")
    ] = False,
    no_simulator: Annotated[
        bool, typer.Option("--no-simulator", help="Leave the demonstration's lots silent.")
    ] = False,
    no_dagster: Annotated[
        bool, typer.Option("--no-dagster", help="No automatic refreshes; run park refresh yourself.")
    ] = False,
    rate: Annotated[float | None, typer.Option(min=0.1, help="Records a second of the simulator.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only these parts, on this machine: pages, ingest, watch, dagster. See docs/deployment.md."),
    ] = None,
) -> None:
    """Run the whole instance until stopped: pages, gateway, lander, inbox, alarms, Dagster, simulator."""
    from filelock import FileLock, Timeout

    from pipelines.services import ports
    from pipelines.supervisor import require_free_port

    settings = load_settings()
    parts = _parts(only, dagster=not no_dagster)
    settings.home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(settings.home / f"up{'-'.join(['', *only]) if only else ''}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise ParkError(
            zh=f"{settings.home} 已由另一个 park up 运行", en=f"another park up runs {settings.home}", code="running"
        ) from error
    try:
        for port in ports(settings, parts):
            require_free_port(port.host, port.number, port.setting)
        if only:
            _require_stores(settings)
        else:
            _prepare(settings, demo=demo)
        _run(settings, parts, simulate=not no_simulator and not only, rate=rate)
    finally:
        lock.release()


def _parts(only: Sequence[str] | None, *, dagster: bool) -> tuple[str, ...]:
    """The parts to run.

    Raises:
        ParkError: there is no such part.
    """
    from pipelines.services import PARTS

    unknown = [part for part in only or () if part not in PARTS]
    if unknown:
        raise ParkError(
            zh=f"没有“{unknown[0]}”这一部分：可选 {'、'.join(PARTS)}",
            en=f"there is no part “{unknown[0]}”: choose from {', '.join(PARTS)}",
            code="unknown_part",
        )
    return tuple(part for part in only or PARTS if dagster or part != "dagster")


def _require_stores(settings: Settings) -> None:
    """With several machines nobody migrates by the way: other parts may still run the older program.

    Raises:
        ParkError: the operational store is not at this program's version.
    """
    from warehouse.ops.session import revisions

    present, newest = revisions(settings)
    if present != newest:
        raise ParkError(
            zh=f"业务库版本为 {present or '（空）'}，当前程序为 {newest}：停止所有部分后运行一次 park init",
            en=f"the operational store is at version {present or '(none)'}, the program at {newest}: stop every part, "
            "then run park init once",
            code="old_version",
        )


def _prepare(settings: Settings, *, demo: bool) -> None:
    """Stores, first login, and the demonstration when asked for and not there."""
    from warehouse.lake.schema import create_lake
    from warehouse.ops.session import migrate, ops_session
    from warehouse.services.operators import ADMIN_LOGIN, ensure_admin

    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        password = ensure_admin(session, settings, must_change_password=False if demo else None)
    if password is not None:
        typer.echo(f"login (shown once): {ADMIN_LOGIN}  {password}")
    if demo and _wants_demo(settings):
        from pipelines.demo import load_demo

        begun = time.monotonic()
        result = load_demo(
            settings, progress=lambda step: typer.echo(f"[{time.monotonic() - begun:5.0f} s] {step}", err=True)
        )
        for login in result.logins:
            typer.echo(f"login (shown once): {login.login}  {login.password}  {login.sees}")


def _wants_demo(settings: Settings) -> bool:
    """Whether nothing is here yet, or a demonstration was begun and not finished."""
    from sqlalchemy import func, select

    from ingest.simulator.state import read_state
    from warehouse.ops.models import Lot
    from warehouse.ops.session import ops_session

    state = read_state(settings)
    if state is not None:
        return not state.is_loaded and not state.is_manual
    with ops_session(settings) as session:
        return not session.scalar(select(func.count()).select_from(Lot))


def _run(settings: Settings, parts: Sequence[str], *, simulate: bool, rate: float | None) -> None:
    from ingest.simulator.state import read_state
    from pipelines import services
    from pipelines.supervisor import Supervisor
    from warehouse.heartbeat import Heartbeat

    def tell(text: str) -> None:
        typer.echo(text)

    supervisor = Supervisor(settings.log_path, tell)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: supervisor.stop.set())
    try:
        # What has no heartbeat of its own, as Dagster's processes, is told of by its restarts.
        with Heartbeat(settings, "supervisor", gather=supervisor.restarts):
            supervisor.start(services.of_parts(services.serving(settings), parts))
            if not supervisor.stop.is_set() and "pages" in parts:
                tell(f"pages    http://{settings.host}:{settings.pages_port}")
            if not supervisor.stop.is_set() and "ingest" in parts:
                tell(f"gateway  http://{settings.host}:{settings.gateway_port}/v1/openapi.json")
            supervisor.start(services.of_parts(services.watchers(), parts))
            if "dagster" in parts:
                services.prepare_dagster(settings)
                supervisor.start([services.dagster_code(settings)])
                supervisor.start(services.dagster_faces(settings))
                if not supervisor.stop.is_set():
                    tell(f"dagster  http://{settings.dagster_host}:{settings.dagster_port}")
            state = read_state(settings)
            if simulate and state is not None and state.is_loaded and not state.is_manual:
                supervisor.start([services.simulator(rate)])
            if not supervisor.stop.is_set():
                tell(f"running; logs in {settings.log_path}; Ctrl-C stops everything")
            supervisor.watch()
    finally:
        tell("stopping")
        supervisor.shut_down()
