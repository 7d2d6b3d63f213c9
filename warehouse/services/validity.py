"""Validity of long-term parking: days, months and states, by the calendar of the lot.

Belongs here: pure rules about days. Does not belong here: storage, money.

A validity runs from its first to its last day, both included. A period of months ends on the day before the same day
that many months later; where the month has no such day, on its last day: from 31 January one month ends on
28 February (29 in a leap year), and so does the month that begins on 1 February. Buying several periods at once ends on
the same day as buying them one after the other when the first day is the 28th or an earlier one, and for periods of
days always. From the 29th on, a short month moves the days that follow to the first of a month, so that one after the
other may end up to three days later, never earlier.
"""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.orm import InstrumentedAttribute

DUE_DAYS: Final = 7
"""A validity that ends within so many days is due; one that ends today ends within 0."""

VALID, DUE, EXPIRED, NOT_YET, NONE = "valid", "due", "expired", "not_yet", "none"
STATES: Final = (VALID, DUE, EXPIRED, NOT_YET, NONE)
LAST_POSSIBLE_DAY: Final = date(2199, 12, 31)


def local_today(time_zone: str, now: datetime) -> date:
    """The day on the lot's calendar."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def state_on(day: date, valid_from: date | None, valid_to: date | None) -> str:
    """The state, one of ``STATES``, of a validity on ``day``; without a last day there is none."""
    if valid_to is None:
        return NONE
    if valid_to < day:
        return EXPIRED
    if valid_from is not None and valid_from > day:
        return NOT_YET
    return DUE if valid_to <= day + timedelta(days=DUE_DAYS) else VALID


def in_state(
    state: str,
    day: date,
    valid_from: InstrumentedAttribute[date | None],
    valid_to: InstrumentedAttribute[date | None],
) -> ColumnElement[bool]:
    """``state_on`` as a condition of a query.

    Raises:
        KeyError: there is no such state.
    """
    begun = and_(valid_to >= day, or_(valid_from.is_(None), valid_from <= day))
    edge = day + timedelta(days=DUE_DAYS)
    return {
        NONE: valid_to.is_(None),
        EXPIRED: valid_to < day,
        NOT_YET: and_(valid_to >= day, valid_from > day),
        DUE: and_(begun, valid_to <= edge),
        VALID: and_(begun, valid_to > edge),
    }[state]


def last_day(first: date, unit: str, count: int) -> date:
    """The last day of ``count`` units ("day" or "month") from ``first`` on, which is included.

    Raises:
        OverflowError: the calendar ends before.
        ValueError: the unit is neither, or the calendar ends before.
    """
    if unit == "day":
        return first + timedelta(days=count - 1)
    if unit != "month":
        raise ValueError(f"{unit!r} is no unit of a period")
    years, month = divmod(first.month - 1 + count, 12)
    same_day = date(first.year + years, month + 1, 1)
    if first.day > monthrange(same_day.year, same_day.month)[1]:
        return same_day.replace(day=monthrange(same_day.year, same_day.month)[1])
    return same_day.replace(day=first.day) - timedelta(days=1)


def first_instant(day: date, time_zone: str) -> datetime:
    """The beginning of a local day, in UTC."""
    return datetime.combine(day, time.min, ZoneInfo(time_zone)).astimezone(UTC)


def last_instant(day: date, time_zone: str) -> datetime:
    """The last second of a local day, in UTC; records of the contract write the end of a validity so."""
    return datetime.combine(day, time(23, 59, 59), ZoneInfo(time_zone)).astimezone(UTC)
