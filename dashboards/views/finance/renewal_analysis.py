"""长期车收费分析: the course of renewals."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Chart
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("renewal_analysis", ":material/trending_up:")
PAGE = ReportPage(
    "renewal-analysis",
    chart=Chart("day", ("amount",)),
    first=("by", "kind"),
    presets=("last30", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
