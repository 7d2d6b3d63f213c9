"""Filters that live in the address, so that a view can be reloaded, shared and bookmarked.

Belongs here: widgets bound to query parameters. Keys are short and the same on every page (``q``, ``lot``, ``page``),
because they are what people see in the address; a page's own filters take a name of its own.
"""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from dashboards.context import Context
from warehouse.services.visible import LotName, lot_names

ALL = ""


def search(context: Context, key: str = "q", label: str | None = None) -> str:
    """A search box."""
    wanted = label or context.text("grid.search")
    return str(
        st.text_input(
            wanted,
            key=key,
            type="search",
            max_chars=80,
            placeholder=wanted,
            label_visibility="collapsed",
            bind="query-params",
            on_change=forget_page,
        )
        or ""
    )


def choice(context: Context, key: str, label: str, options: Mapping[str, str], *, everything: str | None = None) -> str:
    """One of ``options`` (code to label); "" means all and is labelled ``everything``. "" too for a bad address."""
    shown = {ALL: everything or f"{label}: {context.text('form.all')}", **options}
    # Streamlit itself drops a value from the address that is not among the options.
    return str(
        st.selectbox(
            label,
            list(shown),
            format_func=lambda code: shown.get(code, code),
            key=key,
            label_visibility="collapsed",
            bind="query-params",
            on_change=forget_page,
        )
        or ALL
    )


def lot_choice(context: Context, *, with_all: bool = True) -> LotName | None:
    """One of the visitor's lots, by its code in ``?lot=``; None means all, or without ``with_all`` that none exists."""
    lots = {lot.code: lot for lot in lot_names(context.settings, context.actor)}
    names = {
        code: f"{lot.name}（{code}）" if context.language == "zh" else f"{lot.name} ({code})"
        for code, lot in lots.items()
    }
    if with_all:
        chosen = choice(context, "lot", context.text("grid.lot"), names, everything=context.text("grid.all_lots"))
        return lots.get(chosen)
    if not lots:
        return None
    only = st.selectbox(
        context.text("grid.lot"),
        list(names),
        format_func=lambda code: names.get(code, code),
        key="lot",
        label_visibility="collapsed",
        bind="query-params",
        on_change=forget_page,
    )
    return lots.get(only or "")


def forget_page() -> None:
    """A new filter begins at its first page."""
    if "page" in st.session_state:
        st.session_state["page"] = 1
