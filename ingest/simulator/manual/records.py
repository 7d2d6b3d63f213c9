"""The records behind the manual's tables, as a lot would send them.

Belongs here: turning ``data/*.csv`` into records of the contract. What the tables print (exits, devices, a month's
receipts, a day's charges) is data; what they do not print but presuppose (entries, the month's other days, openings
by hand) is filled in here, always the same. All times are Asia/Shanghai.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.simulator.plates import draw_plates
from ingest.simulator.seeds import days

DATA: Final = Path(__file__).parent / "data"
LOT_FILE: Final = DATA / "lots.csv"

THE_DAY: Final = date(2019, 5, 8)
FIRST_DAY: Final = date(2019, 5, 1)
LAST_DAY: Final = date(2019, 5, 31)

_ZONE: Final = timezone(timedelta(hours=8))
_SEED: Final = 20190508
_FEES: Final = (5, 8, 10, 10, 12, 15, 20)  # yuan
_HOME: Final = {"KERRY-NE": ("浙A", "浙B", "沪C"), "YT-XIANGLONG": ("鲁F", "鲁Y"), "YT-LIVING": ("鲁F", "鲁Y")}
_OWNERS: Final = (
    "孙立波",
    "宋文涛",
    "姜海燕",
    "曲建军",
    "于晓敏",
    "林志强",
    "邹本刚",
    "王健",
    "初建春",
    "刘洪梅",
    "张春生",
)
# The living centre's exit has no lane controller in the manual; its camera is what reports the exits.
_WITHOUT_CONTROLLER: Final = "camera"

Record = dict[str, Any]
Row = dict[str, str]


def manual_records() -> dict[str, list[Record]]:
    """Records in wire form by lot code; the same at every call."""
    found: dict[str, list[Record]] = {row["code"]: [] for row in _rows("lots")}
    for lot, record in _everything():
        found[lot].append({name: value for name, value in record.items() if value is not None})
    return found


def _everything() -> Iterator[tuple[str, Record]]:
    yield from _devices()
    yield from _passages_of_the_day()
    yield from _charges_of_the_day()
    yield from _rest_of_the_month()
    yield from _renewals()
    yield from _heartbeats()


def _rows(name: str) -> list[Row]:
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _time(moment: datetime) -> str:
    return moment.replace(tzinfo=_ZONE).isoformat()


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)  # naive: the wall clock of the lots


def _record(kind: str, record_id: str, occurred_at: datetime, **fields: Any) -> Record:
    return {
        "kind": kind,
        "record_id": record_id,
        "occurred_at": _time(occurred_at),
        "mode": "backfill",
        **{name: value if value != "" else None for name, value in fields.items()},
    }


def _devices() -> Iterator[tuple[str, Record]]:
    """Each device as it worked on the first of May and as the manual shows it; an alarm where it went offline."""
    for row in _rows("devices"):
        device_id = f"{row['device_type']}-{row['number']}"
        described = {name: row[name] for name in row if name not in ("lot", "state")} | {
            "device_id": device_id,
            "gate_id": f"gate-{row['number']}",
            "is_virtual": False,
        }
        start = datetime(2019, 5, 1, 0, 10)  # noqa: DTZ001
        yield row["lot"], _record("device_state", f"{device_id}-first", start, state="online", **described)
        shown = _at(f"{THE_DAY}T13:19:40")
        yield row["lot"], _record("device_state", f"{device_id}-shown", shown, state=row["state"], **described)
        if row["state"] == "offline":
            yield (
                row["lot"],
                _record(
                    "alarm",
                    f"{device_id}-offline",
                    shown + timedelta(seconds=20),
                    alarm_id=f"{device_id}-offline",
                    event="raised",
                    alarm_type="device_offline",
                    level="warning",
                    device_id=device_id,
                    device_type=row["device_type"],
                    gate_id=described["gate_id"],
                    message=f"{row['name']}离线",
                ),
            )


def _lane(lot: str, direction: str) -> str:
    """The device id of a lot's first lane of one direction; its controller, or its camera where there is none."""
    lanes = [row for row in _rows("devices") if row["lot"] == lot and row["direction"] == direction]
    best = min(lanes, key=lambda row: (row["device_type"] == _WITHOUT_CONTROLLER, row["number"]))
    return f"{best['device_type']}-{best['number']}"


