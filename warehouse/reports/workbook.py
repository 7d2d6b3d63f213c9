"""Reports as Excel workbooks: real numbers, dates and times, and a sheet that says what was asked.

Belongs here: everything that knows the Excel format. Rows are written in constant memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import xlsxwriter

from warehouse.errors import ParkError
from warehouse.lake.reader import Row
from warehouse.reports.base import ReportResult
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.export import filter_of
from warehouse.reports.texts import TOTAL, writer

LARGEST_SHEET: Final = 1_048_576
_FORMATS: Final = {
    ColumnType.INTEGER: "0",
    ColumnType.MONEY: "#,##0.00",
    ColumnType.AVERAGE: "0.00",
    ColumnType.RATIO: "0.00%",
    ColumnType.DATE: "yyyy-mm-dd",
    ColumnType.INSTANT: "yyyy-mm-dd hh:mm:ss",
    ColumnType.DURATION: "[h]:mm:ss",
}
_WIDTHS: Final = {ColumnType.INSTANT: 20, ColumnType.DATE: 12, ColumnType.TEXT: 18}
_SECONDS_OF_DAY: Final = 86_400
_EXACT_BELOW: Final[dict[ColumnType, int]] = {
    ColumnType.INTEGER: 10**15,
    ColumnType.MONEY: 10**13,
    ColumnType.AVERAGE: 10**13,
    ColumnType.RATIO: 10**11,
}
_WORDS: Final = {
    "zh": ("查询条件", "报表", "数据截止(UTC)", "行数"),
    "en": ("Filter", "Report", "Data as of (UTC)", "Rows"),
}

_Cell = Callable[[int, int, Any], None]


def check_size(result: ReportResult) -> None:
    """Refuse what no sheet can hold.

    Raises:
        ParkError: more rows than Excel's limit, header and totals included.
    """
    needed = result.row_count + 1 + int(result.report.totals_row)
    if needed > LARGEST_SHEET:
        raise ParkError(
            zh=f"共 {result.row_count} 行,超过 Excel 每表 {LARGEST_SHEET} 行的上限:请改用 CSV 或缩小期间",
            en=f"{result.row_count} rows exceed Excel's limit of {LARGEST_SHEET} a sheet: use CSV or a shorter period",
            code="too_many_rows",
        )


def _cell_writer(sheet: Any, column: Column, style: Any, language: str) -> _Cell:
    def number(row: int, place: int, value: int | Decimal) -> None:
        # A double holds 15 digits of a decimal for sure; a longer figure stays exact as a text.
        if abs(Decimal(value)) < _EXACT_BELOW[column.type]:
            sheet.write_number(row, place, float(value), style)
        else:
            sheet.write_string(row, place, text_of(value))

    def seconds(row: int, place: int, value: int) -> None:
        # Excel has no negative times; a bad stay keeps its sign as a text.
        if value < 0:
            sheet.write_string(row, place, text_of(value))
        else:
            sheet.write_number(row, place, value / _SECONDS_OF_DAY, style)

    def moment(row: int, place: int, value: date | datetime) -> None:
        sheet.write_datetime(row, place, value, style)

    def words(row: int, place: int, value: Any) -> None:
        sheet.write_string(row, place, text_of(value))  # a string cell never runs as a formula

    def truth(row: int, place: int, value: bool) -> None:
        sheet.write_boolean(row, place, value)

    text_of = writer(column, language)
    match column.type:
        case ColumnType.INTEGER | ColumnType.MONEY | ColumnType.AVERAGE | ColumnType.RATIO:
            return number
        case ColumnType.DURATION:
            return seconds
        case ColumnType.DATE | ColumnType.INSTANT:
            return moment
        case ColumnType.BOOLEAN if language == "key":
            return truth
        case _:
            return words


def write_xlsx(path: Path, result: ReportResult, batches: Iterator[list[Row]]) -> int:
    """Write the workbook; return the number of rows.

    Raises:
        ParkError: more rows than a sheet holds.
    """
    check_size(result)
    words = _WORDS.get(result.language, _WORDS["en"])
    partial = path.with_name(path.name + ".partial")  # a half-written file must not pass for a whole one
    try:
        rows = _write(partial, result, batches, words)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _write(path: Path, result: ReportResult, batches: Iterator[list[Row]], words: tuple[str, ...]) -> int:
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        styles = {kind: book.add_format({"num_format": shape}) for kind, shape in _FORMATS.items()}
        sheet = book.add_worksheet(result.report.title(result.language)[:31])
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(result.columns):
            sheet.set_column(place, place, _WIDTHS.get(column.type, 12))
            sheet.write_string(0, place, column.header(result.language), bold)
        cells = [_cell_writer(sheet, column, styles.get(column.type), result.language) for column in result.columns]
        row = 0
        for batch in batches:
            for values in batch:
                row += 1
                for place, value in enumerate(values):
                    if value is not None:
                        cells[place](row, place, value)
        if result.report.totals_row:
            _totals(sheet, row + 1, result, cells, bold)
        _filter_sheet(book, result, words, row)
    return row


def _totals(sheet: Any, row: int, result: ReportResult, cells: list[_Cell], bold: Any) -> None:
    sheet.write_string(row, 0, TOTAL.get(result.language, TOTAL["en"]), bold)
    for place, column in enumerate(result.columns):
        if place and result.totals.get(column.key) is not None:
            cells[place](row, place, result.totals[column.key])


def _filter_sheet(book: Any, result: ReportResult, words: tuple[str, ...], rows: int) -> None:
    sheet = book.add_worksheet(words[0])
    sheet.set_column(0, 1, 30)
    lines: list[tuple[str, Any]] = [
        (words[1], f"{result.report.title(result.language)} ({result.report.name})"),
        (words[2], f"{result.data_as_of:%Y-%m-%d %H:%M:%S}"),
        (words[3], str(rows)),
    ]
    for key, value in filter_of(result).items():
        if value is not None:
            lines.append((key, ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    for column in result.columns:
        if column.key in result.totals:
            total = TOTAL.get(result.language, TOTAL["en"])
            text = writer(column, result.language)(result.totals[column.key])
            lines.append((f"{total} {column.header(result.language)}", text))
    for row, (name, value) in enumerate(lines):
        sheet.write_string(row, 0, name)
        sheet.write_string(row, 1, value)
