"""数据质量: what the lots should have sent and did, and the records that were refused.

Belongs here: the switch between the two reports. Does not belong here: the reports.
"""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.chart import ByLot
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from dashboards.ui import address

VIEW = View("data_quality", ":material/fact_check:")
PRESETS = ("last7", "today", "yesterday", "week", "month", "last30", "custom")
COMPLETENESS = ReportPage(
    "completeness",
    chart=lambda _asked: ByLot("completeness", ("expected", "received"), "expected", by="total"),
    first=("by", "kind"),
    presets=PRESETS,
)
REJECTS = ReportPage("rejects", first=("kind", "code"), presets=PRESETS)


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    shown = address.switch(
        "show",
        text("menu.data_quality"),
        {"completeness": text("data_quality.completeness"), "rejects": text("data_quality.rejects")},
        usual="completeness",
    )
    render_report(context, REJECTS if shown == "rejects" else COMPLETENESS)
