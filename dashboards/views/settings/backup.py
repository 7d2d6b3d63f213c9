"""数据库备份: the backups of this instance, taken by the clock or now, each proved by restoring it.

Belongs here: the list, its buttons, the plan, the newest runs. Does not belong here: taking and proving a backup
(``warehouse.backup``) and restoring one, which is done on the server while nothing runs (``park backup restore``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context, flash
from dashboards.frame import View
from dashboards.ui import cards, forms, grid
from warehouse.backup.library import Listed
from warehouse.services.backups import (
    MOST_KEPT,
    Overview,
    PlanForm,
    list_backups,
    overview,
    request_backup,
    request_verify,
    save_plan,
)
from warehouse.services.listing import Found
from warehouse.services.operation_runs import BY_CLOCK, RunRow

VIEW = View("backup", ":material/backup:")


@dataclass(frozen=True)
class Shown:
    """A backup as the list shows it."""

    backup_id: str
    point_at: datetime
    size: str
    new: str
    duration: str
    files: str
    encrypted: str
    verified: str


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.backup"), text("backup.below"))
    seen = overview(context.settings, context.actor)
    _warn(context, seen)
    backups = list_backups(context.settings, context.actor)
    with cards.card("backup_state"):
        _state(context, seen, backups)
    zone = context.settings.schedule_time_zone
    columns = [
        grid.Column("backup_id", text("backup.name"), width="medium"),
        grid.Column("point_at", text("backup.point_at")),
        grid.Column("size", text("backup.size"), right=True),
        grid.Column("new", text("backup.new"), right=True),
        grid.Column("files", text("backup.files"), right=True),
        grid.Column("duration", text("backup.duration"), right=True),
        grid.Column("encrypted", text("backup.encrypted"), width="small"),
        grid.Column("verified", text("backup.verified"), width="large"),
    ]
    with cards.card("backups"):
        bar = grid.bar("backups")
        asked = grid.asked(context, columns)
        first = (asked.page - 1) * asked.size
        rows = [_shown(context, one) for one in backups[first : first + asked.size]]
        chosen = grid.table(
            context, "backups", columns, Found(rows, len(backups)), asked, lambda one: one.backup_id, zone=zone,
            none_yet=text("backup.none"),
        )  # fmt: skip
        with grid.actions(context, bar, chosen.backup_id if chosen else None):
            _buttons(context, chosen, seen)
    context.fragment(_runs, run_every=10.0)


def _warn(context: Context, seen: Overview) -> None:
    text = context.text
    if seen.is_on_same_disk:
        cards.notice("warning", text("backup.same_disk"), text("backup.same_disk_why", place=seen.place))
    if not seen.can_prove:
        cards.notice("plain", text("backup.no_identity"), text("backup.no_identity_why"))


def _state(context: Context, seen: Overview, backups: list[Listed]) -> None:
    text = context.text
    newest = backups[0] if backups else None
    proved = next((one for one in backups if one.verified is not None and one.verified.is_good), None)
    bad = newest is not None and newest.verified is not None and not newest.verified.is_good
    plan = seen.plan
    cards.facts(
        [
            cards.Fact(text("backup.newest"), _moment(context, newest.summary.point_at if newest else None)),
            cards.Fact(
                text("backup.newest_proved"),
                text("backup.bad") if bad else _moment(context, proved.summary.point_at if proved else None),
                tone="critical" if bad else "",
            ),
            cards.Fact(
                text("backup.next"), _moment(context, seen.next_due_at) if plan.is_active else text("backup.by_hand")
            ),
            cards.Fact(text("backup.keeps"), text("backup.keep_rule", count=plan.keep_count, days=plan.keep_days)),
            cards.Fact(text("backup.place"), seen.place),
            cards.Fact(text("backup.stored"), _bytes(sum(one.summary.new_bytes for one in backups))),
            cards.Fact(text("backup.free"), "" if seen.free_bytes is None else _bytes(seen.free_bytes)),
            cards.Fact(text("backup.encrypted"), text("backup.yes") if seen.is_encrypted else text("backup.no")),
        ]
    )


def _moment(context: Context, at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(context.settings.schedule_time_zone)):%Y-%m-%d %H:%M}"


def _bytes(count: int) -> str:
    size = float(count)
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:,.0f} {unit}" if unit == "B" else f"{size:,.1f} {unit}"
        size /= 1024
    return f"{size:,.1f} TB"


def _shown(context: Context, one: Listed) -> Shown:
    text, summary, verified = context.text, one.summary, one.verified
    proof = text("backup.not_verified")
    if verified is not None:
        said = verified.zh if context.language == "zh" else verified.en
        proof = _moment(context, verified.at) if verified.is_good else f"{text('backup.bad')}：{said}"
    return Shown(
        backup_id=summary.backup_id,
        point_at=summary.point_at,
        size=_bytes(summary.bytes),
        new=_bytes(summary.new_bytes),
        duration=text("backup.seconds", seconds=f"{summary.seconds:,.1f}"),
        files=f"{summary.files:,}",
        encrypted=text("backup.yes") if summary.recipients else text("backup.no"),
        verified=proof,
    )


def _buttons(context: Context, chosen: Shown | None, seen: Overview) -> None:
    text = context.text
    if not context.allows("backup.edit"):
        return
    if st.button(text("backup.run_now"), type="primary", icon=":material/play_arrow:", key="backup_run"):
        request_backup(context.settings, context.actor)
        flash(text("backup.requested"))
        st.rerun()
    if st.button(text("backup.verify"), disabled=chosen is None or not seen.can_prove, key="backup_verify"):
        assert chosen is not None
        request_verify(context.settings, context.actor, chosen.backup_id)
        flash(text("backup.verify_requested", name=chosen.backup_id))
        st.rerun()
    if st.button(text("backup.plan"), icon=":material/schedule:", key="backup_plan"):
        _edit(context, seen)


def _edit(context: Context, seen: Overview) -> None:
    text, plan = context.text, seen.plan

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = PlanForm(values["time_of_day"], values["is_active"], values["keep_count"], values["keep_days"])
        save_plan(renewed.settings, renewed.actor, form, seen.version)
        return forms.Done(renewed.text("backup.plan_saved"))

    fields = [
        forms.Field("is_active", text("backup.plan_active"), "flag", wide=True),
        forms.Field(
            "time_of_day", text("backup.plan_time"), required=True, longest=5, wide=True,
            help_text=text("backup.plan_zone", zone=context.settings.schedule_time_zone),
        ),
        forms.Field("keep_count", text("backup.plan_count"), "number", required=True, least=1, most=MOST_KEPT),
        forms.Field("keep_days", text("backup.plan_days"), "number", required=True, least=0, most=3660),
    ]  # fmt: skip
    initial = {
        "is_active": plan.is_active,
        "time_of_day": plan.time_of_day,
        "keep_count": plan.keep_count,
        "keep_days": plan.keep_days,
    }
    forms.open_form(
        context, forms.Form("backup_plan", text("backup.plan"), fields, initial, submit, note=text("backup.plan_note"))
    )


def _runs(context: Context) -> None:
    text = context.text
    rows = overview(context.settings, context.actor).runs
    with cards.card("backup_runs", text("backup.runs")):
        if not rows:
            cards.nothing(text("backup.no_runs"))
            return
        names = ("kind", "requested", "by", "run_state", "finished", "result")
        headings = [text(f"backup.column_{name}") for name in names]
        cards.table(text("backup.runs"), headings, [_run(context, row) for row in rows])


def _run(context: Context, row: RunRow) -> list[str]:
    text = context.text
    return [
        text(f"backup.kind_{row.kind}") + (f" {row.subject}" if row.subject else ""),
        _moment(context, row.requested_at),
        text("backup.by_clock") if row.login == BY_CLOCK else row.login,
        text(f"backup.run_{row.state}"),
        _moment(context, row.finished_at),
        (row.message_zh if context.language == "zh" else row.message_en) or "",
    ]
