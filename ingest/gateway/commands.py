"""Commands of the way in over HTTP: gateway, lander, upload credentials."""

from __future__ import annotations

import json
import logging
import signal
import threading
from typing import TYPE_CHECKING, Annotated

import typer

from warehouse.errors import ParkError
from warehouse.logs import set_up
from warehouse.settings import load_settings

if TYPE_CHECKING:
    from ingest.lander import DrainSummary


logger = logging.getLogger(__name__)


def register(app: typer.Typer) -> None:
    """Add ``park gateway``, ``park land`` and ``park lots credential``."""
    app.command("gateway")(gateway)
    app.command("land")(land)
    _group(app, "lots").command("credential")(credential)


def _group(app: typer.Typer, name: str) -> typer.Typer:
    """The command group ``name``, which another package may have added before."""
    for found in app.registered_groups:
        if found.name == name and found.typer_instance is not None:
            return found.typer_instance
    group = typer.Typer(no_args_is_help=True)
    app.add_typer(group, name=name)
    return group


def gateway(
    host: Annotated[str | None, typer.Option(help="Address to listen on; PARK_HOST when not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; PARK_GATEWAY_PORT when not given.")] = None,
) -> None:
    """Serve the upload interface until stopped."""
    from ingest.gateway.server import run
    from warehouse.heartbeat import Heartbeat

    settings = load_settings()
    set_up(settings, "gateway")
    with Heartbeat(settings, "gateway"):
        run(settings, host=host or settings.host, port=port if port is not None else settings.gateway_port)


def land(
    once: Annotated[bool, typer.Option("--once", help="Land what is sealed now and end; the default.")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Go on landing until stopped.")] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="First take back the segments that were set aside.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per drain.")] = False,
) -> None:
    """Move acknowledged uploads from the journal into the lake."""
    from ingest.lander import Lander
    from warehouse.heartbeat import Heartbeat

    if once and follow:
        raise ParkError(
            zh="--once 与 --follow 不能同时使用", en="--once and --follow exclude each other", code="bad_options"
        )
    settings = load_settings()
    set_up(settings, "lander")
    lander = Lander(settings)
    heartbeat = Heartbeat(settings, "lander")
    if retry_failed:
        lander.journal.retry_failed()

    def report(summary: DrainSummary) -> None:
        for figure in ("segments", "records", "rejected", "damaged"):
            heartbeat.count(figure, getattr(summary, figure))
        heartbeat.count("set_aside", len(summary.set_aside))
        heartbeat.count("troubles", 1 if summary.error else 0)
        if follow and settings.log_format == "json":
            logger.log(
                logging.WARNING if summary.error or summary.set_aside else logging.INFO,
                summary.sentence(),
                extra={name: getattr(summary, name) for name in ("segments", "records", "rejected", "waiting")},
            )
            return
        typer.echo(json.dumps(summary.as_dict(), ensure_ascii=False) if as_json else summary.sentence())

    try:
        if follow:
            stop = threading.Event()
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda _number, _frame: stop.set())
            with heartbeat:
                lander.follow(stop, report)
            return
        summary = lander.drain()
        report(summary)
    finally:
        lander.close()
    if summary.error is not None:
        raise ParkError(
            zh=f"暂时无法入库，日志段保留待重试：{summary.error}",
            en=f"nothing can be landed at the moment, the segments wait: {summary.error}",
            code="landing_waits",
        )
    if summary.set_aside:
        raise ParkError(
            zh=f"{len(summary.set_aside)} 个日志段无法入库，已移至 {lander.journal.failed}，原因见其旁的文本文件",
            en=f"{len(summary.set_aside)} segments cannot be landed and lie in {lander.journal.failed}, "
            "each beside a text file with the reason",
            code="segments_set_aside",
        )


def credential(
    code: Annotated[str, typer.Argument(help="Code of the lot.")],
    revoke: Annotated[str | None, typer.Option(help="Revoke this key id instead of making a new credential.")] = None,
    show: Annotated[bool, typer.Option("--list", help="List the lot's credentials instead, without secrets.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make an upload credential of a lot; its secret is shown once."""
    from warehouse.ops.session import ops_session
    from warehouse.security.credentials import create_credential, list_credentials, lot_by_code, revoke_credential

    settings = load_settings()
    with ops_session(settings) as session:
        lot = lot_by_code(session, code)
        known = list_credentials(session, lot.lot_id)
        if show:
            rows = [
                {
                    "key_id": found.key_id,
                    "created_at": found.created_at.isoformat(),
                    "revoked_at": found.revoked_at.isoformat() if found.revoked_at else None,
                }
                for found in known
            ]
            if as_json:
                typer.echo(json.dumps(rows))
            else:
                for row in rows:
                    typer.echo(f"{row['key_id']}  {row['created_at']}  {row['revoked_at'] or '-'}")
            return
        if revoke is not None:
            if revoke not in {found.key_id for found in known}:
                raise ParkError(
                    zh=f"停车场 {code} 没有凭证 {revoke}；用 --list 查看",
                    en=f"lot {code} has no credential {revoke}; see --list",
                    code="unknown_key",
                )
            revoke_credential(session, revoke)
            typer.echo(json.dumps({"revoked": revoke}) if as_json else f"revoked {revoke}")
            return
        key_id, secret = create_credential(session, settings, lot.lot_id)
    if as_json:
        typer.echo(json.dumps({"lot": code, "key_id": key_id, "secret": secret}))
    else:
        typer.echo(f"key id  {key_id}\nsecret  {secret}")
