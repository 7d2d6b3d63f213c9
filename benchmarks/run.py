"""Runs every benchmark, one after the other, and keeps what each prints under ``benchmarks/results`` (``make bench``).

python -m benchmarks.run [NAME…]
"""

from __future__ import annotations

import platform
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

FOLDER = Path(__file__).parent
# Quick ones first; each describes itself in its docstring.
BENCHMARKS = (
    "records_decode", "tariffs", "gateway", "downlink", "administration", "file_ingest", "refresh", "known_at",
    "reports", "backup", "pages", "analysts", "cloud_map", "alarms", "live",
)  # fmt: skip
SHOWN_VERSIONS = ("duckdb", "dbt-core", "dbt-duckdb", "polars", "pyarrow")


def machine() -> str:
    """One line about what the figures were measured on."""
    versions = ", ".join(f"{name} {version(name)}" for name in SHOWN_VERSIONS)
    system = f"{platform.machine()}, {platform.system()} {platform.release()}"
    return f"{system}, Python {platform.python_version()}, {versions}"


def main() -> int:
    """Run the benchmarks named, or all; the exit code is the number of those that failed."""
    results = FOLDER / "results"
    results.mkdir(exist_ok=True)
    failed = 0
    for name in sys.argv[1:] or BENCHMARKS:
        print(f"== {name}", flush=True)
        started = datetime.now(UTC)
        with (results / f"{name}.txt").open("w", encoding="utf-8") as file:
            file.write(f"{started:%F %T} UTC; {machine()}\n")
            file.flush()
            process = subprocess.Popen(
                [sys.executable, "-m", f"benchmarks.{name}"], stdout=subprocess.PIPE, text=True, cwd=FOLDER.parent
            )
            assert process.stdout is not None
            for line in process.stdout:
                print(line, end="", flush=True)
                file.write(line)
            failed += process.wait() != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
