"""A disk that is really full: nothing is acknowledged and lost, nothing is set aside, and all goes on by itself.

The instance lies on a small file system in memory, which takes root to mount. What the gateway does is also tried for
everybody with a limit on the size of files (test_uploads.py), which the kernel enforces in the same calls.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingest.lander import Lander
from tests.integration.gateway.conftest import Instance
from warehouse.doctor import check_disk
from warehouse.errors import ParkError

SIZE = 48 * 1024 * 1024
Entries = Callable[..., list[dict[str, Any]]]


class SmallDisk:
    """A folder on a file system of ``SIZE`` bytes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave not one block."""
        with suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 65536)
        with suppress(OSError), self.ballast.open("ab", buffering=0) as file:
            while True:
                file.write(b"\0" * 512)

    def make_room(self) -> None:
        self.ballast.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no file system can be mounted here; test_uploads.py tries it with a limit on files")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_with_a_full_disk_nothing_is_acknowledged_that_is_not_kept_and_all_goes_on_with_room(
    make_instance: Callable[..., Instance], entries: Entries, disk: SmallDisk
) -> None:
    instance = make_instance(disk.folder / "home", journal_segment_seconds=0.1)
    lander = Lander(instance.settings)
    with instance.gateway() as url, instance.client(url, attempts=1) as client:
        client.send(entries(20, "before"))
        assert lander.drain().error is None
        client.send(entries(20, "waiting"))
        time.sleep(0.5)  # until the segment is sealed

        disk.fill()
        with pytest.raises(ParkError) as refused:
            client.send(entries(2000, "lost"))
        assert refused.value.code == "journal_unavailable"
        assert "磁盘已满" in refused.value.zh
        assert "disk is full" in refused.value.en
        assert httpx.get(f"{url}/health").status_code == 503
        summary = lander.drain()
        assert summary.error is not None
        assert "disk is full" in summary.error
        assert summary.set_aside == []
        for _ in range(6):  # more often than a segment may fail by its own fault
            lander.drain()
        assert lander.journal.failed_segments() == []
        found = check_disk(instance.settings)
        assert found.state == "fault"
        assert "disk-full.md" in found.cure_en

        disk.make_room()
        client.send(entries(20, "after"))
        assert httpx.get(f"{url}/health").status_code == 200
    summary = lander.drain()
    assert summary.error is None
    assert summary.waiting == 0
    lander.close()
    expected = [f"{prefix}{number}" for prefix in ("before", "waiting", "after") for number in range(20)]
    assert sorted(instance.record_ids()) == sorted(expected)
