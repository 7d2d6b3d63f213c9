"""Choosing a report and two moments, kept in the address.

Belongs here: the pickers, and what they mean as instants. Does not belong here: what moved.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.reports import filters
from dashboards.ui import address
from warehouse.lake.moments import PastPublication
from warehouse.reports.access import permission_of
from warehouse.reports.base import Report
from warehouse.reports.catalogue import LISTED
from warehouse.reports.known import read_moment

FREE: Final = "free"
NOW: Final = "now"
PRESETS: Final = ("last7", "today", "yesterday", "week", "month", "last30", "custom")
WITHOUT: Final = frozenset({"stay-timeline"})
"""Reports about one record only."""


def reports(context: Context) -> dict[str, Report]:
    """The reports that this person may see, by name."""
    return {
        report.name: report
        for report in LISTED
        if report.name not in WITHOUT and context.actor.allows(permission_of(report))
    }


def report_of(context: Context, offered: Mapping[str, Report]) -> Report:
    """The report that is chosen."""
    titles = {name: report.title(context.language) for name, report in offered.items()}
    usual = "temporary-fee-statistics" if "temporary-fee-statistics" in titles else next(iter(titles))
    return offered[address.choice(context, "report", context.text("restatement.report"), titles, usual=usual)]


def asked_of(context: Context, report: Report) -> dict[str, Any]:
    """Lots, period, and how the report is split by time."""
    asked = filters.lots_and_period(context, PRESETS, report.name)
    split = next((parameter for parameter in report.parameters if parameter.key == "by"), None)
    if split is not None:
        with st.container(width=150):
            options = {code: filters.choice_text(context, split, code) for code in split.choices}
            asked["by"] = address.choice(
                context, "by", context.text("report.filter_by"), options, usual=split.default or split.choices[0]
            )
    return asked


def moment_of(context: Context, name: str, kept: Sequence[PastPublication], usual: str) -> tuple[str, datetime]:
    """One moment: a kept publication, the present, or any time; its instant.

    Raises:
        ParkError: what was typed is no moment.
    """
    text, zone = context.text, ZoneInfo(context.settings.schedule_time_zone)
    options = {NOW: text("restatement.now")} if name == "b" else {}
    options |= {
        code_of(one): text("restatement.published", time=f"{one.published_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")
        for one in kept
    }
    options[FREE] = text("restatement.free")
    label = text(f"restatement.moment_{name}")
    with st.container(width=330):
        first = usual if usual in options else FREE
        chosen = address.choice(context, name, label, options, usual=first, label_visibility="visible")
    if chosen == NOW:
        # The newest publication is what is known now; its time stays the same from one run of the page to the next.
        return chosen, kept[0].published_at if kept else context.now
    if chosen != FREE:
        return chosen, datetime.fromisoformat(chosen)
    with st.container(width=220):
        written = address.text(f"{name}_at", text("restatement.free_hint"), help_text=text("restatement.free_help"))
    if not written:
        # Nothing typed yet: yesterday's end, so that the page has something to show.
        return chosen, _day_before(context.now, zone)
    return chosen, read_moment(written, context.settings)


def code_of(publication: PastPublication) -> str:
    """How a publication stands in the address."""
    return publication.published_at.astimezone(UTC).isoformat()


def usual_first(kept: Sequence[PastPublication], now: datetime) -> str:
    """The newest kept publication of at least a day ago, else the oldest kept one."""
    older = [one for one in kept if one.published_at <= now - timedelta(days=1)]
    if older:
        return code_of(older[0])
    return code_of(kept[-1]) if kept else FREE


def _day_before(now: datetime, zone: ZoneInfo) -> datetime:
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.astimezone(UTC)
