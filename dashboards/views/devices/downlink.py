"""下发管理: what was sent to the lots, and what became of it.

Belongs here: filters in the address, totals, the list and its buttons. Does not belong here: the dialogs
(downlink_forms.py), the rules (``warehouse.services.downlink``, ``lot_commands``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context, flash
from dashboards.frame import View
from dashboards.ui import address, cards, forms, grid
from dashboards.views.devices import downlink_forms
from warehouse.ops.models.downlink import COMMAND_STATES
from warehouse.services.downlink import (
    CommandQuery,
    CommandRow,
    cancel_command,
    commands_file,
    count_by_state,
    list_commands,
    retry_command,
)
from warehouse.services.downlink_queue import KINDS
from warehouse.services.listing import Found, ListQuery

VIEW = View("downlink", ":material/download:")


@dataclass(frozen=True)
class Shown:
    """A command as the list shows it."""

    row: CommandRow
    command_id: int
    lot_name: str
    kind: str
    subject: str
    state: str
    created_at: datetime
    delivered_at: datetime | None
    finished_at: datetime | None
    message: str | None
    operator_name: str


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.downlink"), text("downlink.below"))
    downlink_forms.ask_to_confirm(context)
    columns = [
        grid.Column("command_id", text("downlink.number"), width=70, right=True),
        grid.Column("lot_name", text("downlink.lot"), width=150),
        grid.Column("kind", text("downlink.kind"), width=110),
        grid.Column("subject", text("downlink.subject"), width=130),
        grid.Column("state", text("downlink.state"), width=80, sortable=True),
        grid.Column("message", text("downlink.message"), width=190),
        grid.Column("created_at", text("downlink.created"), width=150, sortable=True),
        grid.Column("delivered_at", text("downlink.delivered_at"), width=150),
        grid.Column("finished_at", text("downlink.finished_at"), width=150),
        grid.Column("operator_name", text("downlink.operator"), width=100),
    ]
    with cards.card("downlink"):
        which, asked = _filters(context, columns)
        _totals(context, which, asked.search)
        found = list_commands(context.settings, context.actor, asked, which)
        bar = grid.bar("downlink")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(
            context, "downlink", columns, shown, asked, lambda one: one.command_id, none_yet=text("downlink.none")
        )
        with grid.actions(context, bar, f"#{chosen.command_id} {chosen.kind}" if chosen else None):
            _buttons(context, chosen.row if chosen else None)
            for file_format in ("csv", "xlsx"):
                context.download(
                    file_format.upper(),
                    f"commands.{file_format}",
                    "downlink.export",
                    lambda renewed, form=file_format: commands_file(  # type: ignore[misc]
                        renewed.settings, renewed.actor, which, asked.search, form, renewed.language
                    ),
                    key=f"downlink_{file_format}",
                )


def _filters(context: Context, columns: list[grid.Column]) -> tuple[CommandQuery, ListQuery]:
    text, zone = context.text, ZoneInfo(context.settings.schedule_time_zone)
    first, second, third = st.columns([3, 3, 3], vertical_alignment="center")
    with first:
        search = address.search(context)
    with second:
        lot = address.lot_choice(context)
    with third:
        kinds = {kind: text(f"downlink.kind_{kind}") for kind in KINDS}
        kind = address.choice(context, "kind", text("downlink.kind"), kinds)
    first, second, third = st.columns([3, 3, 3], vertical_alignment="center")
    with first:
        states = {state: text(f"downlink.state_{state}") for state in COMMAND_STATES}
        state = address.choice(context, "state", text("downlink.state"), states)
    today = context.now.astimezone(zone).date()
    with second:
        since, until = address.days("days", text("downlink.period"), (today - timedelta(days=6), today))
    with third:
        asked = grid.asked(context, columns, search)
    which = CommandQuery(
        lot_id=lot.lot_id if lot else None,
        kind=kind,
        state=state,
        since=_start_of(since, zone),
        until=_start_of(until + timedelta(days=1), zone),
    )
    return which, asked


def _start_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _totals(context: Context, which: CommandQuery, search: str) -> None:
    counts = count_by_state(context.settings, context.actor, which, search)
    text = context.text
    # The two that the lot never sees share a place, so that all stand in one row.
    withdrawn = {state: counts.pop(state) for state in ("superseded", "cancelled")}
    figures = [
        cards.Figure(f"downlink_{state}", text(f"downlink.state_{state}"), f"{count:,}", text("downlink.unit"))
        for state, count in counts.items()
    ]
    apart = " · ".join(f"{text(f'downlink.state_{state}')} {count:,}" for state, count in withdrawn.items())
    total = f"{sum(withdrawn.values()):,}"
    cards.figures(
        [*figures, cards.Figure("downlink_withdrawn", text("downlink.withdrawn"), total, text("downlink.unit"), apart)]
    )


def _shown(context: Context, row: CommandRow) -> Shown:
    said = "；".join(part for part in (row.reason, row.message) if part)
    return Shown(
        row=row,
        command_id=row.command_id,
        lot_name=row.lot_name,
        kind=context.text(f"downlink.kind_{row.kind}") if row.kind in KINDS else row.kind,
        subject=row.subject,
        state=context.text(f"downlink.state_{row.state}"),
        created_at=row.created_at,
        delivered_at=row.delivered_at,
        finished_at=row.finished_at,
        message=said or None,
        operator_name=row.operator_name,
    )


def _buttons(context: Context, chosen: CommandRow | None) -> None:
    text = context.text
    if not context.allows("downlink.edit"):
        return
    if st.button(text("downlink.open_gate"), icon=":material/lock_open:", type="primary", key="downlink_open"):
        downlink_forms.open_gate(context)
    if st.button(text("downlink.parameters"), icon=":material/tune:", key="downlink_parameters"):
        downlink_forms.parameters(context)
    is_failed = chosen is not None and chosen.state == "failed"
    if st.button(text("downlink.retry"), disabled=not is_failed, key="downlink_retry"):
        assert chosen is not None
        again = retry_command(context.settings, context.actor, chosen.command_id)
        flash(text("downlink.retried", number=again))
        st.rerun()
    waits = chosen is not None and chosen.state == "queued"
    if st.button(text("downlink.cancel"), disabled=not waits, key="downlink_cancel"):
        assert chosen is not None
        _cancel(context, chosen)


def _cancel(context: Context, row: CommandRow) -> None:
    def act(renewed: Context) -> str:
        cancel_command(renewed.settings, renewed.actor, row.command_id)
        return renewed.text("downlink.cancelled", number=row.command_id)

    sure = context.text("downlink.cancel_sure", number=row.command_id, lot=row.lot_name)
    title = context.text("downlink.cancel")
    forms.confirm(context, f"downlink_{row.command_id}", title, sure, act, label=title)
