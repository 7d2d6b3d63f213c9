"""The lake's files in S3-compatible object storage, a real server on this machine."""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, fill_instance
from tests.dbt.history import LotHistory, land_records
from tests.dbt.test_incremental_equals_full import assert_nothing_lost_or_doubled, current_by_rule, marts
from tests.integration.object_storage.conftest import Storage
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import published
from warehouse.settings import Settings


def test_landing_refresh_and_publication_work_in_object_storage(tmp_path: Path, storage: Storage) -> None:
    settings = Settings(home=tmp_path, **storage.settings())
    fill_instance(settings, 3)
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot][0]), ZONES[lot][1], random.Random(160 + lot)) for lot in range(1, 4)
    ]
    builder = DbtBuilder(settings)
    for turn in range(2):  # two batches, built at once
        connection = open_lake(settings)
        land_records(
            connection,
            settings,
            f"turn{turn}",
            [item for lot in histories for _batch in range(4) for item in lot.batch()],
        )
        connection.close()
    refresh(settings, builder=builder)
    assert marts(settings, published(settings).snapshot_id)
    assert_nothing_lost_or_doubled(settings, current_by_rule(histories))
    files = storage.files()
    assert files
    assert all(name.startswith("prod/") for name in files)
    assert not list(tmp_path.rglob("*.parquet"))


def test_a_kind_of_storage_that_is_not_known_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="s3://BUCKET/PREFIX"):
        open_lake(Settings(home=tmp_path, data_path="ftp://host/lake"))
