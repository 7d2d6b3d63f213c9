"""Figures of the home page against the same sums done record by record in Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.integration.reports.lake import METHODS, Lake, dim_lot
from warehouse.lake.reader import Reader
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.scope import Scope
from warehouse.settings import Settings

# Berlin put its clocks forward on 29 March: the week before, the same wall time was an hour later in UTC.
AS_OF = datetime(2026, 3, 31, 10, 20, 30, tzinfo=UTC)
TODAY = date(2026, 3, 31)
LOTS = {1: ("Asia/Shanghai", 0), 2: ("Europe/Berlin", 240)}
NO_RECORDS = date(2026, 3, 27)  # the day before a day that is asked for below


@pytest.fixture(scope="module")
def records() -> list[dict[str, Any]]:
    """Passages, each with an amount: nine days of both lots, two of them at the very second of the comparison."""
    dice = random.Random(7)
    moments = [AS_OF - timedelta(seconds=dice.randrange(9 * 86_400)) for _ in range(900)]
    found = []
    for lot_id, (zone, cutover) in LOTS.items():
        now = AS_OF.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
        edges = [
            (now - timedelta(days=days, seconds=seconds)).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
            for days in (1, 7)
            for seconds in (-1, 0, 1)
        ]
        for number, moment in enumerate([*moments, *edges]):
            local = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            day = (local - timedelta(minutes=cutover)).date()
            if day != NO_RECORDS:
                found.append(
                    {
                        "lot_id": lot_id,
                        "business_date": day,
                        "record_id": f"r{lot_id}-{number}",
                        "direction": dice.choice(["entry", "exit"]),
                        "occurred_at": moment,
                        "local_at": local,
                        "is_inner": dice.random() < 0.1,
                        "method": dice.choice(METHODS),
                        "amount": Decimal(dice.randrange(-300, 4_000)) / 100,
                    }
                )
    return found


@pytest.fixture(scope="module")
def reader(records: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    lake = Lake(Settings(home=tmp_path_factory.mktemp("home")))
    lake.add(
        "dim_lot",
        [
            dim_lot(lot_id, f"L{lot_id}", f"{lot_id} 号", time_zone=zone, cutover_minutes=cutover)
            for lot_id, (zone, cutover) in LOTS.items()
        ],
    )
    base = ("lot_id", "business_date", "record_id", "occurred_at", "local_at")
    rows = [{name: record[name] for name in base} for record in records]
    pairs = list(zip(rows, records, strict=True))
    lake.add(
        "fct_passage",
        [row | {"kind": r["direction"], "direction": r["direction"], "is_inner": r["is_inner"]} for row, r in pairs],
    )
    paid = [
        row
        | {method: r["amount"] if method == r["method"] else Decimal(0) for method in METHODS}
        | {"method": r["method"]}
        for row, r in pairs
    ]
    charged = [row | {"kind": "charge", "received": r["amount"]} for row, (_, r) in zip(paid, pairs, strict=True)]
    lake.add("fct_charge", charged)
    kinds = ["renewal", "top_up"]
    lake.add(
        "fct_renewal",
        [
            row | {"kind": kinds[position % 2], "amount": r["amount"]}
            for position, (row, (_, r)) in enumerate(zip(paid, pairs, strict=True))
        ],
    )
    hours = {(r["lot_id"], r["business_date"], r["local_at"].replace(minute=0, second=0)) for r in records}
    lake.add(
        "rpt_upload_hour",
        [
            {
                "lot_id": lot_id,
                "business_date": day,
                "hour_started_at": hour.replace(tzinfo=ZoneInfo(LOTS[lot_id][0])).astimezone(UTC),
                "local_hour": hour,
                "kind": "entry",
                "records": 1,
            }
            for lot_id, day, hour in sorted(hours)
        ],
    )
    lake.add(
        "rpt_occupancy_hour",
        [
            {
                "lot_id": lot_id,
                "business_date": day,
                "hour_started_at": hour.replace(tzinfo=ZoneInfo(LOTS[lot_id][0])).astimezone(UTC),
                "local_hour": hour,
                "closing": 100 * lot_id + hour.day + hour.hour,
            }
            for lot_id, day, hour in sorted(hours)
        ],
    )
    lake.publish(AS_OF)
    made = Reader(lake.settings)
    yield made
    made.close()


def asked(reader: Reader, name: str, lots: tuple[int, ...], day: date) -> Any:
    given = {"from": day.isoformat(), "to": (day + timedelta(days=1)).isoformat()}
    return run(find(name), reader, Scope(frozenset(lots)), given)


def until(record: dict[str, Any], days: int) -> bool:
    """Whether a record of ``days`` ago had happened at the same wall time as now."""
    zone = ZoneInfo(LOTS[record["lot_id"]][0])
    return bool(record["local_at"] <= AS_OF.astimezone(zone).replace(tzinfo=None) - timedelta(days=days))


def chosen(records: list[dict[str, Any]], lots: tuple[int, ...], day: date, back: int, *, whole: bool) -> list[Any]:
    that = day - timedelta(days=back)
    return [
        record
        for record in records
        if record["lot_id"] in lots
        and record["business_date"] == that
        # Days between the day asked for and the day that the data reach have passed as a whole.
        and (whole or until(record, back))
    ]


@pytest.mark.parametrize("lots", [(1,), (2,), (1, 2)])
@pytest.mark.parametrize("day", [TODAY, TODAY - timedelta(days=1), NO_RECORDS + timedelta(days=1)])
def test_each_figure_is_beside_the_same_time_of_yesterday_and_of_last_week(
    reader: Reader, records: list[dict[str, Any]], lots: tuple[int, ...], day: date
) -> None:
    totals = asked(reader, "home-totals", lots, day).records()[0]
    methods = {row["method"]: row for row in asked(reader, "home-receipts", lots, day).records()}
    renewals = {record["record_id"] for position, record in enumerate(records) if position % 2 == 0}
    for prefix, back, whole in (
        ("", 0, True),
        ("previous_", 1, False),
        ("previous_day_", 1, True),
        ("previous_week_", 7, False),
    ):
        found = chosen(records, lots, day, back, whole=whole)
        outer = [record["direction"] for record in found if not record["is_inner"]]
        assert totals[f"{prefix}entries"] == outer.count("entry")
        assert totals[f"{prefix}exits"] == outer.count("exit")
        assert totals[f"{prefix}received"] == sum((r["amount"] for r in found), Decimal(0))
        renewed = [r for r in found if r["record_id"] in renewals]
        assert totals[f"{prefix}renewed"] == sum((r["amount"] for r in renewed), Decimal(0))
        for method, row in methods.items():
            of_method = [r["amount"] for r in found if r["method"] == method]
            assert row[f"{prefix}received"] == sum(of_method, Decimal(0))


def test_the_cut_is_on_the_lots_own_wall_clock_when_clocks_were_put_forward(
    reader: Reader, records: list[dict[str, Any]]
) -> None:
    by_wall = chosen(records, (2,), TODAY, 7, whole=False)
    by_hours = [r for r in chosen(records, (2,), TODAY, 7, whole=True) if r["occurred_at"] <= AS_OF - timedelta(days=7)]
    assert len(by_wall) != len(by_hours), "otherwise this proves nothing"
    totals = asked(reader, "home-totals", (2,), TODAY).records()[0]
    outer = [record for record in by_wall if not record["is_inner"]]
    assert totals["previous_week_entries"] + totals["previous_week_exits"] == len(outer)


@pytest.mark.parametrize("lot_id", [1, 2])
def test_cars_are_those_of_the_same_hour(reader: Reader, records: list[dict[str, Any]], lot_id: int) -> None:
    row = asked(reader, "home-occupancy", (lot_id,), TODAY).records()[0]
    now = AS_OF.astimezone(ZoneInfo(LOTS[lot_id][0])).replace(tzinfo=None)
    for name, back in (("cars", 0), ("previous_cars", 1), ("previous_week_cars", 7)):
        day = TODAY - timedelta(days=back)
        hours = [
            record["local_at"].replace(minute=0, second=0)
            for record in records
            if record["lot_id"] == lot_id and record["business_date"] == day
        ]
        last = max(hour for hour in hours if hour < now - timedelta(days=back))
        assert row[name] == 100 * lot_id + last.day + last.hour


def test_hours_of_last_week_without_uploads_are_unknown_and_not_zero(reader: Reader) -> None:
    week_after = NO_RECORDS + timedelta(days=7)
    rows = asked(reader, "home-traffic-hours", (1,), week_after).records()
    assert {row["previous_week_entries"] for row in rows} == {None}
    rows = asked(reader, "home-traffic-hours", (1,), TODAY).records()
    assert 0 in {row["previous_week_entries"] for row in rows}, "uploads without passages are zero"
