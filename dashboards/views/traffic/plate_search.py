"""车牌查询: one plate across entries, exits, charges and renewals.

Belongs here: the search and its results side by side. Does not belong here: the lists themselves, which the single
pages show whole.
"""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.reports import filters, table
from dashboards.ui import address, cards
from warehouse.reports.catalogue import find

VIEW = View("plate_search", ":material/search:")
REPORTS = ("entry-records", "exit-records", "charges", "renewals")
SHOWN = 10
HIDDEN = frozenset({"lot_code", "remark", "entry_record_id", "exit_record_id", "record_id"})
LEAST_LETTERS = 2
PRESETS = ("last30", "last7", "today", "yesterday", "month", "custom")


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.plate_search"), text("plate_search.below"))
    with st.container(horizontal=True, key="report_filters", vertical_alignment="bottom"):
        with st.container(width=340):
            plate = address.text("plate", text("plate_search.plate"), kind="search")
        asked = filters.lots_and_period(context, PRESETS)
    if len(plate.replace("*", "").replace("?", "")) < LEAST_LETTERS:
        cards.empty(text("plate_search.type_one"), [text("plate_search.type_one_why")])
        return
    for report in REPORTS:
        if context.allows(f"{report.replace('-', '_')}.view"):
            _results(context, report, {**asked, "plate": plate})


def _results(context: Context, report: str, asked: dict[str, str]) -> None:
    text, title = context.text, find(report).title(context.language)
    result = context.query(report, **asked, size=SHOWN)
    with cards.card(f"plate_{report}", title, text("plate_search.count", count=f"{result.row_count:,}")):
        if not result.rows:
            cards.nothing(text("plate_search.none"))
            return
        table.draw(context, result, [column for column in result.columns if column.key not in HIDDEN], {})
        if result.row_count > SHOWN:
            query = [(name, value) for name in st.query_params for value in st.query_params.get_all(name)]
            cards.link(text("plate_search.all"), f"/{report}?{urlencode(query)}")
