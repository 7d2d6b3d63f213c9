"""What the cloud map remembers of a visit.

Belongs here: the part of the map that is looked at. The selected lot stands in the address. Does not belong here:
drawing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import streamlit as st

from warehouse.geography.coordinates import Point

LOT: Final = "lot"
_VIEW: Final = "cloud_map_view"
_ASKED: Final = "cloud_map_asked"
_START: Final = "cloud_map_start"
_REFUSED: Final = "cloud_map_refused"

Seen = tuple[Point, float]


def ask_to_see(middle: Point, zoom: float) -> None:
    """Move the map; ``middle`` is WGS-84."""
    # The browser moves only to a view that differs from the one it was told last, wherever people dragged the map to.
    st.session_state[_ASKED] = number = st.session_state.get(_ASKED, 0) + 1
    hair = (number % 97) * 1e-7
    st.session_state[_VIEW] = (Point(middle.longitude + hair, middle.latitude + hair), zoom + hair)


def seen() -> Seen | None:
    """The view asked for last."""
    view: Seen | None = st.session_state.get(_VIEW)
    return view


@dataclass(frozen=True)
class Start:
    """Where a drive begins, in WGS-84. It stays in the session: an address is shared, a person's position is not."""

    place: Point
    name: str


def start_of() -> Start | None:
    """The start that was chosen."""
    start: Start | None = st.session_state.get(_START)
    return start


def choose_start(start: Start | None) -> None:
    """Begin at ``start``, or forget it."""
    st.session_state[_START] = start
    st.session_state.pop(_REFUSED, None)


def refuse_start(reason: str) -> None:
    """The browser gave no position; an earlier start stays."""
    st.session_state[_REFUSED] = reason


def refused() -> str | None:
    """Why the browser gave no position when it was asked last; None when it did."""
    reason: str | None = st.session_state.get(_REFUSED)
    return reason
