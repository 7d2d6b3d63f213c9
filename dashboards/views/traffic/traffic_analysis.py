"""流量分析: the course of traffic of a period."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Course
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("traffic_analysis", ":material/monitoring:")
PAGE = ReportPage(
    "traffic-analysis",
    chart=lambda _asked: Course(
        "traffic-analysis",
        "position",
        ("entries", "exits"),
        compared={"entries": "compare_entries", "exits": "compare_exits"},
    ),
    first=("by",),
    presets=("last7", "today", "yesterday", "week", "month", "last30", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
