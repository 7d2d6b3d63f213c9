"""When a delivery is due, and what its relative period means then.

Belongs here: clock and calendar of deliveries. Does not belong here: what is delivered, and to whom.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

PERIODS: Final = ("yesterday", "today", "last_week", "week", "last_month", "month", "last7", "last30")
EVERY_DAY: Final = "1234567"
LATEST: Final = timedelta(hours=12)
"""How late a missed moment is still caught up."""

_PAUSES: Final = (5, 15, 45, 120, 240)
"""Minutes before the next attempt, by the number of attempts made; the last is repeated."""


def moment_on(day: date, time_of_day: str, zone: str) -> datetime:
    """The instant at which the clock of ``zone`` shows ``time_of_day`` (HH:MM) on ``day``."""
    return datetime.combine(day, time.fromisoformat(time_of_day), ZoneInfo(zone))


def last_due(time_of_day: str, weekdays: str, zone: str, now: datetime) -> datetime | None:
    """The newest due moment that is not after ``now``; None when no weekday is chosen."""
    return _nearest(time_of_day, weekdays, zone, now, -1)


def next_due(time_of_day: str, weekdays: str, zone: str, now: datetime) -> datetime | None:
    """The first due moment after ``now``; None when no weekday is chosen."""
    return _nearest(time_of_day, weekdays, zone, now, 1)


def _nearest(time_of_day: str, weekdays: str, zone: str, now: datetime, step: int) -> datetime | None:
    today = now.astimezone(ZoneInfo(zone)).date()
    for days in range(9):
        day = today + timedelta(days=step * days)
        moment = moment_on(day, time_of_day, zone)
        if str(day.isoweekday()) in weekdays and (moment <= now if step < 0 else moment > now):
            return moment
    return None


def next_attempt(attempts: int, due_at: datetime, now: datetime) -> datetime | None:
    """When to try again after ``attempts`` failures; None when that would be too late."""
    moment = now + timedelta(minutes=_PAUSES[min(attempts, len(_PAUSES)) - 1])
    return moment if moment <= due_at + LATEST else None


def days_of(period: str, today: date) -> tuple[date, date]:
    """First and last day, both included, of a relative period on ``today``; the week begins on Monday.

    Raises:
        KeyError: there is no such period.
    """
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    yesterday, last_of_month = today - timedelta(days=1), first - timedelta(days=1)
    return {
        "yesterday": (yesterday, yesterday),
        "today": (today, today),
        "last_week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "week": (monday, today),
        "last_month": (last_of_month.replace(day=1), last_of_month),
        "month": (first, today),
        # Whole days: the day of the delivery itself is not over.
        "last7": (today - timedelta(days=7), yesterday),
        "last30": (today - timedelta(days=30), yesterday),
    }[period]
