"""Both stores on PostgreSQL: the same code, the same figures."""

from __future__ import annotations

import random
import threading
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, fill_instance
from tests.dbt.history import LotHistory, land_records
from tests.dbt.test_incremental_equals_full import assert_nothing_lost_or_doubled, current_by_rule, marts
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import published
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, postgres_url: str) -> Settings:
    """An instance whose operational store and lake catalog are on PostgreSQL."""
    return Settings(home=tmp_path, ops_url=postgres_url, catalog_url=postgres_url)


def test_landing_refresh_and_publication_work_on_postgresql(settings: Settings) -> None:
    fill_instance(settings, 10)
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(lot)) for lot in range(1, 11)
    ]
    builder = DbtBuilder(settings)
    for turn in range(2):
        connection = open_lake(settings)
        records = [item for lot in histories for _batch in range(4) for item in lot.batch()]
        land_records(connection, settings, f"turn{turn}", records)
        connection.close()
        refresh(settings, builder=builder)
    incremental = marts(settings, published(settings).snapshot_id)

    assert_nothing_lost_or_doubled(settings, current_by_rule(histories))
    refresh(settings, full=True, builder=builder)
    assert marts(settings) == incremental


def test_a_second_writer_waits_and_says_who_it_waits_for(tmp_path: Path, postgres_url: str) -> None:
    settings = Settings(home=tmp_path, catalog_url=postgres_url, catalog_schema="waiting")
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with writer_lock(settings):
            held.set()
            release.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(30)
    try:
        with (
            pytest.raises(ParkError, match="another process has been writing"),
            writer_lock(settings, wait_seconds=0.2),
        ):
            pass
    finally:
        release.set()
        holder.join()
    with writer_lock(settings, wait_seconds=5):
        pass
