"""A lot's records in the order of their upload: whatever was to be sent between two moments.

Belongs here: cutting days into what is due. Does not belong here: how it is sent (``live.py``).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from ingest.simulator.days import records
from ingest.simulator.frames import Frames
from ingest.simulator.model import LotModel
from ingest.simulator.seeds import local_day, midnight, utc
from ingest.simulator.wire import wire_records

_REACH_DAYS = 3
"""Refunds, corrections and late uploads follow an event within this many days."""

_STALE_SECONDS = 600
"""Sent this much later than planned, a record is a late upload."""

Record = dict[str, Any]


class Feed:
    """What one lot sends; follows from lot, seed, scale and time alone."""

    def __init__(self, lot: LotModel, seed: int, scale: float = 1.0) -> None:
        self.lot = lot
        self._seed = seed
        self._scale = scale
        self._from = self._to = 0
        self._frames: Frames = {}
        self._sent: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}

    def due(self, after: int, upto: int, now: int | None = None) -> list[Record]:
        """Records whose upload falls in (after, upto], unix seconds, oldest first, in wire form.

        ``now`` is when they are really sent; what is long overdue then is marked as a late upload.
        """
        if upto <= after:
            return []
        self._load(after, upto)
        rows: list[tuple[int, Record]] = []
        for kind, frame in self._frames.items():
            first, last = np.searchsorted(self._sent[kind], [after, upto], side="right")
            if last > first:
                part = frame.slice(int(first), int(last - first))
                rows += zip(
                    self._sent[kind][first:last].tolist(),
                    wire_records(part, self.lot.definition.time_zone),
                    strict=True,
                )
        rows.sort(key=lambda row: row[0])
        late_before = (upto if now is None else now) - _STALE_SECONDS
        return [record | {"mode": "backfill"} if sent < late_before else record for sent, record in rows]

    def _load(self, after: int, upto: int) -> None:
        if self._from <= after and upto <= self._to:
            return
        first, last = local_day(self.lot, utc(after)), local_day(self.lot, utc(upto))
        frames = records(self.lot, self._seed, first - timedelta(days=_REACH_DAYS), last, self._scale)
        self._frames = {kind: frame.sort("sent_at", "record_id", "revision") for kind, frame in frames.items()}
        self._sent = {
            kind: (frame["sent_at"].dt.epoch("s")).to_numpy().astype(np.int64) for kind, frame in self._frames.items()
        }
        self._from, self._to = midnight(self.lot, first), midnight(self.lot, last + timedelta(days=1)) - 1


def history_until(frames: Frames, until: int) -> Frames:
    """``frames`` without what is uploaded after ``until``, in the order of upload."""
    limit = pl.lit(utc(until))
    return {
        kind: frame.filter(pl.col("sent_at") <= limit).sort("sent_at", "record_id", "revision")
        for kind, frame in frames.items()
    }
