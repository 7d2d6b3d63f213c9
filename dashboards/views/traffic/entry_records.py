"""进场记录: one row per passage."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("entry_records", ":material/login:")
PAGE = ReportPage(
    "entry-records",
    first=("plate", "left"),
    hidden=("lot_code", "entry_record_id", "state"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
