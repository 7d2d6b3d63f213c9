"""临时车收费统计: money received by lot and method."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import ByLot
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from warehouse.reports.pieces import METHODS

VIEW = View("temporary_fee_statistics", ":material/payments:")
PAGE = ReportPage(
    "temporary-fee-statistics",
    chart=lambda _asked: ByLot("temporary-fee-statistics", METHODS, "received", stacked=True),
    figures=("received", "charges", "refunds"),
    first=("basis",),
    presets=("today", "yesterday", "week", "month", "last7", "last30", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
