"""内场出场记录: one row per passage."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("inner_exit_records", ":material/subdirectory_arrow_left:")
PAGE = ReportPage(
    "inner-exit-records",
    first=("plate", "vehicle_class"),
    hidden=("lot_code", "exit_record_id", "exit_gate", "entry_source", "is_bad"),
    records="exited_at",
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
