"""Alarms that are open now, or were lately: the list that renews itself, acknowledging, the drawer of one alarm.

Belongs here: how they look. Does not belong here: which alarms there are and who may see them
(``warehouse.services.alarms``).

The list stands in a part of the page that runs by a timer. Dialogs are opened by the page itself, so that the timer
does not take them away.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.ui import address, cards, forms, grid
from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.words import alarm_types, type_label
from warehouse.codes import label
from warehouse.reports.texts import duration_text
from warehouse.services.alarms import (
    LONGEST_NOTE,
    MOST_AT_ONCE,
    AlarmFilter,
    AlarmRow,
    acknowledge,
    count_open,
    get_alarm,
    list_alarms,
)
from warehouse.services.listing import Found, ListQuery
from warehouse.services.visible import lot_names

EVERY_SECONDS = 15.0
_WANTED = "alarms_wanted"
_TONES = {"critical": "#f04438", "warning": "#f79009", "info": "#2e90fa"}


@dataclass(frozen=True)
class Shown:
    """An alarm as the list shows it."""

    row: AlarmRow
    level: str
    lot_name: str
    kind: str
    subject: str
    said: str
    raised_at: str
    duration: str
    acknowledged: str


def draw(context: Context) -> None:
    """Draw this part of the page."""
    text = context.text
    cards.title(text("alarms.open_title"), text("alarms.open_below"))
    wanted, search = _filters(context)
    _dialogs(context)
    context.fragment(lambda renewed: _list(renewed, wanted, search), run_every=EVERY_SECONDS)


def _filters(context: Context) -> tuple[AlarmFilter, str]:
    text, language = context.text, context.language
    with st.container(horizontal=True, key="report_filters", vertical_alignment="bottom"):
        with st.container(width=170):
            search = address.search(context)
        with st.container(width=200):
            lots = {lot.code: lot.name for lot in lot_names(context.settings, context.actor)}
            lot = address.choice(context, "alarm_lot", text("alarms.lot"), lots)
        with st.container(width=130):
            levels = {level: label("alarm_level", level, language) for level in reversed(LEVELS)}
            level = address.choice(context, "alarm_level", text("alarms.level"), levels)
        with st.container(width=160):
            types = {code: type_label(code, language) for code in alarm_types()}
            kind = address.choice(context, "alarm_type", text("alarms.kind"), types)
        with st.container(width=120):
            states = {state: text(f"alarms.state_{state}") for state in ("open", "recovered", "all")}
            state = address.choice(context, "alarm_state", text("alarms.state"), states, usual="open")
        with st.container(width=150):
            seen = {"waiting": text("alarms.waiting")}
            waiting = address.choice(context, "alarm_seen", text("alarms.acknowledged"), seen)
    return AlarmFilter(state, level, kind, lot, only_waiting=waiting == "waiting"), search


def _list(context: Context, wanted: AlarmFilter, search: str) -> None:
    text = context.text
    _figures(context)
    columns = [
        grid.Column("level", text("alarms.level"), width=60, sortable=True),
        grid.Column("lot_name", text("alarms.lot"), width=130, sortable=True),
        grid.Column("kind", text("alarms.kind"), width=110),
        grid.Column("subject", text("alarms.subject"), width=120),
        grid.Column("said", text("alarms.said"), width=250),
        grid.Column("raised_at", text("alarms.raised_at"), width=150, sortable=True),
        grid.Column("duration", text("alarms.duration"), width=115),
        grid.Column("acknowledged", text("alarms.acknowledged"), width=130),
    ]
    with cards.card("alarms"):
        asked = grid.asked(context, columns, search)
        found = list_alarms(context.settings, context.actor, asked, wanted)
        bar = grid.bar("alarms")
        shown = Found([_shown(context, row) for row in found.rows], found.total)
        chosen = grid.table(
            context, "alarms", columns, shown, asked, lambda one: one.row.episode_id, none_yet=text("alarms.none")
        )
        with grid.actions(context, bar, f"{chosen.lot_name} · {chosen.kind}" if chosen else None):
            _buttons(context, chosen.row if chosen else None, wanted, search)
    cards.foot(
        "#12b76a", text("alarms.renewed", time=f"{context.now.astimezone(ZoneInfo(_zone(context))):%H:%M:%S}"), []
    )


def _figures(context: Context) -> None:
    text = context.text
    counts, waiting = count_open(context.settings, context.actor)
    row = [
        cards.Figure(
            f"alarms_{level}",
            label("alarm_level", level, context.language),
            f"{counts[level]:,}",
            colour=_TONES[level],
        )
        for level in reversed(LEVELS)
    ]
    cards.figures([*row, cards.Figure("alarms_waiting", text("alarms.waiting"), f"{waiting:,}")])


def _shown(context: Context, row: AlarmRow) -> Shown:
    text = context.text
    subject = " · ".join(
        filter(
            None,
            (
                label("device_type", row.device_type, context.language) if row.device_type else "",
                row.device_id or "",
                text("alarms.gate", gate=row.gate_id) if row.gate_id else "",
            ),
        )
    )
    acknowledged = ""
    if row.acknowledged_at is not None:
        acknowledged = f"{row.acknowledged_by} {_moment(row, row.acknowledged_at):%m-%d %H:%M}"
    return Shown(
        row=row,
        level=label("alarm_level", row.level, context.language),
        lot_name=row.lot_name or text("alarms.platform"),
        kind=type_label(row.alarm_type, context.language),
        subject=subject,
        said=row.said(context.language),
        raised_at=f"{_moment(row, row.raised_at):%Y-%m-%d %H:%M:%S}",
        duration=duration_text(row.seconds(context.now), context.language),
        acknowledged=acknowledged,
    )


def _moment(row: AlarmRow, at: datetime) -> datetime:
    """An instant on the lot's clock."""
    return at.astimezone(ZoneInfo(row.time_zone or "Asia/Shanghai"))


