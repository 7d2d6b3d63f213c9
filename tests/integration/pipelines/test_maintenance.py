"""Maintenance makes the lake smaller and harms no reader."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from pipelines.build import DbtBuilder, refresh
from tests.integration.pipelines.conftest import land_uploads
from warehouse.lake.connect import open_lake
from warehouse.lake.maintain import PINNED_FOR, maintain
from warehouse.lake.publish import published
from warehouse.settings import Settings


def figures(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'lake' and schema_name in"
        " ('marts', 'raw')"
    ).fetchall()
    return {
        f"{schema}.{table}": sorted(connection.execute(f"from lake.{schema}.{table}").fetchall(), key=repr)
        for schema, table in tables
    }


def parquet_files(settings: Settings) -> set[Path]:
    return set(Path(settings.resolved_data_path).rglob("*.parquet"))


def snapshots(settings: Settings) -> set[int]:
    connection = open_lake(settings, read_only=True)
    try:
        return {row[0] for row in connection.execute("select snapshot_id from lake.snapshots()").fetchall()}
    finally:
        connection.close()


def test_pinned_readers_keep_their_figures_through_merging_expiring_and_deleting(built: Settings) -> None:
    builder = DbtBuilder(built)
    first = published(built).snapshot_id
    for turn in range(2):
        land_uploads(built, f"maintenance-{turn}", seed=50 + turn)
        refresh(built, builder=builder)
    standing = published(built).snapshot_id
    pinned = open_lake(built, snapshot=standing)
    before = figures(pinned)
    files = parquet_files(built)

    far = datetime.now(UTC) + PINNED_FOR + timedelta(days=built.keep_days + 1)
    done = maintain(built, now=far, cleanup_age=timedelta(0), orphan_age=timedelta(days=-1))

    assert done.merged_files > 0
    assert done.expired_snapshots > 0
    assert done.deleted_files > 0
    assert len(parquet_files(built)) < len(files)
    assert figures(pinned) == before, "a reader that stays on its connection"
    anew = open_lake(built, snapshot=standing)
    assert figures(anew) == before, "a reader that connects after it"
    anew.close()
    pinned.close()
    assert standing in snapshots(built)
    assert first not in snapshots(built)

    land_uploads(built, "maintenance-after", seed=60)
    assert refresh(built, builder=builder).is_full is False
    assert maintain(built).orphaned_files == 0


def test_recent_publications_and_the_last_of_each_day_are_kept(built: Settings) -> None:
    patient = built.model_copy(update={"keep_publications": 1, "keep_days": 35})
    before = published(patient).snapshot_id
    land_uploads(patient, "another", seed=70)
    refresh(patient)
    maintain(patient)
    assert before in snapshots(patient), "published minutes ago: a reader may still be on it"
    maintain(patient, now=datetime.now(UTC) + PINNED_FOR + timedelta(minutes=1), cleanup_age=timedelta(days=1))
    kept = snapshots(patient)
    assert before not in kept
    assert published(patient).snapshot_id in kept


def test_files_of_a_transaction_under_way_are_no_orphans(built: Settings, tmp_path: Path) -> None:
    stray = Path(built.resolved_data_path) / "marts" / "stray.parquet"
    connection = duckdb.connect()
    connection.execute(f"copy (select 1 as x) to '{stray}'")
    connection.close()
    assert maintain(built).orphaned_files == 0
    assert stray.exists()
    assert maintain(built, now=datetime.now(UTC) + timedelta(days=2)).orphaned_files == 1
    assert not stray.exists()


@pytest.mark.parametrize("times", [2])
def test_a_second_maintenance_finds_nothing_to_do(built: Settings, times: int) -> None:
    results = [maintain(built) for _ in range(times)]
    assert results[-1].merged_files == 0
    assert results[-1].rewritten_files == 0
