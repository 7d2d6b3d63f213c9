"""``python -m pipelines.code_server``: Dagster's code server of the instance, started by ``park up``.

Belongs here: ending the runs that an earlier code server left behind, then becoming the code server.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import dagster as dg

from pipelines.automation import UNFINISHED
from pipelines.services import code_socket
from warehouse.settings import load_settings


def end_orphaned_runs(instance: dg.DagsterInstance) -> int:
    """Mark unfinished runs failed; their processes were children of a code server that is gone.

    A run left as "started" would hold the writer pool for ever. Runs still queued are left to the daemon.
    """
    statuses = [status for status in UNFINISHED if status is not dg.DagsterRunStatus.QUEUED]
    runs = instance.get_runs(dg.RunsFilter(statuses=statuses))
    for run in runs:
        instance.report_run_failed(run, "its process ended with an earlier start of park up")
    return len(runs)


def main() -> None:
    """Tidy up, then replace this process by Dagster's server."""
    settings = load_settings()
    with dg.DagsterInstance.get() as instance:
        ended = end_orphaned_runs(instance)
    if ended:
        print(f"{ended} runs of an earlier start marked failed", flush=True)
    socket = code_socket(settings)
    socket.unlink(missing_ok=True)
    dagster = str(Path(sys.executable).with_name("dagster"))
    arguments = ["api", "grpc", "--socket", str(socket), "-m", "pipelines.definitions", "--location-name", "parkcloud"]
    os.execv(dagster, [dagster, *arguments])  # noqa: S606 - our own environment's program


if __name__ == "__main__":
    main()
