"""The lake transaction of a batch, with the catalog on SQLite and on PostgreSQL."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import duckdb
import msgspec
import psycopg
import pytest

from ingest.journal import SegmentWriter
from ingest.lander import Lander
from ingest.landing import LandingRequest, land, land_group
from ingest.records import LotContext, decode_batch
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.raw_tables import REJECTED_COLUMNS, raw_table_columns
from warehouse.lake.schema import create_lake
from warehouse.ops.models import DeviceLive, Lot, LotLive, Node, OpenAlarm
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.settings import Settings

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A scratch PostgreSQL on a free loopback port; its address without a database."""
    if not BINARIES:
        pytest.skip("PostgreSQL is not installed")
    folder = Path("/tmp") / f"park-test-{uuid4().hex[:12]}"
    folder.mkdir()
    as_user: list[str] = []
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        as_user = ["runuser", "-u", "postgres", "--"]
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    binaries = BINARIES[-1]
    subprocess.run(
        [*as_user, binaries / "initdb", "-D", folder / "data", "-A", "trust", "-U", "test", "-E", "UTF8"],
        check=True,
        capture_output=True,
        cwd="/",
    )
    server = subprocess.Popen(
        [*as_user, binaries / "postgres", "-D", folder / "data", "-p", str(port), "-k", folder, "-h", "127.0.0.1"],
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    address = f"postgresql://test@127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                psycopg.connect(f"{address}/postgres").close()
                break
            except psycopg.OperationalError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield address
    finally:
        subprocess.run(
            [*as_user, binaries / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop"],
            capture_output=True,
            cwd="/",
            check=False,
        )
        server.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", "postgres"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    if request.param == "sqlite":
        made = Settings(home=tmp_path / "home")
    else:
        address = request.getfixturevalue("postgres_server")
        database = f"t{uuid4().hex[:12]}"
        with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {database}")
        url = f"{address}/{database}"
        made = Settings(home=tmp_path / "home", catalog_url=url, ops_url=url)
    migrate(made)
    create_lake(made)
    with ops_session(made) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        session.add(Lot(lot_id=1, customer_id=1, code="L1", name="L1", time_zone="Asia/Shanghai"))
    yield made
    ops_engine(made).dispose()


@pytest.fixture
def lake(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake(settings)
    yield connection
    connection.close()


def relation(kind: str, count: int, batch: str = "") -> str:
    values = {
        "lot_id": "1",
        "record_id": "'r' || i",
        "revision": "0",
        "op": "'upsert'",
        "occurred_at": "TIMESTAMPTZ '2026-01-31 12:00:00Z'",
        "local_at": "TIMESTAMP '2026-01-31 20:00:00'",
        "business_date": "DATE '2026-01-31' + CAST(i % 3 AS INTEGER) * 20",
        "received_at": "now()",
        "batch_row": "i",
    }
    columns = ", ".join(
        f"CAST({values.get(name, 'NULL')} AS {column_type}) AS {name}"
        for name, column_type in raw_table_columns(kind).items()
        if name != "batch_seq"
    )
    return f"(SELECT {columns}{f', {batch} AS batch_id' if batch else ''} FROM range({count}) AS t(i))"


def rejected_relation(count: int) -> str:
    columns = ", ".join(
        f"CAST({'i' if name in ('reject_id', 'line') else 'NULL'} AS {column_type}) AS {name}"
        for name, column_type in REJECTED_COLUMNS.items()
        if name != "batch_seq"
    )
    return f"(SELECT {columns} FROM range({count}) AS t(i))"


def request(batch_id: str, rows: int = 0, rejected: int = 0) -> LandingRequest:
    return LandingRequest(batch_id, "file", f"{batch_id}.csv", rows + rejected, rows, 0, rejected)


def test_a_batch_lands_whole_once_and_in_one_snapshot(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    before = current_snapshot(lake)
    tables = {"entry": relation("entry", 10), "charge": relation("charge", 4)}
    first = land(lake, settings, request("file:a", 14, 2), tables, rejected_relation(2))
    assert (first.batch_seq, first.accepted, first.rejected, first.already_landed) == (1, 14, 2, False)
    assert current_snapshot(lake) == before + 1
    again = land(lake, settings, request("file:a", 99), tables, rejected_relation(2))
    assert (again.batch_seq, again.accepted, again.already_landed) == (1, 14, True)
    assert current_snapshot(lake) == before + 1
    second = land(lake, settings, request("file:b", 10), {"entry": relation("entry", 10)}, None)
    assert second.batch_seq == 2
    assert lake.execute("SELECT batch_seq, count(*) FROM lake.raw.entry GROUP BY 1 ORDER BY 1").fetchall() == [
        (1, 10),
        (2, 10),
    ]
    assert lake.execute("SELECT count(*) FROM lake.raw.charge").fetchone() == (4,)
    assert lake.execute("SELECT count(*), min(batch_seq) FROM lake.raw.rejected_record").fetchone() == (2, 1)


def test_a_batch_that_fails_leaves_nothing_behind(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    before = current_snapshot(lake)
    broken = relation("charge", 4).replace(
        "CAST(1 AS BIGINT) AS lot_id", "CASE WHEN i = 3 THEN error('a broken row') ELSE 1 END AS lot_id"
    )
    with pytest.raises(duckdb.Error):
        land(lake, settings, request("file:a", 14), {"entry": relation("entry", 10), "charge": broken}, None)
    assert current_snapshot(lake) == before
    assert lake.execute("SELECT count(*) FROM lake.raw.entry").fetchone() == (0,)
    assert land(lake, settings, request("file:a", 10), {"entry": relation("entry", 10)}, None).batch_seq == 1


def test_a_group_lands_only_the_batches_that_are_new(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    rows = relation("exit", 9, "'journal:' || (i % 3)")
    known = land_group(lake, settings, [request("journal:1", 3)], {"exit": rows}, None)
    assert [found.batch_seq for found in known] == [1]
    all_three = land_group(
        lake, settings, [request(f"journal:{number}", 3) for number in range(3)], {"exit": rows}, None
    )
    assert [(found.batch_seq, found.already_landed) for found in all_three] == [(2, False), (1, True), (3, False)]
    assert lake.execute(
        "SELECT batch_seq, string_agg(record_id, ' ' ORDER BY record_id) FROM lake.raw.exit GROUP BY 1 ORDER BY 1"
    ).fetchall() == [(1, "r1 r4 r7"), (2, "r0 r3 r6"), (3, "r2 r5 r8")]


def test_every_new_file_is_synced_before_the_commit(
    settings: Settings, lake: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[Path, int]] = []
    snapshot = current_snapshot(lake)
    real = os.fsync

    def watched(descriptor: int) -> None:
        real(descriptor)
        with open_lake(settings, read_only=True) as other:
            synced.append((Path(f"/proc/self/fd/{descriptor}").readlink(), current_snapshot(other)))

    monkeypatch.setattr(os, "fsync", watched)
    land(lake, settings, request("file:a", 10, 1), {"entry": relation("entry", 10)}, rejected_relation(1))
    monkeypatch.undo()
    files = {
        Path(row[0])
        for table in ("entry", "batch", "rejected_record")
        for row in lake.execute(
            f"SELECT data_file FROM ducklake_list_files('lake', '{table}', schema => 'raw')"
        ).fetchall()
    }
    assert len(files) >= 4  # Two months of entries, the ledger, the rejected.
    paths = {path for path, _ in synced}
    assert files <= paths
    assert {file.parent for file in files} <= paths
    assert Path(settings.resolved_data_path) in paths
    assert {seen for _, seen in synced} == {snapshot}


def test_an_unknown_kind_is_refused(settings: Settings, lake: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(ValueError, match="no such record kinds"):
        land(lake, settings, request("file:a"), {"made_up": "nothing"}, None)


def test_journal_to_lake_and_live_state_works_on_either_store(
    settings: Settings, lake: duckdb.DuckDBPyConnection
) -> None:
    now = datetime.now(UTC)
    lander = Lander(settings)
    for turn, state in enumerate(("online", "offline")):
        common = {"occurred_at": now.isoformat(), "revision": turn}
        device = {"kind": "device_state", "record_id": "d", "device_id": "D", "device_type": "camera", "state": state}
        event = ("raised", "recovered")[turn]
        alarm = {"kind": "alarm", "record_id": f"a{turn}", "alarm_id": "A", "event": event, "level": "info"}
        beat = {"kind": "heartbeat", "record_id": f"h{turn}", "pending_records": 2**40}
        body = msgspec.json.encode({"records": [common | device, common | alarm, common | beat, {"kind": "exit"}]})
        writer = SegmentWriter(lander.journal)
        context = LotContext(1, "L1", "Asia/Shanghai", 0)
        writer.append([decode_batch(body, "application/json", context, now).lines])
        writer.seal()
        summary = lander.drain()
        assert (summary.error, summary.records, summary.rejected) == (None, 3, 1)
    lander.close()
    with ops_session(settings) as session:
        assert session.get_one(DeviceLive, (1, "D")).state == "offline"
        assert session.get_one(LotLive, 1).pending_records == 2**31 - 1
        alarm_now = session.get_one(OpenAlarm, (1, "A"))
        assert (alarm_now.raised_at, alarm_now.recovered_at) == (now, now)
    assert lake.execute("SELECT count(*) FROM lake.raw.device_state").fetchone() == (2,)
