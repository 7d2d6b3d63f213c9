"""Pairing raised and recovered events to episodes.

Belongs here: the rule, without any store. An alarm opens with a raise and closes with the first recovery at or after
it; a raise while it is open repeats, a recovery while it is closed says nothing, and a raise after a recovery begins a
new episode. The outcome depends on the events alone and not on the order in which they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, TypeVar

RAISED: Final = "raised"
RECOVERED: Final = "recovered"


class Happening(Protocol):
    """What is paired."""

    @property
    def event(self) -> str:
        """``raised`` or ``recovered``."""

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""


Event = TypeVar("Event", bound=Happening)


@dataclass(frozen=True)
class Span:
    """One episode: from the first raise to the recovery, None while it is open; ``place`` is that of the raise."""

    raised_at: datetime
    recovered_at: datetime | None
    place: int


def pair(events: Sequence[Happening]) -> list[Span]:
    """The episodes of one alarm, oldest first; of two events at one instant the raise comes first."""
    order: Iterable[int] = sorted(
        range(len(events)), key=lambda place: (events[place].occurred_at, events[place].event != RAISED)
    )
    spans: list[Span] = []
    opened: int | None = None
    for place in order:
        event = events[place]
        if event.event == RAISED and opened is None:
            opened = place
        elif event.event == RECOVERED and opened is not None:
            spans.append(Span(events[opened].occurred_at, event.occurred_at, opened))
            opened = None
    if opened is not None:
        spans.append(Span(events[opened].occurred_at, None, opened))
    return spans
