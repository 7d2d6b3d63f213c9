"""A lake with many random facts in three lots on three clocks; the same each time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from tests.integration.reports.lake import METHODS, Lake, device, dim_lot

FIRST, DAYS = date(2019, 4, 27), 12
SILENT = {date(2019, 5, 3)}
QUIET = {date(2019, 5, 5)}
"""Days without any upload, and days on which something was uploaded but nothing happened."""
CLOCKS = {1: ("Asia/Shanghai", 0), 2: ("Asia/Shanghai", 270), 21: ("Asia/Karachi", 0)}
BOOTHS = ("岗亭", "手动开闸", "=1+1", '东, "1"', None)
CLASSES = ("temporary", "long_term", "free")
GATES = ("g1", "g2", "g9", None)
PLATES = ("鲁F00001", "鲁F00002", "浙A8298P", "沪AD12345", None)


def scatter(lake: Lake) -> None:
    """Fill the marts of lots 1, 2 and 21."""
    dice = random.Random(8)
    lake.add(
        "dim_lot",
        [
            dim_lot(lot_id, f"LOT{lot_id}", f"{lot_id} 号停车场", time_zone=zone, cutover_minutes=minutes)
            for lot_id, (zone, minutes) in CLOCKS.items()
        ],
    )
    for lot_id in CLOCKS:
        for number, gate in (("01", "g1"), ("02", "g2")):
            lake.add("dim_device", [device(lot_id, f"c{number}", "controller", number, gate_id=gate, gate_name="南门")])
        moments = list(_moments(lot_id, dice))
        lake.add("fct_stay", [_stay(lot_id, number, dice, at) for number, at in enumerate(moments)])
        lake.add("fct_charge", [_charge(lot_id, number, dice, at) for number, at in enumerate(moments[:70])])
        lake.add("fct_renewal", [_renewal(lot_id, number, dice, at) for number, at in enumerate(moments[70:110])])
        lake.add("fct_invoice", [_invoice(lot_id, number, dice, at) for number, at in enumerate(moments[110:140])])
        lake.add("rpt_upload_hour", list(_uploads(lot_id, dice)))
    lake.count()


def local_of(lot_id: int, moment: datetime) -> datetime:
    """The lot's wall clock."""
    return moment.astimezone(ZoneInfo(CLOCKS[lot_id][0])).replace(tzinfo=None)


def day_of(lot_id: int, moment: datetime) -> date:
    """The lot's business day."""
    return (local_of(lot_id, moment) - timedelta(minutes=CLOCKS[lot_id][1])).date()


def _moments(lot_id: int, dice: random.Random) -> Iterator[datetime]:
    found = 0
    while found < 140:
        moment = datetime.combine(FIRST, time(), UTC) + timedelta(seconds=dice.randrange(DAYS * 86_400))
        if day_of(lot_id, moment) not in SILENT | QUIET:
            found += 1
            yield moment


def _uploads(lot_id: int, dice: random.Random) -> Iterator[dict[str, Any]]:
    for hour in range(DAYS * 24):
        start = datetime.combine(FIRST, time(), UTC) + timedelta(hours=hour)
        if day_of(lot_id, start) in SILENT or dice.random() < 0.4:
            continue
        yield {
            "lot_id": lot_id, "business_date": day_of(lot_id, start), "hour_started_at": start,
            "local_hour": local_of(lot_id, start), "kind": "entry", "records": 1, "live": 1, "backfill": 0, "late": 0,
            "max_delay_seconds": 0, "last_received_at": start,
        }  # fmt: skip


