"""系统维护: removing old entry and exit records and pictures of a lot, and what was removed.

Belongs here: the choice of lot and day, the preview, the confirmation, tombstones. Does not belong here: removing
(``warehouse.lake.clean_up``) and the maintenance of the lake's files, which runs by itself.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import address, cards, forms
from warehouse.errors import ParkError
from warehouse.lake.clean_up import KINDS, Removed
from warehouse.services.clean_ups import (
    LEAST_DAYS,
    Tombstone,
    list_clean_up_runs,
    list_removals,
    preview_clean_up,
    request_clean_up,
)
from warehouse.services.operation_runs import RunRow

VIEW = View("maintenance", ":material/cleaning_services:")
USUAL_DAYS = 365


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.maintenance"), text("maintenance.below"))
    tombstones = list_removals(context.settings, context.actor)
    with cards.card("maintenance_clean", text("maintenance.clean")):
        cards.note(text("maintenance.what", days=LEAST_DAYS))
        _choose(context)
    context.fragment(_runs, run_every=10.0)
    with cards.card("maintenance_removed", text("maintenance.removed")):
        if tombstones:
            names = ("lot", "before", "at", "by", "records", "kinds")
            headings = [text(f"maintenance.column_{name}") for name in names]
            cards.table(text("maintenance.removed"), headings, [_row(context, one) for one in tombstones], right=(4,))
        else:
            cards.nothing(text("maintenance.none"))


def _choose(context: Context) -> None:
    text = context.text
    latest = context.now.date() - timedelta(days=LEAST_DAYS)
    with st.container(horizontal=True, key="maintenance_bar", vertical_alignment="bottom"):
        with st.container(width=300):
            lot = address.lot_choice(context, with_all=False)
        with st.container(width=200):
            before = st.date_input(
                text("maintenance.before"),
                value=context.now.date() - timedelta(days=USUAL_DAYS),
                max_value=latest,
                format="YYYY-MM-DD",
                key="maintenance_before",
            )
        asked = st.button(text("maintenance.preview"), icon=":material/visibility:", key="maintenance_preview")
    if lot is None or not isinstance(before, date):
        cards.nothing(text("report.no_lots"))
        return
    chosen = f"{lot.lot_id} {before}"
    if asked:
        st.session_state["maintenance_seen"] = chosen
    if st.session_state.get("maintenance_seen") != chosen:
        return
    try:
        counts = preview_clean_up(context.settings, context.actor, lot.lot_id, before)
    except ParkError as error:
        cards.notice("bad", text("frame.failed"), error.text(context.language))
        return
    if not counts:
        cards.nothing(text("maintenance.nothing", lot=lot.name, day=before.isoformat()))
        return
    _table(context, counts)
    records = sum(one.records for one in counts)
    if context.allows("maintenance.delete") and st.button(
        text("maintenance.remove", count=f"{records:,}"), type="primary", key="maintenance_remove"
    ):
        lot_id, code, name = lot.lot_id, lot.code, lot.name

        def act(renewed: Context) -> str:
            request_clean_up(renewed.settings, renewed.actor, lot_id, before, code)
            return renewed.text("maintenance.requested", lot=name)

        sure = text("maintenance.sure", lot=lot.name, day=before.isoformat(), count=f"{records:,}")
        forms.confirm(
            context, f"maintenance_{lot_id}", text("maintenance.clean"), sure, act, typed=code,
            label=text("maintenance.remove", count=f"{records:,}"),
        )  # fmt: skip


def _table(context: Context, counts: tuple[Removed, ...]) -> None:
    """Months down, kinds across."""
    text = context.text
    kinds = [kind for kind in (*KINDS, "rejected") if any(one.kind == kind for one in counts)]
    months: dict[date | None, dict[str, int]] = defaultdict(dict)
    for one in counts:
        months[one.month][one.kind] = one.records
    ordered = sorted(months.items(), key=lambda item: (item[0] is None, item[0] or date.min))
    rows = [
        [f"{month:%Y-%m}" if month else text("maintenance.any_month")]
        + [f"{row[kind]:,}" if kind in row else "" for kind in kinds]
        for month, row in ordered
    ]
    total = [f"{sum(one.records for one in counts if one.kind == kind):,}" for kind in kinds]
    headings = [text("maintenance.month"), *(text(f"maintenance.kind_{kind}") for kind in kinds)]
    right = tuple(range(1, len(kinds) + 1))
    cards.table(text("maintenance.preview"), headings, [*rows, [text("maintenance.total"), *total]], right=right)


def _row(context: Context, one: Tombstone) -> list[str]:
    by_kind: dict[str, int] = defaultdict(int)
    for count in one.counts:
        by_kind[count.kind] += count.records
    kinds = "，" if context.language == "zh" else ", "
    return [
        f"{one.lot_name} ({one.lot_code})",
        one.removed_before.isoformat(),
        _moment(context, one.removed_at),
        one.login,
        f"{one.records:,}",
        kinds.join(f"{context.text(f'maintenance.kind_{kind}')} {records:,}" for kind, records in by_kind.items()),
    ]


def _runs(context: Context) -> None:
    text = context.text
    rows = list_clean_up_runs(context.settings, context.actor)
    if not rows:
        return
    with cards.card("maintenance_runs", text("maintenance.runs")):
        names = ("lot", "requested", "by", "run_state", "finished", "result")
        headings = [text(f"maintenance.column_{name}") for name in names]
        cards.table(text("maintenance.runs"), headings, [_run(context, row) for row in rows])


def _run(context: Context, row: RunRow) -> list[str]:
    return [
        row.subject or "",
        _moment(context, row.requested_at),
        row.login,
        context.text(f"backup.run_{row.state}"),
        _moment(context, row.finished_at),
        (row.message_zh if context.language == "zh" else row.message_en) or "",
    ]


def _moment(context: Context, at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(ZoneInfo(context.settings.schedule_time_zone)):%Y-%m-%d %H:%M}"
