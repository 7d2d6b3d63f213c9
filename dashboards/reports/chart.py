"""The chart of a report: bars or lines over its rows.

Belongs here: which columns become series, and the switch between forms, kept in the address. Does not belong here:
drawing (dashboards.ui.charts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboards.context import Context
from dashboards.theme import PALETTE
from dashboards.ui import address, cards, charts
from warehouse.reports.base import ReportResult
from warehouse.reports.columns import ColumnType
from warehouse.reports.texts import writer

HEIGHT = 320
MOST_POINTS = 400


@dataclass(frozen=True)
class Chart:
    """Columns of the report: ``across`` is the axis, ``series`` are drawn; those not shown are left out."""

    across: str
    series: Sequence[str]
    as_line: bool = False


def draw(context: Context, name: str, chart: Chart, result: ReportResult) -> None:
    """Draw the card with the chart; a row without a figure is hatched, because missing is not zero."""
    text = context.text
    by_key = {column.key: column for column in result.columns}
    across = by_key.get(chart.across)
    if across is None or not result.rows:
        return
    series = [by_key[key] for key in chart.series if key in by_key]
    records = result.records()[:MOST_POINTS]
    write = writer(across, context.language)
    labels = [write(record[across.key]) for record in records]
    missing = [all(record[column.key] is None for column in series) for record in records]
    with cards.card(f"chart_{name}"):
        with st.container(horizontal=True, key=f"chart_bar_{name}", vertical_alignment="center"):
            cards.heading(result.report.title(context.language))
            shape = address.switch(
                "shape",
                text("report.shape"),
                {code: text(f"report.shape_{code}") for code in ("bar", "line")},
                usual="line" if chart.as_line else "bar",
            )
        drawn = [
            charts.Series(
                column.header(context.language),
                [None if record[column.key] is None else float(record[column.key]) for record in records],
                PALETTE[place % len(PALETTE)],
            )
            for place, column in enumerate(series)
        ]
        figure = charts.over_positions(
            labels,
            drawn,
            missing,
            as_line=shape == "line",
            missing_name=text("report.missing"),
            language=context.language,
            is_money=all(column.type is ColumnType.MONEY for column in series),
        )
        if result.row_count > len(records):
            cards.note(text("report.chart_cut", shown=len(records), all=result.row_count))
        charts.show(figure, f"chart_{name}_plot", HEIGHT, result.report.title(context.language))
