"""流量统计: entries and exits by lot, gate, class and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import AnyChart, ByLot, Course
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("traffic_statistics", ":material/bar_chart:")

# The course of each hour, day or month adds up the lots, which the rows of this report do not.
COURSE = {"hour": "each_hour", "day": "day", "month": "month"}


def _chart(asked: Mapping[str, Any]) -> AnyChart:
    """Time on the axis when the rows have one; the lots otherwise."""
    if asked.get("by", "total") == "total":
        return ByLot("traffic-statistics", ("entries", "exits"), "entries")
    return Course("traffic-analysis", "position", ("entries", "exits"), by=COURSE[asked["by"]])


PAGE = ReportPage(
    "traffic-statistics",
    chart=_chart,
    first=("by", "split"),
    hidden=("lot_code", "gate_id"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
