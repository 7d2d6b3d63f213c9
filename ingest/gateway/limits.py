"""How fast one lot may upload.

Belongs here: the token bucket per lot. Does not belong here: sizes of single requests (``bodies.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable


class RateLimiter:
    """A token bucket per lot, in records: holds a minute's worth, may fall below zero by one batch."""

    def __init__(self, records_per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Every bucket starts full."""
        self._capacity = float(records_per_minute)
        self._per_second = records_per_minute / 60
        self._clock = clock
        self._buckets: dict[int, tuple[float, float]] = {}

    def _level(self, lot_id: int) -> float:
        level, at = self._buckets.get(lot_id, (self._capacity, 0.0))
        return min(self._capacity, level + (self._clock() - at) * self._per_second)

    def seconds_to_wait(self, lot_id: int) -> float:
        """Seconds until the lot may send again; 0 when it may now."""
        level = self._level(lot_id)
        return 0.0 if level > 0 else (1.0 - level) / self._per_second

    def charge(self, lot_id: int, records: int) -> None:
        """Take ``records`` from the lot's bucket, at least one."""
        self._buckets[lot_id] = (self._level(lot_id) - max(1, records), self._clock())
