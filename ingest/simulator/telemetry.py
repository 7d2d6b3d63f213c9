"""What a lot tells about itself between cars: heartbeats, free-space counts, gate openings by hand.

Belongs here: these three kinds. Does not belong here: devices (``facility.py``).
"""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from ingest.simulator.frames import Outage
from ingest.simulator.model import LotModel
from ingest.simulator.passages import inner_times
from ingest.simulator.seeds import Stream, days, generator, midnight

BEAT_SECONDS = 300
SOFTWARE = "ParkLocal 4.2.1"
_REASONS = ("车牌识别失败", "送货车辆", "消防演练", "内部车辆", "设备测试", "来访登记")
_OPERATORS = ("周敏", "陈立", "许蕾", "监控中心")

Seconds = npt.NDArray[np.int64]


def grid(lot: LotModel, first: date, last: date) -> Seconds:
    """The seconds of ``first`` … ``last`` at which a lot beats, every five minutes at a phase of its own."""
    end = midnight(lot, last) + 86400
    return np.arange(midnight(lot, first) + lot.key % BEAT_SECONDS, end, BEAT_SECONDS, dtype=np.int64)


def heartbeats(beats: Seconds, outages: list[Outage]) -> pl.DataFrame:
    """Heartbeats; none during an outage, because they are of no use later, and a backlog after it."""
    alive, pending = _outside(beats, outages), np.zeros(len(beats), dtype=np.int64)
    for start, end in outages:
        after = (beats >= end) & (beats < end + 600)
        pending[after] = (end - start) // 40
    return pl.DataFrame(
        {
            "record_id": [f"B{beat}" for beat in beats[alive].tolist()],
            "occurred_at": beats[alive],
            "software_version": SOFTWARE,
            "pending_records": pending[alive],
        }
    )


def free_spaces(lot: LotModel, stays: pl.DataFrame, beats: Seconds, outages: list[Outage]) -> pl.DataFrame:
    """Counts of free spaces at each beat outside outages: the whole lot, then each area.

    ``stays`` must hold every stay that may overlap the beats.
    """
    at = beats[_outside(beats, outages)] + 7
    cars = _cars(stays, "entry_at", "exit_at", at)
    frames = [_counts(at, None, cars, lot.capacity)]
    inner = lot.inner_area
    for area in lot.definition.areas:
        spaces = area.capacity or 0
        if inner is not None and area.area_id == inner.area_id:
            frames.append(
                _counts(at, area.area_id, _cars(inner_times(stays), "inner_entry_at", "inner_exit_at", at), spaces)
            )
        else:
            frames.append(_counts(at, area.area_id, cars * spaces // max(lot.capacity, 1), spaces))
    return pl.concat(frames)


def gate_openings(lot: LotModel, seed: int, stays: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Openings without a normal release: those of stays let out by hand, and some without any car on record."""
    exits = lot.gates_of("exit")
    by_hand = stays.filter(pl.col("release_mode").is_in(["manual", "remote", "forced"]))
    places = list(range(len(exits)))
    of_stays = by_hand.select(
        record_id=pl.lit("G") + pl.col("stay_id"),
        occurred_at=pl.col("exit_at") - 3,
        gate_id=pl.col("exit_gate").replace_strict(places, [gate.gate_id for gate in exits], return_dtype=pl.String),
        controller_id=pl.col("exit_gate").replace_strict(
            places, [gate.controller_id for gate in exits], return_dtype=pl.String
        ),
        opening_mode=pl.col("release_mode"),
        plate=pl.col("exit_plate"),
        operator_name=pl.when(pl.col("release_mode") == "remote")
        .then(pl.lit("监控中心"))
        .when(pl.col("release_mode") == "manual")
        .then(pl.lit("值班员")),
        reason=pl.when(pl.col("release_mode") == "forced").then(pl.lit("车辆冲岗")).otherwise(pl.lit("车牌识别失败")),
    )
    return pl.concat([of_stays, _plain_openings(lot, seed, first, last)])


def _plain_openings(lot: LotModel, seed: int, first: date, last: date) -> pl.DataFrame:
    rows = []
    outer = [gate for gate in lot.gates if gate.inner_area_id is None]
    for day in days(first, last):
        rng = generator(seed, lot, Stream.OPENINGS, day)
        for number in range(int(rng.poisson(3))):
            gate = outer[int(rng.integers(0, len(outer)))]
            rows.append(
                {
                    "record_id": f"GP{day:%Y%m%d}-{number}",
                    "occurred_at": midnight(lot, day) + int(rng.integers(6 * 3600, 23 * 3600)),
                    "gate_id": gate.gate_id,
                    "controller_id": gate.controller_id,
                    "opening_mode": "manual" if rng.random() < 0.7 else "remote",
                    "plate": None,
                    "operator_name": _OPERATORS[int(rng.integers(0, len(_OPERATORS)))],
                    "reason": _REASONS[int(rng.integers(0, len(_REASONS)))],
                }
            )
    names = ("record_id", "gate_id", "controller_id", "opening_mode", "plate", "operator_name", "reason")
    schema = dict.fromkeys(names, pl.String) | {"occurred_at": pl.Int64}
    order = ["record_id", "occurred_at", *names[1:]]
    return pl.DataFrame(rows, schema={name: schema[name] for name in order})


def _cars(stays: pl.DataFrame, begin: str, end: str, at: Seconds) -> Seconds:
    """Cars inside at each second of ``at``."""
    came = np.searchsorted(np.sort(stays[begin].to_numpy()), at, side="right")
    left = np.searchsorted(np.sort(stays[end].to_numpy()), at, side="right")
    inside: Seconds = np.maximum(came - left, 0).astype(np.int64)
    return inside


def _counts(at: Seconds, area_id: str | None, cars: Seconds, spaces: int) -> pl.DataFrame:
    suffix = f"-{area_id}" if area_id else ""
    return pl.DataFrame(
        {
            "record_id": [f"N{second}{suffix}" for second in at.tolist()],
            "occurred_at": at,
            "area_id": pl.Series([area_id] * len(at), dtype=pl.String),
            "free_spaces": np.maximum(spaces - cars, 0),
            "total_spaces": np.full(len(at), spaces, dtype=np.int64),
        }
    )


def _outside(at: Seconds, outages: list[Outage]) -> npt.NDArray[np.bool_]:
    outside = np.ones(len(at), dtype=bool)
    for start, end in outages:
        outside &= (at < start) | (at >= end)
    return outside
