"""The occupancy forecast against a second computation, and against "the same hour last week"."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median
from typing import Any

import duckdb
import fastexcel
import polars as pl
import pytest

from tests.integration.reports.lake import Lake
from warehouse.alarms.expectations import Expectations
from warehouse.errors import ParkError
from warehouse.lake.reader import Reader
from warehouse.reports import base
from warehouse.reports.catalogue import find
from warehouse.reports.forecast import lots_about_to_fill
from warehouse.security.scope import EVERYTHING, Scope
from warehouse.settings import PROJECT_ROOT, Settings

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
SHANGHAI = timedelta(hours=8)
NOW = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)  # Monday half past eight in Shanghai
Cars = dict[datetime, int]


def occupancy_rows(lot_id: int, cars: Cars, closing: int) -> list[dict[str, Any]]:
    """Rows of the mart, each hour's end the next one's start."""
    return [
        {
            "lot_id": lot_id,
            "business_date": (hour + SHANGHAI).date(),
            "hour_started_at": hour,
            "local_hour": (hour + SHANGHAI).replace(tzinfo=None),
            "opening": cars[hour],
            "closing": cars.get(hour + HOUR, closing),
            "peak": max(cars[hour], cars.get(hour + HOUR, closing)),
        }
        for hour in sorted(cars)
    ]


def filled(home: Path, lots: Sequence[tuple[int, Cars, int, int]], as_of: datetime) -> Settings:
    """A published lake with lots of (id, cars at full hours, cars now, spaces), heard of within the hour."""
    lake = Lake(Settings(home=home))
    lake.add(
        "dim_lot",
        [
            {
                "lot_id": lot_id, "code": f"L{lot_id}", "name": f"{lot_id}号场", "time_zone": "Asia/Shanghai",
                "cutover_minutes": 0, "is_test": False, "is_void": False,
            }
            for lot_id, *_ in lots
        ],
    )  # fmt: skip
    for lot_id, cars, now, spaces in lots:
        lake.add("dim_capacity", [{"lot_id": lot_id, "valid_from": "2010-01-01", "spaces": spaces}])
        rows = pl.DataFrame(occupancy_rows(lot_id, cars, now))

        def insert(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame = rows) -> None:
            connection.register("hours", rows.to_arrow())
            connection.execute("insert into lake.marts.rpt_occupancy_hour by name from hours")

        lake.write(insert)
        last = max(cars)
        lake.add(
            "rpt_upload_hour",
            [{"lot_id": lot_id, "business_date": (last + SHANGHAI).date(), "hour_started_at": last, "records": 5}],
        )
    lake.publish(as_of)
    return lake.settings


def usual(cars: Cars, origin: datetime, ahead: int) -> tuple[float, float, int | None] | None:
    """Median change and level of four weeks, and last week's cars; None with less than two weeks."""
    pairs = [
        (cars[start + ahead * HOUR] - cars[start], cars[start + ahead * HOUR])
        for weeks in range(1, 5)
        if (start := origin - weeks * WEEK) in cars and start + ahead * HOUR in cars
    ]
    if len(pairs) < 2:
        return None
    return (
        median(change for change, _ in pairs),
        median(level for _, level in pairs),
        cars.get(origin - WEEK + ahead * HOUR) if origin - WEEK in cars else None,
    )


def blended(now: float, change: float, level: float, ahead: int) -> float:
    weight = (105 - 5 * ahead) / 100
    return max(0.0, weight * (now + change) + (1 - weight) * level)


def back_test(cars: Cars, as_of: datetime, ahead: int) -> tuple[float, float, int]:
    """Mean error of the forecast and of last week's hour, and how many were compared."""
    own, week = [], []
    for origin in cars:
        found = usual(cars, origin, ahead)
        if origin < as_of.replace(minute=0) - timedelta(days=28) or origin + ahead * HOUR not in cars or found is None:
            continue
        change, level, last_week = found
        if last_week is None:
            continue
        later = cars[origin + ahead * HOUR]
        own.append(abs(blended(cars[origin], change, level, ahead) - later))
        week.append(abs(last_week - later))
    return fmean(own), fmean(week), len(own)


def made(seed: int, spaces: int) -> Cars:
    """Eleven weeks of a lot that fills in the morning, each day busier or quieter than another, with some gaps."""
    chance = random.Random(seed)
    cars: Cars = {}
    hour, busy = NOW.replace(minute=0) - 11 * WEEK, 0.0
    while hour <= NOW:
        local = hour + SHANGHAI
        if local.hour == 0:
            busy = chance.gauss(0, spaces / 12)
        shape = [0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.5, 0.8, 0.9, 0.9, 0.8][local.hour // 2]
        level = spaces * shape * (1 if local.weekday() < 5 else 0.5) + busy + chance.gauss(0, 2)
        if chance.random() > 0.03 or hour >= NOW - 2 * HOUR:
            cars[hour] = max(0, round(level))
        hour += HOUR
    return cars


@pytest.fixture(scope="module")
def lots() -> list[tuple[int, Cars, int, int]]:
    busy = made(3, 60)
    return [(1, made(1, 200), 41, 200), (2, made(2, 80), 30, 80), (3, busy, 75, 60)]


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory, lots: list[tuple[int, Cars, int, int]]):
    silent = {hour: 9 for hour in made(4, 50) if hour < NOW - 5 * HOUR}
    opened = Reader(filled(tmp_path_factory.mktemp("forecast"), [*lots, (4, silent, 49, 50)], NOW))
    yield opened
    opened.close()


