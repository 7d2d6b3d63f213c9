"""电子发票明细: one row per e-invoice."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("invoices", ":material/request_quote:")
PAGE = ReportPage(
    "invoices",
    first=("plate", "issued"),
    presets=("last30", "today", "yesterday", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
