"""临时车收费统计: money received by lot and method."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Chart
from dashboards.reports.drill import Drill
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("temporary_fee_statistics", ":material/payments:")
PAGE = ReportPage(
    "temporary-fee-statistics",
    chart=Chart("lot_name", ("received",)),
    first=("basis",),
    drills={"received": Drill("charges", "received", kept=("basis", "booth"))},
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
