"""Backups: full, increment, proof and restore of a lake with many stays.

Run with ``python -m benchmarks.backup [STAYS]``; a million by default.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from warehouse.backup.create import create
from warehouse.backup.library import Library
from warehouse.backup.place import Folder
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.lake.connect import open_lake
from warehouse.lake.schema import create_lake
from warehouse.ops.session import migrate
from warehouse.settings import Settings

Made = TypeVar("Made")
LOTS = 200
DAYS = 60
_COMMON = (
    "lot_id, record_id, revision, op, occurred_at, local_at, business_date, received_at, mode, "
    "source, batch_seq, batch_row"
)


def fill(settings: Settings, stays: int, batch: int, day: int, days: int) -> None:
    """Put raw rows of ``stays`` stays (entry, exit, charge) into the lake as one batch."""
    connection = open_lake(settings)
    try:
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE stay AS SELECT i % {LOTS} + 1 AS lot_id, i, "
            f"TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_days(CAST({day} + i // {LOTS} % {days} AS INTEGER)) "
            f"+ to_seconds(CAST(hash(i) % 70000 AS INTEGER)) AS moment FROM range({stays}) AS r(i)"
        )
        connection.execute("BEGIN")
        for kind, later in (("entry", 0), ("exit", 3600), ("charge", 3600)):
            extra, values = "plate", "'粤B' || lpad(CAST(hash(i, 1) % 99999 AS VARCHAR), 5, '0')"
            if kind == "charge":
                extra += ", receivable, discount, waived, received, uncollected, method"
                values += ", 5.00, 0, 0, 5.00, 0, 'cash'"
            connection.execute(
                f"INSERT INTO lake.raw.{kind} ({_COMMON}, {extra}) "
                f"SELECT lot_id, '{kind}' || '{batch}-' || i, 0, 'upsert', "
                f"t, CAST(t AS TIMESTAMP), CAST(t AS DATE), t, 'live', 'benchmark', {batch}, i, {values} "
                f"FROM (SELECT *, moment + to_seconds({later}) AS t FROM stay)"
            )
        connection.execute(
            f"INSERT INTO lake.raw.batch VALUES "
            f"({batch}, 'b{batch}', 'benchmark', 'b', now(), {stays * 3}, {stays * 3}, 0, 0)"
        )
        connection.execute("COMMIT")
    finally:
        connection.close()


def timed(figures: dict[str, Any], name: str, act: Callable[[], Made]) -> Made:
    """Run and keep the seconds."""
    began = time.perf_counter()
    made = act()
    figures[f"{name}_seconds"] = round(time.perf_counter() - began, 2)
    return made


def measure(stays: int) -> dict[str, Any]:
    """All figures of one run."""
    figures: dict[str, Any] = {"stays": stays}
    root = Path(tempfile.mkdtemp(prefix="backup-benchmark-"))
    try:
        settings = Settings(home=root / "home")
        migrate(settings)
        create_lake(settings)
        fill(settings, stays, 1, 0, DAYS)
        library = Library(Folder(root / "place"))
        full = timed(figures, "full", lambda: create(settings, library))
        figures |= {"bytes": full.bytes, "stored_bytes": full.stored_bytes, "lock_seconds": full.lock_seconds}
        fill(settings, max(1, stays // DAYS), 2, DAYS, 1)
        increment = timed(figures, "increment", lambda: create(settings, library))
        figures["increment_bytes"] = increment.new_bytes
        proved = timed(figures, "verify", lambda: verify(settings, library, Opener(()), "newest"))
        assert proved.is_good, proved.en
        figures["rows_compared"] = proved.rows
        anew = elsewhere(settings, home=root / "anew")
        timed(figures, "restore", lambda: restore(anew, library, Opener(()), "newest"))
    finally:
        shutil.rmtree(root)
    return figures


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000), indent=1))
