"""Commands of file ingest: ``park ingest``, ``park rejects``, ``park watch``. Printing only; the work is elsewhere."""

from __future__ import annotations

import json
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from warehouse.errors import ParkError
from warehouse.logs import set_up
from warehouse.settings import Settings, load_settings

if TYPE_CHECKING:
    from ingest.files.inbox import InboxResult
    from ingest.files.loader import IngestSummary

_STEPS = {
    "read": ("读取", "reading"),
    "check": ("校验", "checking"),
    "land": ("入库", "landing"),
}


def register(app: typer.Typer) -> None:
    """Add the commands of file ingest to ``park``."""
    app.command("ingest")(ingest)
    app.command("watch")(watch_inbox)
    rejects = typer.Typer(no_args_is_help=True, help="Refused records: list, show, replay.")
    rejects.command("list")(list_rejects)
    rejects.command("show")(show_reject)
    rejects.command("replay")(replay_rejects)
    app.add_typer(rejects, name="rejects")


def ingest(
    files: list[Path] = typer.Argument(None, metavar="FILE…", help="CSV, XLSX, NDJSON, JSON or Parquet files."),
    profile: str = typer.Option(None, "--profile", help="Name of a shipped source profile, or path of a .toml file."),
    lot: str = typer.Option(None, "--lot", help="Code of the lot that every row belongs to."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Check and count; change nothing."),
    as_json: bool = typer.Option(False, "--json", help="Summary as JSON."),
    template: str = typer.Option(None, "--template", help="Write the CSV template of this name instead."),
    output: Path = typer.Option(None, "-o", "--output", help="Where --template writes; standard output when absent."),
    profiles: bool = typer.Option(False, "--profiles", help="List shipped profiles and templates instead."),
) -> None:
    """Bring files into the warehouse by a source profile; a file that is there already changes nothing."""
    from ingest.files.catalogue import load_profile, profile_names, template_names, template_text
    from ingest.files.loader import ingest_file

    settings = load_settings()
    if profiles:
        for name in profile_names():
            found = load_profile(name)
            has_template = " [template]" if name in template_names() else ""
            typer.echo(f"{name}{has_template}  {found.title_zh if settings.language == 'zh' else found.title_en}")
        return
    if template is not None:
        text = template_text(template)
        if output is None:
            typer.echo(text, nl=False)
        else:
            output.write_text(text, encoding="utf-8-sig")  # with a byte order mark Excel shows Chinese rightly
        return
    if not files or profile is None:
        raise ParkError(
            zh="请给出至少一个文件和 --profile;park ingest --profiles 列出可用配置",
            en="give at least one file and --profile; park ingest --profiles lists what there is",
        )
    chosen = load_profile(profile)
    summaries = []
    for path in files:
        started = time.monotonic()
        summary = ingest_file(
            settings,
            path,
            chosen,
            lot_code=lot,
            dry_run=dry_run,
            progress=lambda step: _progress(settings, path, step),  # noqa: B023
        )
        summaries.append(summary.as_json())
        if not as_json:
            _print_summary(settings, summary, time.monotonic() - started)
    if as_json:
        typer.echo(json.dumps(summaries if len(summaries) != 1 else summaries[0], ensure_ascii=False, indent=2))


def watch_inbox(
    interval: float = typer.Option(5.0, "--interval", help="Seconds between two looks."),
    once: bool = typer.Option(False, "--once", help="Take what lies there now, then end."),
) -> None:
    """Watch the inbox folder and ingest what is dropped into <profile>/[<lot code>/]."""
    from ingest.files.inbox import watch
    from warehouse.heartbeat import Heartbeat

    settings = load_settings()
    set_up(settings, "inbox")
    heartbeat = Heartbeat(settings, "inbox")
    typer.echo(str(settings.inbox_path), err=True)

    def report(result: InboxResult) -> None:
        heartbeat.count("files" if result.summary is not None else "failed_files")
        if result.summary is not None:
            _print_summary(settings, result.summary, None)
        elif result.error is not None:
            typer.echo(f"{result.moved_to}: {result.error.text(settings.language)}")

    try:
        with nullcontext() if once else heartbeat:
            watch(settings, interval_seconds=interval, report=report, once=once)
    except KeyboardInterrupt:
        return


def list_rejects(
    lot: str = typer.Option(None, "--lot", help="Only this lot's."),
    code: str = typer.Option(None, "--code", help="Only this reason code."),
    limit: int = typer.Option(100, "--limit", help="At most this many; with --json all unless given."),
    as_json: bool = typer.Option(False, "--json", help="One JSON object a line, ready for correction."),
) -> None:
    """List refused records that are still open, newest first."""
    from ingest.files.rejects import open_rejects

    settings = load_settings()
    found = open_rejects(settings, lot_code=lot, code=code, limit=None if as_json else limit)
    for one in found:
        if as_json:
            typer.echo(json.dumps(one.as_json(), ensure_ascii=False))
        else:
            reason = one.reason_zh if settings.language == "zh" else one.reason_en
            where = f"{one.name or one.source}:{one.line}"
            typer.echo(f"{one.reject_id}  {one.lot or '-'}  {one.kind or '-'}  {one.code}  {where}  {reason}")
    if not as_json:
        _say(settings, f"{len(found)} 条未处理", f"{len(found)} open")


def show_reject(reject_id: str = typer.Argument(..., metavar="ID", help="Id, or how it begins.")) -> None:
    """Show one refused record in full, as JSON."""
    from ingest.files.rejects import reject

    typer.echo(json.dumps(reject(load_settings(), reject_id).as_json(), ensure_ascii=False, indent=2))


def replay_rejects(
    ids: list[str] = typer.Argument(None, metavar="ID…", help="Ids, or how they begin."),
    everything: bool = typer.Option(False, "--all", help="All open ones, or all of --code."),
    code: str = typer.Option(None, "--code", help="With --all: only this reason code."),
    file: Path = typer.Option(
        None, "--file", help="NDJSON with reject_id and corrected payload; as list --json writes."
    ),
    profile: str = typer.Option(None, "--profile", help="Use this profile instead of the one that refused."),
    as_json: bool = typer.Option(False, "--json", help="Summary as JSON."),
) -> None:
    """Send refused records through the same way again, corrected or after their cause was removed."""
    from ingest.files.catalogue import load_profile
    from ingest.files.rejects import open_rejects, read_corrections, reject, replay

    settings = load_settings()
    corrections = read_corrections(file) if file is not None else {}
    if not ids and not everything and not corrections:
        raise ParkError(zh="请给出编号、--all 或 --file", en="give ids, --all or --file", code="nothing_chosen")
    if ids:
        chosen = [reject(settings, one) for one in ids]
    else:
        chosen = open_rejects(settings, code=code, ids=None if everything else list(corrections))
    summary = replay(settings, chosen, corrections=corrections, profile=load_profile(profile) if profile else None)
    if as_json:
        typer.echo(json.dumps(summary.__dict__))
        return
    _say(
        settings,
        f"重放 {summary.replayed} 条：成功 {summary.accepted}，仍被拒收 {summary.still_refused}，需先更正 "
        f"{summary.skipped}",
        f"replayed {summary.replayed}: {summary.accepted} accepted, {summary.still_refused} still refused, "
        f"{summary.skipped} need a corrected payload first",
    )


def _say(settings: Settings, zh: str, en: str) -> None:
    typer.echo(zh if settings.language == "zh" else en)


def _progress(settings: Settings, path: Path, step: str) -> None:
    zh, en = _STEPS[step]
    print(f"{path.name}: {zh if settings.language == 'zh' else en} …", file=sys.stderr, flush=True)


def _print_summary(settings: Settings, summary: IngestSummary, seconds: float | None) -> None:
    counts = (summary.rows, summary.accepted, summary.marked, summary.rejected)
    if summary.already_landed_at is not None:
        at = f"{summary.already_landed_at:%Y-%m-%d %H:%M:%S} UTC"
        _say(
            settings,
            f"{summary.file}：已于 {at} 入库，未作改动",
            f"{summary.file}: already ingested on {at}, nothing changed",
        )
        return
    took = "" if seconds is None else f" ({seconds:.1f} s)"
    trial_zh, trial_en = (" [试运行]", " [dry run]") if summary.is_dry_run else ("", "")
    _say(
        settings,
        "{}:{} 行 → 记录：接收 {}，标记 {}，拒收 {}".format(summary.file, *counts) + trial_zh + took,
        "{}: {} rows → records: {} accepted, {} marked, {} rejected".format(summary.file, *counts) + trial_en + took,
    )
    if summary.unused_rows:
        _say(
            settings,
            f"  {summary.unused_rows} 行不符合任何条件，未产生记录",
            f"  {summary.unused_rows} rows gave no record",
        )
    for mark, count in summary.marks.items():
        _say(settings, f"  标记 {mark}:{count}", f"  mark {mark}: {count}")
    for reason in summary.reasons:
        _say(
            settings,
            f"  拒收 {reason.code}:{reason.count} 条，首见第 {reason.first_line} 行：{reason.zh}",
            f"  rejected {reason.code}: {reason.count}, first on line {reason.first_line}: {reason.en}",
        )
    if summary.rejected and not summary.is_dry_run:
        _say(settings, "  查看：park rejects list", "  see: park rejects list")
