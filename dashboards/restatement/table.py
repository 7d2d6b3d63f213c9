"""What moved, as people read it: one block a row, its cells with signed differences, its records unfolded below.

Belongs here: HTML of a difference; everything is escaped. Does not belong here: words of files
(``warehouse.reports.restatement``).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import groupby
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.reports.table import cell_writer
from warehouse.reports import restatement
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.difference import Difference, Moved
from warehouse.reports.texts import writer

CAUSES_SHOWN = 50
_LATE_SECONDS = 86_400


def grouped(found: Difference) -> list[list[Moved]]:
    """The moved cells by the row they stand in."""
    return [list(cells) for _, cells in groupby(found.moved, key=lambda cell: tuple(cell.row.items()))]


def draw(context: Context, found: Difference, groups: Sequence[Sequence[Moved]]) -> None:
    """Draw these rows."""
    columns = restatement.row_columns(found)
    codes = restatement.codes_of(found)
    st.html("".join(_block(context, found, cells, columns, codes) for cells in groups))


def _block(
    context: Context, found: Difference, cells: Sequence[Moved], columns: Sequence[Column], codes: dict[int, str]
) -> str:
    language, text = context.language, context.text
    row, causes = cells[0].row, cells[0].causes
    named = [writer(column, language)(row.get(column.key)) for column in columns]
    title = " · ".join(escape(word) for word in dict.fromkeys(named) if word) or escape(text("restatement.whole"))
    body = "".join(
        f"<tr><td class='l'>{escape(cell.column.header(language))}</td>"
        + "".join(
            f"<td class='r'>{escape(plain(cell.column, value, language))}</td>" for value in (cell.before, cell.after)
        )
        + f"<td class='r {_tone(cell)}'>{escape(signed(cell.column, cell.difference, language))}</td></tr>"
        for cell in cells
    )
    heads = "".join(
        f"<th scope='col' class='{side}'>{escape(word)}</th>"
        for side, word in zip("lrrr", _heads(context), strict=True)
    )
    cells_table = f"<div class='pc-table'><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>"
    return (
        f"<section class='pc-moved' aria-label='{escape(title, quote=True)}'><h3>{title}</h3>{cells_table}"
        f"{_records(context, found, causes, codes)}</section>"
    )


def _records(context: Context, found: Difference, places: Sequence[int], codes: dict[int, str]) -> str:
    text, language = context.text, context.language
    if not places:
        return f"<p class='pc-note'>{escape(text('restatement.no_record'))}</p>"
    causes = [found.causes[place] for place in places]
    latest = max(cause.record.late_seconds for cause in causes)
    late = restatement.late_text(latest, language)
    summary = escape(text("restatement.records", count=f"{len(causes):,}", late=late))
    heads = "".join(
        f"<th scope='col'>{escape(word)}</th>" for word in restatement.CAUSE_HEADERS["zh" if language == "zh" else "en"]
    )
    lines = []
    for cause in causes[:CAUSES_SHOWN]:
        tone = " class='bad'" if cause.record.late_seconds >= _LATE_SECONDS else ""
        cells = "".join(f"<td>{escape(word)}</td>" for word in restatement.cause_texts(found, cause, codes))
        lines.append(f"<tr{tone}>{cells}</tr>")
    more = len(causes) - CAUSES_SHOWN
    rest = f"<p class='pc-note'>{escape(text('restatement.more_records', count=f'{more:,}'))}</p>" if more > 0 else ""
    return (
        f"<details><summary>{summary}</summary><div class='pc-table'><table><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table></div>{rest}</details>"
    )


def _heads(context: Context) -> list[str]:
    words = restatement.words_of(context.language)
    return [words[key] for key in ("column", "before", "after", "difference")]


def plain(column: Column, value: Any, language: str) -> str:
    """A figure as pages show it; a dash where there is none. Files write it without separators."""
    return cell_writer(column, language)(value) or "–"


def signed(column: Column, difference: Decimal | int | None, language: str) -> str:
    """A difference with its sign, as pages show it."""
    if difference is None or column.type not in (ColumnType.INTEGER, ColumnType.MONEY):
        return restatement.signed(column, difference, language)
    words = cell_writer(column, language)(difference)
    return f"+{words}" if difference > 0 else words


def _tone(cell: Moved) -> str:
    if not cell.difference:
        return ""
    return "up" if cell.difference > 0 else "down"
