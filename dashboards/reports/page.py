"""A report as a page.

Belongs here: what a page says about its report, and the order of things on it. Does not belong here: the single parts
(filters.py, chart.py, table.py, drill.py, timeline.py, files.py) and figures, which are the report's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.reports import drill, drills, files, filters, removed, table, timeline
from dashboards.reports.chart import AnyChart
from dashboards.reports.chart import draw as draw_chart
from dashboards.theme import PALETTE
from dashboards.ui import address, cards, numbers, saved_views
from warehouse.errors import Forbidden, ParkError
from warehouse.reports.base import Report, ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.columns import Column, ColumnType
from warehouse.reports.headline import headline, zone_of
from warehouse.reports.listing import ListReport
from warehouse.reports.period import Clock
from warehouse.reports.question import clocks_of
from warehouse.security.permissions import menu_of_report

SIZES = ("20", "50", "100", "200", "500")
USUAL_SIZE = {True: "50", False: "200"}
"""Rows of a page: of records, of computed rows."""
MOST_PAGES = 10**9


@dataclass(frozen=True)
class ReportPage:
    """What is special about one report's page.

    Attributes:
        report: its name.
        chart: what is drawn above the table, by the parameters asked for; None for records.
        figures: columns whose totals stand at the top.
        change: the column with the change of the first figure, when periods are compared.
        first: parameters shown beside lot and period; the others are behind "more filters".
        hidden: columns that are not shown at first; people can show them.
        presets: periods offered, the first is the default.
        above: draws something between filters and figures.
        fixed: parameters that this page sets by itself.
        records: the column whose cells open the timeline of a stay.
        beside: makes columns of the present moment, which stand behind the report's.
    """

    report: str
    chart: Callable[[Mapping[str, Any]], AnyChart] | None = None
    figures: Sequence[str] = ()
    change: str | None = None
    first: Sequence[str] = ()
    hidden: Sequence[str] = ("lot_code",)
    presets: Sequence[str] = ("today", "yesterday", "week", "month", "last7", "last30", "custom")
    above: Callable[[Context, dict[str, Any]], None] | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)
    records: str | None = None
    beside: Callable[[Context, ReportResult], Sequence[table.Beside]] | None = None


def render(context: Context, page: ReportPage) -> None:
    """Draw the page; call it from a view's ``render``."""
    context.publication()  # before anything is drawn: without one the frame has its own page
    report, text = find(page.report), context.text
    with st.container(horizontal=True, key="chart_bar_head", vertical_alignment="center"):
        cards.title(report.title(context.language), text(f"report.below_{page.report.replace('-', '_')}"))
        saved_views.bar(context, menu_of_report(page.report))
    if not context.lots():
        cards.empty(text("report.no_lots"), [text("report.no_lots_why")])
        return
    asked = dict(page.fixed) | filters.draw(context, page.report, page.first, page.presets)
    ways = drills.ways_to(page.report)
    drill.show_origin(context, ways, asked)
    if page.records is not None:
        timeline.show(context, page.report)
    if page.above is not None:
        page.above(context, asked)
    is_list = isinstance(report, ListReport)
    try:
        result = context.query(page.report, **asked, **_request(report, asked, is_list))
    except Forbidden:
        raise
    except ParkError as error:
        cards.notice("bad", text("report.wrong"), error.text(context.language))
        return
    if not result.rows and result.page.number > 1 and result.row_count:
        address.forget_page()
        st.rerun()
    cards.printed(f"{label}  {said}" for label, said in headline(result).lines)
    known = _completeness(context, asked)
    _incomplete(context, known)
    removed.say(context, page.report, asked)
    _figures(context, page, result)
    if page.chart is not None:
        is_whole = result.row_count == len(result.rows) and not _sorted_by(report, asked)
        draw_chart(context, page.report, page.chart(asked), asked, result if is_whole else None)
    with cards.card(f"report_{page.report}"):
        columns = _toolbar(context, page, result, asked, is_list, [one.figure for _source, one in ways])
        beside = page.beside(context, result) if page.beside is not None else ()
        table.draw(context, result, columns, _links(context, page, result, asked), beside)
        _paging(context, result)
    _foot(context, result, known)


def _links(context: Context, page: ReportPage, result: ReportResult, asked: Mapping[str, Any]) -> table.Links:
    """Where cells lead: figures to their records, records to their stay. A link that leads nowhere is none."""
    clocks = tuple(clocks_of(result.question.known_lots))
    links: table.Links = {
        column: partial(_leading, one, page.report, asked, clocks)
        for column, one in drills.ways_from(page.report, asked).items()
        if context.allows(f"{one.menu}.view")
    }
    if page.records is not None:
        links[page.records] = timeline.address_of(context, page.report)
    return links


def _leading(
    way: drill.Drill, report: str, asked: Mapping[str, Any], clocks: Sequence[Clock], record: Mapping[str, Any]
) -> str | None:
    return way.address(report, record, asked, clocks)


def _request(report: Report, asked: Mapping[str, Any], is_list: bool) -> dict[str, Any]:
    """Order, page and size, as the address says."""
    size = (address.written("size") or [USUAL_SIZE[is_list]])[0]
    wanted: dict[str, Any] = {
        "size": int(size) if size in SIZES else int(USUAL_SIZE[is_list]),
        "page": min(address.page_number(), MOST_PAGES),
    }
    return wanted | _sorted_by(report, asked)


