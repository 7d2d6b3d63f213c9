"""Files of lots: a CSV or XLSX table becomes lot definitions, or errors that name line and value.

Belongs here: columns, their Chinese headings, checks of one line and across lines. Does not belong here: writing to
the store (``lots.py``). docs/lot-import.md describes the file for people.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar
from zoneinfo import available_timezones

import polars as pl
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.services.lots import AreaDefinition, Change, LotDefinition, save_lot

COLUMNS: dict[str, str] = {  # field → heading in Chinese; either is understood
    "code": "停车场编号",
    "name": "停车场名称",
    "agent": "代理商编号",
    "agent_name": "代理商名称",
    "customer": "客户编号",
    "customer_name": "客户名称",
    "region": "区域",
    "address": "地址",
    "longitude": "经度",
    "latitude": "纬度",
    "time_zone": "时区",
    "cutover_minutes": "日切分钟",
    "capacity": "车位数",
    "capacity_from": "车位生效日",
    "is_test": "测试",
    "is_void": "作废",
    "area_id": "场内区域编号",
    "area_name": "场内区域名称",
    "parent_area_id": "上级区域编号",
    "is_inner": "内场",
}
REQUIRED = ("code", "name", "agent", "customer")

Parsed = TypeVar("Parsed")

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TRUE = {"1", "true", "yes", "y", "是"}
_FALSE = {"", "0", "false", "no", "n", "否"}


@dataclass(frozen=True)
class LineError:
    """What is wrong in one line: the field, the value found, and a sentence in both languages."""

    line: int
    field: str
    value: str
    zh: str
    en: str

    def text(self, language: str) -> str:
        """One line for a person."""
        if language == "zh":
            return f"第 {self.line} 行 {COLUMNS.get(self.field, self.field)}“{self.value}”：{self.zh}"
        return f"line {self.line}, {self.field} “{self.value}”: {self.en}"


@dataclass(frozen=True)
class LotFile:
    """The good lots of a file and what is wrong with the rest."""

    lots: list[LotDefinition]
    errors: list[LineError]


@dataclass(frozen=True)
class ImportSummary:
    """What an import did; counts are lots."""

    created: int
    updated: int
    unchanged: int
    errors: list[LineError]


class _BadValueError(Exception):
    def __init__(self, field: str, value: str, zh: str, en: str) -> None:
        super().__init__(en)
        self.field, self.value, self.zh, self.en = field, value, zh, en


def read_lot_file(path: Path) -> LotFile:
    """Read ``path`` (.csv in UTF-8 or GB18030, or .xlsx).

    Raises:
        ParkError: when the file as a whole cannot be read: absent, other format, missing columns.
    """
    if not path.is_file():
        raise ParkError(zh=f"文件 {path} 不存在", en=f"{path} does not exist", code="no_file")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = _csv_rows(path)
    elif suffix == ".xlsx":
        rows = _xlsx_rows(path)
    else:
        raise ParkError(
            zh=f"{path.name} 不是 .csv 或 .xlsx 文件", en=f"{path.name} is neither .csv nor .xlsx", code="file_format"
        )
    return _definitions(rows)


def import_lots(session: Session, path: Path, *, skip_bad: bool = False) -> ImportSummary:
    """Write the lots of ``path``; with an error in any line nothing is written unless ``skip_bad``.

    A lot with a wrong line is left out whole, with its areas. ``session`` is a ``write_session``.

    Raises:
        ParkError: the file cannot be read; a code belongs to something deleted or of another kind.
    """
    parsed = read_lot_file(path)
    if parsed.errors and not skip_bad:
        return ImportSummary(created=0, updated=0, unchanged=0, errors=parsed.errors)
    changes = [save_lot(session, lot) for lot in parsed.lots]
    return ImportSummary(
        created=changes.count(Change.CREATED),
        updated=changes.count(Change.UPDATED),
        unchanged=changes.count(Change.UNCHANGED),
        errors=parsed.errors,
    )


def _csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030", errors="replace")
    reader = csv.reader(io.StringIO(text, newline=""))
    fields = _header(next(reader, []))
    for cells in reader:
        if any(cell.strip() for cell in cells):
            yield reader.line_num, dict(zip(fields, (cell.strip() for cell in cells), strict=False))


def _xlsx_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        frame = pl.read_excel(path, has_header=False, infer_schema_length=0, drop_empty_rows=False)
    except Exception as error:
        raise ParkError(
            zh=f"{path.name} 无法作为 Excel 打开：{error}", en=f"{path.name} is no readable workbook: {error}"
        ) from error
    rows = frame.rows()
    fields = _header([str(cell or "") for cell in rows[0]] if rows else [])
    for line, row in enumerate(rows[1:], start=2):
        cells = ["" if cell is None else str(cell).strip() for cell in row]
        if any(cells):
            yield line, dict(zip(fields, cells, strict=False))


def _header(cells: list[str]) -> list[str]:
    by_heading = {heading: name for name, heading in COLUMNS.items()}
    fields = [by_heading.get(cell.strip(), cell.strip().lower()) for cell in cells]
    missing = [name for name in REQUIRED if name not in fields]
    if missing:
        raise ParkError(
            zh="表头缺少：" + "、".join(COLUMNS[name] for name in missing) + "（首行应为列名）",
            en="the first line must name the columns; missing: " + ", ".join(missing),
            code="missing_columns",
        )
    unknown = [name for name in fields if name and name not in COLUMNS]
    if unknown:
        raise ParkError(
            zh="不认识的列：" + "、".join(unknown), en="unknown columns: " + ", ".join(unknown), code="unknown_columns"
        )
    return fields


def _definitions(rows: Iterator[tuple[int, dict[str, str]]]) -> LotFile:
    lots: dict[str, tuple[int, LotDefinition]] = {}
    areas: list[tuple[int, str, AreaDefinition]] = []
    errors: list[LineError] = []
    bad_codes: set[str] = set()
    for line, row in rows:
        try:
            code = _code(row, "code")
            if row.get("area_id"):
                areas.append((line, code, _area(row)))
                continue
            if code in lots:
                raise _BadValueError(
                    "code", code, f"与第 {lots[code][0]} 行重复", f"is in line {lots[code][0]} already"
                )
            lots[code] = (line, _lot(code, row))
        except _BadValueError as bad:
            bad_codes.add(row.get("code", ""))
            errors.append(LineError(line, bad.field, bad.value, bad.zh, bad.en))
    for line, code, area in areas:
        try:
            _attach(lots, areas, code, area, code in bad_codes)
        except _BadValueError as bad:
            bad_codes.add(code)
            errors.append(LineError(line, bad.field, bad.value, bad.zh, bad.en))
    good = [definition for code, (_, definition) in lots.items() if code not in bad_codes]
    return LotFile(lots=good, errors=sorted(errors, key=lambda error: error.line))


def _attach(
    lots: dict[str, tuple[int, LotDefinition]],
    areas: list[tuple[int, str, AreaDefinition]],
    code: str,
    area: AreaDefinition,
    known_bad: bool,
) -> None:
    if code not in lots:
        if known_bad:
            return
        raise _BadValueError("code", code, "没有该停车场的主行", "has no line of its own in this file")
    line, lot = lots[code]
    siblings = {other.area_id for _, owner, other in areas if owner == code}
    if area.parent_area_id is not None and area.parent_area_id not in siblings:
        raise _BadValueError("parent_area_id", area.parent_area_id, "不是该停车场的区域", "is no area of this lot")
    if area.parent_area_id == area.area_id or any(known.area_id == area.area_id for known in lot.areas):
        raise _BadValueError("area_id", area.area_id, "重复或以自身为上级", "is doubled or its own parent")
    lots[code] = (line, replace(lot, areas=(*lot.areas, area)))


def _lot(code: str, row: dict[str, str]) -> LotDefinition:
    return LotDefinition(
        code=code,
        name=_text(row, "name", 200),
        agent=_code(row, "agent"),
        agent_name=row.get("agent_name") or None,
        customer=_code(row, "customer"),
        customer_name=row.get("customer_name") or None,
        region=row.get("region") or None,
        address=row.get("address") or None,
        longitude=_number(row, "longitude", -180, 180),
        latitude=_number(row, "latitude", -90, 90),
        time_zone=_time_zone(row),
        cutover_minutes=_count(row, "cutover_minutes", 1439) or 0,
        capacity=_count(row, "capacity", 1_000_000),
        capacity_from=_day(row),
        is_test=_flag(row, "is_test"),
        is_void=_flag(row, "is_void"),
    )


def _area(row: dict[str, str]) -> AreaDefinition:
    area_id = _code(row, "area_id")
    return AreaDefinition(
        area_id=area_id,
        name=row.get("area_name") or row.get("name") or area_id,
        parent_area_id=row.get("parent_area_id") or None,
        is_inner=_flag(row, "is_inner"),
        capacity=_count(row, "capacity", 1_000_000),
    )


def _text(row: dict[str, str], field: str, longest: int) -> str:
    value = row.get(field, "")
    if not value or len(value) > longest:
        raise _BadValueError(field, value[:40], f"应有 1 至 {longest} 个字", f"must have 1 to {longest} characters")
    return value


def _code(row: dict[str, str], field: str) -> str:
    value = row.get(field, "")
    if not _CODE.fullmatch(value):
        raise _BadValueError(
            field,
            value[:80],
            "应为 1 至 64 个字母、数字、点、下划线或连字符",
            "must be 1 to 64 letters, digits, dots, underscores or hyphens",
        )
    return value


def _parsed(row: dict[str, str], field: str, parse: Callable[[str], Parsed], zh: str, en: str) -> Parsed | None:
    value = row.get(field, "")
    if not value:
        return None
    try:
        return parse(value)
    except ValueError as error:
        raise _BadValueError(field, value[:40], zh, en) from error


def _number(row: dict[str, str], field: str, lowest: float, highest: float) -> float | None:
    def parse(value: str) -> float:
        number = float(value)
        if not lowest <= number <= highest:
            raise ValueError(value)
        return number

    return _parsed(row, field, parse, f"应为 {lowest} 至 {highest} 的数", f"must be a number of {lowest} to {highest}")


def _count(row: dict[str, str], field: str, highest: int) -> int | None:
    def parse(value: str) -> int:
        number = int(value.removesuffix(".0"))
        if not 0 <= number <= highest:
            raise ValueError(value)
        return number

    return _parsed(row, field, parse, f"应为 0 至 {highest} 的整数", f"must be a whole number of 0 to {highest}")


def _day(row: dict[str, str]) -> date | None:
    return _parsed(
        row, "capacity_from", lambda value: date.fromisoformat(value[:10]), "应为 YYYY-MM-DD", "must be YYYY-MM-DD"
    )


def _time_zone(row: dict[str, str]) -> str:
    value = row.get("time_zone") or "Asia/Shanghai"
    if value not in available_timezones():
        raise _BadValueError(
            "time_zone", value, "不是 IANA 时区名，如 Asia/Shanghai", "is no IANA zone such as Asia/Shanghai"
        )
    return value


def _flag(row: dict[str, str], field: str) -> bool:
    value = row.get(field, "").lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise _BadValueError(field, value, "应为 是/否 或 1/0", "must be yes/no or 1/0")
