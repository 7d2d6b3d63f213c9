"""出入口控制机管理: one row per device as last reported."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.device_page import device_page
from dashboards.reports.page import render as render_report

VIEW = View("gate_controllers", ":material/door_sliding:")
PAGE = device_page("gate-controllers", "controller")


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
