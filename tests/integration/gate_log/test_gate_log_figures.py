"""A gate log in a spreadsheet, from file to reports: daily traffic and hourly occupancy against a second computation.

The second computation reads the spreadsheet itself and counts in plain Python, without sweeps, windows or the lake.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import fastexcel
import pytest
import xlsxwriter

from ingest.files.catalogue import load_profile
from ingest.files.loader import ingest_file
from pipelines.build import refresh
from tests.dbt.conftest import fill_instance
from warehouse.lake.connect import open_lake
from warehouse.settings import PROJECT_ROOT, Settings

SHANGHAI = ZoneInfo("Asia/Shanghai")
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
Stay = tuple[datetime, datetime]
LOT = 5  # the first lot of tests/dbt in Asia/Shanghai with a business day from midnight


def real_log() -> Path | None:
    """The real log beside the project, which is not ours to ship."""
    shared = Path(os.environ.get("PARK_SHARED", PROJECT_ROOT.parent / "shared"))
    return next(iter((shared / "data" / "shenzhen_gate_log").glob("*.xlsx")), None)


def written_log(folder: Path) -> Path:
    """A log like the real one: eight rows of title, zero and negative stays, stays over midnight and over days."""
    chance = random.Random(5)
    path = folder / "log.xlsx"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write(0, 0, "停车场进出流水")
    sheet.write_row(8, 0, ["序号", "入场时间", "出场时间"])
    for number in range(1, 801):
        entry = datetime(2016, 8, 1, tzinfo=SHANGHAI) + timedelta(seconds=chance.randint(0, 12 * 86_400))
        length = chance.choice([0, -70, 61, 1800, 3600, 7200, 40_000, 100_000, 300_000, 5_000_000])
        row = [number, f"{entry:%Y-%m-%d %H:%M:%S}", f"{entry + timedelta(seconds=length):%Y-%m-%d %H:%M:%S}"]
        sheet.write_row(8 + number, 0, row)
    book.close()
    return path


def stays_in(path: Path) -> list[Stay]:
    """Entry and exit of every row, as instants."""
    rows = fastexcel.read_excel(str(path)).load_sheet(0, header_row=None, dtypes="string").to_polars().rows()
    stays = []
    for row in rows:
        try:
            times = [datetime.fromisoformat(str(cell)).replace(tzinfo=SHANGHAI).astimezone(UTC) for cell in row[1:3]]
        except ValueError:
            continue
        stays.append((times[0], times[1]))
    return stays


def day_of(moment: datetime) -> date:
    """The lot's day."""
    return moment.astimezone(SHANGHAI).date()


def occupancy_of(stays: list[Stay], hour: datetime) -> tuple[int, int]:
    """Parked seconds and most cars at one time in the hour, by looking at every stay for every hour."""
    end = hour + HOUR
    inside = [(a, b) for a, b in stays if a < end and b > hour and b > a]
    parked = sum((min(b, end) - max(a, hour) for a, b in inside), timedelta())
    # The count can only rise where somebody comes.
    looks = [hour] + [a for a, _b in inside if a > hour]
    return parked // SECOND, max(sum(a <= look < b for a, b in inside) for look in looks)


@pytest.mark.parametrize("log", ["written", "real"])
def test_traffic_and_occupancy_of_a_gate_log_agree_with_a_second_computation(tmp_path: Path, log: str) -> None:
    path = written_log(tmp_path) if log == "written" else real_log()
    if path is None:
        pytest.skip("the real gate log is not on this machine")
    settings = Settings(home=tmp_path / "home")
    fill_instance(settings, 5)
    summary = ingest_file(settings, path, load_profile("gate_log_stays"), lot_code=f"L{LOT}")
    stays = stays_in(path)
    assert (summary.rows, summary.rejected) == (len(stays), 0)
    assert summary.accepted + summary.marked == 2 * len(stays)
    if log == "real":
        assert len(stays) == 15_264
    first = refresh(settings)
    assert ingest_file(settings, path, load_profile("gate_log_stays"), lot_code=f"L{LOT}").already_landed_at
    assert refresh(settings).snapshot_id == first.snapshot_id

    connection = open_lake(settings, read_only=True)
    traffic = connection.execute(
        "SELECT business_date, sum(entries)::BIGINT, sum(exits)::BIGINT FROM lake.marts.rpt_traffic_hour GROUP BY ALL"
    ).fetchall()
    hours = connection.execute(
        "SELECT hour_started_at, occupied_seconds, peak, window_seconds FROM lake.marts.rpt_occupancy_hour"
    ).fetchall()
    bad = connection.execute("SELECT count(*) FROM lake.marts.fct_stay WHERE is_bad").fetchone()
    connection.close()

    entries = Counter(day_of(entry) for entry, _exit in stays)
    exits = Counter(day_of(exit_) for _entry, exit_ in stays)
    days = sorted(entries.keys() | exits.keys())
    assert sorted(traffic) == [(day, entries[day], exits[day]) for day in days]
    assert bad == (sum(b < a for a, b in stays),)

    assert len(hours) == 24 * len(days)
    assert {window for _hour, _seconds, _peak, window in hours} == {3600}
    wrong = {
        hour: (seconds, peak) for hour, seconds, peak, _window in hours if (seconds, peak) != occupancy_of(stays, hour)
    }
    assert wrong == {}
