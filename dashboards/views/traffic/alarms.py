"""警报记录: one row per alarm, raised and recovered."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("alarms", ":material/notifications_active:")
PAGE = ReportPage(
    "alarms", first=("level", "state"), presets=("last7", "today", "yesterday", "week", "month", "custom")
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
