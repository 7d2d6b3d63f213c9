"""长期车续费查询: one row per renewal."""

from __future__ import annotations

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports.page import ReportPage
from dashboards.reports.page import render as render_report

VIEW = View("renewals", ":material/autorenew:")
PAGE = ReportPage(
    "renewals",
    figures=("amount",),
    first=("plate", "kind"),
    hidden=("lot_code", "owner_id", "record_id", "valid_from_before", "valid_from", "transaction_id"),
    presets=("last30", "today", "yesterday", "week", "month", "last7", "custom"),
)


def render(context: Context) -> None:
    """Draw the page."""
    render_report(context, PAGE)
