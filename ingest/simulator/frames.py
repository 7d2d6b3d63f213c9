"""Frames of records on their way out: one per kind, times in unix seconds, money in fen, until they are finished.

Belongs here: what all kinds share: the upload's delay and outages, revisions, duplicates, voids, column order, and the
change to the contract's own types. Does not belong here: what a record says.

Every kind's frame has ``record_id``, ``occurred_at`` and ``delay`` (seconds from the event to its upload) beside the
kind's columns; ``revision`` and ``op`` when they are not 0 and upsert. ``upload`` adds ``sent_at`` and ``mode``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl

from ingest.simulator.model import LotModel
from warehouse.lake.raw_tables import KIND_COLUMNS, MONEY

Frames = dict[str, pl.DataFrame]
Outage = tuple[int, int]

ORDINARY_DELAY: Final = 2
DUPLICATE_SHARE: Final = 0.004
CORRECTED_SHARE: Final = 0.004

_TYPES: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "VARCHAR": pl.String,
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "INTEGER": pl.Int64,
    "BIGINT": pl.Int64,
    "BOOLEAN": pl.Boolean,
    MONEY: pl.Decimal(18, 2),
}


def upload(kind: str, frame: pl.DataFrame, outages: Sequence[Outage]) -> pl.DataFrame:
    """When each record reaches the cloud: at once, or after the outage in which it fell."""
    for column, default in (("revision", pl.lit(0)), ("op", pl.lit("upsert")), ("delay", pl.lit(ORDINARY_DELAY))):
        given = pl.col(column) if column in frame.columns else pl.lit(None)
        frame = frame.with_columns(pl.coalesce(given, default).alias(column))
    planned = (frame["occurred_at"] + frame["delay"]).to_numpy().astype(np.int64)
    sent, is_late = planned.copy(), np.zeros(len(planned), dtype=bool)
    for start, end in outages:
        inside = (sent >= start) & (sent < end)
        # After the line is back the backlog goes up oldest first, sixty times as fast as it grew.
        sent[inside] = end + 20 + (sent[inside] - start) // 60
        is_late |= inside
    return frame.with_columns(
        sent_at=pl.Series(sent),
        mode=pl.Series(np.where(is_late, "backfill", "live")),
        kind=pl.lit(kind),
    ).drop("delay")


def corrected(frame: pl.DataFrame, u: pl.Expr, wrong: dict[str, pl.Expr], right: dict[str, pl.Expr]) -> pl.DataFrame:
    """Let some records be duplicated and some be sent wrong first and corrected later.

    Args:
        frame: records.
        u: a uniform number of each record.
        wrong: columns that a corrected record got wrong in revision 0.
        right: further columns of revision 1.
    """
    repeated = frame.filter(u < DUPLICATE_SHARE).with_columns(delay=pl.lit(9))
    is_corrected = u.is_between(DUPLICATE_SHARE, DUPLICATE_SHARE + CORRECTED_SHARE, closed="left")
    revised = frame.filter(is_corrected).with_columns(revision=pl.lit(1), delay=pl.lit(1500), **right)
    first = frame.with_columns(
        *[pl.when(is_corrected).then(value).otherwise(pl.col(name)).alias(name) for name, value in wrong.items()]
    )
    common = {"revision": pl.lit(0), "delay": pl.lit(ORDINARY_DELAY)}
    return pl.concat([first.with_columns(**common), repeated.with_columns(revision=pl.lit(0)), revised], how="diagonal")


def finished(kind: str, frame: pl.DataFrame, lot: LotModel) -> pl.DataFrame:
    """The frame in the contract's columns and types, with ``lot`` and ``kind`` in front and ``sent_at`` last.

    Times become UTC instants, fen become yuan with two decimals, columns that the kind has and the frame lacks null.
    """
    drift = pl.lit(round(lot.habits.clock_drift_seconds))
    columns: list[pl.Expr] = [
        pl.lit(lot.code).alias("lot"),
        pl.lit(kind).alias("kind"),
        pl.col("record_id"),
        pl.col("revision").cast(pl.Int64),
        pl.col("op"),
        _instant(pl.col("occurred_at")).alias("occurred_at"),
        # The uploading computer's clock drifts; event times come from the controllers, which keep network time.
        _instant(pl.col("sent_at") + drift).alias("lot_clock"),
        pl.col("mode"),
    ]
    for name, kind_of_column in KIND_COLUMNS[kind].items():
        columns.append(_typed(frame, name, kind_of_column).alias(name))
    return frame.select(*columns, _instant(pl.col("sent_at")).alias("sent_at"))


def _typed(frame: pl.DataFrame, name: str, kind_of_column: str) -> pl.Expr:
    wanted = _TYPES[kind_of_column]
    if name not in frame.columns:
        return pl.lit(None, dtype=wanted)
    column = pl.col(name)
    if frame.schema[name] == pl.Null:
        return column.cast(wanted)
    if kind_of_column == "TIMESTAMPTZ":
        return _instant(column)
    if kind_of_column == MONEY:
        return (column.cast(pl.Decimal(18, 2)) / pl.lit(100, dtype=pl.Decimal(18, 2))).cast(pl.Decimal(18, 2))
    return column.cast(wanted)


def _instant(seconds: pl.Expr) -> pl.Expr:
    return pl.from_epoch(seconds, "s").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