def asked(reader: Reader, scope: Scope = EVERYTHING, **given: str) -> list[dict[str, Any]]:
    return [dict(row) for row in base.run(find("forecast"), reader, scope, given, "zh").records()]


def test_forecast_and_errors_are_those_of_a_second_computation(
    reader: Reader, lots: list[tuple[int, Cars, int, int]]
) -> None:
    rows = {(row["lot_code"], row["ahead"]): row for row in asked(reader, ahead="all")}
    assert len(rows) == 18  # three lots, six hours; of a silent lot nothing is said
    hour = NOW.replace(minute=0)
    for lot_id, cars, now, spaces in lots:
        for ahead in range(1, 7):
            row = rows[f"L{lot_id}", ahead]
            near, far = usual(cars, hour, ahead), usual(cars, hour + HOUR, ahead)
            assert near is not None
            assert far is not None
            said = blended(now, (near[0] + far[0]) / 2, (near[1] + far[1]) / 2, ahead)
            assert row["cars"] == now
            assert abs(row["forecast"] - said) <= 0.51
            assert row["at"] == (NOW + SHANGHAI + ahead * HOUR).replace(tzinfo=None)
            assert row["low"] <= row["forecast"] <= row["high"]
            error, week_error, cases = back_test(cars, NOW, ahead)
            assert row["cases"] == cases
            assert float(row["error"]) == pytest.approx(error, abs=0.006)
            assert float(row["week_error"]) == pytest.approx(week_error, abs=0.006)
            assert row["free_spaces"] == max(0, spaces - row["forecast"])


def test_the_forecast_beats_the_same_hour_last_week_on_made_data(reader: Reader) -> None:
    totals = base.run(find("forecast"), reader, EVERYTHING, {"ahead": "1"}, "zh").totals
    assert totals["error"] < totals["week_error"]
    assert totals["better"] > 0


def test_lots_about_to_fill_are_told_without_a_back_test_and_within_the_scope(reader: Reader) -> None:
    found = lots_about_to_fill(reader)
    assert [(lot.lot_id, lot.cars, lot.spaces) for lot in found] == [(3, 75, 60)]
    assert found[0].forecast == next(row["forecast"] for row in asked(reader, lot="3"))
    assert lots_about_to_fill(reader, Scope(frozenset({1}))) == []
    assert [row["lot_code"] for row in asked(reader, Scope(frozenset({2})))] == ["L2"]


def test_the_alarm_rules_ask_for_them_while_the_published_data_are_new(reader: Reader) -> None:
    asking = Expectations(reader)
    assert asking.filling(NOW + timedelta(hours=2)) is None
    assert asking.filling(NOW + timedelta(minutes=20)) == lots_about_to_fill(reader)


def test_the_course_joins_the_last_day_and_the_next_hours(reader: Reader) -> None:
    rows = base.run(find("forecast-course"), reader, EVERYTHING, {"lot": "L1"}, "zh").records()
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert sum(row["forecast"] is not None for row in rows) == 7
    assert sum(row["cars"] is not None for row in rows) > 20


def test_a_period_is_refused(reader: Reader) -> None:
    with pytest.raises(ParkError, match="from"):
        asked(reader, **{"from": "2026-03-01"})


def test_on_the_real_gate_log_the_forecast_beats_the_same_hour_last_week(tmp_path: Path) -> None:
    shared = Path(os.environ.get("PARK_SHARED", PROJECT_ROOT.parent / "shared"))
    log = next(iter((shared / "data" / "shenzhen_gate_log").glob("*.xlsx")), None)
    if log is None:
        pytest.skip("the real log is not here")
    sheet = fastexcel.read_excel(str(log)).load_sheet(0, header_row=None, dtypes="string").to_polars().rows()
    changes = []
    for _number, entry, leaving in sheet:
        try:
            start, end = (datetime.fromisoformat(text).replace(tzinfo=UTC) - SHANGHAI for text in (entry, leaving))
        except (TypeError, ValueError):
            continue
        if start <= end:
            changes += [(start, 1), (end, -1)]
    changes.sort()
    cars: Cars = {}
    hour, inside, place = datetime(2016, 6, 30, 16, tzinfo=UTC), 0, 0
    while hour <= datetime(2016, 8, 31, 15, tzinfo=UTC):
        while place < len(changes) and changes[place][0] <= hour:
            inside += changes[place][1]
            place += 1
        cars[hour] = inside
        hour += HOUR
    as_of = max(cars)
    reader = Reader(filled(tmp_path, [(1, cars, cars[as_of], 120)], as_of))
    try:
        rows = {row["ahead"]: row for row in asked(reader, ahead="all")}
    finally:
        reader.close()
    said = [(row["ahead"], row["error"], row["week_error"]) for row in rows.values()]
    for ahead, least in ((1, 0.5), (2, 0.3), (3, 0.2), (6, 0.0)):
        assert rows[ahead]["better"] >= least, said
