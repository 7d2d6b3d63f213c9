"""The chart of a report: its course over time, or its lots beside each other.

Belongs here: which columns become series, what is asked for them, and the switches, kept in the address. Does not
belong here: adding up figures, which are the report's own; colours and templates (dashboards.ui.charts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from html import escape
from typing import Any, Final

import plotly.graph_objects as graph_objects
import streamlit as st

from dashboards.context import Context
from dashboards.reports.table import cell_writer
from dashboards.theme import PALETTE
from dashboards.ui import address, cards, charts, numbers
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.headline import zone_of
from warehouse.reports.texts import writer

HEIGHT: Final = 320
MOST_POINTS: Final = 750
MOST_LINES: Final = 9
MOST_LOTS: Final = 15
NAME_LENGTH: Final = 12


@dataclass(frozen=True)
class Course:
    """Figures over positions of time.

    Attributes:
        report: where they come from; has the page's own parameters, ``by`` among them.
        across: the column with the position.
        series: columns that are drawn.
        compared: column to the column of the period compared with.
        compare_day: the column with the day compared with.
        by: what ``by`` is there, when not what the page asks for.
        as_line: whether it is a line at first.
    """

    report: str
    across: str
    series: Sequence[str]
    compared: Mapping[str, str] = field(default_factory=dict)
    compare_day: str = "compare_day"
    by: str | None = None
    as_line: bool = False


@dataclass(frozen=True)
class ByLot:
    """Lots beside each other, the greatest first.

    Attributes:
        report: where the figures come from.
        series: columns that are drawn.
        order: the column by which the greatest are chosen.
        stacked: the series are parts of ``order``.
        by: what ``by`` is there, when not what the page asks for.
    """

    report: str
    series: Sequence[str]
    order: str
    stacked: bool = False
    by: str | None = None


AnyChart = Course | ByLot


def draw(
    context: Context, key: str, chart: AnyChart, asked: Mapping[str, Any], whole: ReportResult | None = None
) -> None:
    """Draw the card with the chart of a page; ``key`` is the page's report.

    ``whole`` is what the page's table shows, when these are all rows in their usual order: a chart of the same figures
    asks for nothing more.
    """
    wanted = known(chart.report, asked) | ({"by": chart.by} if chart.by else {})
    if whole is not None and (whole.report.name != chart.report or wanted != known(chart.report, asked)):
        whole = None
    if isinstance(chart, Course):
        _draw_course(context, key, chart, wanted, whole or context.query(chart.report, **wanted))
    else:
        _draw_lots(context, key, chart, wanted, whole)


def known(report: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the page's parameters that ``report`` has too."""
    names = {parameter.key for parameter in find(report).parameters} | {"lot", "from", "to"}
    return {name: value for name, value in asked.items() if name in names}


def cut(name: str) -> str:
    """A name that fits beside a bar; the whole one is shown on hover."""
    return name if len(name) <= NAME_LENGTH else f"{name[: NAME_LENGTH - 1]}…"


def _draw_course(context: Context, key: str, chart: Course, wanted: Mapping[str, Any], result: ReportResult) -> None:
    text, language = context.text, context.language
    by_key = {column.key: column for column in result.columns}
    if not result.rows or chart.across not in by_key:
        return
    lots = result.question.chosen
    with cards.card(f"chart_{key}"):
        with st.container(horizontal=True, key=f"chart_bar_{key}", vertical_alignment="center"):
            cards.heading(text("report.course"))
            one_each = False
            if 1 < len(lots) <= MOST_LINES:
                lines = {code: text(f"report.lines_{code}") for code in ("together", "lots")}
                one_each = address.switch("lines", text("report.lines"), lines, usual="together") == "lots"
            measure = chart.series[0]
            if one_each and len(chart.series) > 1:
                measures = {name: by_key[name].header(language) for name in chart.series}
                measure = address.switch("measure", text("report.measure"), measures, usual=measure)
            shapes = {code: text(f"report.shape_{code}") for code in ("bar", "line")}
            usual = "line" if chart.as_line else "bar"
            shape = address.switch("shape", text("report.shape"), shapes, usual=usual)
        if one_each:
            by_lot = {lot.name: context.query(chart.report, **(dict(wanted) | {"lot": lot.code})) for lot in lots}
            drawn = _Drawn.of_lots(by_lot, measure, language)
        else:
            drawn = _Drawn.of_columns(result, chart, language)
        _show_course(context, key, chart, result, drawn, as_line=shape == "line" or one_each)


