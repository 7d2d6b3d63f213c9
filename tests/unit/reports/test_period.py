from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from warehouse.errors import ParkError
from warehouse.reports.period import Clock, Grain, Period, as_of_day, read_period

TODAY = date(2019, 5, 8)


def read(start: str | None, end: str | None, grain: Grain = Grain.RECORD, days: int = 1) -> Period:
    return read_period({"from": start, "to": end}, grain, days, TODAY, "stays")


def test_without_ends_the_period_is_the_default_days_up_to_the_day_the_data_reach() -> None:
    assert read(None, None) == Period(date(2019, 5, 8), date(2019, 5, 9))
    assert read(None, None, days=7) == Period(date(2019, 5, 2), date(2019, 5, 9))
    assert read("2019-05-01", None) == Period(date(2019, 5, 1), date(2019, 5, 9))
    assert read(None, "2019-05-05", days=3) == Period(date(2019, 5, 2), date(2019, 5, 5))
    assert read("2030-01-01", None) == Period(date(2030, 1, 1), date(2030, 1, 2))


def test_a_time_of_day_is_the_lots_wall_clock_and_widens_the_days_to_look_at() -> None:
    period = read("2019-05-08T13:00", "2019-05-08 14:30:15")
    assert period.has_time
    assert (period.first_day, period.end_day) == (date(2019, 5, 7), date(2019, 5, 9))
    assert period.window(Clock("Asia/Shanghai", 240)) == (
        datetime(2019, 5, 8, 5, 0, tzinfo=UTC),
        datetime(2019, 5, 8, 6, 30, 15, tzinfo=UTC),
    )


def test_a_business_day_starts_at_the_cut_over() -> None:
    period = read("2019-05-08", "2019-05-09")
    assert period.window(Clock("Asia/Shanghai", 240)) == (
        datetime(2019, 5, 7, 20, 0, tzinfo=UTC),
        datetime(2019, 5, 8, 20, 0, tzinfo=UTC),
    )
    assert Clock("Asia/Shanghai", 240).business_day(datetime(2019, 5, 7, 19, 59, tzinfo=UTC)) == date(2019, 5, 7)


def test_the_day_of_a_clock_change_is_an_hour_shorter() -> None:
    start, end = Period(date(2024, 3, 31), date(2024, 4, 1)).window(Clock("Europe/Berlin", 0))
    assert (end - start).total_seconds() == 23 * 3600


def test_day_reports_refuse_a_time_of_day_and_hour_reports_minutes() -> None:
    with pytest.raises(ParkError) as refused:
        read("2019-05-08T13:00", "2019-05-09", Grain.DAY)
    assert refused.value.code == "bad_period"
    with pytest.raises(ParkError):
        read("2019-05-08T13:30", "2019-05-08T14:00", Grain.HOUR)
    assert read("2019-05-08T13:00", "2019-05-08T14:00", Grain.HOUR).has_time


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2019-05-08", "2019-05-08"),
        ("2019-05-09", "2019-05-08"),
        ("yesterday", None),
        ("2019-13-01", None),
        ("2019-05-08T25:00", None),
        ("2019-05-08T13:00+08:00", None),
        ("08.05.2019", None),
    ],
)
def test_a_malformed_or_empty_period_is_refused(start: str, end: str | None) -> None:
    with pytest.raises(ParkError) as refused:
        read(start, end)
    assert refused.value.code == "bad_period"


def test_the_day_the_data_reach_is_the_latest_of_the_lots() -> None:
    moment = datetime(2019, 5, 8, 17, 0, tzinfo=UTC)
    assert as_of_day([Clock("Asia/Shanghai", 0), Clock("Europe/Berlin", 0)], moment) == date(2019, 5, 9)
    assert as_of_day([Clock("Asia/Shanghai", 240)], moment) == date(2019, 5, 8)
    assert as_of_day([], moment) == date(2019, 5, 9)


def test_only_zones_of_whole_hours_fit_days_cut_from_hours() -> None:
    period = Period(date(2024, 1, 1), date(2024, 7, 1))
    assert Clock("Asia/Shanghai", 0).on_whole_hours(period)
    assert Clock("Europe/Berlin", 270).on_whole_hours(period)
    assert not Clock("Asia/Kolkata", 0).on_whole_hours(period)
