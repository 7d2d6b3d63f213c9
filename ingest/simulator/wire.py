"""Finished frames in the form the contract has on the wire: texts for times and amounts, nothing for null.

Belongs here: the change of form. Does not belong here: sending (``live.py``) or files (``history.py``).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import polars as pl

_TIME_FORMAT: Final = "%Y-%m-%dT%H:%M:%S%:z"


def wire_frame(frame: pl.DataFrame, time_zone: str) -> pl.DataFrame:
    """``frame`` without ``sent_at``, times as RFC 3339 text with the offset of ``time_zone``, amounts as text."""
    columns = []
    for name, kind in frame.schema.items():
        if name == "sent_at":
            continue
        column = pl.col(name)
        if isinstance(kind, pl.Datetime):
            column = column.dt.convert_time_zone(time_zone).dt.strftime(_TIME_FORMAT)
        elif isinstance(kind, pl.Decimal):
            column = column.cast(pl.String)
        columns.append(column)
    return frame.select(columns)


def wire_records(frame: pl.DataFrame, time_zone: str) -> list[dict[str, Any]]:
    """The rows of ``frame`` as records for one lot's upload: without ``lot`` and without nulls."""
    return list(without_nulls(wire_frame(frame, time_zone).drop("lot").to_dicts()))


def without_nulls(rows: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    """Each row without its null fields."""
    return ({name: value for name, value in row.items() if value is not None} for row in rows)
