"""Beside the editor of the SQL page: tables and their columns, kept queries and examples, what was run before.

Belongs here: the lists and what is taken from them into the editor. Does not belong here: the page (``sql``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from dashboards.context import Context
from dashboards.sql import editor
from dashboards.ui import cards, forms, grid
from warehouse.analysts import desk
from warehouse.analysts.saved import Kept, delete_query, list_queries, save_query
from warehouse.lake.dictionary import data_dictionary, example_queries, first_query
from warehouse.services.listing import Found, ListQuery

_PAST = 20


def tables(context: Context) -> None:
    """The tables of the file; the chosen one's columns with what they mean."""
    text = context.text
    is_chinese = context.language == "zh"
    known = {table.name: table for table in data_dictionary().tables}
    chosen = st.selectbox(
        text("sql.table"),
        list(known),
        format_func=lambda name: f"{name} · {known[name].zh}" if is_chinese else name,
        key="sql_table",
        index=list(known).index("fct_stay"),
    )
    table = known[chosen]
    cards.note(table.about_zh if is_chinese else table.about_en)
    if table.grain:
        cards.note(text("sql.grain", columns=", ".join(table.grain)))
    if table.made_from:
        cards.note(text("sql.made_from", tables=", ".join(table.made_from)))
    if st.button(text("sql.insert"), icon=":material/input:", key="sql_insert"):
        editor.put(first_query(table))
        st.rerun()
    rows = [
        (column.name, f"{column.zh} · {column.type}" if is_chinese else f"{column.type} · {column.about_en}")
        for column in table.columns
    ]
    cards.table(table.name, [text("sql.column"), text("sql.meaning")], rows)


def kept(context: Context) -> None:
    """Examples, one's own kept queries and those that colleagues share."""
    text = context.text
    examples = example_queries()
    mine = list_queries(context.settings, context.actor)
    labels = {f"q{one.query_id}": f"{one.name} · {one.owner_name}" if one.owner_name else one.name for one in mine}
    labels |= {
        f"e{place}": text("sql.example", name=one.zh if context.language == "zh" else one.en)
        for place, one in enumerate(examples)
    }
    chosen = st.selectbox(
        text("sql.kept_choice"), list(labels), format_func=lambda code: labels.get(code, code), key="sql_kept"
    )
    query = next((one for one in mine if f"q{one.query_id}" == chosen), None)
    with st.container(horizontal=True, key="sql_kept_buttons"):
        if st.button(text("sql.open"), icon=":material/edit_note:", key="sql_open", disabled=chosen is None):
            editor.put(query.sql if query is not None else examples[int(chosen[1:])].sql)
            st.rerun()
        if query is not None and query.is_own:
            if st.button(text("sql.change"), key="sql_kept_edit"):
                _change(context, query)
            if st.button(text("form.delete"), key="sql_kept_delete"):
                _delete(context, query)


def keep_button(context: Context) -> None:
    """The button that keeps what stands in the editor."""
    if st.button(context.text("sql.keep"), icon=":material/bookmark_add:", key="sql_keep"):
        _form(context, None, editor.text())


def _change(context: Context, query: Kept) -> None:
    _form(context, query, editor.text())


def _form(context: Context, query: Kept | None, written: str) -> None:
    text = context.text
    fields = [
        forms.Field("name", text("sql.name"), required=True, longest=100, wide=True),
        forms.Field("is_shared", text("sql.share"), "flag", wide=True),
    ]
    if query is not None:
        fields.append(forms.Field("replace", text("sql.replace"), "flag", wide=True))

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        save_query(
            renewed.settings,
            renewed.actor,
            values["name"],
            written if query is None or values["replace"] else query.sql,
            is_shared=values["is_shared"],
            query_id=query.query_id if query is not None else None,
            expected_version=query.version if query is not None else None,
        )
        return forms.Done(renewed.text("sql.was_kept", name=values["name"]))

    initial = {} if query is None else {"name": query.name, "is_shared": query.is_shared}
    key = "sql_query" if query is None else f"sql_query_{query.query_id}"
    forms.open_form(context, forms.Form(key, text("sql.keep"), fields, initial, submit, width="small"))


def _delete(context: Context, query: Kept) -> None:
    def act(renewed: Context) -> str:
        delete_query(renewed.settings, renewed.actor, query.query_id)
        return renewed.text("sql.was_deleted", name=query.name)

    sure = context.text("sql.delete_sure", name=query.name)
    forms.confirm(context, f"sql_query_{query.query_id}", context.text("form.delete"), sure, act)


@dataclass(frozen=True)
class _Row:
    """A query that was run, as the list shows it."""

    run_id: int
    started_at: datetime
    state: str
    rows: int | None
    seconds: str
    sql: str


def past(context: Context) -> None:
    """One's own last queries; the chosen one can be taken into the editor."""
    text = context.text
    found = desk.history(context.settings, context.actor, _PAST)
    rows = [
        _Row(
            one.run_id,
            one.started_at,
            text(f"sql.state_{one.state}"),
            one.row_count,
            "" if one.milliseconds is None else f"{one.milliseconds / 1000:.2f}",
            " ".join(one.sql.split())[:300],
        )
        for one in found
    ]
    columns = [
        grid.Column("started_at", text("sql.at"), width=150),
        grid.Column("state", text("sql.state"), width=70),
        grid.Column("rows", text("sql.rows"), width=80, right=True),
        grid.Column("seconds", text("sql.seconds"), width=60, right=True),
        grid.Column("sql", text("sql.statement"), width="large"),
    ]
    bar = grid.bar("sql_past")
    chosen = grid.table(
        context,
        "sql_past",
        columns,
        Found(rows, len(rows)),
        ListQuery(search="", page=1, size=_PAST),
        lambda row: row.run_id,
        none_yet=text("sql.no_past"),
        name=text("sql.past"),
    )
    with grid.actions(context, bar, chosen.sql[:40] if chosen is not None else None):
        if st.button(text("sql.open"), key="sql_past_open", disabled=chosen is None):
            editor.put(next(one.sql for one in found if chosen is not None and one.run_id == chosen.run_id))
            st.rerun()
