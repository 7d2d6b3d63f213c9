"""A report as a page.

Belongs here: what a page says about its report, and the order of things on it. Does not belong here: the single parts
(filters.py, chart.py, table.py, drill.py, files.py) and figures, which are the report's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.reports import drill, files, filters, table
from dashboards.reports.chart import Chart
from dashboards.reports.chart import draw as draw_chart
from dashboards.reports.drill import Drill
from dashboards.ui import address, cards
from warehouse.reports.base import ReportResult
from warehouse.reports.catalogue import find
from warehouse.reports.columns import Column
from warehouse.reports.listing import ListReport

SIZES = ("20", "50", "100", "200", "500")
USUAL_SIZE = "50"


@dataclass(frozen=True)
class ReportPage:
    """What is special about one report's page.

    Attributes:
        report: its name.
        chart: what is drawn above the table; None for records.
        first: parameters shown beside lot and period; the others are behind "more filters".
        drills: column key to where its figures come from.
        hidden: columns that are not shown at first; people can show them.
        presets: periods offered, the first is the default.
        above: draws something between filters and figures.
        fixed: parameters that this page sets by itself.
    """

    report: str
    chart: Chart | None = None
    first: Sequence[str] = ()
    drills: Mapping[str, Drill] = field(default_factory=dict)
    hidden: Sequence[str] = ("lot_code",)
    presets: Sequence[str] = ("today", "yesterday", "week", "month", "last7", "last30", "custom")
    above: Callable[[Context, dict[str, Any]], None] | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)


def render(context: Context, page: ReportPage) -> None:
    """Draw the page; call it from a view's ``render``."""
    report = find(page.report)
    title = report.title(context.language)
    cards.title(title, report.about_zh if context.language == "zh" else report.about_en)
    asked = dict(page.fixed) | filters.draw(context, page.report, page.first, page.presets)
    drill.show_origin(context, page.report, asked)
    if page.above is not None:
        page.above(context, asked)
    is_list = isinstance(report, ListReport)
    request = _request(report, is_list)
    result = context.query(page.report, **asked, **request)
    if not result.rows and result.page.number > 1 and result.row_count:
        address.forget_page()
        st.rerun()
    _incomplete(context, asked)
    if page.chart is not None:
        draw_chart(context, page.report, page.chart, result)
    with cards.card(f"report_{page.report}"):
        columns = _toolbar(context, page, result, asked, is_list)
        table.draw(context, result, columns, page.drills, asked)
        _paging(context, result)
    _foot(context, result)


def _request(report: Any, is_list: bool) -> dict[str, Any]:
    """Order, and for records page and size, as the address says."""
    wanted: dict[str, Any] = {}
    sort = (address.written("sort") or [""])[0]
    if sort.removeprefix("-") in report.sort_keys():
        wanted["sort"] = sort
    if is_list:
        size = (address.written("size") or [USUAL_SIZE])[0]
        wanted |= {"size": int(size) if size in SIZES else int(USUAL_SIZE), "page": address.page_number()}
    return wanted


def _toolbar(
    context: Context, page: ReportPage, result: ReportResult, asked: Mapping[str, Any], is_list: bool
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
        with st.container(width=200):
            address.choice(context, "sort", text("grid.sort"), orders, everything=text("grid.sort"))
        if is_list:
            with st.container(width=120):
                sizes = {size: text("grid.size_option", count=size) for size in SIZES}
                address.choice(context, "size", text("grid.size"), sizes, usual=USUAL_SIZE)
        shown = [key for key in keys if key not in page.hidden]
        with st.popover(text("report.columns"), icon=":material/view_column:"):
            chosen = address.choices("columns", text("report.columns"), keys, usual=shown)
        files.buttons(context, page.report, result, asked)
    wanted = set(chosen or shown)
    return tuple(column for column in result.columns if column.key in wanted)


def _paging(context: Context, result: ReportResult) -> None:
    pages = max(1, math.ceil(result.row_count / result.page.size))
    if pages > 1:
        with st.container(horizontal=True, key="grid_paging_report", vertical_alignment="center"):
            cards.note(context.text("report.page", page=f"{result.page.number:,}", pages=f"{pages:,}"))
            address.paging(pages)


def _incomplete(context: Context, asked: Mapping[str, Any]) -> None:
    """Say beside the figures when hours of the period were not uploaded: the totals then are not the whole truth."""
    days = {key: asked[key][:10] for key in ("from", "to") if key in asked}
    missing = context.missing_hours(lot=asked.get("lot"), **days)
    if missing:
        cards.notice("plain", context.text("report.incomplete"), context.text("report.incomplete_why", hours=missing))


def _foot(context: Context, result: ReportResult) -> None:
    publication = context.publication()
    zone = filters.zone_of(result)
    cards.foot(
        "#12b76a",
        context.text("report.as_of", time=f"{result.data_as_of.astimezone(zone):%Y-%m-%d %H:%M:%S}"),
        [context.text("report.published", time=f"{publication.published_at.astimezone(zone):%Y-%m-%d %H:%M:%S}")],
    )
