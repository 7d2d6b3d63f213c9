"""The analysts' files: making the platform's, and one customer's out of it; what a query costs besides itself.

python -m benchmarks.analysts [ROWS] [LOTS] [DAYS]; the usual ones are 1,000,000 stays of 200 lots in two years.
"""

from __future__ import annotations

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report_lake import generate
from warehouse.analysts.desk import ask
from warehouse.lake.analysts import Cut, ensure_file
from warehouse.security.actor import LOCAL
from warehouse.settings import Settings

QUERIES = {
    "SELECT 1": "SELECT 1",
    "receipts by lot": "SELECT lot_id, sum(received) FROM rpt_fee_day GROUP BY ALL",
    "median stay by lot": "SELECT lot_id, quantile_disc(duration_seconds, 0.5) FROM fct_stay GROUP BY ALL",
    "10,000 whole rows": "SELECT * FROM fct_stay LIMIT 10000",
}


def cpu() -> float:
    """CPU seconds of this process and those that it waited for."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measured(work: Callable[[], object], times: int = 1) -> str:
    """Median seconds that ``work`` takes, by the clock and of the CPU."""
    clock, used = [], []
    for _ in range(times):
        began, before = time.perf_counter(), cpu()
        work()
        clock.append(time.perf_counter() - began)
        used.append(cpu() - before)
    return f"{statistics.median(clock):.2f} s, CPU {statistics.median(used):.2f} s"


def main() -> None:
    """Build a lake, make files, run queries, print."""
    given = [int(value) for value in sys.argv[1:]]
    rows, lots, days = [*given, *(1_000_000, 200, 730)[len(given) :]]
    with tempfile.TemporaryDirectory() as home:
        settings = Settings(home=Path(home), analysts_detail_days=0, sql_seconds=600)
        generate(settings, rows, lots, days)
        print(f"{rows:,} stays, {lots} lots, {days} days")
        print("the platform's file:", measured(lambda: ensure_file(settings)), flush=True)
        print(f"  {ensure_file(settings).path.stat().st_size / 1e6:.0f} MB")
        tenth = frozenset(range(1, lots // 10 + 1))
        for name, cut in (
            ("a tenth of the lots", Cut(tenth)),
            ("the same with masked plates", Cut(tenth, is_masked=True)),
            ("all lots with masked plates", Cut(is_masked=True)),
        ):
            print(f"{name}:", measured(lambda cut=cut: ensure_file(settings, cut)), flush=True)  # type: ignore[misc]
        for name, sql in QUERIES.items():
            took = measured(lambda sql=sql: ask(settings, LOCAL, sql), 5)  # type: ignore[misc]
            print(f"query, {name}: {took}", flush=True)


if __name__ == "__main__":
    main()
