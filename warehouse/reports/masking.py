"""Plates for people who may not see them whole.

Belongs here: which columns hold plates, and how they are written with stars. Applied to every page, file and answer in
``access``, so that no way out can forget it. Filtering by a plate that somebody already knows stays possible.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from warehouse.lake.reader import Row
from warehouse.plates import masked_plate as masked_plate
from warehouse.plates import masked_text as masked_text
from warehouse.reports.base import ReportResult, Stream
from warehouse.reports.columns import Column

PLATES: Final = frozenset({"plate"})
TEXTS: Final = frozenset({"remark", "message", "payload"})
"""Columns with free text in which a plate may stand."""


def masked_rows(columns: tuple[Column, ...], rows: list[Row]) -> list[Row]:
    """Rows in column order with their plates masked."""
    plates = [place for place, column in enumerate(columns) if column.key in PLATES]
    texts = [place for place, column in enumerate(columns) if column.key in TEXTS]
    if not plates and not texts:
        return rows
    found = []
    for row in rows:
        values = list(row)
        for places, mask in ((plates, masked_plate), (texts, masked_text)):
            for place in places:
                if values[place] is not None:
                    values[place] = mask(values[place])
        found.append(tuple(values))
    return found


def masked(result: ReportResult) -> ReportResult:
    """The result with its plates masked."""
    return replace(result, rows=masked_rows(result.columns, result.rows))


def masked_stream(stream: Stream) -> Stream:
    """The stream with its plates masked."""

    def batches() -> Iterator[list[Row]]:
        for batch in stream.batches:
            yield masked_rows(stream.result.columns, batch)

    return Stream(masked(stream.result), batches())
