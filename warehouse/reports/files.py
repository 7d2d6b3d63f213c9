"""A report's whole filter as one file, in the format asked for.

Belongs here: the formats that pages, deliveries and the command line share. Does not belong here: a single format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from warehouse.lake.reader import Row
from warehouse.reports.base import ReportResult
from warehouse.reports.export import write_csv
from warehouse.reports.pdf import check_pdf_size, write_pdf
from warehouse.reports.workbook import check_size, write_xlsx

FORMATS: Final = ("csv", "xlsx", "pdf")
MEDIA_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_CHECKS: Final = {"xlsx": check_size, "pdf": check_pdf_size}


def check_file(file_format: str, result: ReportResult) -> None:
    """Refuse what ``file_format`` cannot hold; the sentence says what to use instead.

    Raises:
        ParkError: code ``too_many_rows``.
    """
    if file_format in _CHECKS:
        _CHECKS[file_format](result)


def write_file(path: Path, file_format: str, result: ReportResult, batches: Iterator[list[Row]]) -> int:
    """Write the rows as ``file_format`` and return their number; a file under ``path`` is always a whole one.

    CSV is for spreadsheets: UTF-8 with a byte-order mark, formulas made harmless.

    Raises:
        ParkError: more rows than the format holds.
        KeyError: there is no such format.
    """
    write: Callable[[Path, ReportResult, Iterator[list[Row]]], int]
    write = {"csv": _csv, "xlsx": write_xlsx, "pdf": write_pdf}[file_format]
    return write(path, result, batches)


def _csv(path: Path, result: ReportResult, batches: Iterator[list[Row]]) -> int:
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("w", encoding="utf-8-sig", newline="") as file:
            rows = write_csv(file, result, batches, for_excel=True)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def telling(batches: Iterator[list[Row]], tell: Callable[[int], None]) -> Iterator[list[Row]]:
    """The same batches; ``tell`` learns after each how many rows were taken."""
    taken = 0
    for batch in batches:
        yield batch
        taken += len(batch)
        tell(taken)


def file_name(result: ReportResult, file_format: str) -> str:
    """Title and the time the data reach, for example ``停车日报表_201905081559.xlsx``."""
    return f"{result.report.title(result.language)}_{result.data_as_of:%Y%m%d%H%M}.{file_format}"
