"""What is usual for a lot at this hour, and how complete its yesterday was, as the alarm rules ask the lake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.reports.lake import Lake, add_tree, fill, utc
from warehouse.alarms.expectations import Expectations
from warehouse.lake.reader import Reader


def uploads(lot_id: int, day: int, hour: int, records: int) -> dict[str, Any]:
    local = f"2019-05-{day:02d} {hour:02d}:00:00"
    return {
        "lot_id": lot_id, "business_date": local[:10], "hour_started_at": utc(local), "local_hour": local,
        "kind": "heartbeat", "records": records, "live": records, "backfill": 0, "late": 0, "max_delay_seconds": 1,
        "last_received_at": utc(local),
    }  # fmt: skip


def test_the_mean_of_the_same_hour_counts_days_with_uploads_and_needs_three_of_them(
    empty_lake: Lake,
) -> None:
    add_tree(empty_lake.settings)
    fill(empty_lake)  # every lot sent 10 and 6 records at 8 o'clock of the 7th and 8th
    empty_lake.add("rpt_upload_hour", [uploads(1, day, hour, 60) for day in (9, 10) for hour in (8, 9)])
    empty_lake.add(
        "rpt_completeness_day",
        [
            {"lot_id": 1, "business_date": "2019-05-10", "expected": 100, "received": 70, "missing_hours": 1},
            {"lot_id": 1, "business_date": "2019-05-09", "expected": 100, "received": 1, "missing_hours": 9},
            {"lot_id": 2, "business_date": "2019-05-10", "expected": 0, "received": 0, "missing_hours": 0},
        ],
    )
    reader = Reader(empty_lake.settings)
    assert Expectations(reader).uploads(datetime.now(UTC)) is None, "nothing is published"
    empty_lake.publish()
    nine = datetime(2019, 5, 11, 1, 30, tzinfo=UTC)  # 9:30 in Shanghai
    asked = Expectations(reader)
    assert asked.uploads(nine) == {1: (pytest.approx((10 + 6 + 60 + 60) / 4), pytest.approx(120 / 4))}
    assert asked.completeness(nine) == {1: (100, 70)}
    reader.close()
