"""The wall clock of a lot: where its local days and times of day lie among instants.

Belongs here: local time to instants. Does not belong here: prices. Instants are whole seconds since 1970 UTC; days are
proleptic ordinals (``date.toordinal``).

A clock that is turned back does not go through a time of day twice: a boundary is passed when the clock first shows it.
A time of day that a clock turned forward leaves out is passed at that moment.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from warehouse.errors import ParkError
from warehouse.tariffs.model import DAY_MINUTES

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_DAY: Final = EPOCH.toordinal()
SECOND: Final = timedelta(seconds=1)
DAY_SECONDS: Final = 86_400


@dataclass(frozen=True)
class WallClock:
    """The zone of a lot and the minutes after midnight at which its business day starts.

    Raises:
        ParkError: the zone is not known, or the minutes are not from 0 to 1439.
    """

    time_zone: str = "Asia/Shanghai"
    cutover_minutes: int = 0

    def __post_init__(self) -> None:
        """Refuse what is no clock."""
        _zone(self.time_zone)
        if not 0 <= self.cutover_minutes < DAY_MINUTES:
            raise ParkError(
                zh=f"日切分钟 {self.cutover_minutes} 无效，请填 0 到 1439。",
                en=f"Cut-over minutes {self.cutover_minutes} are not valid; give 0 to 1439.",
                code="bad_cutover",
            )

    def day_start(self, day: int) -> int:
        """The instant at which business day ``day`` starts."""
        return passed_at(self.time_zone, day, self.cutover_minutes)

    def business_day(self, instant: int) -> int:
        """The business day of ``instant``."""
        return _day_of(self.time_zone, self.cutover_minutes, instant)

    def calendar_day(self, instant: int) -> int:
        """The local calendar day of ``instant``, from midnight to midnight."""
        return _day_of(self.time_zone, 0, instant)

    def passes(self, day: int, minute: int) -> int:
        """The instant at which the clock passes ``minute`` of calendar day ``day``."""
        return passed_at(self.time_zone, day, minute)


def seconds_of(instant: datetime) -> int:
    """Whole seconds since 1970 of an aware instant; fractions are dropped.

    Raises:
        ParkError: the instant has no offset.
    """
    if instant.tzinfo is None:
        raise ParkError(
            zh=f"时间 {instant} 没有时区，请提供带时区的时间。",
            en=f"{instant} has no offset; give an aware instant.",
            code="naive_time",
        )
    return (instant - EPOCH) // SECOND


def instant_of(seconds: int) -> datetime:
    """The aware UTC instant of whole seconds since 1970."""
    return EPOCH + timedelta(seconds=seconds)


@lru_cache(maxsize=256)
def _zone(time_zone: str) -> ZoneInfo:
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, OSError) as error:
        raise ParkError(
            zh=f"未知的时区 {time_zone}，请使用如 Asia/Shanghai 的名称。",
            en=f"Unknown time zone {time_zone}; use a name such as Asia/Shanghai.",
            code="unknown_time_zone",
        ) from error


@lru_cache(maxsize=200_000)
def passed_at(time_zone: str, day: int, minute: int) -> int:
    """The instant at which the clock of ``time_zone`` passes ``minute`` of calendar day ``day``."""
    zone = _zone(time_zone)
    local = datetime.fromordinal(day) + timedelta(minutes=minute)
    as_utc = (day - EPOCH_DAY) * DAY_SECONDS + minute * 60
    before = _offset(local.replace(tzinfo=zone))
    after = _offset(local.replace(tzinfo=zone, fold=1))
    if before >= after:
        return as_utc - before
    # The clock leaves this time out: the first second with the new offset.
    low, high = as_utc - after, as_utc - before
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(instant_of(middle).astimezone(zone)) == after:
            high = middle
        else:
            low = middle
    return high


def _offset(local: datetime) -> int:
    return (local.utcoffset() or timedelta()) // SECOND


def _day_of(time_zone: str, minute: int, instant: int) -> int:
    day = EPOCH_DAY + (instant - minute * 60) // DAY_SECONDS
    while passed_at(time_zone, day + 1, minute) <= instant:
        day += 1
    while passed_at(time_zone, day, minute) > instant:
        day -= 1
    return day
