"""The order in which files of tests run."""

from __future__ import annotations

import pytest

# Each of these keeps one worker busy for longer than most folders. They come first, longest first, so that no worker is
# left alone with one at the end; the others follow in their usual order (``--no-loadscope-reorder``).
LONGEST = (
    "tests/dbt/test_incremental_equals_full.py",
    "tests/integration/pipelines/test_maintenance.py",
    "tests/integration/pipelines/test_dagster.py",
    "tests/integration/gate_log/test_gate_log_figures.py",
    "tests/integration/demo/test_live.py",
    "tests/integration/postgres/test_stores_on_postgres.py",
    "tests/integration/demo/test_manual_golden.py",
    "tests/integration/pipelines/test_park_up.py",
    "tests/e2e/test_home_page.py",
    "tests/integration/gateway/test_crashes.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        file = item.nodeid.split("::", 1)[0]
        return LONGEST.index(file) if file in LONGEST else len(LONGEST)

    items.sort(key=place)
