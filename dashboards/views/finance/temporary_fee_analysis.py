"""临时车收费分析: the course of temporary fees."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Course
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("temporary_fee_analysis", ":material/query_stats:")
PAGE = ReportPage(
    "temporary-fee-analysis",
    chart=lambda _asked: Course(
        "temporary-fee-analysis", "day", ("received", "receivable"), compared={"received": "compare_received"}
    ),
    figures=("received", "receivable", "discount", "waived", "uncollected", "collection_rate"),
    change="received_change",
    first=("by", "basis"),
    presets=("last30", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
