"""One small lake with uploads in it, and backups of it; tests leave the lake fit for the next."""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, land_records
from warehouse.backup.library import Library
from warehouse.backup.place import Folder
from warehouse.lake.connect import open_lake
from warehouse.ops.session import write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.settings import Settings

LOTS = 3


def land_uploads(settings: Settings, batch_id: str, seed: int) -> None:
    """Land what the lots send in some rounds."""
    lots = [
        LotHistory(lot, ZoneInfo(ZONES[lot % 5][0]), ZONES[lot % 5][1], random.Random(seed * 100 + lot))
        for lot in range(1, LOTS + 1)
    ]
    records = [item for lot in lots for _ in range(6) for item in lot.batch()]
    for _kind, record in records:
        record["record_id"] = f"{seed}-{record['record_id']}"
    connection = open_lake(settings)
    try:
        land_records(connection, settings, batch_id, records)
    finally:
        connection.close()


def note(settings: Settings, word: str) -> None:
    """Something in the operator log."""
    with write_session(settings) as session:
        audit.append(session, LOCAL, "backup.edit", entity="note", entity_id=word)


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """An instance with records and a segment of the journal that waits."""
    settings = create_instance(tmp_path_factory.mktemp("backup") / "home", LOTS)
    land_uploads(settings, "first", seed=1)
    note(settings, "before")
    sealed = settings.journal_path / "sealed"
    sealed.mkdir(parents=True)
    (sealed / "00000000000000000001-1-aaaa.ndjson").write_bytes(b'{"kind":"heartbeat"}\n')
    return settings


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Folder(tmp_path / "backups"))
