"""PostgreSQL goes away in the middle and comes back: nothing is lost, and nobody has to lend a hand."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.gateway.client import GatewayClient
from ingest.lander import Lander
from tests.integration.gateway.conftest import free_port
from tests.integration.reports.lake import Lake
from tests.postgres_server import Server, new_database
from warehouse.doctor import check_lake, check_ops
from warehouse.errors import ParkError
from warehouse.heartbeat import Heartbeat, processes
from warehouse.lake.connect import open_lake
from warehouse.lake.reader import Reader
from warehouse.ops.models import Lot, Node
from warehouse.ops.session import ops_session
from warehouse.reports.base import run
from warehouse.reports.catalogue import find
from warehouse.security.credentials import create_credential
from warehouse.security.scope import EVERYTHING
from warehouse.settings import Settings


@contextmanager
def gateway(settings: Settings) -> Iterator[str]:
    port = free_port()
    environment = os.environ | {
        "PARK_HOME": str(settings.home),
        "PARK_OPS_URL": str(settings.ops_url),
        "PARK_CATALOG_URL": str(settings.catalog_url),
        "PARK_JOURNAL_SEGMENT_SECONDS": "0.1",
    }
    command = [sys.executable, "-c", "from warehouse.cli import main; main()", "gateway", "--port", str(port)]
    process = subprocess.Popen(command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.get(f"{url}/health", timeout=5)
                break
            except httpx.TransportError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def entries(prefix: str) -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat()
    return [{"kind": "entry", "record_id": f"{prefix}{n}", "occurred_at": now, "plate": "粤B12345"} for n in range(10)]


def missing_hours(reader: Reader) -> object:
    return run(find("missing-hours"), reader, EVERYTHING).totals["missing_hours"]


def test_gateway_lander_and_reports_go_on_by_themselves_after_postgresql_was_away(
    tmp_path: Path, postgres_process: Server
) -> None:
    url = new_database(postgres_process.url)
    settings = Settings(home=tmp_path, ops_url=url, catalog_url=url)
    lake = Lake(settings)
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform", name="平台"))
        session.flush()
        session.add(Node(node_id=2, parent_id=1, level="customer", code="customer", name="客户"))
        session.flush()
        session.add(Lot(lot_id=1, customer_id=2, code="L1", name="一号", time_zone="Asia/Shanghai"))
        session.flush()
        key = create_credential(session, settings, 1)
    lake.publish()
    lander, reader, beating = Lander(settings), Reader(settings), Heartbeat(settings, "lander")
    with gateway(settings) as address, GatewayClient(address, "L1", *key, attempts=1) as client:
        client.send(entries("before"))
        time.sleep(0.3)
        assert lander.drain().error is None
        assert missing_hours(reader) == 0
        beating.beat()
        client.send(entries("waiting"))
        time.sleep(0.3)

        postgres_process.stop()
        try:
            for _ in range(6):  # more often than a segment may fail by its own fault
                assert lander.drain().error is not None
            assert lander.journal.failed_segments() == []
            with pytest.raises(Exception, match=r"connection|refused|closed"):
                missing_hours(reader)
            assert "PostgreSQL" in check_ops(settings).cure_en
            assert "PostgreSQL" in check_lake(settings).cure_en
            acknowledged = []
            with suppress(ParkError):  # it remembers the credentials for a while, and then refuses
                client.send(entries("meanwhile"))
                acknowledged = ["meanwhile"]
        finally:
            postgres_process.start()

        client.send(entries("after"))
        time.sleep(0.3)
    summary = lander.drain()
    assert (summary.error, summary.waiting) == (None, 0)
    lander.close()
    assert missing_hours(reader) == 0
    beating.beat()
    assert [one.name for one in processes(settings)] == ["lander"]
    reader.close()
    connection = open_lake(settings, read_only=True)
    landed = connection.execute("SELECT record_id FROM lake.raw.entry ORDER BY 1").fetchall()
    connection.close()
    expected = [f"{prefix}{n}" for prefix in ("before", "waiting", "after", *acknowledged) for n in range(10)]
    assert [row[0] for row in landed] == sorted(expected)
