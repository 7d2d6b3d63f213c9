"""警报记录: alarms that are open now, every alarm of a period, statistics, rules and channels.

Belongs here: the switch between the parts. Does not belong here: the parts (alarms_open.py, alarms_rules.py, …) and the
reports.
"""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.filters import DAYS, PERIOD
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report
from dashboards.ui import address
from dashboards.views.traffic import alarms_channels, alarms_open, alarms_rules

VIEW = View("alarms", ":material/notifications_active:")
PRESETS = ("last7", "today", "yesterday", "week", "month", "custom")
PAGE = ReportPage("alarms", first=("level", "state"), presets=PRESETS)
STATISTICS_PAGE = ReportPage(
    "alarm-statistics",
    figures=("alarms", "critical", "still_open", "mean_seconds"),
    first=("by", "level"),
    presets=("last30", "last7", "today", "yesterday", "week", "month", "custom"),
)
OPEN, HISTORY, STATISTICS, RULES, CHANNELS = "open", "history", "statistics", "rules", "channels"


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    parts = {
        OPEN: text("alarms.part_open"),
        HISTORY: text("alarms.part_history"),
        STATISTICS: text("alarms.part_statistics"),
        RULES: text("alarms.part_rules"),
    }
    # Addresses and web hooks are for those who set them.
    if context.allows("alarms.edit"):
        parts[CHANNELS] = text("alarms.part_channels")
    # Links from elsewhere name days, and mean the records of these days.
    usual = HISTORY if address.written(PERIOD) or address.written(DAYS) else OPEN
    match address.switch("part", text("menu.alarms"), parts, usual=usual):
        case "open":
            alarms_open.draw(context)
        case "statistics":
            render_report(context, STATISTICS_PAGE)
        case "rules":
            alarms_rules.draw(context)
        case "channels":
            alarms_channels.draw(context)
        case _:
            render_report(context, PAGE)
