"""摄像机管理: one row per device as last reported."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("cameras", ":material/videocam:")
PAGE = ReportPage(
    "cameras",
    first=("state", "number"),
    presets=("last7", "today", "yesterday", "week", "month", "last30", "custom"),
    hidden=("lot_code", "device_id"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
