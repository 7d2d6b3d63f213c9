"""操作员日志: who did what, when and from where.

Belongs here: filters in the address, the list turned page by page, the download. Does not belong here: one entry
(operator_log_entry.py), finding entries (``warehouse.services.operator_log``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.frame import View
from dashboards.ui import address, cards, grid
from dashboards.views.settings import operator_log_entry
from dashboards.views.settings.labels import ZONE, action_label, entity_label
from warehouse.security.permissions import ACTIONS, MENU
from warehouse.services.listing import Found, ListQuery
from warehouse.services.operator_log import (
    COUNTED,
    LogEntry,
    LogPage,
    LogQuery,
    known_values,
    log_file,
    search_log,
)

VIEW = View("operator_log", ":material/history:")
SIZE = 50
EVENTS = ("session", "account")
"""First halves of actions that belong to no menu item."""


@dataclass(frozen=True)
class Shown:
    """An entry as the list shows it."""

    entry: LogEntry
    at: datetime
    login: str
    address: str
    action: str
    outcome: str
    subject: str
    change: str


def render(context: Context) -> None:
    """Draw the page."""
    text = context.text
    cards.title(text("menu.operator_log"), text("log.below"))
    columns = [
        grid.Column("at", text("log.at"), width=155),
        grid.Column("login", text("log.operator"), width=110),
        grid.Column("action", text("log.action"), width=165),
        grid.Column("outcome", text("log.outcome"), width=60),
        grid.Column("subject", text("log.subject"), width=190),
        grid.Column("change", text("log.change"), width=280),
        grid.Column("address", text("log.address"), width=100),
    ]
    with cards.card("operator_log"):
        asked = _filters(context)
        page = search_log(
            context.settings, context.actor, replace(asked, before=_number("before"), after=_number("after"), size=SIZE)
        )
        bar = grid.bar("operator_log")
        rows = [_shown(context, entry) for entry in page.rows]
        # Pages are turned by the numbers of entries, so the list is one page to the grid.
        one_page = ListQuery(search="-", size=max(page.total, SIZE))
        chosen = grid.table(
            context, "operator_log", columns, Found(rows, page.total), one_page, lambda one: one.entry.entry_id
        )
        if page.total > COUNTED:
            cards.note(text("log.many", count=f"{COUNTED:,}"))
        _turn(context, page)
        with grid.actions(context, bar, f"{chosen.at:%m-%d} {chosen.login}" if chosen else None):
            if st.button(text("log.detail"), type="primary", disabled=chosen is None, key="operator_log_detail"):
                assert chosen is not None
                operator_log_entry.show(context, chosen.entry.entry_id)
            for file_format in ("csv", "xlsx"):
                context.download(
                    f"{text('log.download')} {file_format.upper()}",
                    f"operator-log.{file_format}",
                    "operator_log.export",
                    lambda renewed, form=file_format: log_file(  # type: ignore[misc]
                        renewed.settings, renewed.actor, asked, form, renewed.language
                    ),
                    key=f"operator_log_{file_format}",
                )


def _filters(context: Context) -> LogQuery:
    text, settings, actor = context.text, context.settings, context.actor
    first, second, third, fourth = st.columns([3, 2, 2, 2], vertical_alignment="center")
    with first:
        search = address.search(context)
    with second:
        logins = {login: login for login in known_values(settings, actor, "login")}
        login = address.choice(context, "operator", text("log.operator"), logins)
    with third:
        lot = address.lot_choice(context)
    with fourth:
        outcomes = {"done": text("log.outcome_done"), "refused": text("log.outcome_refused")}
        outcome = address.choice(context, "outcome", text("log.outcome"), outcomes)
    first, second, third, fourth, fifth = st.columns([3, 2, 2, 1.6, 1.6], vertical_alignment="center")
    with first:
        menus = {item.code: text(f"menu.{item.code}") for item in MENU}
        menus |= {event: text(f"log.events_{event}") for event in EVENTS}
        menu = address.choice(context, "menu", text("log.menu"), menus)
    with second:
        actions = {action: text(f"action.{action}") for action in ACTIONS}
        action = address.choice(context, "action", text("log.action"), actions)
    with third:
        entities = {code: entity_label(context, code) for code in known_values(settings, actor, "entity")}
        entity = address.choice(context, "entity", text("log.entity"), entities)
    with fourth:
        since = _day(text("log.since"), "from")
    with fifth:
        until = _day(text("log.until"), "to")
    return LogQuery(
        login=login,
        since=_start_of(since),
        until=_start_of(until + timedelta(days=1)) if until else None,
        menu=menu,
        action=action,
        outcome=outcome,
        entity=entity,
        lot_id=lot.lot_id if lot else None,
        text=search,
    )


def _day(label: str, key: str) -> date | None:
    chosen = st.date_input(
        label,
        value=None,
        key=key,
        format="YYYY-MM-DD",
        min_value=date(2000, 1, 1),
        max_value=date(2100, 1, 1),
        bind="query-params",
        on_change=_first_page,
    )
    return chosen if isinstance(chosen, date) else None


def _start_of(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), ZoneInfo(ZONE))


def _first_page() -> None:
    for name in ("before", "after"):
        st.query_params.pop(name, None)


def _number(name: str) -> int | None:
    """How far the list was turned, from the address; what is no number turns nothing."""
    written = st.query_params.get(name, "")
    return int(written) if written.isdecimal() and len(written) < 18 else None


def _turn(context: Context, page: LogPage) -> None:
    if page.newer is None and page.older is None:
        return
    with st.container(horizontal=True, key="right_operator_log_turn"):
        if st.button(context.text("log.newest"), disabled=page.newer is None, key="operator_log_newest"):
            _first_page()
            st.rerun()
        _turn_button(context.text("log.newer"), "after", page.newer)
        _turn_button(context.text("log.older"), "before", page.older)


def _turn_button(label: str, name: str, entry_id: int | None) -> None:
    if st.button(label, disabled=entry_id is None, key=f"operator_log_{name}"):
        _first_page()
        st.query_params[name] = str(entry_id)
        st.rerun()


def _shown(context: Context, entry: LogEntry) -> Shown:
    text = context.text
    place = entry.lot_name or ""
    subject = " ".join(filter(None, (entity_label(context, entry.entity), entry.entity_name)))
    return Shown(
        entry=entry,
        at=entry.at,
        login=entry.login,
        address=entry.address,
        action=action_label(context, entry.action),
        outcome=text(f"log.outcome_{entry.outcome}"),
        subject=f"{subject} · {place}" if place and place != entry.entity_name else subject,
        change=operator_log_entry.in_short(context, entry),
    )
