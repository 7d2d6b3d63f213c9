"""The live simulator against a running gateway, and a small demonstration from start to end."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from ingest.lander import Lander
from ingest.simulator.demo_lots import DEMO_LOTS
from ingest.simulator.extra import ExtraTraffic
from ingest.simulator.history import write_history
from ingest.simulator.live import LiveSimulator
from ingest.simulator.loading import load_history
from ingest.simulator.seeds import local_day
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.raw_tables import KINDS
from warehouse.lake.schema import create_lake
from warehouse.ops.models import LotLive
from warehouse.ops.session import migrate, ops_session
from warehouse.services.lots import find_lot, save_lot
from warehouse.settings import Settings

PARK = Path(sys.executable).parent / "park"
SEED = 5
LOTS = tuple(lot for lot in DEMO_LOTS if lot.code in ("AH-GARDEN", "TD-STATION"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home", gateway_port=free_port())
    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        for lot in LOTS:
            save_lot(session, lot.definition)
    return settings


@contextmanager
def gateway(settings: Settings) -> Iterator[None]:
    environment = os.environ | {"PARK_HOME": str(settings.home), "PARK_GATEWAY_PORT": str(settings.gateway_port)}
    process = subprocess.Popen([str(PARK), "gateway"], env=environment)
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{settings.gateway_port}/health", timeout=5).raise_for_status()
                break
            except httpx.HTTPError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.2)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)


def landed(settings: Settings) -> dict[str, int]:
    Lander(settings).drain()
    connection = open_lake(settings, read_only=True)
    try:
        found = {}
        for kind in KINDS:
            row = connection.execute(
                # Pictures are sent live only.
                f"select count(distinct (lot_id, record_id, revision, op)) from lake.raw.{kind}"
                " where record_id not like 'picture-%'"
            ).fetchone()
            assert row is not None
            found[kind] = row[0]
        return found
    finally:
        connection.close()


def load_until(settings: Settings, until: datetime, folder: Path, days: int = 1) -> None:
    files = write_history(LOTS, SEED, days=days, until=until, folder=folder)
    load_history(settings, files, now=until, progress=lambda _text: None)


def test_a_lot_goes_on_where_history_ended_and_a_restart_adds_nothing(settings: Settings, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    load_until(settings, now - timedelta(hours=3), tmp_path / "first")
    with gateway(settings):
        for _ in range(2):
            simulator = LiveSimulator(settings, LOTS, seed=SEED, clock=lambda: now.timestamp())
            stop = threading.Event()
            threading.Timer(3, stop.set).start()
            summary = simulator.run(stop)
            assert summary.failures == 0
            assert summary.records == summary.accepted + summary.marked + summary.rejected > 50
            assert summary.pictures > 0
    live = landed(settings)
    with ops_session(settings) as session:
        for lot in LOTS:
            state = session.get_one(LotLive, find_lot(session, lot.code).lot_id)
            assert state.heartbeat_at is not None
            assert now - state.heartbeat_at < timedelta(minutes=6)

    once = Settings(home=tmp_path / "once")
    migrate(once)
    create_lake(once)
    with ops_session(once) as session:
        for lot in LOTS:
            save_lot(session, lot.definition)
    # Both histories begin on the same local day, also when midnight lies in these three hours.
    later = local_day(LOTS[0], now) - local_day(LOTS[0], now - timedelta(hours=3))
    load_until(once, now, tmp_path / "second", days=1 + later.days)
    assert live == landed(once)


def test_a_chosen_rate_is_reached_and_every_extra_visit_ends(settings: Settings) -> None:
    with gateway(settings):
        simulator = LiveSimulator(settings, LOTS, seed=SEED, rate=60)
        start = datetime.now(UTC)
        summary = simulator.run(threading.Event(), seconds=20)
        seconds = (datetime.now(UTC) - start).total_seconds()
    assert summary.rejected == summary.failures == 0
    assert summary.records > 0.5 * 60 * min(seconds, 20)
    connection = open_lake(settings, read_only=True)
    connection.close()
    Lander(settings).drain()
    connection = open_lake(settings, read_only=True)
    try:
        for kind in ("exit", "charge"):
            row = connection.execute(
                f"select count(*) from lake.raw.entry e anti join lake.raw.{kind} x on e.lot_id = x.lot_id "
                "and substr(x.record_id, 3) = substr(e.record_id, 3) where e.record_id like 'LE%'"
            ).fetchone()
            assert row == (0,)
        visits = connection.execute("select count(*) from lake.raw.entry where record_id like 'LE%'").fetchone()
        assert visits is not None
        assert visits[0] > 50
    finally:
        connection.close()


def test_a_gateway_that_is_away_is_waited_for_and_nothing_is_lost(settings: Settings, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    load_until(settings, now - timedelta(minutes=30), tmp_path / "history")
    simulator = LiveSimulator(settings, LOTS, seed=SEED)
    stop = threading.Event()
    worker = threading.Thread(target=simulator.run, args=(stop,))
    worker.start()
    try:
        deadline = time.monotonic() + 60
        while not simulator.summary.failures and time.monotonic() < deadline:
            time.sleep(0.1)
        assert simulator.summary.failures > 0
        assert simulator.summary.records == 0
        with gateway(settings):
            deadline = time.monotonic() + 60
            while simulator.summary.records < 20 and time.monotonic() < deadline:
                time.sleep(0.2)
            stop.set()
            worker.join(timeout=60)
    finally:
        stop.set()
        worker.join(timeout=60)
    assert simulator.summary.records >= 20
    assert simulator.summary.rejected == 0


def test_without_demonstration_lots_there_is_nothing_to_simulate(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    migrate(settings)
    with pytest.raises(ParkError, match="park demo"):
        LiveSimulator(settings, LOTS, seed=SEED).run(threading.Event(), seconds=1)


@pytest.mark.parametrize("rate", [0.5, 7.0, 400.0])
def test_extra_traffic_settles_at_its_rate_without_filling_the_lot(rate: float) -> None:
    lot = LOTS[0]
    extra = ExtraTraffic(lot, SEED, rate)
    start, ramp, measured = 1_770_000_000, 1500, 600
    inside, most, sent = 0, 0, 0
    for second in range(start, start + ramp + measured):
        records = extra.due(second, second + 1, ordinary=0)
        inside += sum((record["kind"] == "entry") - (record["kind"] == "exit") for record in records)
        most = max(most, inside)
        sent += len(records) if second >= start + ramp else 0
    assert 0.9 * rate < sent / measured < 1.1 * rate
    assert most < max(0.15 * lot.capacity, 8 * rate)
    assert sum(record["kind"] == "exit" for record in extra.leave(start + ramp + measured)) == inside


def test_a_small_demonstration_is_loaded_once_with_a_login_for_everybody(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    environment |= {"PARK_HOME": str(tmp_path), "PARK_LANGUAGE": "en"}
    command = [str(PARK), "demo", "--days", "2", "--scale", "0.05", "--json"]
    first = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert first.returncode == 0, first.stderr
    result = json.loads(first.stdout)
    assert {login["role"] for login in result["logins"]} == {"admin", "agent", "customer", "lot"}
    assert len(result["logins"]) == 1 + 2 + 4 + 6
    assert result["load"]["accepted"] > 5_000
    assert result["refresh"]["snapshot_id"] > 0
    second = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert json.loads(second.stdout)["was_there"] is True
    assert not (tmp_path / "demo" / "history").exists()
