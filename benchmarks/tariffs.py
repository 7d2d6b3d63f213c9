"""Fees a second: the scalar engine stay by stay, and columns, on the tariffs the editor starts from.

Run: ``python -m benchmarks.tariffs [--rows 1000000] [--single 20000]``. Prints a line per tariff: rows/s of both and
their ratio. Stays: entries spread over a year, a fifth of them at night, lengths from minutes to days as in a busy lot.
The figures of the single stays are compared with those of the columns.
"""

from __future__ import annotations

import argparse
import time
from datetime import UTC, datetime

import numpy as np
import polars as pl

from warehouse.tariffs.clock import WallClock
from warehouse.tariffs.document import parse
from warehouse.tariffs.engine import charge
from warehouse.tariffs.model import Stay
from warehouse.tariffs.templates import TEMPLATES
from warehouse.tariffs.vector import charge_many

CLOCK = WallClock("Asia/Shanghai", 0)


def stays(rows: int) -> pl.DataFrame:
    """Random stays: a median of an hour and a half, one in a hundred longer than a day."""
    random = np.random.default_rng(7)
    start = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
    entered = start + random.integers(0, 365 * 86_400, rows)
    lengths = np.minimum(random.lognormal(8.6, 1.15, rows), 60 * 86_400).astype(np.int64)
    instants = {"entered_at": entered, "left_at": entered + lengths}
    groups = np.array(["small", "large", "new_energy"])[random.choice(3, rows, p=[0.75, 0.05, 0.2])]
    return pl.DataFrame(
        [pl.Series(name, seconds * 1_000_000).cast(pl.Datetime("us", "UTC")) for name, seconds in instants.items()]
        + [pl.Series("vehicle_group", groups)]
    )


def main() -> None:
    """Measure each tariff."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--single", type=int, default=20_000)
    arguments = parser.parse_args()
    frame = stays(arguments.rows)
    few = frame.head(arguments.single)
    single = [Stay(row["entered_at"], row["left_at"], row["vehicle_group"]) for row in few.iter_rows(named=True)]
    print(f"{'tariff':14}{'single rows/s':>15}{'columns rows/s':>16}{'ratio':>8}")
    for template in TEMPLATES:
        tariff = parse(template.document)
        columns = charge_many(tariff, few, CLOCK)
        begun = time.process_time()
        figures = [charge(tariff, stay, CLOCK).receivable for stay in single]
        alone = len(single) / (time.process_time() - begun)
        assert columns["receivable"].to_list() == figures
        begun = time.process_time()
        charge_many(tariff, frame, CLOCK)
        together = len(frame) / (time.process_time() - begun)
        print(f"{template.key:14}{alone:15,.0f}{together:16,.0f}{together / alone:8.1f}")


if __name__ == "__main__":
    main()
