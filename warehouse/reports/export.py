"""Reports as files: CSV and JSON, streamed.

Belongs here: writing a report's whole filter, row by row. Excel is in ``workbook``, the terminal's table in
``warehouse.report_commands``. Figures are those of the report itself; nothing is computed here.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, TextIO

from warehouse.lake.publish import Basis
from warehouse.lake.reader import Row
from warehouse.reports.base import ReportResult
from warehouse.reports.columns import ColumnType
from warehouse.reports.texts import TOTAL, writer

_FREE_TEXT: Final = frozenset({ColumnType.TEXT, ColumnType.CODE, ColumnType.CODES})
_FORMULA_START: Final = ("=", "+", "-", "@", "\t", "\r")


def guarded(text: str) -> str:
    """A text that a spreadsheet would run as a formula, made harmless by an apostrophe in front."""
    return "'" + text if text.startswith(_FORMULA_START) else text


def _guarding(write: Callable[[Any], str]) -> Callable[[Any], str]:
    return lambda value: guarded(write(value))


def total_cells(result: ReportResult) -> list[str]:
    """The row 合计 as texts: the word in the first column, empty where nothing is added up."""
    cells = [
        writer(column, result.language)(result.totals.get(column.key)) if column.key in result.totals else ""
        for column in result.columns
    ]
    return [TOTAL.get(result.language, TOTAL["en"]), *cells[1:]]


def write_csv(target: TextIO, result: ReportResult, batches: Iterator[list[Row]], *, for_excel: bool = False) -> int:
    """Write header, rows and, where the report has one, the row of totals; return the number of rows.

    Args:
        target: text file, UTF-8, opened with ``newline=""``.
        result: headers and totals.
        batches: the rows.
        for_excel: the file is meant for a spreadsheet, so texts that would be formulas are made harmless. A file
            for programs keeps every text as it is.
    """
    output = csv.writer(target, lineterminator="\n")
    output.writerow(result.headers)
    writers = [
        _guarding(write) if for_excel and column.type in _FREE_TEXT else write
        for column, write in ((column, writer(column, result.language)) for column in result.columns)
    ]
    written = 0
    for batch in batches:
        output.writerows([write(value) for write, value in zip(writers, row, strict=True)] for row in batch)
        written += len(batch)
    if result.report.totals_row:
        output.writerow(total_cells(result))
    return written


def json_value(value: Any) -> Any:
    """A value for JSON: exact decimals and times as texts."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, date):
        return value.isoformat()
    return value


def filter_of(result: ReportResult) -> dict[str, Any]:
    """What was asked: lots, period and parameters, as texts and numbers."""
    question = result.question
    asked: dict[str, Any] = {"lots": [lot.code for lot in question.chosen] or None}
    if question.period is not None:
        asked |= {"from": json_value(question.period.start), "to": json_value(question.period.end)}
    return asked | {key: json_value(value) for key, value in question.values.items()}


def known_at_of(basis: Basis) -> dict[str, Any]:
    """What figures of a past moment rest on, for programs."""
    return {
        "asked": basis.asked.isoformat(),
        "way": basis.way,
        "snapshot": basis.snapshot_id,
        "published_at": basis.published_at.isoformat() if basis.published_at is not None else None,
        "batch": basis.raw_to,
        "entities": "then" if basis.entities_then else "today",
    }


def write_json(target: TextIO, result: ReportResult, batches: Iterator[list[Row]]) -> int:
    """Write one JSON object: what was asked, columns, rows by key, totals; return the number of rows.

    Money, shares and means are texts, so that no program reads them as floats; codes stay codes.
    """
    head = {
        "report": result.report.name,
        "title": result.report.title(result.language),
        "data_as_of": result.data_as_of.isoformat(),
        "snapshot": result.snapshot_id,
        **({"known_at": known_at_of(result.basis)} if result.basis is not None else {}),
        "filter": filter_of(result),
        "columns": [
            {"key": column.key, "header": column.header(result.language), "type": column.type.value}
            for column in result.columns
        ],
        "row_count": result.row_count,
        "totals": {key: json_value(value) for key, value in result.totals.items()},
        "page": {"number": result.page.number, "size": result.page.size, "count": result.page.count}
        | ({"next": result.page.next_cursor} if result.page.next_cursor else {}),
    }
    text = json.dumps(head, ensure_ascii=False, indent=1)
    target.write(text[: text.rindex("}")].rstrip() + ',\n "rows": [')
    keys = [column.key for column in result.columns]
    written = 0
    for batch in batches:
        for row in batch:
            record = dict(zip(keys, map(json_value, row), strict=True))
            target.write(("\n  " if written == 0 else ",\n  ") + json.dumps(record, ensure_ascii=False))
            written += 1
    target.write("\n ]\n}\n")
    return written