def _sorted_by(report: Report, asked: Mapping[str, Any]) -> dict[str, str]:
    """The order in the address, as long as its column exists for what is asked."""
    sort = (address.written("sort") or [""])[0]
    usual = {parameter.key: parameter.default for parameter in report.parameters if parameter.default is not None}
    shown = {column.key for column in report.shown_columns(usual | dict(asked))}
    return {"sort": sort} if sort.removeprefix("-") in shown.intersection(report.sort_keys()) else {}


def _figures(context: Context, page: ReportPage, result: ReportResult) -> None:
    """The totals that matter most, short; exact on hover and in the table."""
    by_key = {column.key: column for column in result.columns}
    shown = []
    for place, key in enumerate(page.figures):
        column, value = by_key[key], result.totals[key]
        note = ""
        change = result.totals.get(page.change) if place == 0 and page.change is not None else None
        if change is not None:
            note = context.text("report.change", share=f"{'+' if change > 0 else ''}{numbers.percent(change)}")
        is_money = column.type is ColumnType.MONEY
        if value is None:
            shown.append(cards.Figure(f"{page.report}_{key}", column.header(context.language), "—"))
            continue
        exact = numbers.money(value) if is_money else table.cell_writer(column, context.language)(value)
        written = exact
        if column.type is ColumnType.RATIO:
            written = numbers.percent(value)
        elif is_money or column.type is ColumnType.INTEGER:
            written = numbers.short(value, context.language, exact_below=10_000 if is_money else 100_000)
        unit = context.text("report.yuan") if is_money else ""
        shown.append(
            cards.Figure(
                f"{page.report}_{key}",
                column.header(context.language),
                written,
                unit,
                exact=exact,
                notes=[cards.Note(note)] if note else [],
                colour=PALETTE[place % len(PALETTE)],
            )
        )
    if shown:
        cards.figures(shown)


def _toolbar(
    context: Context,
    page: ReportPage,
    result: ReportResult,
    asked: Mapping[str, Any],
    is_list: bool,
    wanted: Sequence[str],
) -> tuple[Column, ...]:
    text = context.text
    keys = {column.key: column.header(context.language) for column in result.columns}
    orders = {
        f"{sign}{key}": text(word, name=keys[key])
        for key in result.report.sort_keys()
        if key in keys
        for sign, word in (("", "grid.ascending"), ("-", "grid.descending"))
    }
    with st.container(horizontal=True, key=f"report_bar_{page.report}", vertical_alignment="center"):
        cards.note(text("grid.total", count=f"{result.row_count:,}"))
        with st.container(width=180):
            address.choice(context, "sort", text("grid.sort"), orders, everything=text("grid.sort"))
        with st.container(width=120):
            sizes = {size: text("grid.size_option", count=size) for size in SIZES}
            address.choice(context, "size", text("grid.size"), sizes, usual=USUAL_SIZE[is_list])
        # A figure that people came from stands in the table of its records.
        shown = [key for key in keys if key not in page.hidden or key in wanted]
        with st.popover(text("report.columns"), icon=":material/view_column:"):
            chosen = address.choices("columns", text("report.columns"), keys, usual=shown)
        files.buttons(context, page.report, result, dict(asked) | _sorted_by(result.report, asked))
        if st.button(text("report.print"), icon=":material/print:", key="report_print"):
            st.html("<script>window.print()</script>", unsafe_allow_javascript=True)
    visible = set(chosen or shown)
    return tuple(column for column in result.columns if column.key in visible)


def _paging(context: Context, result: ReportResult) -> None:
    pages = max(1, math.ceil(result.row_count / result.page.size))
    if pages == 1:
        return
    with st.container(horizontal=True, key="grid_paging_report", vertical_alignment="center"):
        cards.note(context.text("report.page", page=f"{result.page.number:,}", pages=f"{pages:,}"))
        address.paging(pages)
        if pages > 10:
            with st.container(width=150):
                st.number_input(
                    context.text("report.jump"),
                    min_value=1,
                    max_value=pages,
                    value=None,
                    step=1,
                    placeholder=context.text("report.jump"),
                    label_visibility="collapsed",
                    key="report_jump",
                    on_change=_jump,
                )


def _jump() -> None:
    number = st.session_state["report_jump"]
    if number:
        address.forget_page()
        address.write(address.PAGE, [str(int(number))])
        st.session_state["report_jump"] = None


def _completeness(context: Context, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """How complete the days of the period are; nothing for a report without a period."""
    if "from" not in asked:
        return {}
    end = datetime.fromisoformat(asked["to"])
    last = end.date() if end.time() == time() else end.date() + timedelta(days=1)
    first = date.fromisoformat(asked["from"][:10])
    if first >= last:
        return {}
    return context.completeness(lot=asked.get("lot"), **{"from": first.isoformat(), "to": last.isoformat()})


def _incomplete(context: Context, known: Mapping[str, Any]) -> None:
    """Say beside the figures when hours of the period were not uploaded: the totals then are not the whole truth."""
    if known.get("missing_hours"):
        why = context.text("report.incomplete_why", hours=f"{known['missing_hours']:,}")
        cards.notice("plain", context.text("report.incomplete"), why)


def _foot(context: Context, result: ReportResult, known: Mapping[str, Any]) -> None:
    publication, text = context.publication(), context.text
    zone = zone_of(result)
    said = [text("report.published", time=f"{publication.published_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")]
    if known.get("score") is not None:
        said.append(text("report.quality", score=f"{known['score']:.1f}"))
    if known.get("expected_hours") and not known["missing_hours"]:
        said.append(text("report.complete", hours=f"{known['expected_hours']:,}"))
    as_of = text("report.as_of", time=f"{result.data_as_of.astimezone(zone):%Y-%m-%d %H:%M:%S}")
    cards.foot("#12b76a", as_of, said)
