"""临时车收费分析: the course of temporary fees."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Chart
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("temporary_fee_analysis", ":material/query_stats:")
PAGE = ReportPage(
    "temporary-fee-analysis",
    chart=Chart("day", ("received", "receivable")),
    first=("by", "basis"),
    presets=("last30", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
