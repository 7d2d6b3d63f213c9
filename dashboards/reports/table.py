"""A report's rows as an HTML table: real text that can be read, copied, printed and followed.

Belongs here: cells, alignment, the row of totals, links to where figures come from. Values are written by
``warehouse.reports.texts``, as in CSV, but for thousands separators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards
from warehouse.reports.base import ReportResult
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.texts import TOTAL, writer

NUMBERS = frozenset({ColumnType.INTEGER, ColumnType.MONEY, ColumnType.AVERAGE, ColumnType.RATIO, ColumnType.DURATION})


def cell_writer(column: Column, language: str) -> Callable[[Any], str]:
    """How a value stands in a cell."""
    if column.type in (ColumnType.INTEGER, ColumnType.MONEY):
        return lambda value: "" if value is None else f"{value:,}"
    return writer(column, language)


Links = dict[str, Callable[[Mapping[str, Any]], str | None]]
"""Column key to the address that a row's cell leads to; None for no link. The row of totals is an empty record."""
LONG = 16


@dataclass(frozen=True)
class Beside:
    """A column that is not the report's: what is so at this moment. It has neither totals nor a place in files.

    Attributes:
        heading: its header.
        write: the cell of a row.
        tone: the kind of badge that the cell is shown as.
        leads: the address the cell leads to.
    """

    heading: str
    write: Callable[[Mapping[str, Any]], str]
    tone: Callable[[Mapping[str, Any]], str] | None = None
    leads: Callable[[Mapping[str, Any]], str] | None = None

    def cell(self, record: Mapping[str, Any]) -> str:
        """The cell as HTML."""
        words = escape(self.write(record))
        if self.tone is not None:
            words = f"<span class='pc-badge {escape(self.tone(record), quote=True)}'>{words}</span>"
        if self.leads is not None:
            words = f"<a href='{escape(self.leads(record), quote=True)}' target='_self'>{words}</a>"
        return f"<td class='l'>{words}</td>"


def draw(
    context: Context, result: ReportResult, columns: Sequence[Column], links: Links, beside: Sequence[Beside] = ()
) -> None:
    """Draw the shown columns of the page's rows, and the totals over the whole filter; ``beside`` stands last."""
    if not result.rows:
        cards.nothing(context.text("grid.none"))
        return
    places = {column.key: place for place, column in enumerate(result.columns)}
    writers = [(column, places[column.key], cell_writer(column, context.language)) for column in columns]
    head = "".join(
        f"<th scope='col' class='{_side(column)}'>{escape(column.header(context.language))}</th>" for column in columns
    )
    head += "".join(f"<th scope='col' class='l'>{escape(one.heading)}</th>" for one in beside)
    body = []
    for row in result.rows:
        record = dict(zip(places, row, strict=True))
        cells = []
        for column, place, write in writers:
            words = write(row[place])
            whole = f" title='{escape(words, quote=True)}'" if len(words) > LONG else ""
            cells.append(f"<td class='{_side(column)}'{whole}>{_cell(words, row[place], record, links, column)}</td>")
        cells += [one.cell(record) for one in beside]
        body.append(f"<tr>{''.join(cells)}</tr>")
    foot = (
        _totals(result, writers, links, context.language, len(beside))
        if result.totals and result.report.totals_row
        else ""
    )
    label = escape(result.report.title(context.language), quote=True)
    st.html(
        f"<div class='pc-table' tabindex='0' role='region' aria-label='{label}'>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody>{foot}</table></div>"
    )


def _cell(words: str, value: Any, record: Mapping[str, Any], links: Links, column: Column) -> str:
    find = links.get(column.key)
    href = find(record) if find is not None and _leads_somewhere(value) else None
    return f"<a href='{escape(href, quote=True)}' target='_self'>{escape(words)}</a>" if href else escape(words)


def _side(column: Column) -> str:
    return "r" if column.type in NUMBERS else "l"


def _leads_somewhere(value: Any) -> bool:
    return value is not None and not (isinstance(value, int | Decimal) and value == 0)


def _totals(
    result: ReportResult,
    writers: Sequence[tuple[Column, int, Callable[[Any], str]]],
    links: Links,
    language: str,
    further: int,
) -> str:
    cells = []
    for position, (column, _place, write) in enumerate(writers):
        value = result.totals.get(column.key)
        words = TOTAL.get(language, TOTAL["en"]) if position == 0 and value is None else write(value)
        cells.append(f"<td class='{_side(column)}'>{_cell(words, value, {}, links, column)}</td>")
    return f"<tfoot><tr>{''.join(cells)}{'<td></td>' * further}</tr></tfoot>"
