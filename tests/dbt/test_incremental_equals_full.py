"""The marts after any sequence of uploads, refreshes, kills and maintenance equal marts built from nothing.

Every lot goes through a random sequence of its own, so one instance with 200 lots tries 200 sequences at once. By hand
it runs for longer: ``PARK_TEST_ROUNDS=62`` kills fifty refreshes.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, Record, land_records
from warehouse.alarms.pairing import pair
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import newest_build_started_at, published
from warehouse.lake.reader import Reader
from warehouse.lake.writer import writer_lock
from warehouse.reports.base import stream
from warehouse.reports.catalogue import find
from warehouse.security.scope import EVERYTHING
from warehouse.settings import Settings

LOTS = int(os.environ.get("PARK_TEST_SEQUENCES", "200"))
ROUNDS = int(os.environ.get("PARK_TEST_ROUNDS", "4"))
SEED = int(os.environ.get("PARK_TEST_SEED", "7"))


class AlarmEvent(NamedTuple):
    """What the rule of pairing needs of an event."""

    event: str
    occurred_at: datetime


# All but the first two, every seventh, which makes up for those before it, and the last.
KILLED_ROUNDS = [turn for turn in range(2, ROUNDS - 1) if turn % 7]

FACT_OF_KIND = {
    "entry": "fct_passage",
    "exit": "fct_passage",
    "inner_entry": "fct_passage",
    "inner_exit": "fct_passage",
    "charge": "fct_charge",
    "refund": "fct_charge",
    "renewal": "fct_renewal",
    "top_up": "fct_renewal",
    "gate_opening": "fct_gate_opening",
    "shift": "fct_shift",
    "alarm": "fct_alarm_event",
    "device_state": "fct_device_report",
    "free_space_count": "fct_free_space",
    "invoice": "fct_invoice",
    "snapshot": "fct_snapshot",
}


def marts(settings: Settings, snapshot: int | None = None) -> dict[str, list[str]]:
    """Every row of every mart, as sorted text."""
    connection = open_lake(settings, read_only=True, snapshot=snapshot)
    try:
        tables = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'marts'"
        ).fetchall()
        return {name: sorted(map(repr, connection.execute(f"FROM lake.marts.{name}").fetchall())) for (name,) in tables}
    finally:
        connection.close()


def refresh_and_die(settings: Settings, after_seconds: float) -> bool:
    """Start a refresh in a process of its own and kill it outright ``after_seconds`` after its build began.

    Returns whether it was still at work.
    """
    before = newest_build_started_at(settings)
    process = subprocess.Popen(
        [sys.executable, "-c", "from warehouse.cli import main; main()", "refresh"],
        env=os.environ | {"PARK_HOME": str(settings.home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while newest_build_started_at(settings) == before:
        assert process.poll() is None, "ended without a build"
        time.sleep(0.05)
    with suppress(subprocess.TimeoutExpired):
        process.wait(after_seconds)
    was_at_work = process.poll() is None
    if was_at_work:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return was_at_work


def merge_files(settings: Settings) -> None:
    """What maintenance does to the files under everybody's feet."""
    with writer_lock(settings):
        connection = open_lake(settings)
        try:
            connection.execute("CALL ducklake_merge_adjacent_files('lake')")
            connection.execute("CALL ducklake_rewrite_data_files('lake', delete_threshold => 0.0)")
            keep = published(settings).snapshot_id
            stale = [
                str(row[0])
                for row in connection.execute("SELECT snapshot_id FROM lake.snapshots()").fetchall()
                if row[0] < keep
            ]
            connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{', '.join(stale)}])")
            connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
        finally:
            connection.close()


def current_by_rule(histories: list[LotHistory]) -> dict[tuple[int, str, str], Record]:
    """The version in force of every record, by a second telling of the rule: newest, void first, first sent."""
    best: dict[tuple[int, str, str], tuple[tuple[int, bool], Record]] = {}
    for history in histories:
        for kind, record in history.sent:
            key = (history.lot_id, kind, record["record_id"])
            rank = (record["revision"], record["op"] == "void")
            if key not in best or rank > best[key][0]:
                best[key] = (rank, record)
    return {key: record for key, (_rank, record) in best.items() if record["op"] == "upsert"}