def _stay(lot_id: int, number: int, dice: random.Random, entry: datetime) -> dict[str, Any]:
    seconds = dice.choice((90, 4_485, 86_399, 200_000, -3_600))
    state = dice.choice(("closed", "closed", "closed", "open", "missing_exit", "orphan_exit"))
    has_exit = state in ("closed", "orphan_exit")
    left = entry + timedelta(seconds=seconds)
    plate = dice.choice(PLATES)
    known = state != "orphan_exit"
    return {
        "lot_id": lot_id,
        "business_date": day_of(lot_id, left if has_exit else entry),
        "stay_id": f"s{number}",
        "is_inner": dice.random() < 0.2,
        "state": state,
        "entry_record_id": f"e{number}" if known else None,
        "exit_record_id": f"x{number}" if has_exit else None,
        "entry_at": entry if known else None,
        "exit_at": left if has_exit else None,
        "exit_local_at": local_of(lot_id, left) if has_exit else None,
        "entry_source": dice.choice(("record", "record", "claimed")) if known else None,
        "plate": plate,
        "entry_plate": plate if known else None,
        "exit_plate": plate if has_exit else None,
        "vehicle_class": dice.choice(CLASSES),
        "charge_class": dice.choice(CLASSES),
        "owner_name": dice.choice((None, "王健", "+86 李四")),
        "entry_gate_id": dice.choice(GATES) if known else None,
        "exit_gate_id": dice.choice(GATES) if has_exit else None,
        "entry_controller_id": dice.choice(("c01", None)),
        "exit_controller_id": dice.choice(("c02", None)),
        "release_mode": dice.choice(("automatic", "manual", None)),
        "duration_seconds": seconds if state == "closed" else None,
        "is_bad": state == "closed" and seconds < 0,
        "remark": dice.choice((None, "-", "@雨天")),
    }


def _money(dice: random.Random) -> Decimal:
    return Decimal(dice.choice((0, 1, 7, 10, 99, 350, 500, 1_234, 999_999, 123_456_789))) / 100


def _charge(lot_id: int, number: int, dice: random.Random, at: datetime) -> dict[str, Any]:
    is_refund = dice.random() < 0.15
    sign = -1 if is_refund else 1
    paid = {method: Decimal(0) for method in METHODS}
    for method in dice.sample(METHODS, dice.choice((0, 1, 1, 2))):
        paid[method] = sign * _money(dice)
    received = sum(paid.values(), Decimal(0))
    rest = {name: sign * (_money(dice) if dice.random() < 0.3 else Decimal(0)) for name in ("discount", "waived")}
    uncollected = sign * dice.choice((Decimal(0), Decimal(0), Decimal("0.01")))
    left = at + timedelta(seconds=dice.choice((0, 60, 40_000)))
    leaves = dice.random() < 0.8
    return {
        "lot_id": lot_id,
        "business_date": day_of(lot_id, at),
        "record_id": f"c{number}",
        "kind": "refund" if is_refund else "charge",
        "occurred_at": at,
        "local_at": local_of(lot_id, at),
        "plate": dice.choice(PLATES),
        "vehicle_class": dice.choice(CLASSES),
        "exited_at": left if leaves else None,
        "exit_business_date": day_of(lot_id, left) if leaves else None,
        "entered_at": at - timedelta(hours=1),
        **rest,
        **paid,
        "uncollected": uncollected,
        "received": received,
        "receivable": received + uncollected + sum(rest.values()),
        "method": next((method for method, amount in paid.items() if amount), None),
        "booth": dice.choice(BOOTHS),
        "collector_name": dice.choice(("李四", None)),
        "is_balanced": dice.random() < 0.9,
    }


def _renewal(lot_id: int, number: int, dice: random.Random, at: datetime) -> dict[str, Any]:
    paid = {method: Decimal(0) for method in METHODS}
    method = dice.choice(METHODS)
    paid[method] = _money(dice)
    return {
        "lot_id": lot_id,
        "business_date": day_of(lot_id, at),
        "record_id": f"r{number}",
        "kind": dice.choice(("renewal", "renewal", "top_up")),
        "occurred_at": at,
        "local_at": local_of(lot_id, at),
        "plate": dice.choice(PLATES),
        "owner_name": dice.choice(("王健", "初建春")),
        "amount": paid[method],
        "method": method,
        "balance_after": _money(dice),
        "valid_to": at + timedelta(days=30),
        **paid,
    }


def _invoice(lot_id: int, number: int, dice: random.Random, at: datetime) -> dict[str, Any]:
    status = dice.choice(("issued", "requested", None))
    return {
        "lot_id": lot_id,
        "business_date": day_of(lot_id, at),
        "record_id": f"i{number}",
        "occurred_at": at,
        "local_at": local_of(lot_id, at),
        "plate": dice.choice(PLATES),
        "amount": _money(dice),
        "invoice_number": f"{number:08d}",
        "invoice_type": dice.choice(("blue", "red")),
        "status": status,
        "issued_at": at + timedelta(hours=2) if status == "issued" else None,
    }
