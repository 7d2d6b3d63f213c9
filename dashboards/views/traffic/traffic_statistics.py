"""流量统计: entries and exits by lot, gate, class and time."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import Chart
from dashboards.reports.drill import Drill
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("traffic_statistics", ":material/bar_chart:")
PAGE = ReportPage(
    "traffic-statistics",
    chart=Chart("lot_name", ("entries", "exits")),
    first=("by", "split"),
    drills={
        column: Drill(
            f"{kind}_records",
            "row_count",
            kept=("gate", "vehicle_class"),
            carried={"lot": "lot_code", "vehicle_class": "vehicle_class", "gate": "gate_name"},
            days="period",
        )
        for column, kind in (("entries", "entry"), ("exits", "exit"))
    },
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
