"""Commands about reports: list, run."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TextIO

import typer

from warehouse.errors import ParkError
from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from warehouse.lake.reader import Reader
    from warehouse.reports.base import Report, ReportResult
    from warehouse.security.actor import Actor

_TERMINAL_PAGE = 50
_NEED_FILE = ("xlsx", "pdf")


def pairs(settings: list[str]) -> dict[str, str]:
    """Parameters given as ``key=value``."""
    given: dict[str, str] = {}
    for pair in settings:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise ParkError(
                zh=f"--set {pair} 不是 键=值 的形式,例如 --set plate=鲁F*",
                en=f"--set {pair!r} is not key=value, for example --set plate=鲁F*",
                code="bad_parameter",
            )
        given[key.strip()] = value
    return given


def actor_of_login(settings: Settings, login: str | None) -> Actor:
    """Who asks: an operator by login, else the command line."""
    from warehouse.ops.session import ops_session
    from warehouse.security.actor import LOCAL, actor_by_login

    if login is None:
        return LOCAL
    with ops_session(settings) as session:
        return actor_by_login(session, login)


def print_table(result: ReportResult) -> None:
    """Print a page of a report for people."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from warehouse.reports.columns import ColumnType
    from warehouse.reports.export import total_cells
    from warehouse.reports.texts import writer

    right = {ColumnType.INTEGER, ColumnType.MONEY, ColumnType.RATIO, ColumnType.AVERAGE, ColumnType.DURATION}
    footers = total_cells(result) if result.totals else [""] * len(result.columns)
    table = Table(title=result.report.title(result.language), box=box.SIMPLE_HEAD, show_footer=bool(result.totals))
    for column, footer in zip(result.columns, footers, strict=True):
        justify: Literal["left", "right"] = "right" if column.type in right else "left"
        table.add_column(column.header(result.language), footer=footer, justify=justify, overflow="fold")
    writers = [writer(column, result.language) for column in result.columns]
    for row in result.rows:
        table.add_row(*(write(value) for write, value in zip(writers, row, strict=True)))
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 240)
    console.print(table)
    as_of = f"{result.data_as_of:%Y-%m-%d %H:%M:%S} UTC"
    page = result.page
    if result.basis is not None:
        from zoneinfo import ZoneInfo

        from warehouse.reports.known import sentence

        console.print(sentence(result.basis, result.language, ZoneInfo(load_settings().schedule_time_zone)))
    if result.language == "zh":
        console.print(f"共 {result.row_count} 行,第 {page.number}/{page.count} 页,数据截止 {as_of}")
    else:
        console.print(f"{result.row_count} rows, page {page.number} of {page.count}, data as of {as_of}")


