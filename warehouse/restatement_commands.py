"""Commands about past moments: what ``park report --known-at`` reads, and ``park diff``."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from warehouse.errors import ParkError
from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from warehouse.lake.reader import Reader
    from warehouse.reports.base import Report
    from warehouse.reports.difference import Difference
    from warehouse.reports.known import Step
    from warehouse.security.actor import Actor

_SHOWN: Final = 200


@contextmanager
def answering(
    report: Report, settings: Settings, actor: Actor, given: Mapping[str, Any], known_at: str | None, *, recompute: bool
) -> Iterator[Reader]:
    """The reader that a report is to be run with: of the present, or of a past moment.

    Raises:
        ParkError: the moment cannot be known; Forbidden when it is not permitted.
    """
    from warehouse.lake.reader import Reader
    from warehouse.reports.known import KnownReaders, explaining, read_moment, want

    present = Reader(settings)
    if known_at is None:
        if recompute:
            raise ParkError(
                zh="--recompute 需要与 --known-at 同用", en="--recompute needs --known-at", code="bad_parameter"
            )
        yield present
        return
    known = KnownReaders(settings)
    try:
        wanted = want(report, present, known, actor, given, read_moment(known_at, settings))
        reader = known.make(wanted, recompute=recompute, told=_tell)
        with explaining():
            yield reader
    finally:
        known.close()
        present.close()


def _tell(step: Step) -> None:
    if sys.stderr.isatty() and step.of:
        print(f"\r{step.step} {step.done}/{step.of}   ", end="", file=sys.stderr, flush=True)


def register(app: typer.Typer) -> None:
    """Add ``park diff``."""

    @app.command()
    def diff(
        name: Annotated[str, typer.Argument(help="Name of the report; see park reports.")],
        known_at: Annotated[str, typer.Option("--known-at", help="The first moment, as for park report.")],
        and_at: Annotated[str | None, typer.Option("--and", help="The second moment; now without.")] = None,
        lot: Annotated[list[str] | None, typer.Option("--lot", help="Lot, code or id; repeat for several.")] = None,
        start: Annotated[str | None, typer.Option("--from", help="First business day, or local time.")] = None,
        end: Annotated[str | None, typer.Option("--to", help="The end, exclusive.")] = None,
        setting: Annotated[list[str] | None, typer.Option("--set", help="Parameter key=value.")] = None,
        login: Annotated[str | None, typer.Option("--as", help="Login whose lots to show; all lots without.")] = None,
        lang: Annotated[str | None, typer.Option("--lang", help="zh, en or key.")] = None,
        output_format: Annotated[str, typer.Option("--format", help="table, csv, json or xlsx.")] = "table",
        output: Annotated[Path | None, typer.Option("-o", "--output", help="File to write.")] = None,
        recompute: Annotated[bool, typer.Option("--recompute", help="Build both from records.")] = False,
    ) -> None:
        """Show which cells of a report moved between two moments, by how much, through which records."""
        from datetime import UTC, datetime

        from warehouse.lake.reader import Reader
        from warehouse.report_commands import actor_of_login, check_choice, pairs
        from warehouse.reports.catalogue import find
        from warehouse.reports.difference import compare, want_both
        from warehouse.reports.known import KnownReaders, read_moment

        settings = load_settings()
        language = lang or settings.language
        check_choice("--lang", language, ("zh", "en", "key"))
        check_choice("--format", output_format, ("table", "csv", "json", "xlsx"))
        if output_format == "xlsx" and output is None:
            raise ParkError(zh="xlsx 需要用 -o 指定文件", en="xlsx needs a file: pass -o FILE", code="bad_parameter")
        given: dict[str, Any] = pairs(setting or [])
        given |= {key: value for key, value in (("from", start), ("to", end), ("lot", lot)) if value}
        actor = actor_of_login(settings, login)
        moments = (read_moment(known_at, settings), read_moment(and_at, settings) if and_at else datetime.now(UTC))
        present, known = Reader(settings), KnownReaders(settings)
        try:
            pair = want_both(find(name), present, known, actor, given, *moments)
            found = compare(pair, known, actor, language, recompute=recompute, told=_tell)
        finally:
            known.close()
            present.close()
        _put(found, settings, actor, output_format, output)


def _put(found: Difference, settings: Settings, actor: Actor, output_format: str, output: Path | None) -> None:
    from warehouse.reports import restatement

    if output_format == "table":
        _print(found, settings)
        return
    actor.require(restatement.EXPORT)
    restatement.note_export(settings, actor, found)
    if output_format == "xlsx":
        assert output is not None
        restatement.write_xlsx(output, found)
        return
    with output.open("w", encoding="utf-8", newline="") if output is not None else nullcontext(sys.stdout) as target:
        if output_format == "csv":
            restatement.write_csv(target, found)
        else:
            restatement.write_json(target, found)


def _print(found: Difference, settings: Settings) -> None:
    from zoneinfo import ZoneInfo

    from rich import box
    from rich.console import Console
    from rich.table import Table

    from warehouse.reports import restatement
    from warehouse.reports.texts import writer

    language = found.result.language
    words = restatement.words_of(language)
    console = Console(markup=False, highlight=False, width=None if sys.stdout.isatty() else 240)
    moved = Table(title=f"{found.result.report.title(language)}: {words['movements']}", box=box.SIMPLE_HEAD)
    for header in restatement.movement_headers(found):
        moved.add_column(header, overflow="fold")
    for cell in found.moved[:_SHOWN]:
        moved.add_row(*restatement.movement_texts(found, cell))
    causes = Table(title=words["causes"], box=box.SIMPLE_HEAD)
    for header in restatement.CAUSE_HEADERS["zh" if language == "zh" else "en"]:
        causes.add_column(header, overflow="fold")
    codes = restatement.codes_of(found)
    named = sorted({place for cell in found.moved for place in cell.causes})
    for place in named[:_SHOWN]:
        causes.add_row(*restatement.cause_texts(found, found.causes[place], codes))
    for table, count in ((moved, len(found.moved)), (causes, len(named))):
        if count:
            console.print(table)
        if count > _SHOWN:
            console.print(f"… {count - _SHOWN}")
    for column, before, after, gap in found.totals():
        if before != after:
            write = writer(column, language)
            change = restatement.signed(column, gap, language)
            console.print(f"{words['totals']} {column.header(language)}: {write(before)} → {write(after)} ({change})")
    for line in restatement.about(found, ZoneInfo(settings.schedule_time_zone)):
        console.print(line)
