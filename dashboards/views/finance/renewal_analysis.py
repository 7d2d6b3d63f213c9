"""长期车收费分析: the course of renewals."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Course
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("renewal_analysis", ":material/trending_up:")
PAGE = ReportPage(
    "renewal-analysis",
    chart=lambda _asked: Course("renewal-analysis", "day", ("amount",), compared={"amount": "compare_amount"}),
    figures=("amount", "renewals"),
    change="amount_change",
    first=("by", "kind"),
    presets=("last30", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
