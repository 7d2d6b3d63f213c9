"""Instances with lots and credentials, and real gateway and lander processes that the test stops."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from ingest.gateway.client import GatewayClient
from tests.stores import ON_POSTGRESQL, Stores, name_data_path
from warehouse.lake.connect import open_lake
from warehouse.lake.schema import create_lake
from warehouse.ops.models import Lot, Node
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.credentials import create_credential
from warehouse.settings import Settings

PARK = [sys.executable, "-c", "from warehouse.cli import main; main()"]
CST = timedelta(hours=8)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Process:
    """A ``park`` process in a session of its own, its output in a file."""

    popen: subprocess.Popen[bytes]
    log: Path

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGKILL)
        self.popen.wait()

    def stop(self) -> int:
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
        try:
            return self.popen.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


@dataclass
class Instance:
    """One PARK_HOME with lots L1 and L2 and a credential of each."""

    settings: Settings
    keys: dict[str, tuple[str, str]]
    environment: dict[str, str] = field(default_factory=dict)

    def start(
        self, *arguments: str, command: list[str] | None = None, prepare: Callable[[], None] | None = None
    ) -> Process:
        home = self.settings.home
        log = home / f"{arguments[0] if arguments else 'process'}.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
        environment |= {"PARK_HOME": str(home), "PYTHONPATH": str(Path(__file__).parents[3])} | self.environment
        with log.open("ab") as sink:
            popen = subprocess.Popen(
                [*(command or PARK), *arguments],
                stdout=sink,
                stderr=sink,
                env=environment,
                preexec_fn=prepare,
                cwd=home,
            )
        return Process(popen, log)

    @contextmanager
    def gateway(self, *, port: int | None = None, prepare: Callable[[], None] | None = None) -> Iterator[str]:
        port = port or free_port()
        process = self.start("gateway", "--port", str(port), prepare=prepare)
        url = f"http://127.0.0.1:{port}"
        try:
            wait_until_up(url, process)
            yield url
            process.stop()
        finally:
            process.kill()

    def client(self, url: str, lot: str = "L1", **options: Any) -> GatewayClient:
        return GatewayClient(url, lot, *self.keys[lot], **options)

    @contextmanager
    def lake(self) -> Iterator[duckdb.DuckDBPyConnection]:
        connection = open_lake(self.settings, read_only=True)
        try:
            yield connection
        finally:
            connection.close()

    def record_ids(self, kind: str = "entry") -> list[str]:
        """Ids of all raw rows of ``kind``, with repetitions."""
        with self.lake() as lake:
            rows = lake.execute(f"SELECT record_id FROM lake.raw.{kind} ORDER BY ALL").fetchall()
        return [row[0] for row in rows]


def wait_until_up(url: str, process: Process, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            httpx.get(f"{url}/health", timeout=5)
            return
        except httpx.TransportError:
            assert process.popen.poll() is None, process.log.read_text()
            assert time.monotonic() < deadline, process.log.read_text()
            time.sleep(0.05)


def make_template(home: Path, **named: Any) -> dict[str, tuple[str, str]]:
    """Stores with the lots and an empty lake; returns the credentials. ``named`` may say where the stores are."""
    settings = Settings(home=home, **named)
    migrate(settings)
    create_lake(settings)
    keys = {}
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform", name="平台"))
        session.flush()
        session.add(Node(node_id=2, parent_id=1, level="customer", code="customer", name="客户"))
        session.flush()
        for lot_id, code in ((1, "L1"), (2, "L2")):
            session.add(Lot(lot_id=lot_id, customer_id=2, code=code, name=code, time_zone="Asia/Shanghai"))
            session.flush()
            keys[code] = create_credential(session, settings, lot_id)
    ops_engine(settings).dispose()
    return keys


@pytest.fixture(scope="session")
def make_instance(tmp_path_factory: pytest.TempPathFactory, stores: Stores) -> Callable[..., Instance]:
    """Makes instances by copying one: building a lake takes seconds, copying an empty one does not."""
    template = tmp_path_factory.mktemp("template") / "home"
    named = stores.empty()
    keys = make_template(template, **named)

    def make(home: Path, **changes: Any) -> Instance:
        shutil.copytree(template, home)
        changes |= stores.copied(named)
        settings = Settings(home=home, **changes)
        environment = {f"PARK_{name.upper()}": str(value) for name, value in changes.items()}
        # The catalog keeps the data folder's absolute path; everything below it is relative.
        if ON_POSTGRESQL:
            name_data_path(settings)
            return Instance(settings, keys, environment)
        with closing(sqlite3.connect(settings.catalog_file)) as catalog:
            catalog.execute(
                "UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [settings.resolved_data_path + "/"]
            )
            catalog.commit()
        return Instance(settings, keys, environment)

    return make


@pytest.fixture
def instance_maker(make_instance: Callable[..., Instance], tmp_path: Path) -> Callable[..., Instance]:
    return lambda **changes: make_instance(tmp_path / "home", **changes)


@pytest.fixture
def instance(instance_maker: Callable[..., Instance]) -> Instance:
    """An instance whose journal seals quickly."""
    return instance_maker(journal_segment_seconds=0.1, lander_interval_seconds=0.1)


@pytest.fixture(scope="module")
def served(
    make_instance: Callable[..., Instance], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Instance, str]]:
    """An instance and its running gateway; shared by the tests of a module."""
    made = make_instance(tmp_path_factory.mktemp("served") / "home", journal_segment_seconds=0.2)
    with made.gateway() as url:
        yield made, url


@pytest.fixture(scope="session")
def entries() -> Callable[..., list[dict[str, Any]]]:
    """Makes good entry records: ``entries(count, prefix)``."""

    def make(count: int, prefix: str = "e") -> list[dict[str, Any]]:
        now = datetime.now(UTC).isoformat()
        return [
            {"kind": "entry", "record_id": f"{prefix}{i}", "occurred_at": now, "plate": "粤B12345", "gate_id": "G1"}
            for i in range(count)
        ]

    return make


@pytest.fixture
def unused_port() -> int:
    return free_port()
