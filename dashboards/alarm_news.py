"""A toast on every open page when an alarm of one's own lots is raised.

Belongs here: the small part of the frame that asks every few seconds. Does not belong here: the page of alarms
(views/traffic), which alarms are new (``warehouse.services.alarms``).
"""

from __future__ import annotations

from typing import Final

import streamlit as st

from dashboards.context import Context
from warehouse.alarms.words import type_label
from warehouse.services.alarms import AlarmRow, news

EVERY_SECONDS: Final = 15.0
_SEEN: Final = "frame_alarms_seen"
_ICONS: Final = {
    "critical": ":material/error:",
    "warning": ":material/warning:",
    "info": ":material/info:",
}


def watch(visitor: Context) -> None:
    """Keep watch on behalf of somebody who may see alarms; one question by a key each time."""
    if not visitor.allows("alarms.view"):
        return
    visitor.guarded_by("alarms.view").fragment(_tell, run_every=EVERY_SECONDS)


def _tell(context: Context) -> None:
    found = news(context.settings, context.actor, st.session_state.get(_SEEN))
    st.session_state[_SEEN] = found.newest_id
    for row in reversed(found.rows):
        st.toast(_sentence(context, row), icon=_ICONS[row.level], duration="long")
    more = found.count - len(found.rows)
    if more > 0:
        st.toast(context.text("frame.more_alarms", count=more), icon=_ICONS["info"], duration="long")


def _sentence(context: Context, row: AlarmRow) -> str:
    """Lot, type and what it says, with nothing that the toast would take for its own signs."""
    where = row.lot_name or context.text("alarms.platform")
    told = " · ".join(filter(None, (where, type_label(row.alarm_type, context.language), row.said(context.language))))
    return "".join(f"\\{sign}" if sign in _SIGNS else sign for sign in " ".join(told.split()))


_SIGNS: Final = frozenset("\\`*_{}[]()<>#+-.!|~$:")
