"""A difference as tables and files: what moved, through which records, on what the two sides rest.

Belongs here: words and layout of ``park diff`` and of the page's files. Does not belong here: finding the difference
(``difference``).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, TextIO
from zoneinfo import ZoneInfo

import xlsxwriter

from warehouse.reports.causes import Cause
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.difference import Difference, Moved
from warehouse.reports.export import guarded, json_value, known_at_of
from warehouse.reports.headline import headline, zone_of
from warehouse.reports.known import sentence
from warehouse.reports.texts import code_text, duration_text, ratio_text, writer
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.settings import Settings

EXPORT: Final = "restatement.export"
CHANGES: Final = {
    "new": ("新到", "new"),
    "corrected": ("更正", "corrected"),
    "moved": ("改日", "moved to another day"),
    "voided": ("作废", "voided"),
    "restored": ("恢复", "restored"),
}
_WORDS: Final = {
    "zh": {
        "column": "列", "before": "变动前", "after": "变动后", "difference": "差额", "records": "相关记录数",
        "movements": "变动", "causes": "相关记录", "about": "说明", "totals": "总计", "none": "两个时间之间没有变动",
        "reach": "数据截止 {} → {}", "edited": "两个时间之间停车场、区域或车位数有过修改",
        "more": "记录超过 {},只列出最早的",
        "unexplained": "其中 {} 处变动没有对应的记录:由数据截止时间、停车场资料或数据模型的变化引起",
    },
    "en": {
        "column": "Column", "before": "Before", "after": "After", "difference": "Difference", "records": "Records",
        "movements": "Movements", "causes": "Records", "about": "About", "totals": "Totals",
        "none": "nothing moved between the two moments", "reach": "data as of {} → {}",
        "edited": "lots, areas or spaces were edited between the two moments",
        "more": "more than {} records; only the first are listed",
        "unexplained": "{} of the movements have no record of their own: the data reach further, or lots or models "
        "changed",
    },
}  # fmt: skip
CAUSE_HEADERS: Final = {
    "zh": (
        "停车场编码", "类别", "记录编号", "变化", "版本", "事件时间", "原营业日", "营业日", "收到时间", "迟到",
        "入库时间", "来源",
    ),
    "en": (
        "Lot code", "Kind", "Record", "Change", "Revision", "Event time", "Day before", "Day", "Received", "Late by",
        "Landed", "Source",
    ),
}  # fmt: skip


def words_of(language: str) -> dict[str, str]:
    """The words of tables and files."""
    return _WORDS["zh" if language == "zh" else "en"]


def change_text(change: str, language: str) -> str:
    """What happened to a record, in words; the bare code with language ``key``."""
    return change if language == "key" else CHANGES[change][0 if language == "zh" else 1]


def late_text(seconds: int, language: str) -> str:
    """How late a record came, in days from the second day on; an event ahead of its arrival is not late."""
    days = max(seconds, 0) // 86_400
    if days < 2 or language == "key":
        return duration_text(max(seconds, 0), language)
    return f"{days}天" if language == "zh" else f"{days} days"


def plain(column: Column, value: Any, language: str) -> str:
    """A value, as in the report; a dash where there is none."""
    return writer(column, language)(value) or "–"


def signed(column: Column, difference: Decimal | int | None, language: str) -> str:
    """A difference with its sign; empty where there is none."""
    if difference is None:
        return ""
    if column.type is ColumnType.DURATION:
        text = duration_text(int(difference), language)
    elif column.type is ColumnType.RATIO:
        text = ratio_text(Decimal(difference), language)
    else:
        text = f"{difference:.2f}" if isinstance(difference, Decimal) else str(difference)
    return f"+{text}" if difference > 0 else text


def movement_headers(found: Difference) -> list[str]:
    """Headers of the table of movements."""
    words = words_of(found.result.language)
    names = [column.header(found.result.language) for column in row_columns(found)]
    return [*names, *(words[key] for key in ("column", "before", "after", "difference", "records"))]


def row_columns(found: Difference) -> list[Column]:
    """The columns that name a row for people: the lot by its name beside its code."""
    shown = {column.key for column in found.keys}
    lot = [column for column in found.result.columns if column.key == "lot_name" and "lot_code" in shown]
    return [*lot, *found.keys]


def movement_texts(found: Difference, cell: Moved) -> list[str]:
    """One line of the table of movements."""
    language = found.result.language
    write = writer(cell.column, language)
    named = [writer(column, language)(cell.row.get(column.key)) for column in row_columns(found)]
    return [
        *named,
        cell.column.header(language),
        write(cell.before),
        write(cell.after),
        signed(cell.column, cell.difference, language),
        str(len(cell.causes)),
    ]


def cause_texts(found: Difference, cause: Cause, codes: dict[int, str]) -> list[str]:
    """One line of the table of records."""
    record, language = cause.record, found.result.language
    zone = zone_of(found.result)
    kind = code_text("record_kind", record.kind, language)
    return [
        codes.get(record.lot_id, str(record.lot_id)),
        kind,
        record.record_id,
        change_text(record.change, language),
        str(record.revision),
        f"{record.local_at:%Y-%m-%d %H:%M:%S}",
        record.day_before.isoformat() if record.day_before is not None else "",
        record.business_date.isoformat() if record.op == "upsert" else "",
        f"{record.received_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        duration_text(record.late_seconds, language),
        f"{record.landed_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        record.source,
    ]


def codes_of(found: Difference) -> dict[int, str]:
    """Lot codes by id."""
    return {lot.lot_id: lot.code for lot in found.result.question.known_lots}


def about(found: Difference, zone: ZoneInfo) -> list[str]:
    """Sentences: what the two sides rest on, and what else changed between them."""
    language = found.result.language
    words = words_of(language)
    lines = [sentence(side.basis, language, zone) for side in (found.before, found.after)]
    reach = [f"{side.data_as_of.astimezone(zone):%Y-%m-%d %H:%M:%S}" for side in (found.before, found.after)]
    if reach[0] != reach[1]:
        lines.append(words["reach"].format(*reach))
    if found.entities_edited:
        lines.append(words["edited"])
    if not found.all_causes:
        lines.append(words["more"].format(f"{len(found.causes):,}"))
    unexplained = sum(1 for cell in found.moved if not cell.causes)
    if unexplained:
        lines.append(words["unexplained"].format(f"{unexplained:,}"))
    if not found.moved:
        lines.append(words["none"])
    return lines


def note_export(settings: Settings, actor: Actor, found: Difference) -> None:
    """Write to the operator log that a difference was taken out."""
    sides = {"known_at": found.before.basis.asked.isoformat(), "and": found.after.basis.asked.isoformat()}
    audit.note_export(settings, actor, EXPORT, found.result.report.name, {**sides, "rows": len(found.moved)})


def write_csv(target: TextIO, found: Difference, *, for_excel: bool = False) -> None:
    """The movements, one line each."""
    output = csv.writer(target, lineterminator="\n")
    output.writerow(movement_headers(found))
    lead = len(row_columns(found))
    for cell in found.moved:
        texts = movement_texts(found, cell)
        # A signed number is no formula; what people named may be one.
        output.writerow([guarded(text) if for_excel and place < lead else text for place, text in enumerate(texts)])


def write_json(target: TextIO, found: Difference) -> None:
    """One object: both sides, movements with the places of their records, the records, totals."""
    codes = codes_of(found)
    keys = ("lot_code", "kind", "record_id", "change", "revision", "op", "occurred_at", "received_at", "late_seconds")
    document = {
        "report": found.result.report.name,
        "sides": [
            {
                **known_at_of(side.basis),
                "data_as_of": side.data_as_of.isoformat(),
                "row_count": side.row_count,
                "totals": {key: json_value(value) for key, value in side.totals.items()},
            }
            for side in (found.before, found.after)
        ],
        "entities_edited": found.entities_edited,
        "totals": [
            {
                "column": column.key,
                "before": json_value(before),
                "after": json_value(after),
                "difference": json_value(gap),
            }
            for column, before, after, gap in found.totals()
        ],
        "moved": [
            {
                "row": {key: json_value(value) for key, value in cell.row.items()},
                "column": cell.column.key,
                "before": json_value(cell.before),
                "after": json_value(cell.after),
                "difference": json_value(cell.difference),
                "records": list(cell.causes),
            }
            for cell in found.moved
        ],
        "records": [
            {
                key: value.isoformat() if hasattr(value, "isoformat") else value
                for key in keys
                for value in [
                    codes.get(cause.record.lot_id, str(cause.record.lot_id))
                    if key == "lot_code"
                    else getattr(cause.record, key)
                ]
            }
            | {
                "landed_at": cause.record.landed_at.isoformat(),
                "business_date": cause.record.business_date.isoformat(),
                "day_before": cause.record.day_before.isoformat() if cause.record.day_before is not None else None,
                "source": cause.record.source,
            }
            for cause in found.causes
        ],
        "all_records": found.all_causes,
    }
    json.dump(document, target, ensure_ascii=False, indent=1)
    target.write("\n")


def write_xlsx(path: Path, found: Difference) -> None:
    """A workbook: movements with real numbers, records, and what both sides rest on."""
    language = found.result.language
    words = words_of(language)
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_formulas": False}) as book:
        bold = book.add_format({"bold": True, "bottom": 1})
        _movement_sheet(book, found, bold)
        codes = codes_of(found)
        causes = [cause_texts(found, cause, codes) for cause in found.causes]
        _text_sheet(book, words["causes"], CAUSE_HEADERS["zh" if language == "zh" else "en"], causes, bold)
        told = headline(found.result)
        lines = [[words["about"], text] for text in about(found, zone_of(found.result))]
        lines += [list(line) for line in told.lines]
        for column, before, after, gap in found.totals():
            write = writer(column, language)
            text = f"{write(before)} → {write(after)} ({signed(column, gap, language)})"
            lines.append([f"{words['totals']} {column.header(language)}", text])
        _text_sheet(book, words["about"], (told.title, ""), lines, bold)


def _movement_sheet(book: Any, found: Difference, bold: Any) -> None:
    sheet = book.add_worksheet(words_of(found.result.language)["movements"])
    sheet.freeze_panes(1, 0)
    headers = movement_headers(found)
    numbers = {
        ColumnType.MONEY: book.add_format({"num_format": "#,##0.00"}),
        ColumnType.INTEGER: book.add_format({"num_format": "0"}),
    }
    for place, header in enumerate(headers):
        sheet.set_column(place, place, 16)
        sheet.write_string(0, place, header, bold)
    last = len(headers)
    for number, cell in enumerate(found.moved, start=1):
        texts = movement_texts(found, cell)
        values: dict[int, Any] = {last - 1: len(cell.causes)}
        if cell.column.type in numbers:
            values |= {last - 4: cell.before, last - 3: cell.after, last - 2: cell.difference}
        for place, text in enumerate(texts):
            value = values.get(place)
            if value is not None and abs(value) < 10**13:
                sheet.write_number(number, place, float(value), numbers.get(cell.column.type))
            elif text:
                sheet.write_string(number, place, text)


def _text_sheet(book: Any, name: str, headers: Sequence[str], rows: Sequence[Sequence[str]], bold: Any) -> None:
    sheet = book.add_worksheet(name)
    sheet.freeze_panes(1, 0)
    for place, header in enumerate(headers):
        sheet.set_column(place, place, 22)
        sheet.write_string(0, place, header, bold)
    for number, row in enumerate(rows, start=1):
        for place, text in enumerate(row):
            sheet.write_string(number, place, text)
