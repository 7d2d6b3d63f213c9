"""The note beside a report whose days lost their entry and exit records.

Does not belong here: removing them, and keeping the figures (``warehouse.lake.clean_up``).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.services.clean_ups import removed_before

# Reports of money and devices have lost nothing.
SECTIONS: Final = ("entry", "exit", "inner", "stay", "traffic", "occupancy", "completeness", "missing", "quality")
_MOST_NAMED: Final = 5


def say(context: Context, report: str, asked: Mapping[str, Any]) -> None:
    """Say which lots' details of the period were removed, if any."""
    if "from" not in asked or not report.startswith(SECTIONS):
        return
    first = date.fromisoformat(asked["from"][:10])
    wanted = {code for code in str(asked.get("lot") or "").split(",") if code}
    lots = {
        code: day
        for code, day in removed_before(context.settings, context.actor.scope.lot_ids).items()
        if day > first and (not wanted or code in wanted)
    }
    if not lots:
        return
    text = context.text
    named = [
        text("maintenance.details_removed_lot", code=code, day=day.isoformat()) for code, day in sorted(lots.items())
    ]
    comma = "、" if context.language == "zh" else ", "
    more = f" (+{len(named) - _MOST_NAMED})" if len(named) > _MOST_NAMED else ""
    said = text("maintenance.details_removed_why", lots=comma.join(named[:_MOST_NAMED]) + more)
    cards.notice("plain", text("maintenance.details_removed"), said)