def _zone(context: Context) -> str:
    return context.settings.schedule_time_zone


def _buttons(context: Context, chosen: AlarmRow | None, wanted: AlarmFilter, search: str) -> None:
    text = context.text
    if st.button(text("alarms.details"), disabled=chosen is None, key="alarms_details"):
        assert chosen is not None
        _want("details", chosen.episode_id)
    if not context.allows("alarms.edit"):
        return
    is_known = chosen is not None and chosen.acknowledged_at is not None
    one = text("alarms.add_note") if is_known else text("alarms.acknowledge")
    if st.button(one, disabled=chosen is None, key="alarms_acknowledge", type="primary"):
        assert chosen is not None
        _want("acknowledge", chosen.episode_id)
    if st.button(text("alarms.acknowledge_all"), key="alarms_acknowledge_all"):
        waiting = AlarmFilter(wanted.state, wanted.level, wanted.alarm_type, wanted.lot_code, only_waiting=True)
        everything = ListQuery(search=search, size=MOST_AT_ONCE)
        rows = list_alarms(context.settings, context.actor, everything, waiting).rows
        if rows:
            _want("acknowledge", *(row.episode_id for row in rows))


def _want(what: str, *episode_ids: int) -> None:
    st.session_state[_WANTED] = (what, episode_ids)
    st.rerun()


def _dialogs(context: Context) -> None:
    """Open what a button of the list asked for."""
    what, ids = st.session_state.pop(_WANTED, ("", ()))
    if what == "details":
        row, _notes = get_alarm(context.settings, context.actor, ids[0])
        title = type_label(row.alarm_type, context.language)
        context.dialog(title, lambda renewed: _details(renewed, ids[0]), width="large", drawer=True)
    elif what == "acknowledge":
        _acknowledge(context, ids)


def _acknowledge(context: Context, ids: tuple[int, ...]) -> None:
    text = context.text

    def submit(renewed: Context, values: dict[str, Any], _form_id: str) -> forms.Done:
        count = acknowledge(renewed.settings, renewed.actor, ids, values["note"])
        return forms.Done(renewed.text("alarms.acknowledged_done", count=count))

    forms.open_form(
        context,
        forms.Form(
            key=f"alarms_{ids[0]}_{len(ids)}",
            title=text("alarms.acknowledge"),
            fields=[forms.Field("note", text("alarms.note"), "area", longest=LONGEST_NOTE)],
            initial={},
            submit=submit,
            submit_label=text("alarms.acknowledge"),
            note=text("alarms.acknowledge_note", count=len(ids)),
        ),
    )


def _details(context: Context | None, episode_id: int) -> None:
    if context is None:
        return
    text = context.text
    row, notes = get_alarm(context.settings, context.actor, episode_id)
    shown = _shown(context, row)
    recovered = f"{_moment(row, row.recovered_at):%Y-%m-%d %H:%M:%S}" if row.recovered_at else text("alarms.state_open")
    cards.facts(
        [
            cards.Fact(text("alarms.level"), shown.level, tone=row.level),
            cards.Fact(text("alarms.lot"), shown.lot_name),
            cards.Fact(text("alarms.subject"), shown.subject),
            cards.Fact(text("alarms.source"), text(f"alarms.source_{row.source}")),
            cards.Fact(text("alarms.raised_at"), shown.raised_at),
            cards.Fact(text("alarms.recovered_at"), recovered),
            cards.Fact(text("alarms.duration"), shown.duration),
            cards.Fact(text("alarms.acknowledged"), shown.acknowledged),
        ]
    )
    cards.notice("plain", shown.kind, shown.said)
    cards.heading(text("alarms.notes"))
    if not notes:
        cards.nothing(text("alarms.no_notes"))
        return
    headings = (text("alarms.note_at"), text("alarms.note_by"), text("alarms.note"))
    cards.table(
        text("alarms.notes"),
        headings,
        [(f"{_moment(row, note.at):%Y-%m-%d %H:%M:%S}", note.operator_name, note.note) for note in notes],
    )
