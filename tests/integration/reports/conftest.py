"""A small lake whose marts have the columns of the dbt contracts, filled by hand and published."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.reports.lake import Lake, add_tree, fill
from tests.stores import Stores
from warehouse.lake.reader import Reader
from warehouse.settings import Settings


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Lake:
    """The filled and published lake, read by most tests."""
    made = Lake(Settings(home=Path(tmp_path_factory.mktemp("reports")), **stores.empty()))
    add_tree(made.settings)
    fill(made)
    made.publish()
    return made


@pytest.fixture(scope="session")
def reader(lake: Lake) -> Iterator[Reader]:
    made = Reader(lake.settings)
    yield made
    made.close()


@pytest.fixture
def empty_lake(tmp_path: Path, stores: Stores) -> Lake:
    """A lake of its own, for tests that write."""
    return Lake(Settings(home=tmp_path / "home", **stores.empty()))
