"""Cost of a refresh after 5,000 new records, with little and with much history of equal density.

The history is landed through the real landing from generated rows: 200 lots, about 68 stays a day each, so that more
stays mean more days. Then 5,000 new records of the last days (with corrections and voids among them) land and
``park refresh`` runs in a process of its own, whose CPU seconds and peak memory the kernel tells.

    python -m benchmarks.refresh --stays 1000000 --stays 10000000
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import duckdb

from ingest.landing import LandingRequest, land
from warehouse.lake.connect import open_lake
from warehouse.lake.raw_tables import raw_table_columns
from warehouse.lake.schema import create_lake
from warehouse.ops.models import AreaCapacity, Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings

LOTS = 200
STAYS_A_DAY = 68
LAST_DAY = date(2026, 6, 30)
COMMON = """
    lot_id, record_id, 0 AS revision, 'upsert' AS op, occurred_at, occurred_at::timestamp + INTERVAL 8 HOUR AS local_at,
    (occurred_at::timestamp + INTERVAL 8 HOUR)::date AS business_date, occurred_at + INTERVAL 5 SECOND AS received_at,
    NULL::timestamptz AS lot_clock, 'live' AS mode, 'bench' AS source, batch_row, NULL AS marks, NULL AS payload
"""


def create_instance(home: Path) -> Settings:
    """An empty instance with the benchmark's lots."""
    settings = Settings(home=home)
    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        for node_id, level in enumerate(("platform", "agent", "customer"), start=1):
            session.add(Node(node_id=node_id, parent_id=node_id - 1 or None, level=level, code=level, name=level))
            session.flush()
        for lot_id in range(1, LOTS + 1):
            session.add(Lot(lot_id=lot_id, customer_id=3, code=f"L{lot_id}", name=f"停车场{lot_id}"))
            session.flush()
            session.add(AreaCapacity(lot_id=lot_id, area_id=None, valid_from=date(2020, 1, 1), spaces=300))
    return settings


HISTORY_AGE = f"i // {LOTS * STAYS_A_DAY}"


def stays(first: int, count: int, days_ago: str = HISTORY_AGE) -> str:
    """A relation of ``count`` stays numbered from ``first``: lot, plate, entry instant, length, fee in fen."""
    return f"""
        SELECT
            i, 1 + i % {LOTS} AS lot_id,
            '粤B' || lpad((hash(i // {LOTS * 40}, i % {LOTS * 40}, 1) % 90000 + (i % {LOTS}) * 7)::varchar, 5, '0')
                AS plate,
            timestamptz '{LAST_DAY} 00:00:00+08' - to_days(({days_ago})::int) + to_seconds((hash(i) % 79000)::int)
                AS entry_at,
            300 + hash(i, 3) % 20000 AS seconds,
            100 * (1 + hash(i, 2) % 40) AS fen
        FROM range({first}, {first + count}) AS rows(i)
    """


def passage_columns(kind: str) -> str:
    """The kind's own columns, null where the benchmark gives none."""
    given = {
        "plate": "plate",
        "vehicle_class": "'temporary'",
        "charge_class": "'temporary'",
        "gate_id": "'g' || (i % 3)",
        "release_mode": "'automatic'",
        "exited_at": "occurred_at",
        "receivable": "(fen / 100)::decimal(18,2)",
        "received": "(fen / 100)::decimal(18,2)",
        "discount": "0::decimal(18,2)",
        "waived": "0::decimal(18,2)",
        "uncollected": "0::decimal(18,2)",
        "method": "['cash', 'wechat', 'alipay'][1 + i % 3]",
        "booth": "'东岗亭'",
    }
    columns = list(raw_table_columns(kind).items())[15:]
    return ", ".join(f"{given.get(name, f'NULL::{sort}')} AS {name}" for name, sort in columns)


