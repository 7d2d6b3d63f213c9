"""The period of a report: business days, or the lots' wall clock.

Belongs here: reading ``from`` and ``to``, the default period, and the instants a period means for lots of several time
zones. All ends are exclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import Enum
from typing import Any, Final
from zoneinfo import ZoneInfo

from warehouse.errors import ParkError

_TIME_OF_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?$")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}$")


class Grain(Enum):
    """How fine a report's period may be: whole business days, whole hours, or any second; NONE has no period."""

    NONE = "none"
    DAY = "day"
    HOUR = "hour"
    RECORD = "record"


@dataclass(frozen=True)
class Clock:
    """A lot's time zone and the minutes by which its business day starts after midnight."""

    time_zone: str
    cutover_minutes: int

    def business_day(self, moment: datetime) -> date:
        """The business day that holds the aware instant ``moment``."""
        local = moment.astimezone(ZoneInfo(self.time_zone)).replace(tzinfo=None)
        return (local - timedelta(minutes=self.cutover_minutes)).date()

    def instant(self, local: datetime) -> datetime:
        """The UTC instant at which this wall clock shows ``local``."""
        return local.replace(tzinfo=ZoneInfo(self.time_zone)).astimezone(UTC)

    def day_start(self, day: date) -> datetime:
        """The UTC instant at which business day ``day`` starts."""
        return self.instant(datetime.combine(day, time()) + timedelta(minutes=self.cutover_minutes))

    def on_whole_hours(self, period: Period) -> bool:
        """Whether this zone is whole hours from UTC at both ends of ``period``."""
        zone = ZoneInfo(self.time_zone)
        offsets = (moment.astimezone(zone).utcoffset() or timedelta() for moment in period.window(self))
        return all(offset % timedelta(hours=1) == timedelta() for offset in offsets)


DEFAULT_CLOCK: Final = Clock("Asia/Shanghai", 0)


@dataclass(frozen=True)
class Period:
    """[start, end): dates are business days; times of day are the lots' wall clock, naive.

    ``first_day`` and ``end_day`` bound the business days that rows of the period can have; with times of day they are
    wider than the period, by the day that a cut-over can shift.
    """

    start: date | datetime
    end: date | datetime

    @property
    def has_time(self) -> bool:
        """Whether the ends are times of day."""
        return isinstance(self.start, datetime)

    @property
    def first_day(self) -> date:
        """First business day that can hold a row."""
        return self.start.date() - timedelta(days=1) if isinstance(self.start, datetime) else self.start

    @property
    def end_day(self) -> date:
        """The business day after the last that can hold a row."""
        return self.end.date() + timedelta(days=1) if isinstance(self.end, datetime) else self.end

    def window(self, clock: Clock) -> tuple[datetime, datetime]:
        """The UTC instants that the period means for lots of ``clock``."""
        if isinstance(self.start, datetime) and isinstance(self.end, datetime):
            return clock.instant(self.start), clock.instant(self.end)
        return clock.day_start(self.start), clock.day_start(self.end)

    def parameters(self) -> dict[str, Any]:
        """``from_day``, ``to_day`` and, with times of day, ``from_time``, ``to_time``."""
        days: dict[str, Any] = {"from_day": self.first_day, "to_day": self.end_day}
        return days | ({"from_time": self.start, "to_time": self.end} if self.has_time else {})

    def condition(self, day_column: str, local_column: str) -> str:
        """SQL for rows in the period, by business day and, when needed, by the lot's wall clock."""
        days = f"{day_column} >= $from_day and {day_column} < $to_day"
        if not self.has_time:
            return days
        return f"{days} and {local_column} >= $from_time and {local_column} < $to_time"


def _read(key: str, value: Any, grain: Grain, report: str) -> date | datetime:
    if isinstance(value, datetime):
        moment: date | datetime = value
    elif isinstance(value, date):
        return value
    else:
        moment = _parse(key, str(value).strip())
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is not None:
        raise _refused(key, value)
    if grain is Grain.DAY:
        raise ParkError(
            zh=f"报表 {report} 按营业日统计,{key} 不能带时刻 {value}:请写成 2019-05-08",
            en=f"{report} counts whole business days, so {key} cannot have a time of day ({value}): write 2019-05-08",
            code="bad_period",
        )
    if grain is Grain.HOUR and (moment.minute or moment.second or moment.microsecond):
        raise ParkError(
            zh=f"报表 {report} 按小时统计,{key} 应为整点,而不是 {value}",
            en=f"{report} counts whole hours, so {key} must be on the hour, not {value}",
            code="bad_period",
        )
    return moment


def _parse(key: str, text: str) -> date | datetime:
    try:
        if _DATE.match(text):
            return date.fromisoformat(text)
        if _TIME_OF_DAY.match(text):
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise _refused(key, text)


def _refused(key: str, value: Any) -> ParkError:
    return ParkError(
        zh=f"{key} 不能是 {value}:请写日期 2019-05-08 或停车场当地时间 2019-05-08T13:00",
        en=f"{key} cannot be {value!r}: write a date 2019-05-08 or the lot's local time 2019-05-08T13:00",
        code="bad_period",
    )


def as_of_day(clocks: Iterable[Clock], as_of: datetime) -> date:
    """The latest business day that any of the clocks shows at ``as_of``; Shanghai's when there is no clock."""
    days = [clock.business_day(as_of) for clock in clocks]
    return max(days, default=DEFAULT_CLOCK.business_day(as_of))


def read_period(given: Mapping[str, Any], grain: Grain, default_days: int, today: date, report: str) -> Period:
    """The period asked for; without ends, the ``default_days`` up to and including ``today``.

    With a time of day at one end, a date at the other means its midnight.

    Raises:
        ParkError: an end is malformed, finer than the report's grain, or not before the other.
    """
    start = _read("from", given["from"], grain, report) if given.get("from") not in (None, "") else None
    end = _read("to", given["to"], grain, report) if given.get("to") not in (None, "") else None
    if end is None:
        first = start.date() if isinstance(start, datetime) else start
        end = max(today, first or today) + timedelta(days=1)
    if start is None:
        last = end.date() if isinstance(end, datetime) else end
        start = last - timedelta(days=default_days)
    if isinstance(start, datetime) != isinstance(end, datetime):
        start = start if isinstance(start, datetime) else datetime.combine(start, time())
        end = end if isinstance(end, datetime) else datetime.combine(end, time())
    if start >= end:
        raise ParkError(
            zh=f"from({start})必须早于 to({end})", en=f"from ({start}) must be before to ({end})", code="bad_period"
        )
    return Period(start, end)