def _gate(device_id: str) -> str:
    return f"gate-{device_id.split('-')[1]}"


def _passage(row: Row, number: int) -> tuple[Record, Record]:
    """The entry and the exit of one stay."""
    shared = {
        "plate": row["plate"],
        "vehicle_class": row["vehicle_class"],
        "charge_class": row["charge_class"],
        "owner_name": row["owner_name"],
    }
    entered, exited = _at(row["entered_at"]), _at(row["exited_at"])
    day = f"{exited:%m%d}"
    entry_lane = _lane(row["lot"], "entry")
    entry = _record(
        "entry", f"E{day}-{number:04d}", entered, gate_id=_gate(entry_lane), controller_id=entry_lane, **shared
    )
    exit_ = _record(
        "exit",
        f"X{day}-{number:04d}",
        exited,
        gate_id=_gate(row["controller_id"]),
        controller_id=row["controller_id"],
        entry_record_id=entry["record_id"],
        entered_at=_time(entered),
        release_mode=row["release_mode"],
        **shared,
    )
    return entry, exit_


def _passages_of_the_day() -> Iterator[tuple[str, Record]]:
    for number, row in enumerate(_rows("exits")):
        for record in _passage(row, number):
            yield row["lot"], record


def _charges_of_the_day() -> Iterator[tuple[str, Record]]:
    """Charges of the printed exits (``leaves``) and of cars that left later or by a barrier opened by hand."""
    exits = {(row["lot"], row["plate"]): (number, row) for number, row in enumerate(_rows("exits"))}
    for number, row in enumerate(_rows("day_charges")):
        moment = _at(f"{THE_DAY}T{row['time']}")
        stay: Record = {}
        if row["leaves"] == "yes":
            index, left = exits[row["lot"], row["plate"]]
            stay = {
                "exit_record_id": f"X{_at(left['exited_at']):%m%d}-{index:04d}",
                "entered_at": _time(_at(left["entered_at"])),
                "exited_at": _time(_at(left["exited_at"])),
            }
        elif row["booth"] == "手动开闸":
            lane = _lane(row["lot"], "exit")
            yield (
                row["lot"],
                _record(
                    "gate_opening",
                    f"G0508-{number:04d}",
                    moment + timedelta(seconds=12),
                    gate_id=_gate(lane),
                    controller_id=lane,
                    opening_mode="manual",
                    plate=row["plate"],
                    reason="缴费后手动开闸",
                ),
            )
        amounts = {name: row[name] for name in ("receivable", "discount", "received", "method", "booth", "plate")}
        yield (
            row["lot"],
            _record(
                "charge", f"C0508-{number:04d}", moment, vehicle_class="temporary", waived="0.00", **amounts, **stay
            ),
        )


def _rest_of_the_month() -> Iterator[tuple[str, Record]]:
    """What the month's receipts hold beyond the day's: ordinary stays, each with entry, exit and charge."""
    that_day: dict[tuple[str, str], Decimal] = {}
    for row in _rows("day_charges"):
        key = row["lot"], row["method"]
        that_day[key] = that_day.get(key, Decimal()) + Decimal(row["received"])
    rng = np.random.default_rng(_SEED)
    other_days = [day for day in days(FIRST_DAY, LAST_DAY) if day != THE_DAY]
    number = 0
    for row in _rows("may_fees"):
        lot, method = row["lot"], row["method"]
        rest = Decimal(row["received"]) - that_day.get((lot, method), Decimal())
        while rest > 0:
            amount = min(rest, Decimal(int(rng.choice(_FEES))))
            rest -= amount
            day = other_days[int(rng.integers(0, len(other_days)))]
            yield from _paid_stay(rng, lot, method, amount, day, number)
            number += 1


