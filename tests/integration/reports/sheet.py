"""Reads workbooks as Excel does: every cell with the type that its number format gives it.

Independent of the writer; the cells' own XML, so that a number written as a text cannot pass for a number.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
EPOCH = datetime(1899, 12, 30, tzinfo=UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Sheet:
    """Name, rows and how many rows stay in sight when scrolling.

    Cells are None, str, bool, Decimal, datetime (formats with a year) or timedelta ([h]:mm:ss).
    """

    name: str
    rows: list[list[Any]]
    frozen_rows: int


def read_workbook(path: Path) -> list[Sheet]:
    with zipfile.ZipFile(path) as archive:
        book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
        names = [sheet.attrib["name"] for sheet in book.iter(f"{MAIN}sheet")]
        formats = _formats(archive)
        shared = _shared(archive)
        sheets = [ElementTree.fromstring(archive.read(f"xl/worksheets/sheet{n}.xml")) for n in range(1, len(names) + 1)]
    return [
        Sheet(name, _rows(sheet, formats, shared), _frozen(sheet)) for name, sheet in zip(names, sheets, strict=True)
    ]


def _formats(archive: zipfile.ZipFile) -> list[str]:
    styles = ElementTree.fromstring(archive.read("xl/styles.xml"))
    codes = {one.attrib["numFmtId"]: one.attrib["formatCode"] for one in styles.iter(f"{MAIN}numFmt")}
    cells = styles.find(f"{MAIN}cellXfs")
    assert cells is not None
    return [codes.get(one.attrib["numFmtId"], "") for one in cells]


def _shared(archive: zipfile.ZipFile) -> list[str]:
    if "xl/sharedStrings.xml" not in archive.namelist():
        return []
    texts = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
    return ["".join(part.text or "" for part in one.iter(f"{MAIN}t")) for one in texts]


def _frozen(sheet: ElementTree.Element) -> int:
    pane = next(sheet.iter(f"{MAIN}pane"), None)
    return int(pane.attrib["ySplit"]) if pane is not None and pane.attrib["state"] == "frozen" else 0


def _rows(sheet: ElementTree.Element, formats: list[str], shared: list[str]) -> list[list[Any]]:
    rows: list[list[Any]] = []
    for row in sheet.iter(f"{MAIN}row"):
        while len(rows) < int(row.attrib["r"]):
            rows.append([])
        for cell in row:
            place = 0
            for letter in re.sub(r"\d", "", cell.attrib["r"]):
                place = place * 26 + ord(letter) - 64
            rows[-1] += [None] * (place - len(rows[-1]))
            rows[-1][place - 1] = _value(cell, formats, shared)
    width = max(map(len, rows), default=0)
    return [row + [None] * (width - len(row)) for row in rows]


def _value(cell: ElementTree.Element, formats: list[str], shared: list[str]) -> Any:
    kind, written = cell.attrib.get("t", "n"), cell.findtext(f"{MAIN}v")
    if kind == "inlineStr":
        return "".join(part.text or "" for part in cell.iter(f"{MAIN}t"))
    if written is None:
        return None
    if kind == "s":
        return shared[int(written)]
    if kind == "b":
        return written == "1"
    assert kind == "n", kind  # neither formulas nor errors
    shape = formats[int(cell.attrib.get("s", "0"))]
    if "[h]" in shape:
        return timedelta(seconds=round(float(written) * 86_400))
    if "yy" in shape:
        return EPOCH + timedelta(seconds=round(float(written) * 86_400))
    return Decimal(written)
