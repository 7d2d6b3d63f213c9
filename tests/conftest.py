"""The order in which files of tests run, which of them take long, and the instance with the manual's data."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.postgres_server import postgres_process, postgres_server, postgres_url
from tests.small_disk import disk
from tests.stores import stores

__all__ = ["disk", "postgres_process", "postgres_server", "postgres_url", "stores"]

# Each of these keeps one worker busy for longer than most folders. They come first, longest first, so that no worker is
# left alone with one at the end; the others follow in their usual order (``--no-loadscope-reorder``).
LONGEST = (
    "tests/dbt/test_incremental_equals_full.py",
    "tests/dbt/test_known_at.py",
    "tests/integration/pipelines/test_build_in_trouble.py",
    "tests/integration/backup/test_clean_up.py",
    "tests/integration/pipelines/test_maintenance.py",
    "tests/integration/pipelines/test_dagster.py",
    "tests/integration/gate_log/test_gate_log_figures.py",
    "tests/integration/demo/test_live.py",
    "tests/integration/postgres/test_stores_on_postgres.py",
    "tests/integration/postgres/test_moving_to_postgres.py",
    "tests/integration/demo/test_manual_golden.py",
    "tests/integration/pipelines/test_park_up.py",
    "tests/e2e/test_home_page.py",
    "tests/integration/gateway/test_crashes.py",
)

# With those above: whole instances that are started, killed, moved and restored, pages in a browser, and every report
# by every way out. ``make test-long`` runs them, ``make test`` the others.
LONG = (
    *LONGEST,
    "tests/dashboards/test_exports.py",
    "tests/dbt/",
    "tests/e2e/",
    "tests/integration/analysts/test_files.py",
    "tests/integration/backup/",
    "tests/integration/demo/",
    "tests/integration/gateway/test_commands_and_docs.py",
    "tests/integration/object_storage/",
    "tests/integration/outbox/",
    "tests/integration/pipelines/",
    "tests/integration/postgres/",
    "tests/integration/reports/test_same_everywhere.py",
    "tests/unit/simulator/test_days.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.split("::", 1)[0]
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)
    for item in items:
        if item.nodeid.startswith(LONG):
            item.add_marker(pytest.mark.long)


def park(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line on an instance."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    return subprocess.run(
        [str(Path(sys.executable).parent / "park"), *arguments],
        env=environment | {"PARK_HOME": str(home), "PARK_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        timeout=580,
    )


@pytest.fixture(scope="session")
def manual_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The instance that ``park demo --manual`` makes; workers share it, so a test leaves its lake as it is."""
    root = tmp_path_factory.getbasetemp()
    shared = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    home, said = shared / "manual", shared / "manual.txt"
    with (shared / "manual.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not said.exists():
            assert park(home, "init").returncode == 0
            loaded = park(home, "demo", "--manual")
            assert loaded.returncode == 0, loaded.stderr
            said.write_text(loaded.stdout, encoding="utf-8")
    return home
