"""Evaluation of all alarm rules for 10,000 lots with 100,000 devices, and the question that each open page asks.

Real operational store (SQLite), filled with lots, devices, free-space counts, capacities and the upload counts of the
last hour. Timed is a whole evaluation as ``park alarms --follow`` does it: questions, comparison, writing what changed.
First nothing is wrong, then one lot and one device in a hundred, then the same again, then every lot is silent, and at
last one device of every lot is offline at once. What is usual for a lot is given, for that question is asked of the
lake once an hour.

python -m benchmarks.alarms [--lots 10000] [--devices 10] [--rounds 5]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert, select, update

from warehouse.alarms.evaluate import Evaluation, Evaluator
from warehouse.alarms.expectations import Expectations
from warehouse.lake.reader import Reader
from warehouse.ops.models import AreaCapacity, AreaFreeSpaces, DeviceLive, Lot, LotLive, UploadSlot
from warehouse.ops.session import migrate, ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.alarms import news
from warehouse.services.tree import ensure_agent, ensure_customer, ensure_platform
from warehouse.settings import Settings

NOW = datetime(2026, 3, 5, 3, tzinfo=UTC)
CUSTOMERS = 200
SLOTS = 13
RECORDS_AN_HOUR = 360


class Usual(Expectations):
    """The same for every lot, without a lake."""

    def __init__(self, settings: Settings, lots: list[int]) -> None:
        """Every lot sends as much each hour."""
        super().__init__(Reader(settings))
        self._lots = {lot_id: (float(RECORDS_AN_HOUR), float(RECORDS_AN_HOUR)) for lot_id in lots}

    def uploads(self, now: datetime) -> dict[int, tuple[float, float]] | None:  # noqa: ARG002
        """What is usual."""
        return self._lots

    def completeness(self, now: datetime) -> dict[int, tuple[int, int]] | None:  # noqa: ARG002
        """Everything came."""
        return dict.fromkeys(self._lots, (1000, 1000))


def fill(settings: Settings, lots: int, devices: int) -> list[int]:
    """Lots that work; returns their ids."""
    migrate(settings)
    with ops_session(settings) as session:
        ensure_platform(session)
        agent, _ = ensure_agent(session, "agent", "代理")
        customers = [ensure_customer(session, f"c{number}", f"客户{number}", agent)[0] for number in range(CUSTOMERS)]
        session.execute(
            insert(Lot),
            [
                {
                    "customer_id": customers[number % CUSTOMERS].node_id, "code": f"lot-{number}",
                    "name": f"停车场{number}", "licence_to": date(2028, 1, 1), "version": 1,
                }
                for number in range(lots)
            ],
        )  # fmt: skip
        ids = list(session.scalars(select(Lot.lot_id)))
        session.execute(
            insert(LotLive),
            [
                {"lot_id": lot_id, "received_at": NOW, "clock_drift_seconds": 1.0, "pending_records": 0}
                for lot_id in ids
            ],
        )
        session.execute(
            insert(AreaFreeSpaces),
            [
                {"lot_id": lot_id, "area_id": "", "counted_at": NOW, "free_spaces": 7, "total_spaces": 100}
                for lot_id in ids
            ],
        )
        session.execute(
            insert(AreaCapacity), [{"lot_id": lot_id, "valid_from": date(2020, 1, 1), "spaces": 100} for lot_id in ids]
        )
        session.execute(
            insert(DeviceLive),
            [
                {"lot_id": lot_id, "device_id": f"D{number}", "device_type": "camera", "state": "online",
                 "reported_at": NOW}
                for lot_id in ids for number in range(devices)
            ],
        )  # fmt: skip
        session.execute(
            insert(UploadSlot),
            [
                {"slot_started_at": NOW - timedelta(minutes=5 * slot), "lot_id": lot_id,
                 "records": RECORDS_AN_HOUR // 12}
                for slot in range(SLOTS + 1) for lot_id in ids
            ],
        )  # fmt: skip
    return ids


def timed(rounds: int, act: Callable[[], Evaluation]) -> tuple[float, float, float, Evaluation]:
    """Median, longest and CPU milliseconds of some rounds, and what the last one found."""
    walls, cpus = [], []
    for _ in range(rounds):
        begun, used = time.perf_counter(), time.process_time()
        found = act()
        walls.append((time.perf_counter() - begun) * 1000)
        cpus.append((time.process_time() - used) * 1000)
    return statistics.median(walls), max(walls), statistics.median(cpus), found


def main() -> None:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lots", type=int, default=10_000)
    parser.add_argument("--devices", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-alarms-") as folder:
        settings = Settings(home=Path(folder))
        ids = fill(settings, options.lots, options.devices)
        print(f"{options.lots:,} lots, {options.lots * options.devices:,} devices; load {os.getloadavg()[0]:.1f}")
        evaluator = Evaluator(settings)
        evaluator._expectations = Usual(settings, ids)

        def measure(name: str, rounds: int, now: datetime) -> None:
            wall, longest, cpu, found = timed(rounds, lambda: evaluator.check(now))
            print(
                f"{name:<28} median {wall:6.0f} ms, longest {longest:6.0f} ms, CPU {cpu:6.0f} ms; {found.open:,} open"
            )

        measure("nothing wrong", options.rounds, NOW)
        some = ids[::100]
        with ops_session(settings) as session:
            session.execute(
                update(LotLive).where(LotLive.lot_id.in_(some)).values(received_at=NOW - timedelta(minutes=30))
            )
            off = update(DeviceLive).where(DeviceLive.device_id == "D0", DeviceLive.lot_id.in_([i + 1 for i in some]))
            session.execute(off.values(state="offline", reported_at=NOW - timedelta(minutes=30)))
        measure("one in a hundred is raised", 1, NOW)
        measure("one in a hundred stays", options.rounds, NOW)
        begun = time.perf_counter()
        for _ in range(100):
            news(settings, LOCAL, 10)
        print(f"what an open page asks       {(time.perf_counter() - begun) * 10:6.1f} ms")
        measure("every lot is silent", options.rounds, NOW + timedelta(minutes=40))
        with ops_session(settings) as session:
            session.execute(update(LotLive).values(received_at=NOW))
            every = update(DeviceLive).where(DeviceLive.device_id == "D1")
            session.execute(every.values(state="offline", reported_at=NOW - timedelta(minutes=30)))
        measure("a device of each is raised", 1, NOW)
        measure("a device of each stays", options.rounds, NOW)
        evaluator.close()


if __name__ == "__main__":
    main()
