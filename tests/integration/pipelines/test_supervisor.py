"""The supervisor with small programs as its services."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.supervisor import Service, Supervisor, local_url, require_free_port
from warehouse.errors import ParkError

SLEEPER = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return False
    return state != "Z"


class Run:
    """A supervisor that watches in a thread of the test; children are started by the test's own thread."""

    def __init__(self, log_path: Path) -> None:
        self.told: list[str] = []
        self.supervisor = Supervisor(log_path, self.told.append, stop_seconds=1.0)

    def pid(self, log: Path) -> int:
        wait_for(lambda: log.exists() and "\n" in log.read_text())
        return int(log.read_text().split()[0])


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.supervisor.stop.set()
    made.supervisor.shut_down()


def test_start_waits_until_a_service_answers(run: Run) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    serve = (
        "import http.server, time; time.sleep(1);"
        f"http.server.HTTPServer(('127.0.0.1', {port}), http.server.SimpleHTTPRequestHandler).serve_forever()"
    )
    begun = time.monotonic()
    run.supervisor.start([Service("web", python(serve), health_url=local_url("127.0.0.1", port, "/"))])
    assert time.monotonic() - begun >= 1
    with pytest.raises(ParkError, match="PARK_PAGES_PORT") as refused:
        require_free_port("127.0.0.1", port, "PARK_PAGES_PORT")
    assert str(port) in refused.value.zh


def test_a_service_that_cannot_start_is_reported_with_its_last_words(run: Run) -> None:
    broken = Service("broken", python("raise SystemExit('no licence for this moon')"), health_url="http://127.0.0.1:9/")
    with pytest.raises(ParkError, match="no licence for this moon") as failed:
        run.supervisor.start([broken])
    assert failed.value.code == "not_started"
    assert "broken" in failed.value.zh
    assert len([text for text in run.told if "starts again" in text]) == 2


def test_a_crashed_service_starts_again_later_each_time(run: Run, tmp_path: Path) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    run.supervisor.start([Service("worker", python(code))])
    log = tmp_path / "worker.log"
    stop = threading.Timer(20, run.supervisor.stop.set)
    stop.start()

    def kill_twice() -> None:
        for count in (1, 2):
            wait_for(lambda count=count: log.read_text().count("\n") == count)
            os.kill(int(log.read_text().split()[-1]), signal.SIGKILL)
        wait_for(lambda: log.read_text().count("\n") == 3)
        run.supervisor.stop.set()

    killer = threading.Thread(target=kill_twice)
    killer.start()
    run.supervisor.watch()
    killer.join()
    stop.cancel()
    assert log.read_text().count("\n") == 3
    assert ["1 s" in run.told[0], "2 s" in run.told[1]] == [True, True]
    assert run.supervisor.restarts() == {"restarts": 2, "worker_restarts": 2}


def test_everything_ends_within_a_bounded_time_even_what_ignores_the_signal(run: Run) -> None:
    run.supervisor.start([Service("polite", python(SLEEPER)), Service("stubborn", python(STUBBORN), stop_phase=1)])
    pids = [child.process.pid for child in run.supervisor._children if child.process]
    begun = time.monotonic()
    run.supervisor.shut_down()
    assert time.monotonic() - begun < 5
    assert not any(alive(pid) for pid in pids)


def test_what_a_service_started_goes_with_it(run: Run, tmp_path: Path) -> None:
    code = (
        "import subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "print(child.pid, flush=True); time.sleep(60)"
    )
    run.supervisor.start([Service("parent", python(code))])
    grandchild = run.pid(tmp_path / "parent.log")
    assert alive(grandchild)
    run.supervisor.shut_down()
    wait_for(lambda: not alive(grandchild), seconds=5)


def test_services_end_when_the_supervisor_is_killed_outright(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from pipelines.supervisor import Service, Supervisor
child = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
supervisor = Supervisor(Path({str(tmp_path)!r}), print)
supervisor.start([Service("child", [sys.executable, "-c", child])])
supervisor.watch()
"""
    process = subprocess.Popen(python(code))
    try:
        log = tmp_path / "child.log"
        wait_for(lambda: log.exists() and "\n" in log.read_text())
        child = int(log.read_text())
        assert alive(child)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not alive(child))


def test_a_log_that_grew_long_is_cut_and_its_older_part_kept(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.supervisor._LOG_BYTES", 100)
    run.supervisor.start([Service("talker", python("import time\nwhile True: print('word ' * 9); time.sleep(0.05)"))])
    older = tmp_path / "talker.log.1"
    wait_for(lambda: (tmp_path / "talker.log").stat().st_size > 100)
    run.supervisor._children[0].rotate_log()
    assert older.stat().st_size > 100
    wait_for(lambda: (tmp_path / "talker.log").stat().st_size > 0)
    assert (tmp_path / "talker.log").read_bytes()[:5] == b"word "
