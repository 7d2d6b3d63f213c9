"""CPU time of decoding, checking and encoding one record, in batches of 500.

Run: python benchmarks/records_decode.py [seconds per kind]. Prints CPU microseconds per record, median of batches.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from datetime import UTC, datetime

from ingest.records import LotContext, decode_batch

BATCH = 500
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def passage(kind: str, number: int) -> dict[str, object]:
    """An entry or an exit as a lot would send it."""
    record: dict[str, object] = {
        "kind": kind,
        "record_id": f"{kind}-20260501-{number:06d}",
        "occurred_at": f"2026-05-01T{8 + number % 12:02d}:{number % 60:02d}:17",
        "plate": f"浙A{10000 + number}",
        "plate_color": "blue",
        "vehicle_class": "temporary",
        "charge_class": "temporary",
        "gate_id": "gate-2",
        "controller_id": "192.168.1.32",
    }
    if kind == "exit":
        record |= {
            "entry_record_id": f"entry-20260501-{number:06d}",
            "entered_at": f"2026-05-01T0{number % 8}:{number % 60:02d}:03",
            "release_mode": "automatic",
        }
    return record


def charge(number: int) -> dict[str, object]:
    """A charge as a lot would send it."""
    return {
        "kind": "charge",
        "record_id": f"charge-20260501-{number:06d}",
        "occurred_at": f"2026-05-01T{8 + number % 12:02d}:{number % 60:02d}:17",
        "plate": f"浙A{10000 + number}",
        "vehicle_class": "temporary",
        "exit_record_id": f"exit-20260501-{number:06d}",
        "entered_at": f"2026-05-01T0{number % 8}:{number % 60:02d}:03",
        "exited_at": f"2026-05-01T{8 + number % 12:02d}:{number % 60:02d}:17",
        "receivable": "12.50",
        "discount": "2.50",
        "received": "10.00",
        "method": "wechat",
        "booth": "出口岗亭",
        "collector_name": "王芳",
    }


def measure(records: list[dict[str, object]], time_zone: str, seconds: float) -> float:
    """Median CPU microseconds per record over batches for about ``seconds``."""
    body = json.dumps({"records": records}, ensure_ascii=False).encode()
    lot = LotContext(7, "L7", time_zone, 0)
    taken = []
    until = time.process_time() + seconds
    while time.process_time() < until:
        before = time.process_time()
        result = decode_batch(body, "application/json", lot, NOW)
        taken.append((time.process_time() - before) / len(records) * 1e6)
        assert result.count("accepted") == len(records)
    return statistics.median(taken)


def main() -> None:
    """Print a line per kind of batch and zone."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 2.0
    batches = {
        "entry": [passage("entry", n) for n in range(BATCH)],
        "exit": [passage("exit", n) for n in range(BATCH)],
        "charge": [charge(n) for n in range(BATCH)],
    }
    for zone in ("Asia/Shanghai", "Europe/London"):
        for name, records in batches.items():
            print(f"{name:8} {zone:14} {measure(records, zone, seconds):6.1f} µs CPU per record")


if __name__ == "__main__":
    main()
