"""停车日报表: charges by lot and booth."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("daily_report", ":material/summarize:")
PAGE = ReportPage(
    "daily-report",
    figures=("charged", "discount", "waived", "received", "uncollected", "charges"),
    first=("by", "basis"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
