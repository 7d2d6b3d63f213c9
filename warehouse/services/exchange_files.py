"""CSV and XLSX files of administered tables.

Belongs here: bytes to cells and back. Does not belong here: what the cells mean (``exchange_sheet.py``).

A text that a spreadsheet would run as a formula goes into CSV behind an apostrophe, and the apostrophe is taken off
when the file comes back; in XLSX texts are texts.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

import polars as pl
import xlsxwriter

from warehouse.errors import ParkError
from warehouse.services.exchange_sheet import Column, Kind, cell_text

FORMATS: Final = ("csv", "xlsx")
LARGEST_FILE: Final = 20 * 1024 * 1024
MOST_LINES: Final = 100_000
_LARGEST_UNPACKED: Final = 400 * 1024 * 1024
_FORMULA_START: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER_FORMATS: Final = {Kind.INTEGER: "0", Kind.NUMBER: "General", Kind.MONEY: "0.00", Kind.DATE: "yyyy-mm-dd"}
_WIDTHS: Final = {Kind.TEXT: 18, Kind.CHOICE: 14, Kind.DATE: 12}


def read_table(file_name: str, content: bytes) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Headings, and lines with their number in the file; empty lines are left out, cells lose blanks around them.

    Raises:
        ParkError: ``file_format``, ``file_too_large``, ``file_unreadable``, ``file_empty``.
    """
    if len(content) > LARGEST_FILE:
        raise _too_large()
    suffix = file_name.lower().rpartition(".")[2]
    if suffix == "csv":
        table = _csv_cells(content)
    elif suffix == "xlsx":
        table = _xlsx_cells(content)
    else:
        raise ParkError(
            zh=f"{file_name} 不是 .csv 或 .xlsx 文件：请另存为其中一种",
            en=f"{file_name} is neither .csv nor .xlsx: save it as one of them",
            code="file_format",
        )
    lines = [(number, cells) for number, cells in table if any(cells)]
    if not lines:
        raise ParkError(
            zh=f"{file_name} 是空的：首行应为列名", en=f"{file_name} is empty: the first line names the columns",
            code="file_empty",
        )  # fmt: skip
    if len(lines) > MOST_LINES:
        raise _too_large()
    return lines[0][1], lines[1:]


def _too_large() -> ParkError:
    return ParkError(
        zh=f"文件超过 {LARGEST_FILE // 1024 // 1024} MB 或 {MOST_LINES} 行：请分成几个文件",
        en=f"the file exceeds {LARGEST_FILE // 1024 // 1024} MB or {MOST_LINES} lines: split it",
        code="file_too_large",
    )


def _csv_cells(content: bytes) -> list[tuple[int, list[str]]]:
    text = _decoded(content)
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        return [(reader.line_num, [_unguarded(cell.strip()) for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise ParkError(
            zh=f"CSV 第 {reader.line_num} 行无法读取：{error}",
            en=f"line {reader.line_num} of the CSV cannot be read: {error}",
            code="file_unreadable",
        ) from error


def _decoded(content: bytes) -> str:
    encodings = ("utf-16",) if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "gb18030")
    for encoding in encodings:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ParkError(
        zh="文件的文字编码无法识别：请另存为 UTF-8 或 GB18030 的 CSV，或 XLSX",
        en="the file's encoding is not known: save it as CSV in UTF-8 or GB18030, or as XLSX",
        code="file_unreadable",
    )


def _unguarded(cell: str) -> str:
    return cell[1:] if cell[:1] == "'" and cell[1:].startswith(_FORMULA_START) else cell


def _guarded(cell: str) -> str:
    return "'" + cell if cell.startswith(_FORMULA_START) else cell


def _xlsx_cells(content: bytes) -> list[tuple[int, list[str]]]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
                raise _too_large()
        frame = pl.read_excel(io.BytesIO(content), has_header=False, infer_schema_length=0, drop_empty_rows=False)
    except ParkError:
        raise
    except Exception as error:
        raise ParkError(
            zh=f"文件无法作为 Excel 打开：{error}",
            en=f"the file is no readable workbook: {error}",
            code="file_unreadable",
        ) from error
    return [
        (number, ["" if cell is None else str(cell).strip() for cell in row])
        for number, row in enumerate(frame.rows(), start=1)
    ]


def write_table(
    file_format: str, title: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], language: str
) -> bytes:
    """A file of headings and rows; CSV in UTF-8 with a byte order mark, so that Excel reads the Chinese."""
    if file_format == "csv":
        return _csv_bytes(columns, rows, language)
    if file_format == "xlsx":
        return _xlsx_bytes(title, columns, rows, language)
    raise ParkError(
        zh=f"没有“{file_format}”格式：请用 csv 或 xlsx",
        en=f"there is no format {file_format!r}: use csv or xlsx",
        code="file_format",
    )


def _csv_bytes(columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], language: str) -> bytes:
    target = io.StringIO(newline="")
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([column.heading(language) for column in columns])
    is_text = [column.kind in (Kind.TEXT, Kind.CHOICE) for column in columns]
    for row in rows:
        cells = [cell_text(column, row.get(column.field), language) for column in columns]
        writer.writerow([_guarded(cell) if text else cell for cell, text in zip(cells, is_text, strict=True)])
    return target.getvalue().encode("utf-8-sig")


def _xlsx_bytes(title: str, columns: Sequence[Column], rows: Iterable[Mapping[str, Any]], language: str) -> bytes:
    target = io.BytesIO()
    with xlsxwriter.Workbook(target, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(title[:31])
        sheet.freeze_panes(1, 0)
        heading = book.add_format({"bold": True, "bottom": 1})
        required = book.add_format({"bold": True, "bottom": 1, "font_color": "#C00000"})
        styles = [book.add_format({"num_format": _NUMBER_FORMATS.get(column.kind, "@")}) for column in columns]
        for place, column in enumerate(columns):
            # The whole column, so that what people add below is text as well and keeps its zeros.
            sheet.set_column(place, place, _WIDTHS.get(column.kind, 12), styles[place])
            sheet.write_string(0, place, column.heading(language), required if column.required else heading)
        for number, row in enumerate(rows, start=1):
            for place, column in enumerate(columns):
                value = row.get(column.field)
                if value is not None:
                    _write_cell(sheet, number, place, column, value, styles[place], language)
        if columns:
            sheet.autofilter(0, 0, 0, len(columns) - 1)
    return target.getvalue()


def _write_cell(sheet: Any, row: int, place: int, column: Column, value: Any, style: Any, language: str) -> None:
    if column.kind is Kind.DATE and isinstance(value, date):
        sheet.write_datetime(row, place, value, style)
    elif isinstance(value, int | float | Decimal) and column.kind in _NUMBER_FORMATS:
        sheet.write_number(row, place, float(value), style)
    else:
        sheet.write_string(row, place, cell_text(column, value, language), style)
