"""Cost of building figures of a past moment from raw rows: few lots out of 200, a month of records.

A month is landed through the real landing. ``park recompute`` then runs in a process of its own, whose CPU seconds the
kernel tells: for one lot, for fifty, and for every mart.

    python -m benchmarks.known_at --days 30
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.refresh import LOTS, STAYS_A_DAY, create_instance, land_history
from warehouse.lake.connect import open_lake
from warehouse.settings import Settings

FEES = "dim_lot,dim_area,dim_capacity,dim_device,rpt_fee_day"


def measured(settings: Settings, lots: range, marts: str) -> dict[str, float | str]:
    """Run ``park recompute`` for these lots; wall and CPU seconds, records, and what it said."""
    arguments = ["recompute", "--known-at", datetime.now(UTC).isoformat(), "--marts", marts]
    arguments += [f"--lot-id={lot_id}" for lot_id in lots]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    said = subprocess.run(
        [sys.executable, "-c", "from warehouse.cli import main; main()", *arguments],
        env=os.environ | {"PARK_HOME": str(settings.home)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall": round(time.perf_counter() - began, 1), "cpu": round(cpu, 1), "said": said.strip()}


def main() -> None:
    """Measure and print one JSON line each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=30, help="Days of history; 68 stays a day and lot.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-bench-") as folder:
        settings = create_instance(Path(folder) / "home")
        connection = open_lake(settings)
        land_history(settings, connection, arguments.days * LOTS * STAYS_A_DAY)
        connection.close()
        for name, lots, marts in (
            ("one lot, fees", range(1, 2), FEES),
            ("50 lots, fees", range(3, 53), FEES),
            ("one lot, every mart", range(53, 54), ""),
        ):
            print(json.dumps({"what": name, **measured(settings, lots, marts)}), flush=True)


if __name__ == "__main__":
    main()