def relations(first: int, count: int, days_ago: str = HISTORY_AGE) -> dict[str, str]:
    """Entries, exits and charges of the stays, as relations for landing."""
    result = {}
    left_at = "entry_at + to_seconds(seconds::int)"
    for position, (kind, instant) in enumerate([("entry", "entry_at"), ("exit", left_at), ("charge", left_at)]):
        result[kind] = f"""(
            SELECT {COMMON}, {passage_columns(kind)} FROM (
                SELECT *, {instant} AS occurred_at, '{kind[:2]}' || i AS record_id, i * 3 + {position} AS batch_row
                FROM ({stays(first, count, days_ago)})
            )
        )"""
    return result


def land_history(settings: Settings, connection: duckdb.DuckDBPyConnection, count: int) -> None:
    """Land the history in batches of a million stays."""
    step = 1_000_000
    for first in range(0, count, step):
        size = min(step, count - first)
        land(
            connection,
            settings,
            LandingRequest(f"history{first}", "bench", "history", size * 3, size * 3, 0, 0),
            relations(first, size),
            None,
        )


def land_news(settings: Settings, connection: duckdb.DuckDBPyConnection, turn: int) -> None:
    """4,900 records: 1,600 stays with charges of the two newest days, 50 corrected charges, 50 voided exits."""
    tables = relations(2_000_000_000 + turn * 10_000, 1600, days_ago="i % 2")
    # Older records of the newest days, sent again under a higher revision.
    corrected = relations(turn * 50, 50)["charge"]
    voided = relations(turn * 50 + 20_000, 50)["exit"]
    tables["charge"] = (
        f"(FROM {tables['charge']} UNION ALL "
        f"SELECT * REPLACE (1 AS revision, batch_row + 7000000000 AS batch_row) FROM {corrected})"
    )
    tables["exit"] = (
        f"(FROM {tables['exit']} UNION ALL "
        f"SELECT * REPLACE (1 AS revision, 'void' AS op, batch_row + 8000000000 AS batch_row) FROM {voided})"
    )
    land(connection, settings, LandingRequest(f"news{turn}", "bench", "news", 4900, 4900, 0, 0), tables, None)


def measured_refresh(settings: Settings) -> dict[str, float]:
    """Run ``park refresh`` in a process of its own; wall and CPU seconds and peak memory in MB."""
    code = (
        "import resource,json,time,sys\nfrom warehouse.settings import load_settings\n"
        "from pipelines.build import DbtBuilder, refresh\nsettings = load_settings()\nbuilder = DbtBuilder(settings)\n"
        "began = time.perf_counter()\nresult = refresh(settings, builder=builder)\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(json.dumps({'wall': time.perf_counter() - began, 'cpu': usage.ru_utime + usage.ru_stime, "
        "'memory_mb': usage.ru_maxrss / 1024, 'full': result.is_full}))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PARK_HOME": str(settings.home), "PARK_LAKE_MEMORY": settings.lake_memory},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(json.loads(output.strip().splitlines()[-1]))


def main() -> None:
    """Measure each size and print one JSON line each, then the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stays", type=int, action="append", help="Stays of history; 1 M and 10 M when not given.")
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    medians = []
    for count in arguments.stays or [1_000_000, 10_000_000]:
        with tempfile.TemporaryDirectory(prefix="park-bench-") as folder:
            settings = create_instance(Path(folder) / "home")
            connection = open_lake(settings)
            began = time.perf_counter()
            land_history(settings, connection, count)
            landed = time.perf_counter() - began
            full = measured_refresh(settings)
            turns = []
            for turn in range(arguments.turns):
                land_news(settings, connection, turn)
                turns.append(measured_refresh(settings))
            connection.close()
        middle = sorted(turns, key=lambda turn: turn["cpu"])[len(turns) // 2]
        medians.append(middle["cpu"])
        print(
            json.dumps(
                {
                    "stays": count,
                    "landing_seconds": round(landed, 1),
                    "full": full,
                    "incremental": middle,
                    "turns": turns,
                }
            ),
            flush=True,
        )
    if len(medians) > 1:
        print(json.dumps({"cpu_ratio_last_to_first": round(medians[-1] / medians[0], 3)}))


if __name__ == "__main__":
    main()
