"""What is usual for each lot, asked of the published lake at most once an hour, and what "thin" means.

Belongs here: the memory of these answers and the window that is compared. Does not belong here: the questions
themselves (``warehouse.lake.uploads``, ``warehouse.reports.forecast``), the rules (``conditions.py``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from warehouse.errors import ParkError
from warehouse.lake.reader import Reader, View
from warehouse.lake.uploads import completeness_of_yesterday, expected_uploads
from warehouse.reports.forecast import NearlyFull, lots_about_to_fill

SLOT: Final = timedelta(minutes=5)
WINDOWS: Final = (10, 20, 30, 60)
"""Minutes looked back; the shortest in which enough is expected counts."""
LEAST_EXPECTED: Final = 20
"""Records expected in a window, below which their number says nothing."""

FORECAST_HOLDS: Final = timedelta(hours=1)
"""Age of the published data after which the next hour of their forecast has passed."""

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Window:
    """The last minutes of a lot: what was expected and what came."""

    minutes: int
    expected: float
    received: int


def end_of_windows(now: datetime) -> datetime:
    """Where all windows end: the slot under way is left out."""
    return _floor(now, SLOT)


Share = tuple[int, float, float]
"""Minutes of a window, and the parts of the hour before and of the present hour that lie in it."""


def shares_of_windows(now: datetime, counted_since: datetime) -> list[Share]:
    """The windows behind ``now`` in which everything was counted, the shortest first."""
    end = end_of_windows(now)
    hour = _floor(end, timedelta(hours=1))
    found = []
    for minutes in WINDOWS:
        start = end - timedelta(minutes=minutes)
        if start >= counted_since:
            before = max(timedelta(), hour - start) / timedelta(hours=1)
            found.append((minutes, before, max(timedelta(), end - max(start, hour)) / timedelta(hours=1)))
    return found


def thin_window(shares: Sequence[Share], usual: tuple[float, float], received: Sequence[int]) -> Window | None:
    """The shortest window in which enough is expected; None when there is none.

    Args:
        shares: of the windows, as ``shares_of_windows`` gives them.
        usual: records of the hour before and of the present hour.
        received: records in each of ``WINDOWS``.
    """
    for (minutes, before, in_hour), records in zip(shares, received, strict=False):
        expected = before * usual[0] + in_hour * usual[1]
        if expected >= LEAST_EXPECTED:
            return Window(minutes, expected, records)
    return None


def _floor(moment: datetime, step: timedelta) -> datetime:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return moment - (moment - epoch) % step


class Expectations:
    """Answers of the lake, kept while they hold; None while nothing is published."""

    def __init__(self, reader: Reader) -> None:
        """Nothing is asked yet."""
        self._reader = reader
        self._uploads: tuple[object, dict[int, tuple[float, float]]] | None = None
        self._days: tuple[object, dict[int, tuple[int, int]]] | None = None
        self._filling: tuple[object, list[NearlyFull]] | None = None

    def uploads(self, now: datetime) -> dict[int, tuple[float, float]] | None:
        """Records usual in the hour before and in the present one, by lot; asked once an hour."""
        hour = _floor(now, timedelta(hours=1))
        if self._uploads is None or self._uploads[0] != hour:
            answer = self._asked(lambda view: expected_uploads(view, now))
            if answer is None:
                return None
            self._uploads = (hour, answer)
        return self._uploads[1]

    def completeness(self, now: datetime) -> dict[int, tuple[int, int]] | None:
        """Records expected and received yesterday, by lot; asked every ten minutes."""
        moment = _floor(now, timedelta(minutes=10))
        if self._days is None or self._days[0] != moment:
            answer = self._asked(lambda view: completeness_of_yesterday(view, now))
            if answer is None:
                return None
            self._days = (moment, answer)
        return self._days[1]

    def filling(self, now: datetime) -> list[NearlyFull] | None:
        """The lots that are forecast to be nearly full in an hour; asked every ten minutes, None when data are old."""
        moment = _floor(now, timedelta(minutes=10))
        if self._filling is None or self._filling[0] != moment:
            as_of = self._asked(lambda view: view.publication.data_as_of or view.publication.published_at)
            if as_of is None or now - as_of > FORECAST_HOLDS:
                return None
            self._filling = (moment, lots_about_to_fill(self._reader))
        return self._filling[1]

    def _asked(self, question: Callable[[View], Answer]) -> Answer | None:
        try:
            with self._reader.view() as view:
                return question(view)
        except ParkError as error:
            if error.code == "nothing_published":
                return None
            raise