def _paid_stay(
    rng: np.random.Generator, lot: str, method: str, amount: Decimal, day: date, number: int
) -> Iterator[tuple[str, Record]]:
    exited = datetime(day.year, day.month, day.day) + timedelta(seconds=int(rng.integers(10 * 3600, 21 * 3600)))  # noqa: DTZ001
    minutes = 20 + int(amount) * 11 + int(rng.integers(0, 25))
    plates, _ = draw_plates(rng, 1, _HOME.get(lot, ("浙A",)))
    row = {
        "lot": lot,
        "plate": str(plates[0]),
        "vehicle_class": "temporary",
        "charge_class": "temporary",
        "owner_name": "",
        "controller_id": _lane(lot, "exit"),
        "entered_at": (exited - timedelta(minutes=minutes, seconds=int(rng.integers(0, 60)))).isoformat(),
        "exited_at": exited.isoformat(),
        "release_mode": "software" if method in ("cash", "iou") else "exit_scan",
    }
    entry, exit_ = _passage(row, 1000 + number)
    yield lot, entry
    yield lot, exit_
    yield (
        lot,
        _record(
            "charge",
            f"C{day:%m%d}-{1000 + number:04d}",
            exited - timedelta(seconds=9),
            plate=row["plate"],
            vehicle_class="temporary",
            exit_record_id=exit_["record_id"],
            entered_at=exit_["entered_at"],
            exited_at=exit_["occurred_at"],
            receivable=str(amount),
            discount="0.00",
            waived="0.00",
            received=str(amount),
            method=method,
            booth="岗亭" if method in ("cash", "iou") else "手动开闸",
        ),
    )


def _renewals() -> Iterator[tuple[str, Record]]:
    """``count`` renewals of one amount, spread evenly over the days given."""
    rng = np.random.default_rng(_SEED + 1)
    for row in _rows("renewals"):
        count, first, last = (
            int(row["count"]),
            date.fromisoformat(row["first_day"]),
            date.fromisoformat(row["last_day"]),
        )
        plates, _ = draw_plates(rng, count, _HOME.get(row["lot"], ("浙A",)))
        for number in range(count):
            day = first + timedelta(days=(last - first).days * number // max(count - 1, 1))
            moment = datetime(day.year, day.month, day.day, 9 + number % 9, 5 * number % 60)  # noqa: DTZ001
            start = datetime(day.year, day.month, day.day) + timedelta(days=1)  # noqa: DTZ001
            yield (
                row["lot"],
                _record(
                    "renewal",
                    f"R{day:%m%d}-{number:04d}",
                    moment,
                    plate=str(plates[number]),
                    owner_id=f"O{number:04d}",
                    owner_name=_OWNERS[number % len(_OWNERS)],
                    amount=row["amount"],
                    method=row["method"],
                    valid_from_before=_time(start - timedelta(days=30)),
                    valid_to_before=_time(start - timedelta(seconds=1)),
                    valid_from=_time(start),
                    valid_to=_time(start + timedelta(days=30) - timedelta(seconds=1)),
                    operator_name="管理员",
                ),
            )


def _heartbeats() -> Iterator[tuple[str, Record]]:
    """Every half hour of May from each lot in use, so that a day without charges is a day without charges."""
    for row in _rows("lots"):
        if row["is_void"] == "是":
            continue
        for half_hours in range(31 * 48):
            moment = datetime(2019, 5, 1, 0, 5) + timedelta(minutes=30 * half_hours)  # noqa: DTZ001
            yield row["code"], _record("heartbeat", f"B{moment:%m%d%H%M}", moment, pending_records=0)
