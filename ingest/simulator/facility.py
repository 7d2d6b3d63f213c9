"""What happens to a lot's equipment: outages of its line, device faults, alarms, and the states it reports.

Belongs here: draws and records about devices and alarms. Does not belong here: cars. Times are unix seconds.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import polars as pl

from ingest.simulator.devices import Device, devices
from ingest.simulator.frames import Frames, Outage
from ingest.simulator.model import LotModel
from ingest.simulator.money import COLLECTORS, SHIFT_SECONDS
from ingest.simulator.seeds import Stream, days, generator, midnight
from warehouse.lake.raw_tables import KIND_COLUMNS

REGISTRY_SECOND = 4 * 3600 + 600
"""Second of the local day at which a lot reports all its devices."""


@dataclass(frozen=True)
class Fault:
    """A device out of order on [start, end)."""

    fault_id: str
    device: Device
    start: int
    end: int
    state: str  # offline | fault


@lru_cache(maxsize=600)
def outages_of_day(lot: LotModel, seed: int, day: date) -> tuple[Outage, ...]:
    """Outages of the line to the cloud that begin on ``day``: one now and then, half an hour to some hours."""
    rng = generator(seed, lot, Stream.FACILITY, day, part=1)
    if rng.random() >= lot.habits.outages_per_day:
        return ()
    start = midnight(lot, day) + int(rng.integers(0, 86400))
    return ((start, start + int(rng.integers(1800, 5 * 3600))),)


@lru_cache(maxsize=600)
def faults_of_day(lot: LotModel, seed: int, day: date) -> tuple[Fault, ...]:
    """Device faults that begin on ``day``; a weak device fails again and again, for minutes."""
    rng = generator(seed, lot, Stream.FACILITY, day, part=2)
    start, known = midnight(lot, day), devices(lot)
    faults: list[Fault] = []
    for _ in range(int(rng.poisson(lot.habits.faults_per_day))):
        begin = start + int(rng.integers(0, 86400))
        seconds = int(np.clip(np.exp(rng.normal(np.log(2400), 0.9)), 120, 20 * 3600))
        device = known[int(rng.integers(0, len(known)))]
        state = "fault" if rng.random() < 0.35 else "offline"
        faults.append(Fault(f"{day:%Y%m%d}-{len(faults)}", device, begin, begin + seconds, state))
    if lot.habits.weak_device:
        weak = next(device for device in known if device.device_id == f"cam-{lot.habits.weak_device}")
        at = float(rng.uniform(0, 7 * 3600))
        while at < 86400:
            seconds = int(rng.integers(240, 1500))
            faults.append(
                Fault(f"{day:%Y%m%d}-w{len(faults)}", weak, start + int(at), start + int(at) + seconds, "fault")
            )
            at += seconds + float(rng.gamma(6, 3600))
    return tuple(faults)


def facility(lot: LotModel, seed: int, first: date, last: date) -> Frames:
    """Frames of device_state and alarm for ``first`` … ``last``."""
    faults = [fault for day in days(first - timedelta(days=1), last) for fault in faults_of_day(lot, seed, day)]
    states: list[dict[str, Any]] = []
    for day in days(first, last):
        states += _registry(lot, day, faults)
        states += _shift_changes(lot, day)
    begin = midnight(lot, first)
    events = [fault for fault in faults if fault.start >= begin]
    for fault in events:
        for at, state in ((fault.start, fault.state), (fault.end, "online")):
            states.append(_state(lot, fault.device, at, state, f"{fault.fault_id}-{state[:3]}"))
    alarms = [row for fault in events for row in _alarm_pair(fault)]
    return {
        "device_state": _frame("device_state", states),
        "alarm": _frame("alarm", alarms),
    }


def abnormal_openings(openings: pl.DataFrame) -> pl.DataFrame:
    """An alarm for each forced opening, recovered when the barrier is down again."""
    forced = openings.filter(pl.col("opening_mode") == "forced")
    parts = []
    for event, after in (("raised", 1), ("recovered", 45)):
        parts.append(
            forced.select(
                record_id=pl.concat_str(pl.lit("AO"), pl.col("record_id"), pl.lit(f"-{event[:3]}")),
                occurred_at=pl.col("occurred_at") + after,
                alarm_id=pl.lit("AO") + pl.col("record_id"),
                event=pl.lit(event),
                alarm_type=pl.lit("abnormal_opening"),
                level=pl.lit("warning"),
                device_id=pl.col("controller_id"),
                device_type=pl.lit("controller"),
                gate_id=pl.col("gate_id"),
                message=pl.lit("道闸被强制打开"),
            )
        )
    return pl.concat(parts)


def _registry(lot: LotModel, day: date, faults: list[Fault]) -> list[dict[str, Any]]:
    at = midnight(lot, day) + REGISTRY_SECOND
    rows = []
    for index, device in enumerate(devices(lot)):
        moment = at + index * 2
        state = next(
            (fault.state for fault in faults if fault.device is device and fault.start <= moment < fault.end), "online"
        )
        rows.append(_state(lot, device, moment, state, f"{day:%Y%m%d}-reg"))
    return rows


def _shift_changes(lot: LotModel, day: date) -> list[dict[str, Any]]:
    start = midnight(lot, day)
    terminals = [device for device in devices(lot) if device.device_type == "terminal"]
    return [
        _state(lot, device, start + hour * 3600 + 30, "online", f"{day:%Y%m%d}-s{hour}")
        for hour in (0, 8, 16)
        for device in terminals
    ]


def _state(lot: LotModel, device: Device, at: int, state: str, suffix: str) -> dict[str, Any]:
    row = asdict(device) | {"record_id": f"D{device.device_id}-{suffix}-{at}", "occurred_at": at, "state": state}
    if device.device_type == "terminal":
        row["login_operator"] = COLLECTORS[(at // SHIFT_SECONDS + lot.key) % len(COLLECTORS)]
    return row


def _alarm_pair(fault: Fault) -> list[dict[str, Any]]:
    is_camera = fault.device.device_type == "camera" and fault.state == "fault"
    alarm_type = "camera_fault" if is_camera else "device_offline" if fault.state == "offline" else "other"
    minutes = (fault.end - fault.start) // 60
    shared = {
        "alarm_id": f"A{fault.fault_id}",
        "alarm_type": alarm_type,
        "level": "critical" if fault.device.device_type == "controller" or minutes > 120 else "warning",
        "device_id": fault.device.device_id,
        "device_type": fault.device.device_type,
        "gate_id": fault.device.gate_id,
    }
    what = "离线" if fault.state == "offline" else "故障"
    return [
        shared
        | {
            "record_id": f"A{fault.fault_id}-rai",
            "occurred_at": fault.start + 20,
            "event": "raised",
            "message": f"{fault.device.name}{what}",
        },
        shared
        | {
            "record_id": f"A{fault.fault_id}-rec",
            "occurred_at": fault.end + 5,
            "event": "recovered",
            "message": f"{fault.device.name}恢复",
        },
    ]


def _frame(kind: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    types = {"VARCHAR": pl.String, "BOOLEAN": pl.Boolean}
    schema = {"record_id": pl.String, "occurred_at": pl.Int64} | {
        name: types[column] for name, column in KIND_COLUMNS[kind].items()
    }
    return pl.DataFrame(rows, schema=schema)
