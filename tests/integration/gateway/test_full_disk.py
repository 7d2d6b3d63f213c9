"""A disk that is really full: nothing is acknowledged and lost, nothing is set aside, and all goes on by itself.

The instance lies on a small file system in memory, which takes root to mount. What the gateway does is also tried for
everybody with a limit on the size of files (test_uploads.py), which the kernel enforces in the same calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from ingest.lander import Lander
from tests.integration.gateway.conftest import Instance
from tests.small_disk import SmallDisk
from warehouse.doctor import check_disk
from warehouse.errors import ParkError

Entries = Callable[..., list[dict[str, Any]]]


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
