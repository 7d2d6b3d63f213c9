"""What a build needs goes away in its middle: nothing wrong is published, and the next build makes up for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, fill_instance
from tests.dbt.history import LotHistory, land_records
from tests.dbt.test_incremental_equals_full import assert_nothing_lost_or_doubled, current_by_rule
from tests.postgres_server import Server, new_database
from tests.small_disk import SmallDisk
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import published
from warehouse.settings import Settings

NODES_BEFORE = 30


class Interrupted(DbtBuilder):
    """Builds, and lets something happen when some of the models are there."""

    def __init__(self, settings: Settings, trouble: Callable[[], None]) -> None:
        super().__init__(settings)
        self.trouble = trouble
        self.finished = 0

    def run(self, arguments: list[str], **_options: Any) -> None:
        super().run(arguments, told=self.heard)

    def heard(self, event: Any) -> None:
        if event.info.name == "NodeFinished":
            self.finished += 1
            if self.finished == NODES_BEFORE:
                self.trouble()


def interrupted_build(settings: Settings, trouble: Callable[[], None], mend: Callable[[], None]) -> ParkError:
    """A build that meets trouble and the next one after it; returns what the first one said."""
    fill_instance(settings, 2)
    lots = [LotHistory(lot, ZoneInfo(ZONES[lot][0]), ZONES[lot][1], random.Random(60 + lot)) for lot in (1, 2)]

    def land(batch_id: str) -> None:
        connection = open_lake(settings)
        land_records(connection, settings, batch_id, [item for lot in lots for _ in range(2) for item in lot.batch()])
        connection.close()

    land("before")
    builder = Interrupted(settings, trouble)
    try:
        with pytest.raises(ParkError) as said:
            refresh(settings, builder=builder)
    finally:
        mend()
    assert builder.finished >= NODES_BEFORE
    with pytest.raises(ParkError) as nothing:
        published(settings)
    assert nothing.value.code == "nothing_published"

    land("after")
    assert refresh(settings, builder=DbtBuilder(settings)).built
    assert published(settings).last_build_state == "green"
    assert_nothing_lost_or_doubled(settings, current_by_rule(lots))
    return said.value


def test_a_disk_that_fills_up_during_a_build(disk: SmallDisk) -> None:
    said = interrupted_build(Settings(home=disk.folder / "home"), disk.fill, disk.make_room)
    assert said.code == "disk_full"
    assert "磁盘已满" in said.zh
    assert "pages show the last publication" in said.en


def test_postgresql_that_goes_away_during_a_build(tmp_path: Path, postgres_process: Server) -> None:
    url = new_database(postgres_process.url)
    settings = Settings(home=tmp_path / "home", ops_url=url, catalog_url=url)
    said = interrupted_build(settings, postgres_process.stop, postgres_process.start)
    assert said.code == "store_away", said.en
    assert "PostgreSQL 连接中断" in said.zh
    assert "pages show the last publication" in said.en
