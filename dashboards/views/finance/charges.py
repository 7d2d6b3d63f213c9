"""临时车收费查询: one row per charge."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("charges", ":material/receipt_long:")
PAGE = ReportPage("charges", first=("plate", "method"))


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
