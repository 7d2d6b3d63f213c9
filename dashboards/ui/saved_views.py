"""The views that somebody keeps of a page, behind one button.

Belongs here: the popover, the start view, the forms. Does not belong here: who sees which view
(``warehouse.services.saved_views``) and what the filters mean. Call ``bar`` before the page draws its filters: a page
that was opened without any takes those of the start view.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from dashboards.context import Context
from dashboards.ui import cards, forms
from warehouse.services.saved_views import (
    ViewForm,
    ViewRow,
    delete_view,
    list_views,
    normal_query,
    save_view,
    start_view,
)


def bar(context: Context, page: str) -> None:
    """The button with the views of ``page`` (its menu item)."""
    if context.actor.operator_id is None:
        return
    # The state of a widget lives as long as its page is shown: without it, the page was just opened.
    add = f"saved_views_{page}_add"
    if add not in st.session_state and not st.query_params:
        _start(context, page)
    with st.popover(context.text("saved_views.open"), icon=":material/bookmarks:"):
        rows = list_views(context.settings, context.actor, page)
        here = normal_query(_address())
        for row in rows:
            _row(context, row, is_here=row.query == here)
        if not rows:
            cards.note(context.text("saved_views.none"))
        if st.button(context.text("saved_views.keep"), icon=":material/bookmark_add:", key=add):
            _keep(context, page)


def _address() -> str:
    return urlencode([(name, value) for name in st.query_params for value in st.query_params.get_all(name)])


def _start(context: Context, page: str) -> None:
    row = start_view(context.settings, context.actor, page)
    if row is None or not row.query:
        return
    found: dict[str, list[str]] = {}
    for name, value in parse_qsl(row.query):
        found.setdefault(name, []).append(value)
    st.query_params.from_dict(found)
    st.rerun()


def _row(context: Context, row: ViewRow, *, is_here: bool) -> None:
    text = context.text
    marks = [
        *([text("saved_views.is_here")] if is_here else []),
        *([text("saved_views.is_start")] if row.is_start else []),
        *([text("saved_views.is_shared")] if row.is_shared and row.is_own else []),
        *([text("saved_views.by", name=row.owner_name)] if not row.is_own else []),
    ]
    with st.container(horizontal=True, key=f"saved_view_{row.view_id}", vertical_alignment="center", gap="small"):
        cards.link(row.name, row.address)
        if marks:
            cards.note(" · ".join(marks))
        if row.is_own:
            if st.button(
                "", icon=":material/edit:", key=f"saved_view_{row.view_id}_edit", type="tertiary",
                help=text("saved_views.change"),
            ):  # fmt: skip
                _change(context, row)
            if st.button(
                "", icon=":material/delete:", key=f"saved_view_{row.view_id}_delete", type="tertiary",
                help=text("form.delete"),
            ):  # fmt: skip
                _delete(context, row)


def _fields(context: Context, *, with_query: bool) -> list[forms.Field]:
    text = context.text
    fields = [
        forms.Field("name", text("saved_views.name"), required=True, longest=100, wide=True),
        forms.Field("is_start", text("saved_views.start"), "flag", wide=True),
        forms.Field("is_shared", text("saved_views.share"), "flag", wide=True),
    ]
    if with_query:
        fields.append(forms.Field("replace", text("saved_views.replace"), "flag", wide=True))
    return fields


def _keep(context: Context, page: str) -> None:
    query = _address()

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        form = ViewForm(values["name"], query, values["is_start"], values["is_shared"])
        save_view(renewed.settings, renewed.actor, page, form)
        return forms.Done(renewed.text("saved_views.kept", name=values["name"]))

    title = context.text("saved_views.keep_title")
    fields = _fields(context, with_query=False)
    forms.open_form(context, forms.Form(f"saved_view_{page}", title, fields, {}, submit, width="small"))


def _change(context: Context, row: ViewRow) -> None:
    query = _address()

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        chosen = query if values["replace"] else None
        form = ViewForm(values["name"], chosen, values["is_start"], values["is_shared"])
        save_view(renewed.settings, renewed.actor, row.page, form, row.view_id, row.version)
        return forms.Done(renewed.text("saved_views.kept", name=values["name"]))

    initial = {"name": row.name, "is_start": row.is_start, "is_shared": row.is_shared}
    title = context.text("saved_views.change")
    fields = _fields(context, with_query=True)
    forms.open_form(context, forms.Form(f"saved_view_{row.view_id}", title, fields, initial, submit, width="small"))


def _delete(context: Context, row: ViewRow) -> None:
    def act(renewed: Context) -> str:
        delete_view(renewed.settings, renewed.actor, row.page, row.view_id)
        return renewed.text("saved_views.deleted", name=row.name)

    sure = context.text("saved_views.delete_sure", name=row.name)
    forms.confirm(context, f"saved_view_{row.view_id}", context.text("saved_views.delete"), sure, act)
