"""The period that a period is compared with, kept in the address.

Belongs here: choosing it and finding its days. Does not belong here: comparing, which the report does.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final, TypeVar

import streamlit as st

from dashboards.context import Context
from dashboards.ui import address

COMPARE, DAYS = "compare", "compare_days"
CUSTOM: Final = "custom"
WAYS: Final = ("previous", "week", "month", "year", CUSTOM)
Moment = TypeVar("Moment", date, datetime)


def earlier(moment: Moment, months: int) -> Moment:
    """The same day some months earlier; the last day of that month when it has no such day."""
    year, month = divmod(moment.year * 12 + moment.month - 1 - months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def shifted(way: str, start: Moment, end: Moment) -> tuple[Moment, Moment]:
    """The period as long as [start, end) that ``way`` names: the previous one, or that of last week, month or year."""
    length = end - start
    first = {
        "previous": lambda: start - length,
        "week": lambda: start - timedelta(days=7),
        "month": lambda: earlier(start, 1),
        "year": lambda: earlier(start, 12),
    }[way]()
    return first, first + length


def draw(context: Context, asked: Mapping[str, Any]) -> dict[str, str]:
    """Draw the choice; returns ``compare_from`` and ``compare_to``, or nothing."""
    text = context.text
    with st.container(width=150):
        options = {way: text(f"report.compare_{way}") for way in WAYS}
        way = address.choice(context, COMPARE, text("report.compare"), options, everything=text("report.compare_none"))
    if not way:
        return {}
    start, end = datetime.fromisoformat(asked["from"]), datetime.fromisoformat(asked["to"])
    has_time = len(asked["from"]) > 10
    if way == CUSTOM:
        usual = shifted("previous", start.date(), end.date()) if not has_time else (start.date(), end.date())
        with st.container(width=250):
            first, last = address.days(DAYS, text("report.compare_days"), (usual[0], usual[1] - timedelta(days=1)))
        return {"compare_from": first.isoformat(), "compare_to": (last + timedelta(days=1)).isoformat()}
    other = shifted(way, start, end)
    written = [moment.isoformat(timespec="seconds") if has_time else moment.date().isoformat() for moment in other]
    return {"compare_from": written[0], "compare_to": written[1]}
