"""Commands of analysts' SQL: make the files, run a query, hand out a file."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from warehouse.errors import ParkError
from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from warehouse.analysts.desk import Answer
    from warehouse.security.actor import Actor

_FORMATS = ("table", "csv", "json")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT")


def _actor(settings: Settings, login: str | None) -> Actor:
    from warehouse.ops.session import ops_session
    from warehouse.security.actor import LOCAL, actor_by_login

    if login is None:
        return LOCAL
    with ops_session(settings) as session:
        return actor_by_login(session, login)


def _print_table(answer: Answer, language: str) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    result = answer.result
    table = Table(box=box.SIMPLE_HEAD)
    for column in result.columns:
        table.add_column(column.name, justify="right" if column.is_number else "left", overflow="fold")
    for row in result.rows:
        table.add_row(*("" if value is None else value for value in row))
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(table)
    rows, seconds = f"{len(result.rows):,}", f"{result.seconds:.2f}"
    as_of = f"{answer.data_as_of:%Y-%m-%d %H:%M:%S} UTC" if answer.data_as_of is not None else "-"
    if language == "zh":
        more = "，已达上限，还有更多" if result.is_cut else ""
        console.print(f"{rows} 行{more}，{seconds} 秒，数据截止 {as_of}")
    else:
        more = ", cut at the limit" if result.is_cut else ""
        console.print(f"{rows} rows{more}, {seconds} s, data as of {as_of}")


def _print_json(answer: Answer) -> None:
    """Whole numbers and truth values as such; everything else exact as text."""

    def value(text: str | None, kind: str) -> object:
        if text is None:
            return None
        if kind == "BOOLEAN":
            return text == "true"
        return int(text) if kind in _WHOLE else text

    result = answer.result
    rows = [[value(text, column.type) for text, column in zip(row, result.columns, strict=True)] for row in result.rows]
    found = {
        "snapshot": answer.snapshot_id,
        "data_as_of": answer.data_as_of.isoformat() if answer.data_as_of is not None else None,
        "columns": [{"name": column.name, "type": column.type} for column in result.columns],
        "rows": rows,
        "is_cut": result.is_cut,
    }
    typer.echo(json.dumps(found, ensure_ascii=False))


def register(app: typer.Typer) -> None:
    """Add ``park analysts``, ``park sql`` and ``park sql-file``."""
    analysts = typer.Typer(no_args_is_help=True, help="DuckDB files of the published marts for analysts.")
    app.add_typer(analysts, name="analysts")

    @analysts.callback()
    def group() -> None:
        """Keep this a group while it has one command."""

    @analysts.command()
    def build(
        as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    ) -> None:
        """Make the analysts' file of the published snapshot, unless it is there."""
        from warehouse.lake.analysts import ensure_file

        made = ensure_file(load_settings())
        if as_json:
            found = {"path": str(made.path), "snapshot": made.snapshot_id, "new": made.is_new}
            typer.echo(json.dumps(found, ensure_ascii=False))
        else:
            typer.echo(f"{made.path}" + ("" if made.is_new else " (was there)"))

    @app.command()
    def sql(
        statement: Annotated[str, typer.Argument(help="One statement that reads; - reads it from standard input.")],
        login: Annotated[str | None, typer.Option("--as", help="Login whose lots to read; all lots without.")] = None,
        output_format: Annotated[str, typer.Option("--format", help="table, csv or json.")] = "table",
        most: Annotated[int | None, typer.Option("--rows", help="Most rows; at most PARK_SQL_ROWS.")] = None,
    ) -> None:
        """Run one query on the analysts' file, within the limits set."""
        from dataclasses import replace

        from warehouse.analysts import desk
        from warehouse.analysts.running import Limits

        settings = load_settings()
        if output_format not in _FORMATS:
            raise ParkError(
                zh=f"--format 不能是 {output_format}：可用 {'、'.join(_FORMATS)}",
                en=f"--format cannot be {output_format!r}: use {', '.join(_FORMATS)}",
                code="bad_parameter",
            )
        actor = _actor(settings, login)
        limits = Limits.of(settings)
        if most is not None:
            limits = replace(limits, rows=max(1, min(most, limits.rows)))
        if output_format != "table":
            desk.may_take_out(settings, actor)
        text = sys.stdin.read() if statement == "-" else statement
        answer = desk.ask(settings, actor, text, limits=limits)
        if output_format == "table":
            _print_table(answer, settings.language)
            return
        desk.note_taken_out(settings, actor, answer.result, text)
        if output_format == "json":
            _print_json(answer)
        else:
            desk.write_csv(sys.stdout, answer.result)

    @app.command("sql-file")
    def sql_file(
        login: Annotated[str | None, typer.Option("--as", help="Login whose lots it holds; all lots without.")] = None,
        output: Annotated[Path | None, typer.Option("-o", "--output", help="Copy it to this file.")] = None,
    ) -> None:
        """Make the DuckDB file of a login's lots for tools of their own, and print where it is."""
        from warehouse.analysts import desk

        settings = load_settings()
        made = desk.file_of(settings, _actor(settings, login))
        if output is None:
            typer.echo(str(made.path))
            return
        partial = output.with_name(output.name + ".partial")
        try:
            shutil.copyfile(made.path, partial)
            partial.chmod(0o600)
            partial.replace(output)
        finally:
            partial.unlink(missing_ok=True)
        typer.echo(str(output))