@dataclass(frozen=True)
class _Drawn:
    """Series with what is said of their points on hover."""

    series: list[charts.Series]
    hover: list[list[str]]
    faint: list[bool]
    columns: list[Column]

    @classmethod
    def of_columns(cls, result: ReportResult, chart: Course, language: str) -> _Drawn:
        by_key = {column.key: column for column in result.columns}
        records = result.records()[:MOST_POINTS]
        made = cls([], [], [], [])
        for place, own in enumerate(chart.series):
            for name, faint in ((own, False), (chart.compared.get(own, ""), True)):
                column = by_key.get(name)
                if column is None:
                    continue
                days = by_key.get(chart.compare_day) if faint else None
                made._add(column, column.header(language), records, PALETTE[place], language, faint, days)
        return made

    @classmethod
    def of_lots(cls, by_lot: Mapping[str, ReportResult], measure: str, language: str) -> _Drawn:
        made = cls([], [], [], [])
        for place, (name, result) in enumerate(by_lot.items()):
            column = next(column for column in result.columns if column.key == measure)
            made._add(
                column, name, result.records()[:MOST_POINTS], PALETTE[place % len(PALETTE)], language, is_lot=True
            )
        return made

    def _add(
        self,
        column: Column,
        name: str,
        records: Sequence[Mapping[str, Any]],
        colour: str,
        language: str,
        faint: bool = False,
        days: Column | None = None,
        *,
        is_lot: bool = False,
    ) -> None:
        values = [None if record[column.key] is None else float(record[column.key]) for record in records]
        write, write_day = cell_writer(column, language), writer(days, language) if days is not None else None
        self.series.append(charts.Series(escape(cut(name) if is_lot else name), values, colour))
        self.hover.append(
            [
                f"{escape(name)}{f' {write_day(record[days.key])}' if days and write_day else ''}  "
                f"<b>{write(record[column.key])}</b>"
                for record in records
            ]
        )
        self.faint.append(faint)
        self.columns.append(column)


def _show_course(
    context: Context, key: str, chart: Course, result: ReportResult, drawn: _Drawn, *, as_line: bool
) -> None:
    text, language = context.text, context.language
    across = next(column for column in result.columns if column.key == chart.across)
    records = result.records()[:MOST_POINTS]
    write = writer(across, language)
    # Positions beyond the period itself exist when a longer one is compared with it.
    labels = [write(record[across.key]) or f"+{place + 1}" for place, record in enumerate(records)]
    own = [name for name in chart.series if name in records[0]]
    missing = [all(record[name] is None for name in own) for record in records]
    figure = charts.over_positions(
        labels,
        drawn.series,
        missing,
        as_line=as_line,
        missing_name=text("report.missing"),
        language=language,
        is_money=all(column.type is ColumnType.MONEY for column in drawn.columns),
    )
    for trace, hover, faint in zip(figure.data, drawn.hover, drawn.faint, strict=False):
        trace.update(customdata=hover, hovertemplate="%{customdata}<extra></extra>")
        if faint:
            trace.update(opacity=0.45, **({"line": {"dash": "dot"}} if as_line else {}))
    if any(missing):
        reached = f"{result.data_as_of.astimezone(zone_of(result)):%Y-%m-%d %H:00}"
        reasons = [
            text("report.future" if label[:2] == "20" and label > reached[: len(label)] else "report.missing_why")
            for label in labels
        ]
        figure.data[-1].update(customdata=reasons, hovertemplate="%{customdata}<extra></extra>")
    marks = list(figure.layout.xaxis.tickvals)
    figure.update_xaxes(ticktext=_marked(marks, labels), tickangle=0 if _are_hours(labels) else None)
    if result.row_count > len(records):
        cards.note(text("report.chart_cut", shown=len(records), all=f"{result.row_count:,}"))
    charts.show(figure, f"chart_{key}_plot", HEIGHT, result.report.title(language))


def _are_hours(labels: Sequence[str]) -> bool:
    return all(len(label) == 16 for label in labels)


