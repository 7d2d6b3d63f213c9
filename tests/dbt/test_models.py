"""The models' own unit tests, and all of their data tests over everything."""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, land_records
from warehouse.lake.connect import open_lake


def test_unit_tests_of_the_models_and_all_data_tests_pass(tmp_path: Path) -> None:
    settings = create_instance(tmp_path, 5)
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(lot)) for lot in range(1, 6)
    ]
    connection = open_lake(settings)
    land_records(connection, settings, "first", [item for lot in histories for _ in range(4) for item in lot.batch()])
    connection.close()
    builder = DbtBuilder(settings)
    refresh(settings, builder=builder)

    builder.run(["test"])