@pytest.mark.timeout(3600)
def test_marts_after_random_sequences_equal_a_full_build_and_lose_or_double_nothing(tmp_path: Path) -> None:
    settings = create_instance(tmp_path, LOTS)
    chance = random.Random(SEED)
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(SEED * 100_000 + lot))
        for lot in range(1, LOTS + 1)
    ]
    builder = DbtBuilder(settings)
    seconds, killed = 0.0, 0
    for turn in range(ROUNDS):
        connection = open_lake(settings)
        land_records(connection, settings, f"turn{turn}", [item for lot in histories for item in lot.batch()])
        connection.close()
        if turn in KILLED_ROUNDS:
            killed += refresh_and_die(settings, chance.uniform(0, seconds))
            continue  # a later turn has to make up for it
        before = published(settings).snapshot_id if turn else None
        begun = time.monotonic()
        result = refresh(settings, builder=builder)
        seconds = time.monotonic() - begun
        assert result.built
        assert result.is_full == (turn == 0)
        assert before != result.snapshot_id
        if turn == 1:
            merge_files(settings)

    print(f"{killed} of {len(KILLED_ROUNDS)} refreshes were at work when they were killed")

    incremental = marts(settings, published(settings).snapshot_id)
    refresh(settings, full=True, builder=builder)
    complete = marts(settings)
    assert incremental.keys() == complete.keys()
    assert {name: rows for name, rows in incremental.items() if rows != complete[name]} == {}

    assert_nothing_lost_or_doubled(settings, current_by_rule(histories))
    assert_days_of_completeness_equal_the_report(settings)
    assert_alarms_stand_as_their_events_say(settings, current_by_rule(histories))


def assert_days_of_completeness_equal_the_report(settings: Settings) -> None:
    """The report computes by the hour what the mart holds by the day; days with a half hour at the cut-over differ."""
    connection = open_lake(settings, read_only=True)
    first, last = connection.execute(
        "select min(business_date), max(business_date) from lake.marts.rpt_upload_hour"
    ).fetchone() or (None, None)
    stored = connection.execute(
        "select l.code, c.business_date, c.expected, c.received, c.missing_hours"
        " from lake.marts.rpt_completeness_day as c join lake.marts.dim_lot as l using (lot_id)"
        " where l.cutover_minutes % 60 = 0"
    ).fetchall()
    whole = {
        row[0]
        for row in connection.execute("select code from lake.marts.dim_lot where cutover_minutes % 60 = 0").fetchall()
    }
    connection.close()
    reader = Reader(settings)
    asked = {"from": first.isoformat(), "to": (last + timedelta(days=1)).isoformat(), "by": "day"}
    with stream(find("completeness"), reader, EVERYTHING, asked, "key") as report:
        place = {column.key: number for number, column in enumerate(report.result.columns)}
        keys = ("lot_code", "period", "expected", "received", "missing_hours")
        told = [tuple(row[place[key]] or 0 for key in keys) for batch in report.batches for row in batch]
    reader.close()
    wanted = [(code, day.date(), *figures) for code, day, *figures in told if code in whole and any(figures)]
    assert len(stored) > len(whole)
    assert sorted(stored) == sorted(wanted)


def assert_alarms_stand_as_their_events_say(settings: Settings, expected: dict[tuple[int, str, str], Record]) -> None:
    """The marts and the live side pair raises and recoveries by one rule."""
    events: dict[tuple[int, str], list[AlarmEvent]] = defaultdict(list)
    for (lot, kind, _record_id), record in sorted(expected.items()):
        if kind == "alarm":
            events[lot, record["alarm_id"]].append(AlarmEvent(record["event"], record["occurred_at"]))
    connection = open_lake(settings, read_only=True)
    stored = connection.execute(
        "select lot_id, alarm_id, raised_at, recovered_at from lake.marts.fct_alarm where raised_at is not null"
    ).fetchall()
    connection.close()
    wanted = [
        (lot, alarm, span.raised_at, span.recovered_at)
        for (lot, alarm), happened in events.items()
        for span in pair(happened)
    ]
    assert len(wanted) > len({(lot, alarm) for lot, alarm, *_ in wanted}), "no alarm stood twice"
    assert sorted(stored, key=repr) == sorted(wanted, key=repr)


def assert_nothing_lost_or_doubled(settings: Settings, expected: dict[tuple[int, str, str], Record]) -> None:
    connection = open_lake(settings, read_only=True)
    rows_by_fact: dict[str, list[Any]] = {}
    kinds_by_fact: dict[str, list[str]] = defaultdict(list)
    for kind, fact in FACT_OF_KIND.items():
        kinds_by_fact[fact].append(kind)
    for fact, kinds in kinds_by_fact.items():
        kind_column = "kind" if len(kinds) > 1 else f"'{kinds[0]}'"
        rows_by_fact[fact] = connection.execute(
            f"SELECT lot_id, {kind_column}, record_id, business_date, occurred_at FROM lake.marts.{fact}"
        ).fetchall()
    stored = sorted(row for rows in rows_by_fact.values() for row in rows)
    wanted = sorted(
        (lot, kind, record_id, record["business_date"], record["occurred_at"])
        for (lot, kind, record_id), record in expected.items()
        if kind in FACT_OF_KIND
    )
    assert stored == wanted

    received = sum(
        (record["received"] if kind == "charge" else -record["amount"] if kind == "refund" else Decimal(0))
        for (_lot, kind, _record_id), record in expected.items()
    )
    row = connection.execute(
        "SELECT sum(received), sum(cash + bank_card + iou + stored_value + alipay + wechat + qr + wallet + receipt) "
        "FROM lake.marts.rpt_fee_day WHERE basis = 'payment'"
    ).fetchone()
    connection.close()
    assert row == (received, received)
