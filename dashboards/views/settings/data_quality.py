"""数据质量: how good what the lots send is, what they should have sent and did, and the records that were refused.

Belongs here: the switch between the reports, and the sentence on when a day's records are expected to be there. Does
not belong here: the reports, and what the score is made of (dbt_project, docs/data-quality.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import ByLot, Course
from dashboards.reports.chart import draw as draw_chart
from dashboards.reports.chart import known as known_parameters
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from dashboards.ui import address, cards
from warehouse.reports.parameters import LARGEST_PAGE

VIEW = View("data_quality", ":material/fact_check:")
PRESETS = ("last7", "today", "yesterday", "week", "month", "last30", "custom")
PARTS = ("completeness", "timeliness", "validity", "balance", "clock")
DAYS_BY_HOUR = 8
"""Longer periods are drawn by the day."""


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    shown = address.switch(
        "show",
        text("menu.data_quality"),
        {code: text(f"data_quality.{code}") for code in PAGES},
        usual="quality",
    )
    render_report(context, PAGES.get(shown, QUALITY))


def expected_and_received(context: Context, asked: Mapping[str, Any]) -> None:
    """Records expected and received in the course of the period, by the hour when it is short."""
    first, last = (datetime.fromisoformat(asked[name]) for name in ("from", "to"))
    by = "hour" if last - first <= timedelta(days=DAYS_BY_HOUR) else "day"
    chart = Course("completeness-course", "period", ("expected", "received"), by=by)
    draw_chart(context, "completeness-course", chart, asked)


def arrival(context: Context, asked: Mapping[str, Any]) -> None:
    """When the newest day's records are expected to be there, by the lots' own history."""
    text = context.text
    wanted = known_parameters("watermark", asked)
    ends = {name: datetime.fromisoformat(asked[name]) for name in ("from", "to")}
    if any(end.time() != time() for end in ends.values()):
        wanted |= {"from": ends["from"].date().isoformat(), "to": (ends["to"] + timedelta(days=1)).date().isoformat()}
    found = context.query("watermark", **wanted, size=LARGEST_PAGE).records()
    newest: date | None = max((row["day"] for row in found), default=None)
    told = [row for row in found if row["day"] == newest and row["expected_by"] is not None]
    if newest is None or not told:
        cards.note(text("data_quality.no_watermark"))
        return
    slowest = max(told, key=lambda row: (row["expected_by"], row["lot_code"]))
    late = sum(bool(row["is_late"]) for row in told)
    key = "data_quality.watermark_lot" if len(told) == 1 else "data_quality.watermark_lots"
    sentence = text(
        key,
        day=f"{newest:%Y-%m-%d}",
        time=f"{slowest['expected_by']:%Y-%m-%d %H:%M}",
        lot=slowest["lot_name"],
        came=f"{slowest['complete_at']:%Y-%m-%d %H:%M}",
        count=len(told),
    )
    cards.notice("plain", text("data_quality.watermark_title"), sentence)
    if late:
        cards.notice("bad", text("data_quality.late", count=late))


QUALITY = ReportPage(
    "quality",
    chart=lambda asked: Course(
        "quality-course",
        "period",
        ("score", *PARTS),
        by=asked["by"] if asked.get("by") in ("week", "month") else "day",
        as_line=True,
    ),
    figures=("score", *PARTS),
    first=("by",),
    hidden=("lot_code", "judged", "timely", "unexplained", "unbalanced", "drift_seconds"),
    presets=PRESETS,
    above=arrival,
)
WATERMARK = ReportPage("watermark", presets=("yesterday", "today", "last7", "custom"))
COMPLETENESS = ReportPage(
    "completeness",
    chart=lambda _asked: ByLot("completeness", ("expected", "received"), "expected", by="total"),
    first=("by", "kind"),
    presets=PRESETS,
    above=expected_and_received,
)
REJECTS = ReportPage("rejects", first=("kind", "code"), presets=PRESETS)
PAGES = {"quality": QUALITY, "watermark": WATERMARK, "completeness": COMPLETENESS, "rejects": REJECTS}
