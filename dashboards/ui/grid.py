"""Lists of administered things: one page of rows, paged and ordered by the server, one of which can be chosen.

Belongs here: how a list looks and is paged. Does not belong here: what is in it; rows come from a service as ``Found``.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar
from zoneinfo import ZoneInfo

import pyarrow as pa
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboards.context import Context
from dashboards.ui import address, cards
from warehouse.services.listing import Found, ListQuery

Item = TypeVar("Item")
SIZES = (20, 50, 100, 200)
ROW_HEIGHT = 35
TALLEST = 16 * ROW_HEIGHT


@dataclass(frozen=True)
class Column:
    """A column of a list: the row's attribute, its heading, how wide, and whether the list can be ordered by it.

    ``labels`` turns codes into words; ``right`` sets text at the right edge, as for amounts. Values may be str, int,
    Decimal (shown with its places), bool (yes/no), date, aware datetime (shown in ``zone``), or None (empty).
    """

    name: str
    heading: str
    width: Literal["small", "medium", "large"] | int = "medium"
    sortable: bool = False
    right: bool = False
    labels: Mapping[str, str] | None = None


def asked(context: Context, columns: Sequence[Column], search: str = "", default_size: int = 50) -> ListQuery:
    """Page, size and order as the address says; draws the choice of the order."""
    sizes = {str(size): context.text("grid.size_option", count=size) for size in SIZES}
    sortable = {
        f"{sign}{column.name}": context.text(key, name=column.heading)
        for column in columns
        if column.sortable
        for sign, key in (("", "grid.ascending"), ("-", "grid.descending"))
    }
    with st.container(horizontal=True, key="right_grid_asked"):
        sort = ""
        if sortable:
            with st.container(width=190):
                label = context.text("grid.sort")
                sort = address.choice(context, "sort", label, sortable, everything=label)
        with st.container(width=130):
            size = address.choice(context, "size", context.text("grid.size"), sizes, usual=str(default_size))
    return ListQuery(search=search, page=address.page_number(), size=int(size), sort=sort)


def table(
    context: Context,
    key: str,
    columns: Sequence[Column],
    found: Found[Item],
    query: ListQuery,
    identity: Callable[[Item], Hashable],
    *,
    zone: str = "Asia/Shanghai",
    none_yet: str | None = None,
    name: str | None = None,
) -> Item | None:
    """Draw a page of rows and return the one that is chosen.

    Args:
        context: who looks.
        key: unique over all pages.
        columns: what is shown.
        found: rows of this page, and the number of all.
        query: what was asked; an empty list without a search says ``none_yet``.
        identity: what tells rows apart; the choice follows it and not the position.
        zone: IANA zone in which instants are shown.
        none_yet: what to say when there is nothing at all.
        name: the list's name for screen readers; the page's title when None.
    """
    text = context.text
    if not found.rows:
        cards.nothing(text("grid.none") if query.search else none_yet or text("grid.none"))
        return None
    shown = pa.table(
        {
            f"c{index}": pa.array(
                [_text(context, getattr(row, column.name), column, zone) for row in found.rows], pa.string()
            )
            for index, column in enumerate(columns)
        }
    )
    ids = tuple(identity(row) for row in found.rows)
    state = st.dataframe(
        shown,
        # Another page of rows is another grid, so that a choice never slides to the row that took its place.
        key=f"{key}_{hash(ids) & 0xFFFFFFFF:08x}",
        hide_index=True,
        placeholder="",
        height=min(TALLEST, (len(found.rows) + 1) * ROW_HEIGHT + 3),
        row_height=ROW_HEIGHT,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            f"c{index}": st.column_config.TextColumn(
                column.heading, width=column.width, alignment="right" if column.right else None
            )
            for index, column in enumerate(columns)
        },
        alt=name or key,
    )
    _paging(context, key, found.total, query)
    chosen = state.get("selection", {}).get("rows", [])
    return found.rows[chosen[0]] if chosen and chosen[0] < len(found.rows) else None


def _paging(context: Context, key: str, total: int, query: ListQuery) -> None:
    with st.container(horizontal=True, key=f"grid_paging_{key}", vertical_alignment="center"):
        cards.note(context.text("grid.total", count=f"{total:,}"))
        address.paging(max(1, -(-total // query.size)))


def _text(context: Context, value: Any, column: Column, zone: str) -> str | None:
    if value is None:
        return None
    if column.labels is not None:
        return column.labels.get(str(value), str(value))
    if isinstance(value, bool):
        return context.text("form.yes" if value else "form.no")
    if isinstance(value, datetime):
        return f"{value.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal | int):
        return f"{value:,}"
    return str(value)


def bar(key: str) -> DeltaGenerator:
    """Where the buttons of a list stand; make it before the list, fill it with ``actions`` afterwards."""
    return st.container(horizontal=True, key=f"grid_bar_{key}", vertical_alignment="center")


def actions(context: Context, place: DeltaGenerator, chosen_name: str | None) -> DeltaGenerator:
    """The bar for the chosen row; without a choice it says what to do. Draw the buttons in it, with ``with``."""
    with place:
        cards.note(
            context.text("grid.chosen", name=chosen_name) if chosen_name is not None else context.text("grid.select")
        )
    return place
