"""Bulk history: files that a lot's operator would hand over, one per record kind, for ``park ingest``.

Belongs here: writing the files. Does not belong here: taking them in (``ingest.files``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl

from ingest.simulator.days import records
from ingest.simulator.feed import history_until
from ingest.simulator.model import LotModel
from ingest.simulator.seeds import local_day
from ingest.simulator.wire import wire_frame
from warehouse.lake.raw_tables import KINDS


@dataclass(frozen=True)
class HistoryFile:
    """One file of history and how many records it holds."""

    path: Path
    kind: str
    records: int


def write_history(
    lots: Sequence[LotModel], seed: int, *, days: int, until: datetime, folder: Path, scale: float = 1.0
) -> list[HistoryFile]:
    """Write what ``lots`` uploaded in the ``days`` days before ``until``.

    The same arguments give the same bytes, so that loading a file again is recognised.

    Args:
        lots: the lots.
        seed: of everything random.
        days: whole days before the one that is under way at ``until``.
        until: aware instant; nothing uploaded after it is written.
        folder: created when absent; one ``<kind>.parquet`` per kind with the contract's fields as text.
        scale: factor of the traffic.
    """
    parts: dict[str, list[pl.DataFrame]] = {}
    for lot in lots:
        last = local_day(lot, until)
        frames = records(lot, seed, last - timedelta(days=days), last, scale)
        for kind, frame in history_until(frames, int(until.timestamp())).items():
            parts.setdefault(kind, []).append(wire_frame(frame, lot.definition.time_zone))
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in KINDS:
        if kind not in parts:
            continue
        joined = pl.concat(parts[kind])
        path = folder / f"{kind}.parquet"
        joined.write_parquet(path, compression="zstd")
        written.append(HistoryFile(path=path, kind=kind, records=joined.height))
    return written
