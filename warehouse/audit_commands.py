"""Commands about the operator log: verify, list."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from warehouse.security.actor import Actor


def acting(settings: Settings, login: str | None) -> Actor:
    """Who a command acts as: the login of ``--as``, else the server's own user."""
    from warehouse.ops.session import ops_session
    from warehouse.security.actor import LOCAL, actor_by_login

    if login is None:
        return LOCAL
    with ops_session(settings) as session:
        return actor_by_login(session, login)


def register(app: typer.Typer) -> None:
    """Add ``park audit verify`` and ``park audit list``."""
    audit = typer.Typer(help="Operator log: verify the chain, list entries.", no_args_is_help=True)
    app.add_typer(audit, name="audit")

    @audit.command()
    def verify(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False) -> None:
        """Compute the hash of every entry again; exit code 1 when an entry was changed, removed or inserted."""
        from warehouse.ops.session import ops_session
        from warehouse.security.audit import verify as verify_chain

        settings = load_settings()
        with ops_session(settings) as session:
            report = verify_chain(session)
        if as_json:
            typer.echo(json.dumps(asdict(report), ensure_ascii=False))
        else:
            typer.echo(report.zh if settings.language == "zh" else report.en, err=report.broken_at is not None)
            typer.echo(report.last_hash)
        if report.broken_at is not None:
            raise typer.Exit(1)

    @audit.command("list")
    def list_entries(
        login: Annotated[str, typer.Option(help="Only this operator.")] = "",
        menu: Annotated[str, typer.Option(help="Only this menu item, or session for sign-in events.")] = "",
        outcome: Annotated[str, typer.Option(help="done or refused.")] = "",
        text: Annotated[str, typer.Option(help="Held in names, numbers or values.")] = "",
        since: Annotated[datetime | None, typer.Option(help="Not before, in this machine's zone.")] = None,
        before: Annotated[int | None, typer.Option(help="Only entries older than this number.")] = None,
        size: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Most entries.")] = 50,
        login_as: Annotated[str | None, typer.Option("--as", help="See what this login may see.")] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False,
    ) -> None:
        """List entries, newest first."""
        from warehouse.services.operator_log import LogQuery, search_log

        settings = load_settings()
        asked = LogQuery(
            login=login,
            menu=menu,
            outcome=outcome,
            text=text,
            since=since.astimezone() if since else None,
            before=before,
            size=size,
        )
        page = search_log(settings, acting(settings, login_as), asked)
        if as_json:
            typer.echo(json.dumps([asdict(entry) for entry in page.rows], ensure_ascii=False, default=_text))
            return
        for entry in page.rows:
            changes = ", ".join(
                f"{one.field}: {one.before!r} → {one.after!r}"
                if entry.change == "changed"
                else f"{one.field}: {told!r}"
                for one in entry.differences
                for told in (one.before if entry.change == "deleted" else one.after,)
            )
            subject = " ".join(filter(None, (entry.entity, entry.entity_name)))
            typer.echo(
                f"{entry.entry_id:>7}  {entry.at:%Y-%m-%d %H:%M:%S}Z  {entry.login:<16} {entry.outcome:<7} "
                f"{entry.action:<28} {subject}  {changes}"
            )


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
