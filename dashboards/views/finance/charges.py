"""临时车收费查询: one row per charge."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from warehouse.reports.pieces import METHODS

VIEW = View("charges", ":material/receipt_long:")
PAGE = ReportPage(
    "charges",
    figures=("receivable", "discount", "waived", "received", "uncollected"),
    first=("plate", "method"),
    hidden=(
        "lot_code",
        "exit_record_id",
        "charge_record_id",
        "record_id",
        "transaction_id",
        "charged",
        "other_methods",
        *METHODS,
    ),
    records="exited_at",
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
