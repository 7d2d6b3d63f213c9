"""Maintenance and backup of a lake whose files lie in object storage and whose stores are on PostgreSQL."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.dbt.conftest import ZONES, fill_instance
from tests.dbt.history import LotHistory, land_records
from tests.integration.backup.test_backups import figures
from tests.integration.object_storage.conftest import Storage
from tests.postgres_server import new_database
from warehouse.backup.create import create
from warehouse.backup.library import Library
from warehouse.backup.place import Folder
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.figures import lake_figures
from warehouse.lake.maintain import PINNED_FOR, maintain
from warehouse.lake.publish import end_build, publish, published, start_build
from warehouse.settings import Settings

PLAIN = Opener(())


def land(settings: Settings, batch_id: str, seed: int) -> None:
    lots = [LotHistory(lot, ZoneInfo(ZONES[lot][0]), ZONES[lot][1], random.Random(seed + lot)) for lot in (1, 2)]
    connection = open_lake(settings)
    try:
        land_records(connection, settings, batch_id, [item for lot in lots for _ in range(2) for item in lot.batch()])
    finally:
        connection.close()


def referred(settings: Settings) -> set[str]:
    """Objects that the lake's tables need now."""
    connection = open_lake(settings, read_only=True)
    try:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'lake'"
        ).fetchall()
        return {
            name.removeprefix("s3://lake/")
            for schema, table in tables
            for row in connection.execute(
                "SELECT data_file, delete_file FROM ducklake_list_files('lake', ?, schema => ?)", [table, schema]
            ).fetchall()
            for name in row
            if name
        }
    finally:
        connection.close()


@pytest.fixture
def settings(tmp_path: Path, storage: Storage, postgres_url: str) -> Settings:
    """An instance with some uploads and a publication."""
    made = Settings(
        home=tmp_path / "home",
        ops_url=postgres_url,
        catalog_url=postgres_url,
        keep_publications=1,
        **storage.settings(),
    )
    fill_instance(made, 2)
    for turn in range(2):
        land(made, f"turn{turn}", 100 * turn)
    connection = open_lake(made, read_only=True)
    snapshot = current_snapshot(connection)
    connection.close()
    start_build(made, "build", is_full=True)
    end_build(made, "build", state="green")
    publish(made, "build", snapshot, datetime.now(UTC))
    return made


def test_maintenance_makes_few_files_of_many_and_deletes_what_nothing_refers_to(
    settings: Settings, storage: Storage
) -> None:
    before, files = figures(settings), storage.files()
    pinned = published(settings).snapshot_id
    orphan = "prod/raw/entry/left-by-a-crash.parquet"
    storage.bucket.put_object(Key=orphan, Body=b"PAR1")
    storage.bucket.put_object(Key="production/another-lake.parquet", Body=b"PAR1")

    # Old enough to be orphaned is a matter of the server's clock, which stays.
    first = maintain(settings, orphan_age=timedelta(seconds=-60), cleanup_age=timedelta(hours=1))
    assert (first.orphaned_files, first.deleted_files) == (1, 0)
    assert first.merged_files > 0
    assert first.expired_snapshots > 0
    assert files <= storage.files(), "merged files stay for whoever still reads them"
    assert orphan not in storage.files()
    assert lake_figures(settings, pinned) == before

    land(settings, "later", 900)
    later = figures(settings)
    far = datetime.now(UTC) + PINNED_FOR + timedelta(days=settings.keep_days + 1)
    second = maintain(settings, now=far, cleanup_age=timedelta(0), orphan_age=timedelta(days=400))
    assert second.deleted_files > 0
    assert figures(settings) == later
    assert lake_figures(settings, published(settings).snapshot_id) == before, (
        "readers of the publication notice nothing"
    )
    assert "production/another-lake.parquet" in storage.files(), "what belongs to others stays"
    assert referred(settings) <= storage.files("prod/")
    assert files - storage.files(), "what was merged is deleted"


def test_a_restored_instance_equals_the_one_in_object_storage(
    settings: Settings, storage: Storage, tmp_path: Path, postgres_server: str
) -> None:
    library = Library(Folder(tmp_path / "backups"))
    summary = create(settings, library)
    proof = verify(settings, library, PLAIN, summary.backup_id)
    assert proof.is_good, proof.en
    land(settings, "increment", 700)
    increment = create(settings, library)
    assert 0 < increment.new_files < increment.files - summary.files + 60, "data files are copied once"

    bare, catalog = new_database(postgres_server), new_database(postgres_server)
    anew = elsewhere(
        settings, home=tmp_path / "anew", ops_url=bare, catalog_url=catalog, data_path="s3://lake/restored"
    )
    with pytest.raises(ParkError, match="s3://lake/prod holds data"):
        restore(elsewhere(anew, data_path="s3://lake/prod"), library, PLAIN, "newest", confirmation=increment.backup_id)
    restore(anew, library, PLAIN, "newest")
    expected = figures(settings)
    for name in storage.files("prod/"):
        storage.bucket.Object(name).delete()
    assert figures(anew) == expected
    victim = next(iter(storage.files("restored/")))
    storage.bucket.Object(victim).delete()
    with pytest.raises(ParkError, match="a data file is gone"):
        create(anew, library)
