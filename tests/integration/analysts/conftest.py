"""A small published lake of three lots of two customers, and logins that see parts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.integration.reports.lake import Lake, add_tree, fill, stay
from warehouse.lake.analysts import AnalystsFile
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.services.operators import create_operator
from warehouse.settings import Settings

PLATES_IN_TEXT = "放行 鲁F12345D 与 粤B12345，勿扰"


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    made = Lake(Settings(home=Path(tmp_path_factory.mktemp("analysts"))))
    add_tree(made.settings)
    with ops_session(made.settings) as session:
        for login, node in (("looker", 1), ("looker2", 3)):
            create_operator(session, login=login, name=login, role="analyst", node_id=node, password="Right-Horse-7")
        create_operator(session, login="engineer", name="e", role="engineer", node_id=3, password="Right-Horse-7")
    fill(made)
    made.add("fct_stay", [stay(1, 77, "2019-05-08 01:00:00", "2019-05-08 02:00:00", remark=PLATES_IN_TEXT)])
    made.add("fct_stay", [stay(1, 78, "2018-05-08 01:00:00", "2018-05-08 02:00:00", remark="一年前")])
    made.add("fct_passage", [{"lot_id": None, "business_date": "2019-05-08", "record_id": "nobody", "kind": "entry",
                              "occurred_at": datetime(2019, 5, 8, tzinfo=UTC)}])  # fmt: skip
    made.publish()
    made.sql("create table lake.marts.code_label (code_set varchar, code varchar, zh varchar, en varchar)")
    made.sql("insert into lake.marts.code_label values ('method', 'cash', '现金', 'Cash')")
    made.sql("create table lake.marts.rpt_of_nobody (secret varchar)")
    made.publish()
    return made


@pytest.fixture(scope="session")
def settings(lake: Lake) -> Settings:
    return lake.settings


@pytest.fixture(scope="session")
def actor(settings: Settings) -> Callable[[str], Actor]:
    def find(login: str) -> Actor:
        with ops_session(settings) as session:
            return actor_by_login(session, login)

    return find


Tables = dict[str, list[tuple[object, ...]]]


def tables_of(file: AnalystsFile) -> Tables:
    """Every table of a file with all its rows."""
    with duckdb.connect(str(file.path), read_only=True) as connection:
        names = [row[0] for row in connection.execute("from duckdb_tables() select table_name order by 1").fetchall()]
        return {name: connection.execute(f'from "{name}"').fetchall() for name in names}


@pytest.fixture
def opened() -> Iterator[Callable[[AnalystsFile], duckdb.DuckDBPyConnection]]:
    connections: list[duckdb.DuckDBPyConnection] = []

    def connect(file: AnalystsFile) -> duckdb.DuckDBPyConnection:
        connections.append(duckdb.connect(str(file.path), read_only=True))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()


@pytest.fixture
def empty_lake(tmp_path: Path) -> Lake:
    """A lake of its own, for tests that publish."""
    return Lake(Settings(home=tmp_path / "home"))
