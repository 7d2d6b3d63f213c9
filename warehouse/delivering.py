"""Making and sending the deliveries that are due.

Belongs here: one run from the report to the folder or the mail. Does not belong here: which runs are due and what is
kept of them (``warehouse.services.delivery_runs``), what starts this (``pipelines.deliveries``, ``park deliveries``).
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.mail import Mail, send
from warehouse.ops.models import Lot
from warehouse.ops.session import ops_session
from warehouse.reports import access
from warehouse.reports.base import Report, ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.export import total_cells
from warehouse.reports.files import MEDIA_TYPES, check_file, write_file
from warehouse.reports.headline import headline
from warehouse.reports.parameters import read_parameters
from warehouse.reports.period import Clock, Grain, as_of_day
from warehouse.security.actor import Actor
from warehouse.services.delivery_runs import Claimed, claim, done, failed, owner_of
from warehouse.services.delivery_schedule import days_of
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
_TEMPORARY: Final = frozenset({"mail_failed", "mail_unavailable", "nothing_published"})
_WORDS: Final = {
    "zh": ("行数", "合计", "本邮件由停车云按 {} 设置的投递“{}”自动发出，附件为完整报表。"),
    "en": ("Rows", "Total", "Sent by ParkCloud for the delivery “{1}” that {0} set up; the whole report is attached."),
}


@dataclass(frozen=True)
class Outcome:
    """What became of one run."""

    claimed: Claimed
    is_done: bool
    sentence: ParkError | None
    target: str = ""


@dataclass(frozen=True)
class _Sent:
    result: ReportResult
    rows: int
    size: int
    target: str
    note: ParkError | None


def run_due(settings: Settings, *, now: datetime | None = None, reader: Reader | None = None) -> list[Outcome]:
    """Carry out every run that is due; one that fails does not keep the others."""
    outcomes: list[Outcome] = []
    own = reader or Reader(settings)
    try:
        while (claimed := claim(settings, now or datetime.now(UTC))) is not None:
            outcomes.append(_carry_out(settings, own, claimed, now))
    finally:
        if reader is None:
            own.close()
    return outcomes


def run_one(settings: Settings, run_id: int, *, reader: Reader | None = None) -> Outcome | None:
    """Carry out one run now; None when another process has it or it is over."""
    claimed = claim(settings, datetime.now(UTC), only=run_id)
    return None if claimed is None else _carry_out(settings, reader or Reader(settings), claimed, None)


def _carry_out(settings: Settings, reader: Reader, claimed: Claimed, now: datetime | None) -> Outcome:
    try:
        sent = _send(settings, reader, claimed, now or datetime.now(UTC))
    except ParkError as error:
        failed(settings, claimed, now or datetime.now(UTC), error, is_temporary=error.code in _TEMPORARY)
        return Outcome(claimed, False, error)
    except Exception:
        LOG.exception("delivery run %s failed", claimed.run_id)
        fault = ParkError(
            zh=f"发生内部错误，详见日志中的“delivery run {claimed.run_id}”",
            en=f"an internal error, see “delivery run {claimed.run_id}” in the log",
        )
        failed(settings, claimed, now or datetime.now(UTC), fault, is_temporary=True)
        return Outcome(claimed, False, fault)
    moment = now or datetime.now(UTC)
    done(settings, claimed, moment, rows=sent.rows, size=sent.size, target=sent.target, note=sent.note)
    return Outcome(claimed, True, sent.note, sent.target)


def _send(settings: Settings, reader: Reader, claimed: Claimed, now: datetime) -> _Sent:
    owner, report = owner_of(settings, claimed), find(claimed.report)
    owner.require("deliveries.view")
    asked = question(settings, owner, report, claimed.period, claimed.parameters, claimed.due_at)
    with tempfile.TemporaryDirectory() as folder:
        with access.export(report, reader, settings, owner, asked, claimed.language) as whole:
            check_file(claimed.file_format, whole.result)
            result = whole.result
            path = Path(folder) / _file_name(result, claimed)
            rows = write_file(path, claimed.file_format, result, whole.batches)
        size = path.stat().st_size
        if claimed.channel == "folder":
            return _Sent(result, rows, size, _put(settings, claimed, path), None)
        note = send(settings, _mail(result, claimed, owner, path), now)
        return _Sent(result, rows, size, ", ".join(claimed.addresses), note)


def question(
    settings: Settings, owner: Actor, report: Report, period: str, parameters: Mapping[str, Any], due_at: datetime
) -> dict[str, Any]:
    """The report's parameters at ``due_at``: relative days counted on the business day of the lots asked for.

    Raises:
        ParkError: a parameter is unknown or does not fit.
    """
    read_parameters(report.name, report.parameters, parameters)
    asked = dict(parameters)
    if report.grain is Grain.NONE:
        return asked
    first, last = days_of(period, as_of_day(_clocks(settings, owner, str(parameters.get("lot") or "")), due_at))
    return asked | {"from": first.isoformat(), "to": (last + timedelta(days=1)).isoformat()}


def _clocks(settings: Settings, owner: Actor, lots: str) -> set[Clock]:
    query = select(Lot.time_zone, Lot.cutover_minutes).where(Lot.deleted_at.is_(None))
    if lots:
        query = query.where(Lot.code.in_(lots.split(",")))
    if not isinstance(owner.scope.lot_ids, str):
        query = query.where(Lot.lot_id.in_(owner.scope.lot_ids))
    with ops_session(settings) as session:
        return {Clock(zone, minutes) for zone, minutes in session.execute(query).tuples()}


def _file_name(result: ReportResult, claimed: Claimed) -> str:
    """Named after the due moment, so that another attempt replaces the file and makes no second one."""
    title = "".join(sign for sign in claimed.name if sign not in '\\/:*?"<>|').strip(". ") or result.report.name
    days = ""
    if result.question.period is not None:
        first, last = result.question.period.start, result.question.period.end - timedelta(days=1)
        days = f"_{first:%Y%m%d}" if first == last else f"_{first:%Y%m%d}-{last:%Y%m%d}"
    return f"{title}{days}_{claimed.delivery_id}-{claimed.due_at:%Y%m%d%H%M}.{claimed.file_format}"


def _put(settings: Settings, claimed: Claimed, path: Path) -> str:
    """Copy the file where it is delivered to; returns its place below the folder of deliveries."""
    folder = settings.deliveries_path / claimed.owner_login
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    target, partial = folder / path.name, folder / f".{path.name}.partial"
    partial.write_bytes(path.read_bytes())
    partial.replace(target)
    return str(target.relative_to(settings.home))


def _mail(result: ReportResult, claimed: Claimed, owner: Actor, path: Path) -> Mail:
    rows, total, foot = _WORDS[claimed.language]
    words = headline(result)
    gap = "：" if claimed.language == "zh" else ": "
    lines = [words.title, "", *(f"{label}{gap}{text}" for label, text in words.lines)]
    lines.append(f"{rows}{gap}{result.row_count:,}")
    if result.report.totals_row:
        cells = zip(result.columns, total_cells(result), strict=True)
        lines += [
            f"{total} {column.header(claimed.language)}{gap}{text}"
            for column, text in list(cells)
            if column.key in result.totals and text
        ]
    lines += ["", foot.format(owner.name, claimed.name)]
    return Mail(
        identity=f"delivery-{claimed.delivery_id}-{claimed.due_at:%Y%m%dT%H%M%S}",
        subject=f"{claimed.name} {words.period}".strip(),
        text="\n".join(lines) + "\n",
        attachment=path,
        media_type=MEDIA_TYPES[claimed.file_format],
        addresses=claimed.addresses,
        reply_to=claimed.owner_email,
    )
