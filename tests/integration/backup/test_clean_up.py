"""Records of a lot that are removed are gone, and every report of the days before says what it said."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.build import DbtBuilder, build_due, refresh
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, land_records
from warehouse.errors import ParkError
from warehouse.lake import clean_up
from warehouse.lake.connect import open_lake
from warehouse.lake.maintain import PINNED_FOR, maintain
from warehouse.settings import Settings

LOTS = 2
LOT = 1
BEFORE = date(2026, 3, 27)
REMOVED_LOT = f"lot_id = {LOT} AND business_date < DATE '{BEFORE}'"


def land(settings: Settings, batch_id: str, seed: int, rounds: int) -> None:
    lots = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(seed * 100 + lot))
        for lot in range(1, LOTS + 1)
    ]
    records = [item for lot in lots for _ in range(rounds) for item in lot.batch()]
    for _kind, record in records:
        record["record_id"] = f"{seed}-{record['record_id']}"
        if record.get("entry_record_id"):
            record["entry_record_id"] = f"{seed}-{record['entry_record_id']}"
    connection = open_lake(settings)
    try:
        land_records(connection, settings, batch_id, records)
    finally:
        connection.close()


def rows(settings: Settings, table: str, where: str = "true") -> list[tuple[Any, ...]]:
    connection = open_lake(settings, read_only=True)
    try:
        return sorted(connection.execute(f"FROM lake.{table} WHERE {where}").fetchall(), key=repr)
    finally:
        connection.close()


def marts(settings: Settings, prefix: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = open_lake(settings, read_only=True)
    try:
        found = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'marts' "
            "AND starts_with(table_name, ?)",
            [prefix],
        ).fetchall()
    finally:
        connection.close()
    return {name: rows(settings, f"marts.{name}") for (name,) in found}


@pytest.fixture(scope="module")
def builder(built: Settings) -> DbtBuilder:
    return DbtBuilder(built)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = create_instance(tmp_path_factory.mktemp("clean"), LOTS)
    land(settings, "first", 1, 60)
    refresh(settings)
    return settings


def test_details_are_gone_and_reports_say_what_they_said(built: Settings, builder: DbtBuilder) -> None:
    reports, charges = marts(built, "rpt_"), marts(built, "fct_charge")
    raw = {kind: rows(built, f"raw.{kind}") for kind in clean_up.KINDS}
    told = clean_up.preview(built, LOT, BEFORE)
    assert {one.kind for one in told} >= {"entry", "exit"}
    assert {kind: rows(built, f"raw.{kind}") for kind in clean_up.KINDS} == raw, "a preview changes nothing"

    done = clean_up.remove(built, "r1", LOT, BEFORE)
    assert done.counts == told
    assert build_due(built).reason == "records were removed"

    gone = {kind: len(raw[kind]) - len(rows(built, f"raw.{kind}")) for kind in clean_up.KINDS}
    for kind in clean_up.KINDS:
        assert gone[kind] >= sum(one.records for one in told if one.kind == kind)
        other = f"lot_id <> {LOT}"
        assert len(rows(built, f"raw.{kind}", other)) == sum(row[0] != LOT for row in raw[kind])
    left = rows(built, "marts.fct_passage", REMOVED_LOT)
    needed = {
        record_id
        for stay in rows(built, "marts.fct_stay", f"lot_id = {LOT}")
        for record_id in (stay[6], stay[7])
        if record_id is not None
    }
    assert {row[3] for row in left} <= needed, "what is left belongs to a stay of a kept day or an open one"
    assert marts(built, "rpt_") == reports

    assert refresh(built, builder=builder).built
    assert marts(built, "rpt_") == reports, "an incremental build keeps them"
    assert marts(built, "fct_charge") == charges

    kept = [mart for mart in clean_up.KEPT_MARTS if mart != "rpt_upload_hour"]
    closed = {mart: rows(built, f"marts.{mart}", REMOVED_LOT) for mart in kept}
    land(built, "late", 2, 20)
    with pytest.raises(ParkError, match="not all in the reports yet"):
        clean_up.remove(built, "r2", LOT, BEFORE)
    refresh(built, builder=builder)
    assert {mart: rows(built, f"marts.{mart}", REMOVED_LOT) for mart in kept} == closed, "late records change nothing"
    incremental = marts(built, "")
    assert refresh(built, full=True, builder=builder).is_full
    # Facts too: pairing of what is left did not change.
    assert marts(built, "") == incremental, "a full build keeps them, too"


def test_removed_plates_leave_the_disk_with_the_ordinary_maintenance(built: Settings) -> None:
    connection = open_lake(built)
    connection.execute("CREATE TEMP TABLE plates AS SELECT DISTINCT record_id FROM lake.raw.entry")
    left = {row[0] for row in connection.execute("FROM plates").fetchall()}
    connection.close()
    far = datetime.now(UTC) + PINNED_FOR + timedelta(days=built.keep_days + 1)
    maintain(Settings(home=built.home, keep_publications=1), now=far, cleanup_age=timedelta(0))
    connection = open_lake(built)
    try:
        files = [str(path) for path in Path(built.resolved_data_path, "raw", "entry").rglob("*.parquet")]
        on_disk = {row[0] for row in connection.execute("SELECT record_id FROM read_parquet(?)", [files]).fetchall()}
    finally:
        connection.close()
    assert on_disk == left