@contextmanager
def _target(output: Path | None, *, bom: bool) -> Iterator[TextIO]:
    if output is None:
        reconfigure = getattr(sys.stdout, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", newline="")
        yield sys.stdout
        return
    # A half-written file must not pass for a whole one.
    partial = output.with_name(output.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8-sig" if bom else "utf-8", newline="") as file:
            yield file
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)


def _write_file(
    report: Report, reader: Reader, settings: Settings, actor: Actor, given: dict[str, Any], language: str, kind: str,
    output: Path | None, *, bom: bool,
) -> None:  # fmt: skip
    from warehouse.reports.access import export, run
    from warehouse.reports.export import write_csv, write_json
    from warehouse.reports.files import write_file

    paged = any(given.get(key) for key in ("page", "size", "after"))
    if paged and kind not in _NEED_FILE:
        result = run(report, reader, settings, actor, given, language)
        with _target(output, bom=bom) as file:
            if kind == "csv":
                write_csv(file, result, iter([result.rows]), for_excel=bom)
            else:
                write_json(file, result, iter([result.rows]))
        return
    with export(report, reader, settings, actor, given, language) as whole:
        if kind in _NEED_FILE:
            assert output is not None
            write_file(output, kind, whole.result, whole.batches)
            return
        with _target(output, bom=bom) as file:
            if kind == "csv":
                write_csv(file, whole.result, whole.batches, for_excel=bom)
            else:
                write_json(file, whole.result, whole.batches)


def check_choice(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Refuse an option that is none of ``allowed``."""
    if value not in allowed:
        raise ParkError(
            zh=f"{name} 不能是 {value}:可用 {'、'.join(allowed)}",
            en=f"{name} cannot be {value!r}: use {', '.join(allowed)}",
            code="bad_parameter",
        )


def register(app: typer.Typer) -> None:
    """Add ``park reports`` and ``park report``."""

    @app.command()
    def reports(as_json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False) -> None:
        """List the reports with their columns and parameters."""
        from warehouse.reports.catalogue import LISTED
        from warehouse.reports.document import description

        if as_json:
            typer.echo(json.dumps([description(report) for report in LISTED], ensure_ascii=False, indent=1))
            return
        language = load_settings().language
        for report in LISTED:
            keys = ", ".join(parameter.key for parameter in report.parameters)
            typer.echo(f"{report.name:<26}{report.title(language)}" + (f"  [{keys}]" if keys else ""))

    @app.command()
    def report(
        name: Annotated[str, typer.Argument(help="Name of the report; see park reports.")],
        lot: Annotated[list[str] | None, typer.Option("--lot", help="Lot, code or id; repeat for several.")] = None,
        start: Annotated[
            str | None, typer.Option("--from", help="First business day, or local time 2019-05-08T13:00.")
        ] = None,
        end: Annotated[str | None, typer.Option("--to", help="The end, exclusive.")] = None,
        setting: Annotated[
            list[str] | None, typer.Option("--set", help="Parameter key=value; also page, size, sort, after.")
        ] = None,
        login: Annotated[str | None, typer.Option("--as", help="Login whose lots to show; all lots without.")] = None,
        lang: Annotated[str | None, typer.Option("--lang", help="zh, en or key.")] = None,
        output_format: Annotated[str, typer.Option("--format", help="table, csv, json, xlsx or pdf.")] = "table",
        output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
        bom: Annotated[
            bool, typer.Option("--bom", help="CSV for Excel: byte-order mark, formulas made harmless; needs -o.")
        ] = False,
        known_at: Annotated[
            str | None, typer.Option("--known-at", help="Figures as known at 2026-11-01, or 2026-11-01T12:00[+08:00].")
        ] = None,
        recompute: Annotated[
            bool, typer.Option("--recompute", help="With --known-at: build from records even what is still kept.")
        ] = False,
    ) -> None:
        """Run a report on the published data, or as known at a past moment."""
        from warehouse.reports.access import run
        from warehouse.reports.catalogue import find
        from warehouse.restatement_commands import answering

        settings = load_settings()
        language = lang or settings.language
        check_choice("--lang", language, ("zh", "en", "key"))
        check_choice("--format", output_format, ("table", "csv", "json", *_NEED_FILE))
        if output_format in _NEED_FILE and output is None:
            raise ParkError(
                zh=f"{output_format} 需要用 -o 指定文件",
                en=f"{output_format} needs a file: pass -o FILE",
                code="bad_parameter",
            )
        if bom and (output is None or output_format != "csv"):
            raise ParkError(
                zh="--bom 只用于写入文件的 csv:请加 --format csv -o 文件",
                en="--bom is for csv written to a file: pass --format csv -o FILE",
                code="bad_parameter",
            )
        found = find(name)
        given: dict[str, Any] = pairs(setting or [])
        given |= {key: value for key, value in (("from", start), ("to", end), ("lot", lot)) if value}
        actor = actor_of_login(settings, login)
        if output_format == "table" and output is None:
            with answering(found, settings, actor, given, known_at, recompute=recompute) as reader:
                print_table(run(found, reader, settings, actor, {"size": _TERMINAL_PAGE, **given}, language))
            return
        if output_format == "table":
            check_choice("--format", output_format, ("csv", "json", *_NEED_FILE))
        with answering(found, settings, actor, given, known_at, recompute=recompute) as reader:
            _write_file(found, reader, settings, actor, given, language, output_format, output, bom=bom)
