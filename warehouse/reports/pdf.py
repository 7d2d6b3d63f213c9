"""Reports as PDF, to print and to sign.

Belongs here: everything that knows the PDF format: page, columns, breaks, signatures. The Chinese font comes with a
package and is embedded, cut down to the characters used, so that every viewer and printer shows the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pylopdf_fonts_zh_cn
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from warehouse.errors import ParkError
from warehouse.lake.reader import Row
from warehouse.reports.base import ReportResult
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.headline import Headline, headline
from warehouse.reports.texts import TOTAL, writer

# Characters that the font lacks are drawn as boxes; fpdf2 would name each of them in the log.
logging.getLogger("fpdf").setLevel(logging.ERROR)

LARGEST_PDF: Final = 2_000
SIGNED: Final = frozenset({"daily-report"})
"""Reports that end with lines to sign on."""

_NUMBERS: Final = frozenset(
    {ColumnType.INTEGER, ColumnType.MONEY, ColumnType.AVERAGE, ColumnType.RATIO, ColumnType.DURATION}
)
_FONT: Final = "sans"
_MARGIN: Final = 10.0
_PAD: Final = 1.2
_SIZES: Final = (9.0, 8.0, 7.0, 6.0)
_PAPERS: Final = ("a4", "a3")
_WIDEST_TEXT: Final = 44.0
_NARROWEST: Final = 9.0
_SIGNATURES: Final = {
    "zh": ("制表人", "审核人", "负责人"),
    "en": ("Prepared by", "Checked by", "Approved by"),
}
_SIGNATURE_HEIGHT: Final = 26.0
_INK, _MUTE, _LINE, _SHADE = (28, 36, 52), (95, 107, 126), (200, 206, 216), (240, 243, 248)


def check_pdf_size(result: ReportResult) -> None:
    """Refuse what nobody would print.

    Raises:
        ParkError: code ``too_many_rows``.
    """
    if result.row_count > LARGEST_PDF:
        raise ParkError(
            zh=f"共 {result.row_count} 行,超过 PDF 最多 {LARGEST_PDF} 行:请缩小期间或筛选,或改用 Excel、CSV",
            en=f"{result.row_count} rows exceed the {LARGEST_PDF} of a PDF: choose a shorter period or more filters, "
            "or use Excel or CSV",
            code="too_many_rows",
        )


def write_pdf(path: Path, result: ReportResult, batches: Iterator[list[Row]]) -> int:
    """Write the document; return the number of rows.

    Raises:
        ParkError: more rows than a PDF may hold.
    """
    check_pdf_size(result)
    rows = [row for batch in batches for row in batch]
    document = _Document.of(result, rows)
    partial = path.with_name(path.name + ".partial")  # a half-written file must not pass for a whole one
    try:
        partial.write_bytes(document.made())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return len(rows)


def _cell_text(column: Column, language: str) -> Callable[[Any], str]:
    """As in CSV, but with thousands separators."""
    if column.type is ColumnType.MONEY:
        return lambda value: "" if value is None else f"{value:,.2f}"
    if column.type is ColumnType.INTEGER:
        return lambda value: "" if value is None else f"{value:,}"
    return writer(column, language)


class _Page(FPDF):
    """Paper with what stands on each page: the foot, and on later pages the title again."""

    def __init__(self, paper: str, words: Headline, language: str) -> None:
        super().__init__(orientation="landscape", format=paper)
        self.words, self.language = words, language
        self.set_margin(_MARGIN)
        self.set_auto_page_break(False)
        self.add_font(_FONT, fname=pylopdf_fonts_zh_cn.sans_path())
        self.set_title(words.title)
        self.set_lang("zh-CN" if language == "zh" else "en")
        self.set_creation_date(datetime.now(UTC))

    def header(self) -> None:
        """The title: large above the first page, small above the others."""
        is_first = self.page_no() == 1
        self.set_text_color(*_INK)
        self.set_font(_FONT, size=16 if is_first else 9)
        self.cell(0, 10 if is_first else 6, self.words.title, align="C", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        if is_first:
            self.set_font(_FONT, size=9)
            self.set_text_color(*_MUTE)
            for label, text in self.words.lines:
                gap = "：" if self.language == "zh" else ": "
                self.multi_cell(0, 5, f"{label}{gap}{text}", new_x=XPos.LMARGIN, new_y=YPos.NEXT)
            self.ln(2)

    def footer(self) -> None:
        """Page number and how far the data reach."""
        self.set_y(-_MARGIN)
        self.set_font(_FONT, size=8)
        self.set_text_color(*_MUTE)
        said, page = self.words.lines[-1], self.page_no()
        self.cell(0, 5, f"{said[0]} {said[1]}", align="L", new_x=XPos.LMARGIN)
        number = f"第 {page} / {{nb}} 页" if self.language == "zh" else f"Page {page} of {{nb}}"
        self.cell(0, 5, number, align="R")


@dataclass
class _Ruler:
    """Widths of texts in millimetres at size 1, character by character: the font is not kerned."""

    page: FPDF
    known: dict[str, float] = field(default_factory=dict)

    def width(self, text: str) -> float:
        """Of one line."""
        return sum(self.known[sign] if sign in self.known else self._measured(sign) for sign in text)

    def _measured(self, sign: str) -> float:
        self.page.set_font(_FONT, size=100)
        found = self.known[sign] = self.page.get_string_width(sign) / 100
        return found

    def lines(self, text: str, widest: float) -> list[str]:
        """``text`` cut into lines of at most ``widest``, after a blank or comma where one is near the end."""
        lines: list[str] = []
        for paragraph in text.splitlines() or [""]:
            start, width = 0, 0.0
            for place, sign in enumerate(paragraph):
                wide = self.width(sign)
                if width + wide > widest and place > start:
                    soft = max(paragraph.rfind(mark, start, place) for mark in " ,，、")
                    end = soft + 1 if soft - start > (place - start) // 2 else place
                    lines.append(paragraph[start:end])
                    start, width = end, self.width(paragraph[end:place])
                width += wide
            lines.append(paragraph[start:])
        return lines


@dataclass(frozen=True)
class _Document:
    """A report laid out."""

    result: ReportResult
    page: _Page
    ruler: _Ruler
    size: float
    widths: Sequence[float]
    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    totals: Sequence[str] | None
    right: Sequence[bool]

    @classmethod
    def of(cls, result: ReportResult, rows: Sequence[Row]) -> _Document:
        """Choose paper and size of type so that every column has its room."""
        words = headline(result)
        writers = [_cell_text(column, result.language) for column in result.columns]
        texts = [[write(value) for write, value in zip(writers, row, strict=True)] for row in rows]
        totals = _totals(result, writers) if result.report.totals_row and result.totals else None
        right = [column.type in _NUMBERS for column in result.columns]
        headers = result.headers
        for paper in _PAPERS:
            page = _Page(paper, words, result.language)
            ruler = _Ruler(page)
            for size in _SIZES:
                lines = [*texts, *([totals] if totals else [])]
                wanted = [
                    _wanted(
                        [ruler.width(line[place]) * size for line in lines],
                        size * max(ruler.width(word) / (1 if word.isascii() else 2) for word in headers[place].split()),
                        is_text=not right[place],
                    )
                    for place in range(len(headers))
                ]
                if sum(wanted) <= page.epw:
                    spare = page.epw / sum(wanted)
                    return cls(
                        result, page, ruler, size, [one * spare for one in wanted], headers, texts, totals, right
                    )
        squeezed = [one * page.epw / sum(wanted) for one in wanted]
        return cls(result, page, ruler, size, squeezed, headers, texts, totals, right)

    def made(self) -> bytes:
        """The document's bytes."""
        self.page.add_page()
        self._head()
        for row in self.rows:
            self._row(row)
        if self.totals is not None:
            self._row(self.totals, is_strong=True)
        if self.result.report.name in SIGNED:
            self._signatures()
        return bytes(self.page.output())

    def _head(self) -> None:
        self._line(self.headers, is_strong=True)

    def _row(self, cells: Sequence[str], *, is_strong: bool = False) -> None:
        if self.page.get_y() + self._height(self._broken(cells)) > self._bottom:
            self.page.add_page()
            self._head()
        self._line(cells, is_strong=is_strong)

    @property
    def _bottom(self) -> float:
        return float(self.page.h) - _MARGIN - 3

    @property
    def _line_height(self) -> float:
        return self.size * 0.3528 * 1.35

    def _broken(self, cells: Sequence[str]) -> list[list[str]]:
        return [
            self.ruler.lines(text, (width - 2 * _PAD) / self.size)
            for text, width in zip(cells, self.widths, strict=True)
        ]

    def _height(self, cells: Sequence[Sequence[str]]) -> float:
        return max(len(lines) for lines in cells) * self._line_height + 2 * _PAD * 0.7

    def _line(self, cells: Sequence[str], *, is_strong: bool = False) -> None:
        page, broken = self.page, self._broken(cells)
        top, height = page.get_y(), self._height(broken)
        if is_strong:
            page.set_fill_color(*_SHADE)
            page.rect(_MARGIN, top, sum(self.widths), height, style="F")
        page.set_font(_FONT, size=self.size)
        page.set_text_color(*_INK)
        left = _MARGIN
        for lines, width, is_right in zip(broken, self.widths, self.right, strict=True):
            for number, text in enumerate(lines):
                if text:
                    page.set_xy(left, top + _PAD * 0.7 + number * self._line_height)
                    page.c_margin = _PAD
                    page.cell(width, self._line_height, text, align="R" if is_right else "L")
            left += width
        page.set_draw_color(*_LINE)
        page.set_line_width(0.15)
        page.line(_MARGIN, top + height, left, top + height)
        page.set_xy(_MARGIN, top + height)

    def _signatures(self) -> None:
        page = self.page
        if page.get_y() + _SIGNATURE_HEIGHT > self._bottom:
            page.add_page()
        page.set_y(page.get_y() + _SIGNATURE_HEIGHT - 8)
        page.set_font(_FONT, size=11)
        page.set_text_color(*_INK)
        page.set_draw_color(*_INK)
        room, top = page.epw / 3, page.get_y()
        for place, name in enumerate(_SIGNATURES["zh" if self.result.language == "zh" else "en"]):
            label = f"{name}：" if self.result.language == "zh" else f"{name}: "
            left = _MARGIN + place * room
            page.set_xy(left, top)
            page.cell(room, 6, label)
            page.line(left + page.get_string_width(label) + 3, top + 6, left + room - 8, top + 6)


def _wanted(widths: Sequence[float], header: float, *, is_text: bool) -> float:
    """Room for a column: its widest text, long texts broken, and ``header``, the widest piece of its header."""
    widest = max([*widths, header + 1, _NARROWEST])
    return (min(widest, max(_WIDEST_TEXT, header + 1)) if is_text else widest) + 2 * _PAD


def _totals(result: ReportResult, writers: Sequence[Callable[[Any], str]]) -> list[str]:
    cells = [
        write(result.totals[column.key]) if result.totals.get(column.key) is not None else ""
        for column, write in zip(result.columns, writers, strict=True)
    ]
    return [TOTAL.get(result.language, TOTAL["en"]), *cells[1:]]
