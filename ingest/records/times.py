"""From what a lot writes to an instant: offsets, the lot's zone, business days.

Belongs here: the lot's clock. Does not belong here: whether an instant is plausible (``check.py``).
An instant is an aware UTC datetime; a wall clock is a naive datetime in the lot's zone.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from ingest.records import rules
from ingest.records.verdicts import RecordRefused
from warehouse.errors import ParkError

_looks_like_time: Final = re.compile(rules.TIME_PATTERN).fullmatch
_STEADY_FROM: Final = datetime(2000, 1, 1, tzinfo=UTC)
_STEADY_TO: Final = datetime(2100, 1, 1, tzinfo=UTC)

_REMEMBERED_HOURS: Final = 20_000  # of wall clocks with summer time, per zone


class LotClock:
    """The wall clock of a lot: its zone, and the minutes after midnight at which its business day starts."""

    def __init__(self, time_zone: str, cutover_minutes: int) -> None:
        """Load the zone.

        Raises:
            ParkError: the zone is not in the time zone database.
        """
        try:
            self.zone = ZoneInfo(time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ParkError(
                zh=f"未知的时区 {time_zone}，请使用如 Asia/Shanghai 的名称。",
                en=f"Unknown time zone {time_zone}; use a name such as Asia/Shanghai.",
                code="unknown_time_zone",
            ) from error
        self.cutover = timedelta(minutes=cutover_minutes)
        self.steady_offset = _steady_offset(self.zone)
        self._hours: dict[int, timedelta | None] = {}

    def place(self, moment: datetime) -> tuple[datetime, datetime, str | None]:
        """The instant, the wall clock and a mark of a time as sent: aware, or naive on this clock.

        Raises:
            OverflowError: the instant or its wall clock lies outside the years 1 to 9999.
        """
        offset = self.steady_offset
        if offset is not None and 2000 < moment.year < 2099:
            if moment.tzinfo is None:
                return (moment - offset).replace(tzinfo=UTC), moment, None
            instant = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
            return instant, instant.replace(tzinfo=None) + offset, None
        if moment.tzinfo is not None:
            instant = moment.astimezone(UTC)
            return instant, self.local(instant), None
        hour = moment.toordinal() * 24 + moment.hour
        try:
            offset = self._hours[hour]
        except KeyError:
            offset = self._hour_offset(moment, hour)
        if offset is not None:
            return (moment - offset).replace(tzinfo=UTC), moment, None
        return self._from_wall_clock(moment)

    def local(self, instant: datetime) -> datetime:
        """What this clock shows at ``instant``."""
        return instant.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def business_date(self, local: datetime) -> date:
        """The business day of a wall-clock time: the calendar day, started ``cutover_minutes`` late."""
        return (local - self.cutover).date() if self.cutover else local.date()

    def _hour_offset(self, local: datetime, hour: int) -> timedelta | None:
        """The offset during a whole hour of the wall clock, remembered; None when it changes within."""
        if len(self._hours) > _REMEMBERED_HOURS:
            self._hours.clear()
        ends = (
            local.replace(minute=0, second=0, microsecond=0),
            local.replace(minute=59, second=59, microsecond=999999),
        )
        offsets = {end.replace(tzinfo=self.zone, fold=fold).utcoffset() for end in ends for fold in (0, 1)}
        self._hours[hour] = offset = offsets.pop() if len(offsets) == 1 else None
        return offset

    def _from_wall_clock(self, local: datetime) -> tuple[datetime, datetime, str | None]:
        first = local.replace(tzinfo=self.zone, fold=0).utcoffset() or timedelta()
        second = local.replace(tzinfo=self.zone, fold=1).utcoffset() or timedelta()
        if first == second:
            return (local - first).replace(tzinfo=UTC), local, None
        if first > second:  # shown twice: the second time, with the smaller offset
            return (local - second).replace(tzinfo=UTC), local, "ambiguous_time"
        instant = (local - first).replace(tzinfo=UTC)
        return instant, self.local(instant), "nonexistent_time"


def _steady_offset(zone: ZoneInfo) -> timedelta | None:
    """The offset of a zone that keeps one offset through 2000-2099, else None.

    Weekly samples: the shortest change of any zone, the pause of summer time in Ramadan, lasts four weeks.
    """
    offset = _STEADY_FROM.astimezone(zone).utcoffset()
    moment = _STEADY_FROM
    while moment < _STEADY_TO:
        if moment.astimezone(zone).utcoffset() != offset:
            return None
        moment += timedelta(days=7)
    return offset


@lru_cache(maxsize=1024)
def lot_clock(time_zone: str, cutover_minutes: int) -> LotClock:
    """The clock of a zone and cut-over, made once per process."""
    return LotClock(time_zone, cutover_minutes)


def parse(text: str, field: str) -> datetime:
    """Read a time of the contract, aware when it carries an offset.

    Raises:
        RecordRefused: ``bad_time``.
    """
    if _looks_like_time(text):
        try:
            return msgspec.convert(text, datetime)
        except msgspec.ValidationError:
            pass
    raise RecordRefused("bad_time", field, text)
