"""Commands that take administered tables out and put them in: export, import."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from warehouse.audit_commands import acting
from warehouse.errors import ParkError
from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from warehouse.services.exchange import ImportReport
    from warehouse.services.exchange_sheet import Sheet

_SHEET = Annotated[
    str, typer.Argument(metavar="SHEET", help="A table, for example agents; a wrong name lists them all.")
]
_LOT = Annotated[str | None, typer.Option("--lot", help="Code of the lot, for tables that are per lot.")]
_AS = Annotated[str | None, typer.Option("--as", help="Act as this login; the server's own user otherwise.")]


def register(app: typer.Typer) -> None:
    """Add ``park export`` and ``park import``."""

    @app.command("export")
    def export_table(
        sheet_name: _SHEET,
        output: Annotated[Path, typer.Option("--output", "-o", help="File to write, .csv or .xlsx.")],
        lot: _LOT = None,
        login: _AS = None,
        template: Annotated[bool, typer.Option("--template", help="Headings and an example line only.")] = False,
    ) -> None:
        """Write a table of administered things to a file."""
        from warehouse.services.exchange import export_file, find_sheet, template_file

        settings = load_settings()
        sheet, file_format = find_sheet(sheet_name), output.suffix.lower().removeprefix(".")
        if template:
            content = template_file(sheet, file_format, settings.language)
        else:
            lot_id = _lot_id(settings, lot)
            actor = acting(settings, login)
            content = export_file(settings, actor, sheet, file_format, settings.language, lot_id=lot_id)
        # A half-written file must not pass for a whole one.
        partial = output.with_name(output.name + ".partial")
        partial.write_bytes(content)
        partial.replace(output)
        typer.echo(str(output))

    @app.command("import")
    def import_table(
        sheet_name: _SHEET,
        file: Annotated[Path, typer.Argument(help="CSV or XLSX.")],
        lot: _LOT = None,
        login: _AS = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check every line and write nothing.")] = False,
        skip_wrong: Annotated[bool, typer.Option("--skip-wrong", help="Leave out wrong lines.")] = False,
        results: Annotated[
            Path | None, typer.Option("--results", help="Where to write generated passwords, readable by you only.")
        ] = None,
        as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object.")] = False,
    ) -> None:
        """Write a table's lines into the store, all or nothing; any wrong line ends in exit code 1."""
        from warehouse.ops.session import ops_session
        from warehouse.services.exchange import find_sheet, import_file, try_file
        from warehouse.services.tree import ensure_platform

        settings = load_settings()
        sheet = find_sheet(sheet_name)
        if not file.is_file():
            raise ParkError(zh=f"文件 {file} 不存在", en=f"{file} does not exist", code="no_file")
        with ops_session(settings) as session:
            ensure_platform(session)  # a new instance has none before its first administrator
        actor, lot_id, content = acting(settings, login), _lot_id(settings, lot), file.read_bytes()
        if dry_run:
            report = try_file(settings, actor, sheet, file.name, content, lot_id=lot_id)
        else:
            report = import_file(settings, actor, sheet, file.name, content, lot_id=lot_id, skip_wrong=skip_wrong)
        _tell(settings, sheet, report, as_json)
        if report.results:
            _keep_results(settings, sheet, report, results or file.with_name(f"{file.stem}-results.csv"))
        if report.wrong and not report.is_applied:
            raise typer.Exit(1)


def _lot_id(settings: Settings, code: str | None) -> int | None:
    if code is None:
        return None
    from warehouse.ops.session import ops_session
    from warehouse.security.credentials import lot_by_code

    with ops_session(settings) as session:
        return lot_by_code(session, code).lot_id


def _tell(settings: Settings, sheet: Sheet, report: ImportReport, as_json: bool) -> None:
    counts: dict[str, Any] = {
        name: getattr(report, name) for name in ("lines", "new", "changed", "unchanged", "wrong", "is_applied")
    }
    if as_json:
        problems = [vars(problem) for problem in report.problems]
        document = {"sheet": sheet.name, **counts, "unknown_headings": report.unknown_headings, "problems": problems}
        typer.echo(json.dumps(document, ensure_ascii=False))
        return
    is_chinese = settings.language == "zh"
    headings = {column.field: column.heading(settings.language) for column in sheet.columns}
    for problem in report.problems:
        name = headings.get(problem.field, problem.field)
        line = f"第 {problem.line} 行 {name}" if is_chinese else f"line {problem.line}, {name}"
        typer.echo(f"{line}“{problem.value}”: {problem.text(settings.language)}", err=True)
    if report.unknown_headings:
        ignored = "不认识的列，已忽略" if is_chinese else "unknown columns, ignored"
        typer.echo(f"{ignored}: {', '.join(report.unknown_headings)}", err=True)
    if is_chinese:
        state = "已写入" if report.is_applied else "未写入"
        typer.echo(f"{state}：新增 {report.new}，修改 {report.changed}，不变 {report.unchanged}，有误 {report.wrong}")
    else:
        state = "written" if report.is_applied else "not written"
        counted = ", ".join(f"{name} {counts[name]}" for name in ("new", "changed", "unchanged", "wrong"))
        typer.echo(f"{state}: {counted}")


def _keep_results(settings: Settings, sheet: Sheet, report: ImportReport, target: Path) -> None:
    from warehouse.services.exchange import result_file

    content = result_file(sheet, report, target.suffix.lower().removeprefix("."), settings.language)
    target.touch(mode=0o600)
    target.chmod(0o600)
    target.write_bytes(content)
    typer.echo(str(target))
