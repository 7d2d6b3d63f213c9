"""The home page as a screen on the wall, ``?tv=1``: all lots together, then each lot, in turn.

Belongs here: whose turn it is. Does not belong here: the cards. The screen runs by a timer, which is no activity: when
the session ends, it shows the login, which leads back here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards.context import Context
from dashboards.ui import screen
from dashboards.views.overview.home_moment import Filters, Moment

ASKED, SECONDS = "tv", "seconds"
USUAL_SECONDS, SHORTEST, LONGEST = 20, 5, 3_600
START = "home_screen_start"


def is_asked() -> bool:
    """Whether the address asks for the screen."""
    return st.query_params.get(ASKED) == "1"


def address(lot_code: str) -> str:
    """The screen's address, of one lot or of all in turn."""
    return f"/?{urlencode({ASKED: '1'} | ({'lot': lot_code} if lot_code else {}))}"


def begin(lot_code: str) -> None:
    """Make the page a screen; Escape leads back to the page of the lot, or of all."""
    screen.begin(_leave(lot_code))


def _leave(lot_code: str) -> str:
    return f"/?{urlencode({'lot': lot_code})}" if lot_code else "/"


def render(
    context: Context, lot_code: str, moment_of: Callable[..., Moment], draw: Callable[[Context, Moment], None]
) -> None:
    """Draw the screen: of ``lot_code`` alone when it is given."""
    seconds = _seconds()
    started = st.session_state.setdefault(START, context.now)

    def show(renewed: Context) -> None:
        names: dict[str, Any] = {lot.code: lot.name for lot in renewed.lots()}
        turns = [lot_code] if lot_code else ["", *names] if len(names) > 1 else [""]
        step = round((renewed.now - started).total_seconds() / seconds) % len(turns)
        moment = moment_of(renewed, Filters(turns[step], None), is_screen=True)
        only = next(iter(names.values()), "") if len(names) == 1 else ""
        screen.head(
            names.get(turns[step]) or only or renewed.text("home.all_lots", count=len(names)),
            step,
            len(turns),
            now=renewed.now,
            local=renewed.now.astimezone(ZoneInfo(moment.clock.time_zone)),
            leave=_leave(lot_code),
            leave_label=renewed.text("home.screen_leave"),
        )
        draw(renewed, moment)

    context.fragment(show, run_every=seconds)


def _seconds() -> int:
    try:
        asked = int(st.query_params.get(SECONDS, USUAL_SECONDS))
    except ValueError:
        asked = USUAL_SECONDS
    return min(max(asked, SHORTEST), LONGEST)
