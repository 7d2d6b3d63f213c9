"""报表投递: reports that are made and sent by the clock.

Belongs here: the list, its buttons, the runs of the chosen one. Does not belong here: the form (deliveries_form.py),
the rules (``warehouse.services.deliveries``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context, flash
from dashboards.frame import View
from dashboards.ui import address, cards, forms, grid
from dashboards.views.settings import deliveries_form
from warehouse.reports.catalogue import find
from warehouse.services.deliveries import (
    DeliveryRow,
    delete_delivery,
    list_deliveries,
    request_run,
    switch_delivery,
)
from warehouse.services.delivery_runs import RunRow, list_runs
from warehouse.services.listing import Found, ListQuery

VIEW = View("deliveries", ":material/schedule_send:")
SHOWN_RUNS = 20


@dataclass(frozen=True)
class Shown:
    """A delivery as the list shows it."""

    row: DeliveryRow
    name: str
    report: str
    time_of_day: str
    target: str
    owner: str
    state: str
    next_due_at: datetime | None
    last: str | None


def render(context: Context) -> None:
    """Draw the page."""
    text, zone = context.text, context.settings.schedule_time_zone
    cards.title(text("menu.deliveries"), text("deliveries.below"))
    if not context.settings.sends_mail:
        cards.notice("plain", text("deliveries.no_mail"), text("deliveries.no_mail_why"))
    columns = [
        grid.Column("name", text("deliveries.name"), sortable=True),
        grid.Column("report", text("deliveries.report")),
        grid.Column("time_of_day", text("deliveries.when"), sortable=True),
        grid.Column("target", text("deliveries.target"), width="large"),
        grid.Column("owner", text("deliveries.owner")),
        grid.Column("state", text("deliveries.state")),
        grid.Column("next_due_at", text("deliveries.next")),
        grid.Column("last", text("deliveries.last")),
    ]
    with cards.card("deliveries"):
        left, right = st.columns([3, 5], vertical_alignment="center")
        with left:
            search = address.search(context)
        with right:
            asked = grid.asked(context, columns, search)
        found = list_deliveries(context.settings, context.actor, asked)
        bar = grid.bar("deliveries")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(
            context, "deliveries", columns, shown, asked, lambda one: one.row.delivery_id, zone=zone,
            none_yet=text("deliveries.none"),
        )  # fmt: skip
        with grid.actions(context, bar, chosen.name if chosen else None):
            _buttons(context, chosen.row if chosen else None, is_empty=not found.total and not search)
    context.fragment(lambda renewed: _runs(renewed, chosen.row if chosen else None), run_every=15.0)


def _shown(context: Context, row: DeliveryRow) -> Shown:
    text, zone = context.text, ZoneInfo(context.settings.schedule_time_zone)
    days = deliveries_form.weekdays(context)
    when = text("deliveries.daily") if len(row.weekdays) == 7 else "、".join(days[day] for day in row.weekdays)
    state = "on" if row.is_active else "off"
    last = None
    if row.last_state is not None and row.last_due_at is not None:
        last = f"{row.last_due_at.astimezone(zone):%m-%d %H:%M} {text(f'deliveries.run_{row.last_state}')}"
    return Shown(
        row=row,
        name=row.name,
        report=f"{find(row.report).title(context.language)} · {row.file_format.upper()}",
        time_of_day=f"{when} {row.time_of_day}",
        target=", ".join(row.addresses) or f"deliveries/{row.owner_login}",
        owner=row.owner_name if row.owner_may_sign_in else text("deliveries.owner_gone", name=row.owner_name),
        state=text(f"deliveries.{state}"),
        next_due_at=row.next_due_at,
        last=last,
    )


def _buttons(context: Context, chosen: DeliveryRow | None, *, is_empty: bool) -> None:
    text = context.text
    is_foreign = chosen is None or not chosen.is_own
    if context.allows("deliveries.edit"):
        with st.popover(text("deliveries.add"), icon=":material/add:", type="primary"):
            deliveries_form.choose(context)
        if (
            is_empty
            and context.allows("daily_report.export")
            and st.button(text("deliveries.suggested"), icon=":material/lightbulb:", key="deliveries_suggested")
        ):
            deliveries_form.add(context, "daily-report")
        if st.button(text("deliveries.edit_one"), disabled=is_foreign, key="deliveries_edit"):
            assert chosen is not None
            deliveries_form.edit(context, chosen)
        if st.button(text("deliveries.run_now"), disabled=is_foreign, key="deliveries_run"):
            assert chosen is not None
            request_run(context.settings, context.actor, chosen.delivery_id)
            flash(text("deliveries.requested", name=chosen.name))
            st.rerun()
        is_active = chosen is None or chosen.is_active
        label = text("deliveries.stop") if is_active else text("deliveries.start")
        if st.button(label, disabled=chosen is None or (is_foreign and not is_active), key="deliveries_switch"):
            assert chosen is not None
            switch_delivery(context.settings, context.actor, chosen.delivery_id, not is_active, chosen.version)
            flash(text("deliveries.stopped" if is_active else "deliveries.started", name=chosen.name))
            st.rerun()
    if context.allows("deliveries.delete") and st.button(
        text("form.delete"), disabled=chosen is None, key="deliveries_delete"
    ):
        assert chosen is not None
        _delete(context, chosen)


def _delete(context: Context, row: DeliveryRow) -> None:
    def act(renewed: Context) -> str:
        delete_delivery(renewed.settings, renewed.actor, row.delivery_id, row.version)
        return renewed.text("deliveries.deleted", name=row.name)

    sure = context.text("deliveries.delete_sure", name=row.name)
    forms.confirm(context, f"deliveries_{row.delivery_id}", context.text("deliveries.delete_one"), sure, act)


def _runs(context: Context, chosen: DeliveryRow | None) -> None:
    text = context.text
    found = list_runs(
        context.settings,
        context.actor,
        ListQuery(size=SHOWN_RUNS),
        delivery_id=None if chosen is None else chosen.delivery_id,
    )
    title = text("deliveries.runs") if chosen is None else text("deliveries.runs_of", name=chosen.name)
    with cards.card("delivery_runs", title):
        if not found.rows:
            cards.nothing(text("deliveries.no_runs"))
            return
        names = ("name", "due", "run_state", "finished", "rows", "size", "result")
        headings = [text(f"deliveries.column_{name}") for name in names]
        cards.table(title, headings, [_run(context, row) for row in found.rows], right=(4, 5))


def _run(context: Context, row: RunRow) -> list[str]:
    zone = ZoneInfo(context.settings.schedule_time_zone)

    def moment(at: datetime | None) -> str:
        return "" if at is None else f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S}"

    said = row.message_zh if context.language == "zh" else row.message_en
    again = (
        context.text("deliveries.again", time=moment(row.next_attempt_at), count=row.attempts)
        if row.state == "waiting" and row.attempts
        else ""
    )
    return [
        row.name,
        moment(row.due_at),
        context.text(f"deliveries.run_{row.state}"),
        moment(row.finished_at),
        "" if row.row_count is None else f"{row.row_count:,}",
        "" if row.file_bytes is None else f"{row.file_bytes / 1024:,.1f} KB",
        " ".join(filter(None, (said, again))) or (row.target or ""),
    ]
