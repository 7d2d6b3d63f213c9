"""An instance on SQLite that moves to PostgreSQL."""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from pipelines.build import DbtBuilder, refresh
from tests.dbt.conftest import ZONES, create_instance
from tests.dbt.history import LotHistory, land_records
from tests.dbt.test_incremental_equals_full import assert_nothing_lost_or_doubled, current_by_rule, marts
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import published
from warehouse.moving import move, target_of
from warehouse.ops.models import Node
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.agents import create_agent
from warehouse.services.nodes import NodeForm


def test_an_instance_moves_with_every_figure_and_goes_on_there(tmp_path: Path, postgres_url: str) -> None:
    source = create_instance(tmp_path, 3)
    made = create_agent(source, LOCAL, NodeForm(name="搬迁前"))
    with ops_session(source) as session:  # a parent younger than its child
        session.get_one(Node, 3).parent_id = made
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot][0]), ZONES[lot][1], random.Random(160 + lot)) for lot in range(1, 4)
    ]
    builder = DbtBuilder(source)
    connection = open_lake(source)
    land_records(
        connection, source, "before", [item for lot in histories for _batch in range(4) for item in lot.batch()]
    )
    connection.close()
    refresh(source, builder=builder)
    figures = marts(source, published(source).snapshot_id)

    target = target_of(source, ops_url=postgres_url, catalog_url=postgres_url)
    moved = move(source, target, lambda _step: None)
    assert moved.lake_tables > 40
    assert published(target) == published(source)
    assert marts(target, published(target).snapshot_id) == figures

    after = create_agent(target, LOCAL, NodeForm(name="搬迁后"))
    assert after == made + 1
    with ops_session(target) as session:
        assert session.scalars(select(Node.code).where(Node.node_id == 3)).one() == "customer"
    connection = open_lake(target)
    land_records(
        connection, target, "after", [item for lot in histories for _batch in range(4) for item in lot.batch()]
    )
    connection.close()
    refresh(target, builder=DbtBuilder(target))
    assert_nothing_lost_or_doubled(target, current_by_rule(histories))

    with pytest.raises(ParkError, match="is not empty"):
        move(source, target, lambda _step: None)
    with pytest.raises(ParkError, match="not on SQLite"):
        move(target, source, lambda _step: None)
