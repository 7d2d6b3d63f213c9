"""长期车续费统计: renewals by lot and method."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Chart
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("renewal_statistics", ":material/card_membership:")
PAGE = ReportPage("renewal-statistics", chart=Chart("lot_name", ("amount",)), first=("kind",))


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
