"""The form of a role: a tick for each menu item and action, grouped as the menu is.

Belongs here: ticks and saving them. Does not belong here: what may be ticked (``warehouse.services.roles``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import quote

import streamlit as st

from dashboards.context import Context, flash, here
from dashboards.ui import cards
from dashboards.views.settings.labels import role_label
from warehouse.errors import ParkError
from warehouse.security.permissions import MENU, MenuItem
from warehouse.services import drafts
from warehouse.services.fields import InvalidFields, Problem
from warehouse.services.roles import RoleForm, RoleRow, save_role


@dataclass(frozen=True)
class _Opened:
    """A role on somebody's screen; ``role_id`` None: a new one."""

    key: str
    draft_key: str
    name: str
    remark: str
    ticked: frozenset[str]
    offered: frozenset[str]
    role_id: int | None
    version: int | None
    is_editable: bool
    opened_by: Context
    came_from: str


def open_role(context: Context, row: RoleRow | None, *, as_copy: bool = False) -> None:
    """Open a role: a new one, one to look at or to change, or a copy, of which stays what the visitor may give."""
    held = context.actor.permissions
    ticked = frozenset() if row is None else frozenset(row.permissions)
    is_new = row is None or as_copy
    name = "" if row is None else role_label(context, row.code, row.name)
    draft_key = "roles_new" if is_new or row is None else f"roles_{row.role_id}"
    opened = _Opened(
        key=f"roles_{secrets.token_hex(6)}",
        draft_key=draft_key,
        name=context.text("roles.copy_of", name=name)[:100] if as_copy else name,
        remark=(row.remark if row is not None else None) or "",
        ticked=ticked & held if is_new else ticked,
        offered=held if is_new or (row is not None and row.may_edit) else ticked,
        role_id=None if is_new or row is None else row.role_id,
        version=None if is_new or row is None else row.version,
        is_editable=is_new or (row is not None and row.may_edit),
        opened_by=context,
        came_from=here(),
    )
    kept = drafts.take(context.settings, context.actor, draft_key) if opened.is_editable else None
    if kept:
        opened = _restored(opened, kept)
    title = context.text("roles.add") if is_new else name
    context.dialog(title, lambda renewed: _draw(renewed, opened, is_restored=bool(kept)), width="large", drawer=True)


def _restored(opened: _Opened, kept: dict[str, object]) -> _Opened:
    ticked = kept["permissions"]
    assert isinstance(ticked, list)
    return _Opened(**{**vars(opened), "name": kept["name"], "remark": kept["remark"], "ticked": frozenset(ticked)})


def _draw(renewed: Context | None, opened: _Opened, *, is_restored: bool) -> None:
    words = opened.opened_by.text
    if is_restored:
        cards.notice("plain", words("form.restored"))
    if not opened.is_editable:
        cards.notice("plain", words("roles.read_only"), words("roles.read_only_why"))
    top = st.container()
    problems: list[Problem] = st.session_state.get(f"{opened.key}_problems", [])
    with st.form(opened.key, border=False):
        disabled = not opened.is_editable
        name = st.text_input(
            f"{words('roles.name')} *", opened.name, max_chars=100, key=f"{opened.key}_name", disabled=disabled
        )
        _at(problems, "name", words.language)
        remark = st.text_input(
            words("roles.remark"), opened.remark, max_chars=500, key=f"{opened.key}_remark", disabled=disabled
        )
        _at(problems, "permissions", words.language)
        ticked = frozenset(_ticks(opened))
        pressed = opened.is_editable and st.form_submit_button(
            words("form.save"), type="primary", key=f"{opened.key}_save", width="stretch"
        )
    with top:
        if renewed is None:
            cards.notice("bad", words("frame.session_ended"), words("frame.session_ended_why"))
            cards.link(words("frame.sign_in_again"), f"/auth/login?next={quote(opened.came_from)}")
        elif problems:
            cards.notice("bad", words("form.problems", count=len(problems)))
        if pressed:
            _save(renewed, opened, RoleForm(name, ticked, remark))


def _at(problems: list[Problem], name: str, language: str) -> None:
    for problem in problems:
        if problem.field == name:
            cards.problem(problem.text(language))


def _ticks(opened: _Opened) -> Iterator[str]:
    """Draw every menu item that holds something to tick, and yield what is ticked."""
    words = opened.opened_by.text
    shown = [item for item in MENU if opened.offered & set(item.permissions())]
    for section, items in groupby(shown, key=lambda item: item.section):
        cards.heading(words(f"section.{section}"))
        for item in items:
            yield from _item(opened, item)


def _item(opened: _Opened, item: MenuItem) -> Iterator[str]:
    words = opened.opened_by.text
    with st.container(horizontal=True, key=f"tick_row_{opened.key}_{item.code}", vertical_alignment="center"):
        with st.container(width=220):
            cards.note(words(f"menu.{item.code}"))
        for permission, action in zip(item.permissions(), item.actions, strict=True):
            if permission in opened.offered and st.checkbox(
                words(f"action.{action}"),
                permission in opened.ticked,
                key=f"{opened.key}_{permission}",
                disabled=not opened.is_editable,
            ):
                yield permission


def _save(renewed: Context | None, opened: _Opened, form: RoleForm) -> None:
    if renewed is None or renewed.actor.operator_id != opened.opened_by.actor.operator_id:
        kept = {"name": form.name, "remark": form.remark or "", "permissions": sorted(form.permissions)}
        drafts.keep(opened.opened_by.settings, opened.opened_by.actor, opened.draft_key, kept)
        return
    try:
        save_role(renewed.settings, renewed.actor, form, opened.role_id, opened.version)
    except InvalidFields as error:
        st.session_state[f"{opened.key}_problems"] = error.problems
        st.rerun(scope="fragment")
    except ParkError as error:
        cards.notice("bad", renewed.text("form.not_saved"), error.text(renewed.language))
        return
    flash(renewed.text("roles.saved", name=form.name.strip()))
    st.rerun()
