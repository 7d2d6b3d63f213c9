"""How much each lot usually sends, and how complete its last day was, from what is published.

Belongs here: the two questions that alarms ask of the lake. Does not belong here: the reports about completeness,
whose definitions these follow, and what is done with the answers (``warehouse.alarms``).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from warehouse.lake.connect import LAKE
from warehouse.lake.reader import IN_MEMORY, View

DAYS: Final = 28
LEAST_DAYS: Final = 3
"""Days with uploads before a lot's history says anything."""


def expected_uploads(view: View, now: datetime) -> dict[int, tuple[float, float]]:
    """Records that each lot usually sends in the hour before the present one and in the present one.

    The mean of the same hour of the lot's clock over the 28 days before, counting days with uploads.
    """
    found: dict[int, tuple[float, float]] = {}
    for zone in _zones(view):
        local = now.astimezone(ZoneInfo(zone))
        before = local - timedelta(hours=1)
        answer = view.query(
            f"""
            WITH past AS (
                SELECT u.lot_id, u.local_hour, u.records
                FROM {LAKE}.marts.rpt_upload_hour AS u
                JOIN {IN_MEMORY}.dim_lot AS l ON l.lot_id = u.lot_id AND l.time_zone = $zone
                WHERE u.business_date >= $today::DATE - {DAYS + 1} AND u.business_date <= $today::DATE
                    AND u.local_hour >= $today::DATE - {DAYS} AND u.local_hour < $today::DATE
            )
            SELECT lot_id, count(DISTINCT local_hour::DATE) AS days,
                coalesce(sum(records) FILTER (hour(local_hour) = $before), 0) AS records_before,
                coalesce(sum(records) FILTER (hour(local_hour) = $hour), 0) AS records
            FROM past GROUP BY lot_id HAVING count(DISTINCT local_hour::DATE) >= {LEAST_DAYS}
            """,
            {"zone": zone, "today": local.date(), "before": before.hour, "hour": local.hour},
        )
        for lot_id, days, records_before, records in answer.rows:
            found[int(lot_id)] = (int(records_before) / int(days), int(records) / int(days))
    return found


def completeness_of_yesterday(view: View, now: datetime) -> dict[int, tuple[int, int]]:
    """Records expected and received on each lot's last whole business day; lots that expect none are left out."""
    found: dict[int, tuple[int, int]] = {}
    for zone in _zones(view):
        answer = view.query(
            f"""
            SELECT d.lot_id, d.expected, d.received
            FROM {LAKE}.marts.rpt_completeness_day AS d
            JOIN {IN_MEMORY}.dim_lot AS l ON l.lot_id = d.lot_id AND l.time_zone = $zone
            WHERE d.business_date >= $local::DATE - 2 AND d.expected > 0
                AND d.business_date = ($local::TIMESTAMP - to_minutes(l.cutover_minutes))::DATE - 1
            """,
            {"zone": zone, "local": now.astimezone(ZoneInfo(zone)).replace(tzinfo=None)},
        )
        found |= {int(lot_id): (int(expected), int(received)) for lot_id, expected, received in answer.rows}
    return found


def _zones(view: View) -> list[str]:
    return [str(zone) for (zone,) in view.query(f"SELECT DISTINCT time_zone FROM {IN_MEMORY}.dim_lot", {}).rows]
