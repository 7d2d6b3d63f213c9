"""Random streams: one per (seed, lot, day, purpose), so that each day can be drawn alone and always the same.

Belongs here: generators and the calendar of a lot. Does not belong here: what is drawn.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from enum import IntEnum

import numpy as np

from ingest.simulator.model import LotModel


class Stream(IntEnum):
    """What a generator is for; a new purpose gets a new number, so that old histories stay as they are."""

    STAYS = 1
    FACILITY = 2
    MEMBERS = 3
    POOL = 4
    MONEY = 5
    TELEMETRY = 6
    OPENINGS = 7
    EXTRA = 8


def generator(seed: int, lot: LotModel, stream: Stream, day: date | None = None, part: int = 0) -> np.random.Generator:
    """The generator of one lot, purpose and day (None: for all days)."""
    ordinal = day.toordinal() if day else 0
    return np.random.default_rng(np.random.SeedSequence([seed, lot.key, int(stream), ordinal, part]))


def midnight(lot: LotModel, day: date) -> int:
    """Unix seconds at which ``day`` begins on the lot's calendar."""
    return int(datetime(day.year, day.month, day.day, tzinfo=lot.zone).timestamp())


def local_day(lot: LotModel, instant: datetime) -> date:
    """The lot's calendar day at ``instant``."""
    return instant.astimezone(lot.zone).date()


def days(first: date, last: date) -> list[date]:
    """All days from ``first`` to ``last``, both included."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


def utc(seconds: int) -> datetime:
    """The instant of unix ``seconds``."""
    return datetime.fromtimestamp(seconds, UTC)
