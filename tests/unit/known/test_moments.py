"""Moments as people write them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from warehouse.errors import ParkError
from warehouse.reports.known import read_moment
from warehouse.settings import Settings

NOW = datetime(2026, 11, 30, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2026-11-01T12:00", datetime(2026, 11, 1, 4, tzinfo=UTC)),
        ("2026-11-01 12:00:30", datetime(2026, 11, 1, 4, 0, 30, tzinfo=UTC)),
        ("2026-11-01T12:00:00+02:00", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        ("2026-11-01", datetime(2026, 11, 1, 16, tzinfo=UTC)),
        ("2026-11-30", NOW),
    ],
)
def test_a_moment_is_on_the_schedules_clock_and_a_date_means_its_end(
    text: str, meant: datetime, tmp_path: Path
) -> None:
    settings = Settings(home=tmp_path, schedule_time_zone="Asia/Shanghai")
    assert read_moment(text, settings, now=NOW) == meant


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "", "12:00"])
def test_what_is_no_moment_is_refused_with_examples(text: str, tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="2026-11-01T12:00") as refused:
        read_moment(text, Settings(home=tmp_path), now=NOW)
    assert refused.value.code == "bad_moment"
