"""A whole instance as people run it: ``park up`` with a real Dagster daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from pipelines.code_server import end_orphaned_runs
from pipelines.services import code_socket
from tests.dbt.conftest import create_instance
from tests.integration.pipelines.conftest import land_uploads
from tests.stores import Stores
from tests.stores import environment as stores_of
from warehouse.errors import ParkError
from warehouse.heartbeat import processes
from warehouse.lake.publish import Published, published
from warehouse.settings import Settings

PARK = [sys.executable, "-c", "from warehouse.cli import main; main()"]
PUBLISHED_WITHIN = 400.0


def free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def processes_of(home: Path) -> list[int]:
    """Processes whose environment names this instance."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"PARK_HOME={home}\0".encode() in (entry / "environ").read_bytes() + b"\0":
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    yield folder
    for pid in processes_of(folder):  # only when the test failed half way
        os.kill(pid, signal.SIGKILL)


def newest(settings: Settings) -> Published | None:
    try:
        return published(settings)
    except ParkError:
        return None


def test_park_up_publishes_what_lands_and_stops_with_all_it_started(home: Path, tmp_path: Path, stores: Stores) -> None:
    settings = create_instance(home, 3, **stores.empty())
    land_uploads(settings, "before", seed=1)
    pages, gateway, dagster = free_ports(3)
    environment = os.environ | {
        **stores_of(settings),
        "PARK_PAGES_PORT": str(pages),
        "PARK_GATEWAY_PORT": str(gateway),
        "PARK_DAGSTER_PORT": str(dagster),
        "PARK_REFRESH_INTERVAL_SECONDS": "10",
        "PARK_LANGUAGE": "en",
    }
    output = tmp_path / "up.log"
    with output.open("w") as log:
        up = subprocess.Popen([*PARK, "up"], env=environment, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + PUBLISHED_WITHIN
        while newest(settings) is None:
            assert up.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.5)

        told = output.read_text()
        assert "login (shown once): admin" in told
        assert f"http://127.0.0.1:{pages}" in told
        for address in (f"{pages}/healthz", f"{gateway}/health", f"{dagster}/server_info"):
            with urllib.request.urlopen(f"http://127.0.0.1:{address}", timeout=10) as answer:
                assert answer.status == 200

        second = subprocess.run([*PARK, "up"], env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode == 1
        assert "another park up runs" in second.stderr
        elsewhere = environment | {"PARK_HOME": str(tmp_path / "other")}
        taken = subprocess.run([*PARK, "up"], env=elsewhere, capture_output=True, text=True, check=False, timeout=60)
        assert taken.returncode == 1
        assert "PARK_PAGES_PORT" in taken.stderr
        assert str(pages) in taken.stderr

        doctor = subprocess.run(
            [*PARK, "doctor", "--json"], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert json.loads(doctor.stdout)["well"], doctor.stdout
        beating = {one.name for one in processes(settings)}
        assert beating >= {"supervisor", "pages", "gateway", "lander", "inbox", "alarms", "linkage"}
    finally:
        up.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        try:
            up.wait(60)
        except subprocess.TimeoutExpired:
            up.kill()
            raise
    assert up.returncode == 0, output.read_text()
    assert time.monotonic() - begun < 45
    deadline = time.monotonic() + 10
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_of(home) == []


def test_a_machine_may_run_one_part_alone_on_stores_of_this_version(home: Path, tmp_path: Path, stores: Stores) -> None:
    named = stores.empty()
    pages, gateway = free_ports(2)
    environment = os.environ | {
        **stores_of(Settings(home=home, **named)),
        "PARK_PAGES_PORT": str(pages),
        "PARK_GATEWAY_PORT": str(gateway),
        "PARK_LANGUAGE": "en",
    }

    def refused(*arguments: str) -> str:
        command = [*PARK, "up", *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        return done.stderr

    assert "no part “kitchen”" in refused("--only", "kitchen")
    assert "run park init once" in refused("--only", "ingest")
    create_instance(home, 1, **named)
    output = tmp_path / "up.log"
    with output.open("w") as log:
        up = subprocess.Popen([*PARK, "up", "--only", "ingest"], env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PUBLISHED_WITHIN
        while "running; logs in" not in output.read_text():
            assert up.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        with urllib.request.urlopen(f"http://127.0.0.1:{gateway}/health", timeout=10) as answer:
            assert answer.status == 200
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{pages}/healthz", timeout=10)
        assert "pages" not in output.read_text()
        assert "another park up runs" in refused("--only", "ingest")
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(60)
    assert up.returncode == 0, output.read_text()


def test_runs_of_a_code_server_that_is_gone_hold_the_pool_no_longer(tmp_path: Path) -> None:
    @dg.job
    def work() -> None:
        pass

    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        started = instance.create_run_for_job(work, status=dg.DagsterRunStatus.STARTED)
        queued = instance.create_run_for_job(work, status=dg.DagsterRunStatus.NOT_STARTED)
        done = instance.create_run_for_job(work, status=dg.DagsterRunStatus.SUCCESS)
        assert end_orphaned_runs(instance) == 2
        for run, status in (
            (started, dg.DagsterRunStatus.FAILURE),
            (queued, dg.DagsterRunStatus.FAILURE),
            (done, dg.DagsterRunStatus.SUCCESS),
        ):
            found = instance.get_run_by_id(run.run_id)
            assert found is not None
            assert found.status is status


def test_the_code_servers_socket_fits_whatever_the_home(tmp_path: Path) -> None:
    deep = Settings(home=tmp_path / ("deep" * 20) / ("er" * 20))
    path = code_socket(deep)
    assert len(str(path)) <= 100
    with socket.socket(socket.AF_UNIX) as server:
        path.unlink(missing_ok=True)
        server.bind(str(path))
    path.unlink()
    path.parent.rmdir()
