"""Everything a lot sends about a span of days, each record with the moment of its upload.

Belongs here: joining the kinds, and the few records that are wrong on purpose. Bulk history and the live simulator
both take their records from ``records``.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

import polars as pl

from ingest.simulator.facility import abnormal_openings, facility, outages_of_day
from ingest.simulator.frames import Frames, finished, upload
from ingest.simulator.members import renewals
from ingest.simulator.model import LotModel
from ingest.simulator.money import payments, shifts
from ingest.simulator.passages import passages
from ingest.simulator.seeds import days, midnight
from ingest.simulator.stays import LONGEST_DAYS, stays
from ingest.simulator.telemetry import free_spaces, gate_openings, grid, heartbeats

_SHIFT_OFFSETS: Final = (0, 8 * 3600, 16 * 3600)


def records(lot: LotModel, seed: int, first: date, last: date, scale: float = 1.0) -> Frames:
    """All records about ``first`` … ``last``: finished frames by kind, with ``sent_at``.

    Passages and money of cars that came earlier and were still in at the beginning of ``first`` are included, so that
    the lot does not begin empty. Records of one day are the same whatever span they are asked in.
    """
    begin = midnight(lot, first)
    span = days(first, last)
    known = stays(lot, seed, [*days(first - timedelta(days=LONGEST_DAYS), first - timedelta(days=1)), *span], scale)
    relevant = known.filter((pl.col("exit_at") >= begin) | (pl.col("entry_at") >= begin))
    # An outage of the days before may reach into the span, and entries of those days must be late or not alike.
    outages = [
        outage
        for day in days(first - timedelta(days=LONGEST_DAYS + 1), last + timedelta(days=LONGEST_DAYS))
        for outage in outages_of_day(lot, seed, day)
    ]
    beats = grid(lot, first, last)
    openings = gate_openings(lot, seed, relevant, first, last)
    frames = passages(lot, relevant) | payments(lot, relevant) | facility(lot, seed, first, last)
    frames["renewal"], frames["top_up"] = renewals(lot, seed, first, last)
    frames["gate_opening"] = openings
    frames["alarm"] = pl.concat([frames["alarm"], abnormal_openings(openings)])
    frames["heartbeat"] = heartbeats(beats, outages)
    frames["free_space_count"] = free_spaces(lot, known, beats, outages)
    starts = [midnight(lot, day) + offset for day in span for offset in _SHIFT_OFFSETS]
    frames["shift"] = shifts(lot, known, starts)
    if lot.habits.resets_clock:
        frames["entry"] = pl.concat([frames["entry"], _clock_resets(lot, span)], how="diagonal_relaxed")
    return {kind: finished(kind, upload(kind, frame, outages), lot) for kind, frame in frames.items()}


def _clock_resets(lot: LotModel, span: list[date]) -> pl.DataFrame:
    """A controller that lost its battery dates an entry 1970 until it finds the time; the cloud must refuse that."""
    rows = [day for day in span if day.toordinal() % 11 == 3]
    gate = lot.gates_of("entry")[0]
    return pl.DataFrame(
        {
            "record_id": [f"E{day:%Y%m%d}-reset" for day in rows],
            "occurred_at": [12 + index for index in range(len(rows))],
            "delay": [midnight(lot, day) + 5 * 3600 - 12 - index for index, day in enumerate(rows)],
            "gate_id": [gate.gate_id] * len(rows),
            "controller_id": [gate.controller_id] * len(rows),
        },
        schema={
            "record_id": pl.String,
            "occurred_at": pl.Int64,
            "delay": pl.Int64,
            "gate_id": pl.String,
            "controller_id": pl.String,
        },
    )
