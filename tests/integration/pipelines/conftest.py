"""One small lake with uploads in it, built once and then used by tests that each leave it fit for the next."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from pipelines.build import DbtBuilder, refresh
from pipelines.code_location import definitions
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import START, LotHistory, Record, land_records
from tests.stores import Stores
from warehouse.lake.connect import open_lake
from warehouse.settings import Settings

LOTS = 3


def history(lot_id: int, seed: int) -> LotHistory:
    zone, cutover = ZONES[lot_id % len(ZONES)]
    return LotHistory(lot_id, ZoneInfo(zone), cutover, random.Random(seed * 100 + lot_id))


def land(settings: Settings, batch_id: str, records: list[tuple[str, Record]]) -> None:
    connection = open_lake(settings)
    try:
        land_records(connection, settings, batch_id, records)
    finally:
        connection.close()


def land_uploads(settings: Settings, batch_id: str, seed: int) -> None:
    """Land what the lots send in some rounds."""
    lots = [history(lot_id, seed) for lot_id in range(1, LOTS + 1)]
    records = [item for lot in lots for _ in range(4) for item in lot.batch()]
    for _kind, record in records:  # record ids of another seed are other records
        record["record_id"] = f"{seed}-{record['record_id']}"
    land(settings, batch_id, records)


def bad_charge(record_id: str) -> tuple[str, Record]:
    """A charge whose method carries no money: breaks the test that methods add up to received."""
    lot = history(1, 0)
    return "charge", lot.placed(
        {
            "record_id": record_id,
            "occurred_at": START + timedelta(days=5),
            "receivable": 5,
            "discount": 0,
            "waived": 0,
            "received": 5,
            "uncollected": 0,
            "method": "seashells",
        }
    )


def void(record_id: str) -> tuple[str, Record]:
    """Takes a bad charge back."""
    lot = history(1, 0)
    return "charge", lot.placed(
        {"record_id": record_id, "occurred_at": START + timedelta(days=5), "revision": 1, "op": "void"}
    )


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Settings:
    """An instance with one published build."""
    home: Path = tmp_path_factory.mktemp("pipelines")
    settings = create_instance(home, LOTS, **stores.empty()).model_copy(update={"keep_publications": 1})
    land_uploads(settings, "first", seed=1)
    refresh(settings, builder=DbtBuilder(settings))
    return settings


@pytest.fixture(scope="session")
def code(built: Settings) -> dg.Definitions:
    return definitions(built)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as opened:
        yield opened
