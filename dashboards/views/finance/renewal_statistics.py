"""长期车续费统计: renewals by lot and method."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import ByLot
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from warehouse.reports.pieces import METHODS

VIEW = View("renewal_statistics", ":material/card_membership:")
PAGE = ReportPage(
    "renewal-statistics",
    chart=lambda _asked: ByLot("renewal-statistics", METHODS, "amount", stacked=True),
    figures=("amount", "renewals"),
    first=("kind",),
    presets=("month", "today", "yesterday", "week", "last7", "last30", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