def _marked(marks: Sequence[str], labels: Sequence[str]) -> list[str]:
    """What stands below the axis: hours with their day only where it begins, days without the year they share."""
    if not _are_hours(labels):
        return [_short(label, labels) for label in marks]
    days = [label[:10] for label in marks]
    return [
        label[11:] if place and days[place] == days[place - 1] else f"{label[11:]}<br>{label[5:10]}"
        for place, label in enumerate(marks)
    ]


def _short(label: str, labels: Sequence[str]) -> str:
    """A day or hour without the year that all of them share."""
    shared = len(label) >= 10 and label[4:5] == "-" and all(one[:5] == label[:5] for one in labels if one[:1] != "+")
    return label[5:] if shared else label


def _draw_lots(context: Context, key: str, chart: ByLot, wanted: Mapping[str, Any], whole: ReportResult | None) -> None:
    text, language = context.text, context.language
    # Exactly the table's figures, ordered and cut as by the report itself.
    result = whole or context.query(chart.report, **wanted, sort=f"-{chart.order}", size=MOST_LOTS)
    records = result.records()
    if whole is not None:
        told = [record for record in records if record[chart.order] is not None]
        told.sort(key=lambda record: record[chart.order], reverse=True)
        records = (told + [record for record in records if record[chart.order] is None])[:MOST_LOTS]
    if len(records) < 2:
        return
    by_key = {column.key: column for column in result.columns}
    columns = [by_key[name] for name in chart.series if any(record[name] for record in records)]
    with cards.card(f"chart_{key}"):
        cards.heading(text("report.by_lot"))
        if not columns:
            cards.nothing(text("report.chart_nothing"))
            return
        if result.row_count > len(records):
            name = by_key[chart.order].header(language)
            cards.note(text("report.chart_top", shown=len(records), all=f"{result.row_count:,}", name=name))
        figure = _bars_by_lot(columns, records, chart.stacked, language)
        # Plotly's own legend would take half of a phone's chart and scroll.
        cards.legend([(column.header(language), PALETTE[n % len(PALETTE)]) for n, column in enumerate(columns)])
        thickness = 24 if chart.stacked or len(columns) == 1 else 34
        charts.show(figure, f"chart_{key}_plot", thickness * len(records) + 44, result.report.title(language))


def _bars_by_lot(
    columns: Sequence[Column], records: Sequence[Mapping[str, Any]], stacked: bool, language: str
) -> graph_objects.Figure:
    places = [f"{place}" for place in range(len(records))]
    figure = graph_objects.Figure()
    for number, column in enumerate(columns):
        write = cell_writer(column, language)
        figure.add_trace(
            graph_objects.Bar(
                x=[float(record[column.key]) for record in records],
                y=places,
                orientation="h",
                name=column.header(language),
                marker_color=PALETTE[number % len(PALETTE)],
                customdata=[
                    f"{escape(record['lot_name'])}<br>{escape(column.header(language))}  "
                    f"<b>{write(record[column.key])}</b>"
                    for record in records
                ],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    most = max(
        sum(max(float(record[c.key]), 0) for c in columns) if stacked else max(float(record[c.key]) for c in columns)
        for record in records
    )
    figure.update_layout(
        barmode="relative" if stacked else "group",
        hovermode="closest",
        yaxis={
            "type": "category",
            "autorange": "reversed",
            "showgrid": False,
            "tickmode": "array",
            "tickvals": places,
            "ticktext": [escape(cut(record["lot_name"])) for record in records],
        },
        xaxis={"showgrid": True, "rangemode": "tozero"} | _marks(most, language),
        showlegend=False,
    )
    return figure


def _marks(most: float, language: str) -> dict[str, Any]:
    """Marks of the axis in the number forms of the language."""
    if most < 10_000:
        return {}
    step = 10.0 ** (len(str(int(most))) - 1)
    step = next(one for one in (step / 5, step / 2, step, step * 2, step * 5) if most / one <= 6)
    marks = [step * number for number in range(int(most / step) + 1)]
    return {
        "tickmode": "array",
        "tickvals": marks,
        "ticktext": [numbers.short(Decimal(round(mark)), language, exact_below=10_000) for mark in marks],
    }
