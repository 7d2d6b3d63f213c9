"""Stores of an instance of their own, with two lots."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.stores import Stores
from warehouse.lake.connect import open_lake
from warehouse.lake.schema import create_lake
from warehouse.ops.models.tree import Lot, Node
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.settings import Settings

Query = Callable[[str], list[tuple[Any, ...]]]


def add_lot(settings: Settings, code: str) -> None:
    """A lot in Shanghai's zone."""
    with ops_session(settings) as session:
        node = session.query(Node).filter_by(code="c1").one_or_none()
        if node is None:
            node = Node(level="customer", code="c1", name="c1")
            session.add(node)
            session.flush()
        session.add(Lot(customer_id=node.node_id, code=code, name=code))


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> tuple[Settings, Path]:
    """An instance as it is after ``park init`` with two lots, and a copy of it; making one takes seconds."""
    folder = tmp_path_factory.mktemp("files")
    made = Settings(home=folder / "home", lake_threads=1, **stores.empty())
    migrate(made)
    create_lake(made)
    add_lot(made, "SZ-1")
    add_lot(made, "SZ-2")
    ops_engine(made).dispose()
    shutil.copytree(made.home, folder / "copy")
    return made, folder / "copy"


@pytest.fixture
def settings(fresh: tuple[Settings, Path], stores: Stores) -> Settings:
    """The instance, put back to its beginning; at the same place, because the catalog knows where its data lie."""
    made, copy = fresh
    ops_engine(made).dispose()
    shutil.rmtree(made.home)
    shutil.copytree(copy, made.home)
    copied = stores.copied({"ops_url": made.ops_url or ""})
    return Settings(home=made.home, lake_threads=1, **copied) if copied else made


@pytest.fixture
def query(settings: Settings) -> Query:
    """Rows of a query on the lake as it is now."""

    def run(sql: str) -> list[tuple[Any, ...]]:
        connection = open_lake(settings, read_only=True)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    return run


@pytest.fixture
def shared() -> Path:
    """The folder of real data beside the repository; tests that need it are skipped without it."""
    beside = Path(__file__).resolve().parents[4] / "shared"
    folder = Path(os.environ.get("PARK_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip("no real data here (PARK_SHARED)")
    return folder
