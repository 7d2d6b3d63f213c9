"""The button that asks the browser where it is.

Belongs here: the button and reading its answer. Does not belong here: what the position is used for.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboards.map.component import component
from warehouse.geography.coordinates import Point

REASONS = ("denied", "timeout", "unavailable", "insecure")


def draw(key: str, label: str, hint: str, found: Callable[[Point], None], failed: Callable[[str], None]) -> None:
    """Draw the button; nothing is asked before it is pressed.

    Args:
        key: unique over all pages.
        label: its words.
        hint: what the position is for.
        found: called with the WGS-84 position before the page runs again.
        failed: called with one of ``REASONS``.
    """

    def answered() -> None:
        answer = (st.session_state.get(key) or {}).get("answer")
        if not isinstance(answer, dict):
            return
        try:
            place = Point(float(answer["longitude"]), float(answer["latitude"]))
        except (KeyError, TypeError, ValueError):
            reason = answer.get("failed")
            failed(reason if reason in REASONS else "unavailable")
            return
        if abs(place.longitude) <= 180 and abs(place.latitude) <= 90:
            found(place)

    component("locate", "<button type='button'><span></span></button>", "locate.css", "locate.js")(
        key=key, data={"label": label, "hint": hint}, on_answer_change=answered
    )
