"""File ingest of stay rows beside DuckDB's plain load of the same file into the same lake.

Run: ``python benchmarks/file_ingest.py [--rows 10000000]``. Writes one JSON object to standard output.
Plain load = ``INSERT INTO … SELECT`` from ``read_csv`` into two tables with the columns, partitions and sort order of
``raw.entry`` and ``raw.exit``: one row gives an entry and an exit there too, but nothing is validated, normalised,
marked, archived or made repeatable. ``plain_one_table`` loads the rows as they are into one unpartitioned table.
Each measurement runs in a process of its own, so that peak memory is that measurement's.
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
from pathlib import Path

import duckdb

from warehouse.lake.connect import open_lake
from warehouse.lake.raw_tables import raw_table_columns
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import writer_lock
from warehouse.ops.models.tree import Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings

COMMON = (
    "1, stay_id, 0, 'upsert', {at} - INTERVAL 8 HOUR, {at}, CAST({at} AS DATE), now(), 'backfill', 'plain', 0, "
    "row_number() OVER (), plate, plate_color, vehicle_class, charge_class, {gate}"
)
COLUMNS = (
    "lot_id, record_id, revision, op, occurred_at, local_at, business_date, received_at, mode, source, batch_seq, "
    "batch_row, plate, plate_color, vehicle_class, charge_class, gate_id"
)


def generate(path: Path, rows: int) -> None:
    """Write ``rows`` stays spread over a year of one busy group of lots."""
    step = 365 * 86_400 / rows
    duckdb.sql(
        f"""COPY (SELECT 'S' || lpad(i::VARCHAR, 9, '0') AS stay_id,
        ['粤', '京', '沪', '苏', '湘'][1 + (hash(i) % 5)::INT] || chr((65 + hash(i + 1) % 8)::INT)
            || lpad((hash(i * 7) % 100000)::VARCHAR, 5, '0') AS plate,
        CASE WHEN hash(i + 3) % 10 = 0 THEN 'green' ELSE 'blue' END AS plate_color,
        'temporary' AS vehicle_class, 'temporary' AS charge_class, 'G' || (hash(i + 9) % 4) AS entry_gate_id,
        strftime(TIMESTAMP '2025-01-01' + to_seconds((i * {step})::BIGINT), '%Y-%m-%d %H:%M:%S') AS entered_at,
        'X' || (hash(i + 11) % 4) AS exit_gate_id,
        strftime(TIMESTAMP '2025-01-01' + to_seconds((i * {step})::BIGINT + (hash(i + 13) % 20000)::BIGINT),
            '%Y-%m-%d %H:%M:%S') AS exited_at,
        'automatic' AS release_mode FROM range({rows}) AS numbers (i)) TO '{path}' (HEADER)"""
    )


def prepare(home: Path) -> Settings:
    """An instance with one lot."""
    settings = Settings(home=home)
    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        node = Node(level="customer", code="c", name="c")
        session.add(node)
        session.flush()
        session.add(Lot(customer_id=node.node_id, code="B-1", name="B-1"))
    return settings


def plain_two_tables(settings: Settings, path: Path) -> None:
    """DuckDB's load into tables laid out as the raw ones."""
    connection = open_lake(settings)
    with writer_lock(settings):
        for kind in ("entry", "exit"):
            body = ", ".join(f"{name} {form}" for name, form in raw_table_columns(kind).items())
            connection.execute(f"CREATE TABLE lake.main.plain_{kind} ({body})")
            connection.execute(
                f"ALTER TABLE lake.main.plain_{kind} SET PARTITIONED BY (year(business_date), month(business_date))"
            )
            connection.execute(f"ALTER TABLE lake.main.plain_{kind} SET SORTED BY (lot_id, occurred_at)")
        source = f"FROM read_csv('{path}')"
        connection.execute("BEGIN")
        connection.execute(
            f"INSERT INTO lake.main.plain_entry ({COLUMNS}) "
            f"SELECT {COMMON.format(at='entered_at', gate='entry_gate_id')} {source}"
        )
        connection.execute(
            f"INSERT INTO lake.main.plain_exit ({COLUMNS}, entry_record_id, entered_at, release_mode) "
            f"SELECT {COMMON.format(at='exited_at', gate='exit_gate_id')}, stay_id, entered_at - INTERVAL 8 HOUR, "
            f"release_mode {source}"
        )
        connection.execute("COMMIT")


def plain_one_table(settings: Settings, path: Path) -> None:
    """DuckDB's load of the rows as they are."""
    connection = open_lake(settings)
    with writer_lock(settings):
        connection.execute(f"CREATE TABLE lake.main.plain AS SELECT * FROM read_csv('{path}')")


def park_ingest(settings: Settings, path: Path) -> None:
    """The product's way."""
    from ingest.files.catalogue import load_profile
    from ingest.files.loader import ingest_file

    summary = ingest_file(
        settings, path, load_profile("stays"), lot_code="B-1", progress=lambda step: print(step, file=sys.stderr)
    )
    assert summary.rejected == 0, summary
    assert summary.accepted == 2 * summary.rows, summary


WAYS = {"plain_two_tables": plain_two_tables, "plain_one_table": plain_one_table, "park_ingest": park_ingest}


def measured(way: str, home: Path, path: Path) -> dict[str, float]:
    """Seconds, CPU seconds and peak memory of one way in a process of its own."""
    command = [sys.executable, __file__, "--way", way, "--home", str(home), "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ)
    return dict(json.loads(done.stdout))


def main() -> None:
    """Generate, measure each way twice in turn, print the best of each and the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--way", choices=sorted(WAYS))
    parser.add_argument("--home", type=Path)
    parser.add_argument("--file", type=Path)
    arguments = parser.parse_args()
    if arguments.way:
        settings = Settings(home=arguments.home)
        started = time.perf_counter()
        WAYS[arguments.way](settings, arguments.file)
        seconds = time.perf_counter() - started
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps(
                {
                    "seconds": round(seconds, 2),
                    "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
                    "peak_mb": round(usage.ru_maxrss / 1024),
                }
            )
        )
        return
    with tempfile.TemporaryDirectory(prefix="bench-ingest-") as folder:
        root = Path(folder)
        path = root / "stays.csv"
        generate(path, arguments.rows)
        best: dict[str, dict[str, float]] = {}
        for number in range(arguments.rounds):
            for way in ("plain_two_tables", "park_ingest", "plain_one_table"):
                home = root / f"{way}-{number}"
                prepare(home)
                found = measured(way, home, path)
                if way not in best or found["seconds"] < best[way]["seconds"]:
                    best[way] = found
        ours = best["park_ingest"]
        result = {
            "rows": arguments.rows,
            "file_mb": round(path.stat().st_size / 1e6),
            "load_average": os.getloadavg()[0],
            "duckdb": duckdb.__version__,
            **best,
            "rows_per_second": round(arguments.rows / ours["seconds"]),
            "ratio_to_plain_two_tables": round(best["plain_two_tables"]["seconds"] / ours["seconds"], 3),
            "cpu_ratio_to_plain_two_tables": round(best["plain_two_tables"]["cpu_seconds"] / ours["cpu_seconds"], 3),
            "ratio_to_plain_one_table": round(best["plain_one_table"]["seconds"] / ours["seconds"], 3),
        }
        print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
