"""运行状态: is the instance well: freshness, backlog, builds, backup, disks, processes; renews itself.

Belongs here: what the condition looks like. Does not belong here: reading it (``warehouse.condition``), curing
(``park doctor``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import cards
from warehouse.condition import Condition
from warehouse.heartbeat import Process
from warehouse.services.status import Status, status

VIEW = View("status", ":material/monitor_heart:")
RENEW_SECONDS: Final = 15.0
BACKLOG_PATIENCE: Final = 300.0
OLD_PUBLICATION: Final = timedelta(hours=24)
OLD_BACKUP: Final = timedelta(hours=48)
LEAST_FREE: Final = 0.1
_GIB: Final = 1024**3
GOOD, BAD, PLAIN = "info", "critical", "other"
"""Tones of badges."""


def render(context: Context) -> None:
    """Draw the page."""
    cards.title(context.text("menu.status"), context.text("status.below"))
    context.fragment(_all, run_every=RENEW_SECONDS)


def _all(context: Context) -> None:
    found = status(context.settings, context.actor)
    text, now = context.text, found.condition.now
    for part, reason in found.condition.unreadable.items():
        cards.notice("bad", text("status.unreadable", part=text(f"status.part_{part}")), reason)
    if found.backup_problem is not None:
        cards.notice("bad", text("status.backup"), found.backup_problem.text(context.language))
    cards.figures(_figures(context, found))
    with cards.card("status_builds", text("status.builds")):
        cards.facts(_builds(context, found.condition))
    with cards.card("status_uploads", text("status.uploads")):
        cards.facts(_uploads(context, found.condition))
    with cards.card("status_backup", text("status.backup")):
        cards.facts(_backup(context, found))
    with cards.card("status_processes", text("status.processes"), text("status.processes_note")):
        _processes(context, found.condition)
    with cards.card("status_disks", text("status.disks")):
        cards.bars(
            cards.Bar(
                f"{disk.folder} · {text('status.of', size=f'{disk.size_bytes / _GIB:,.0f}')}",
                1 - disk.free_bytes / disk.size_bytes,
                text("status.free", size=f"{disk.free_bytes / _GIB:,.1f}"),
                colour="#d92d20" if disk.free_bytes < LEAST_FREE * disk.size_bytes else "#1f5fe0",
            )
            for disk in found.condition.disks
        )
    cards.foot("#12b76a", text("status.looked", time=_time(context, now)), [text("status.cure")])


def _figures(context: Context, found: Status) -> list[cards.Figure]:
    text, condition = context.text, found.condition
    now, publication, backlog, lots = condition.now, condition.publication, condition.backlog, condition.lots
    as_of = publication.data_as_of if publication is not None else None
    silent = [one for one in condition.processes if one.is_silent(now)]
    return [
        cards.Figure("status_data", text("status.data_age"), _age(context, now, as_of), exact=_time(context, as_of)),
        cards.Figure(
            "status_publication",
            text("status.publication_age"),
            _age(context, now, publication.published_at if publication is not None else None),
            exact=_time(context, publication.published_at if publication is not None else None),
        ),
        cards.Figure("status_backlog", text("status.backlog"), f"{backlog.segments:,}" if backlog is not None else "—"),
        cards.Figure(
            "status_lots",
            text("status.lots_silent"),
            f"{lots.silent:,}" if lots is not None else "—",
            f"/ {lots.in_use:,}" if lots is not None else "",
        ),
        cards.Figure(
            "status_silent", text("status.processes_silent"), f"{len(silent):,}", f"/ {len(condition.processes):,}"
        ),
        cards.Figure("status_backup", text("status.backup_age"), _age(context, now, found.backup_at)),
    ]


def _builds(context: Context, condition: Condition) -> list[cards.Fact]:
    text, build, publication = context.text, condition.build, condition.publication
    facts = []
    if build is not None:
        is_green = build.state == "green"
        kind = text("status.full" if build.is_full else "status.incremental")
        facts += [
            cards.Fact(text("status.last_build"), text(f"status.build_{build.state}"), GOOD if is_green else BAD),
            cards.Fact(
                text("status.build_ended"), f"{_time(context, build.finished_at)} · {kind} · {build.seconds:,.0f} s"
            ),
        ]
        if build.failures:
            facts.append(cards.Fact(text("status.failures"), f"{build.failures:,}", BAD))
        if build.message:
            facts.append(cards.Fact(text("status.message"), build.message[:300]))
    if condition.running_since is not None:
        facts.append(cards.Fact(text("status.running"), _age(context, condition.now, condition.running_since), PLAIN))
    if publication is None:
        facts.append(cards.Fact(text("status.publication"), text("status.none"), PLAIN))
    else:
        is_old = condition.now - publication.published_at > OLD_PUBLICATION
        facts += [
            cards.Fact(text("status.snapshot"), f"{publication.snapshot_id:,}"),
            cards.Fact(text("status.publication"), _time(context, publication.published_at), BAD if is_old else ""),
            cards.Fact(text("status.data_as_of"), _time(context, publication.data_as_of)),
        ]
    facts.append(cards.Fact(text("status.writer"), condition.writer or text("status.free_lock")))
    return facts


def _uploads(context: Context, condition: Condition) -> list[cards.Fact]:
    text, backlog, lots = context.text, condition.backlog, condition.lots
    facts = []
    if backlog is not None:
        is_late = backlog.oldest_seconds > BACKLOG_PATIENCE
        facts += [
            cards.Fact(text("status.waiting"), f"{backlog.segments:,} · {backlog.size_bytes / 1024**2:,.1f} MB"),
            cards.Fact(text("status.oldest"), _length(context, backlog.oldest_seconds), BAD if is_late else ""),
            cards.Fact(
                text("status.set_aside"), f"{backlog.failed_segments:,}", BAD if backlog.failed_segments else ""
            ),
        ]
    if lots is not None:
        facts.append(cards.Fact(text("status.newest_receipt"), _time(context, lots.newest_receipt)))
    if condition.commands_waiting is not None:
        facts.append(cards.Fact(text("status.commands"), f"{condition.commands_waiting:,}"))
    if condition.outbox_waiting is not None:
        facts.append(cards.Fact(text("status.outbox"), f"{condition.outbox_waiting:,}"))
    return facts


def _backup(context: Context, found: Status) -> list[cards.Fact]:
    text = context.text
    if found.backup is None:
        return [cards.Fact(text("status.backup"), text("status.none"), PLAIN)]
    summary, proof = found.backup.summary, found.backup.verified
    is_old = found.condition.now - summary.point_at > OLD_BACKUP
    facts = [
        cards.Fact(text("status.backup_point"), _time(context, summary.point_at), BAD if is_old else GOOD),
        cards.Fact(text("status.backup_size"), f"{summary.bytes / _GIB:,.2f} GB"),
    ]
    if proof is None:
        return [*facts, cards.Fact(text("status.verified"), text("status.not_yet"), PLAIN)]
    said = _time(context, proof.at) if proof.is_good else (proof.zh if context.language == "zh" else proof.en)
    return [*facts, cards.Fact(text("status.verified"), said, GOOD if proof.is_good else BAD)]


def _processes(context: Context, condition: Condition) -> None:
    text, now = context.text, condition.now
    if not condition.processes:
        cards.nothing(text("status.no_process"))
        return
    cards.table(
        text("status.processes"),
        [text(f"status.process_{name}") for name in ("name", "state", "host", "since", "seen", "figures")],
        [
            (
                one.name,
                text("status.silent" if one.is_silent(now) else "status.alive"),
                f"{one.host} · {one.pid}",
                _time(context, one.started_at),
                text("status.ago", length=_age(context, now, one.seen_at)),
                _counted(one),
            )
            for one in condition.processes
        ],
    )


def _counted(process: Process) -> str:
    return " · ".join(f"{name} {value:,.0f}" for name, value in sorted(process.figures.items()) if value) or "—"


def _time(context: Context, moment: datetime | None) -> str:
    if moment is None:
        return "—"
    return f"{moment.astimezone(ZoneInfo(context.settings.schedule_time_zone)):%Y-%m-%d %H:%M:%S}"


def _age(context: Context, now: datetime, moment: datetime | None) -> str:
    return "—" if moment is None else _length(context, max((now - moment).total_seconds(), 0.0))


def _length(context: Context, seconds: float) -> str:
    for name, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return context.text(f"status.{name}", count=f"{seconds / size:,.0f}")
    return context.text("status.seconds", count=f"{seconds:,.0f}")
