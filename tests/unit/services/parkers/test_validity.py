"""Days and months of validity."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warehouse.services.validity import (
    DUE_DAYS,
    STATES,
    first_instant,
    last_day,
    last_instant,
    local_today,
    state_on,
)

_DAYS = st.dates(date(2000, 1, 1), date(2090, 12, 31))


@pytest.mark.parametrize(
    ("first", "unit", "count", "last"),
    [
        ("2026-02-01", "month", 1, "2026-02-28"),
        ("2028-02-01", "month", 1, "2028-02-29"),
        ("2026-01-31", "month", 1, "2026-02-28"),
        ("2028-01-31", "month", 1, "2028-02-29"),
        ("2026-01-30", "month", 1, "2026-02-28"),
        ("2026-01-29", "month", 1, "2026-02-28"),
        ("2026-01-28", "month", 1, "2026-02-27"),
        ("2026-03-31", "month", 1, "2026-04-30"),
        ("2026-01-31", "month", 2, "2026-03-30"),
        ("2026-05-15", "month", 1, "2026-06-14"),
        ("2026-12-01", "month", 1, "2026-12-31"),
        ("2026-12-15", "month", 14, "2028-02-14"),
        ("2028-02-29", "month", 12, "2029-02-28"),
        ("2026-05-01", "day", 1, "2026-05-01"),
        ("2026-02-20", "day", 30, "2026-03-21"),
    ],
)
def test_a_period_ends_on_the_day_before_the_same_day_or_with_its_month(
    first: str, unit: str, count: int, last: str
) -> None:
    assert last_day(date.fromisoformat(first), unit, count) == date.fromisoformat(last)


def test_a_period_has_a_known_unit() -> None:
    with pytest.raises(ValueError, match="fortnight"):
        last_day(date(2026, 1, 1), "fortnight", 1)


def one_after_the_other(first: date, unit: str, count: int, times: int) -> date:
    for _ in range(times):
        last = last_day(first, unit, count)
        first = last + timedelta(days=1)
    return last


@given(_DAYS, st.sampled_from(["day", "month"]), st.integers(1, 14), st.integers(1, 20))
def test_several_periods_at_once_are_as_many_one_after_the_other_up_to_the_28th(
    first: date, unit: str, count: int, times: int
) -> None:
    at_once = last_day(first, unit, count * times)
    one_by_one = one_after_the_other(first, unit, count, times)
    if unit == "day" or first.day <= 28:
        assert at_once == one_by_one
    else:
        assert timedelta(0) <= one_by_one - at_once <= timedelta(days=3)


@given(_DAYS, st.integers(1, 60))
def test_a_month_more_is_never_shorter_and_at_least_28_days(first: date, count: int) -> None:
    gained = last_day(first, "month", count + 1) - last_day(first, "month", count)
    assert timedelta(days=28) <= gained <= timedelta(days=31)
    assert last_day(first, "month", 1) - first >= timedelta(days=27)


@given(_DAYS, st.none() | _DAYS, st.none() | _DAYS)
def test_every_day_has_exactly_one_state_and_the_order_of_states_is_that_of_time(
    day: date, first: date | None, last: date | None
) -> None:
    state = state_on(day, first, last)
    assert state in STATES
    if last is not None and (first is None or first <= day):
        left = (last - day).days
        assert state == ("expired" if left < 0 else "due" if left <= DUE_DAYS else "valid")


def test_today_is_the_lots_and_not_the_servers() -> None:
    moment = datetime(2026, 5, 1, 16, 30, tzinfo=UTC)
    assert local_today("Asia/Shanghai", moment) == date(2026, 5, 2)
    assert local_today("Pacific/Pago_Pago", moment) == date(2026, 5, 1)


def test_a_validity_reaches_from_the_first_second_to_the_last() -> None:
    assert first_instant(date(2026, 5, 1), "Asia/Shanghai") == datetime(2026, 4, 30, 16, 0, tzinfo=UTC)
    assert last_instant(date(2026, 5, 31), "Asia/Shanghai") == datetime(2026, 5, 31, 15, 59, 59, tzinfo=UTC)
