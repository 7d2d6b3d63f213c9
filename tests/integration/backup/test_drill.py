"""The restore drill: everything is killed in the middle of uploads, and an empty folder becomes the instance again."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.lander import Lander
from tests.integration.gateway.conftest import Instance, make_template
from warehouse.backup.create import create
from warehouse.backup.library import Library
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.errors import ParkError
from warehouse.settings import Settings


@pytest.fixture
def instance(tmp_path: Path) -> Instance:
    keys = make_template(tmp_path / "home")
    changes: dict[str, Any] = {"journal_segment_seconds": 0.1, "lander_interval_seconds": 0.1}
    environment = {f"PARK_{name.upper()}": str(value) for name, value in changes.items()}
    return Instance(Settings(home=tmp_path / "home", **changes), keys, environment)


def drained(settings: Settings) -> list[str]:
    """Ids of all entries after everything that waits has landed, twice over."""
    for _ in range(2):
        lander = Lander(settings)
        try:
            assert lander.drain().error is None
        finally:
            lander.close()
    return Instance(settings, {}).record_ids()


def test_nothing_acknowledged_is_lost_when_all_is_killed_and_restored_on_an_empty_folder(
    instance: Instance, library: Library, tmp_path: Path
) -> None:
    acknowledged: list[str] = []
    stopping, moment = threading.Event(), threading.Event()

    def send(client: Any) -> None:
        number = 0
        while not stopping.is_set():
            ids = [f"{number}-{row}" for row in range(5)]
            number += 1
            at = f"2026-05-01T08:00:{number % 60:02}+08:00"
            try:
                client.send(
                    [{"kind": "entry", "record_id": one, "occurred_at": at, "plate": "粤B12345"} for one in ids]
                )
            except ParkError:
                continue
            acknowledged.extend(ids)
            moment.set()

    def waits_for(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    lander = instance.start("land", "--follow")
    port = None
    with instance.gateway(port=port) as url, instance.client(url, attempts=1) as client:
        sender = threading.Thread(target=send, args=(client,), daemon=True)
        sender.start()
        waits_for(lambda: len(acknowledged) > 100)
        before = list(acknowledged)
        create(instance.settings, library)
        more, journal = len(acknowledged), instance.settings.journal_path
        in_backup = {path.name.partition(".")[0] for path in journal.glob("*/*")}

        def has_landed_more() -> bool:
            return bool({path.name.partition(".")[0] for path in journal.glob("landed/*")} - in_backup)

        waits_for(lambda: len(acknowledged) > more + 100 and has_landed_more())
        lander.kill()
        stopping.set()
        sender.join(30)
    everything = list(acknowledged)

    bare = elsewhere(instance.settings, home=tmp_path / "bare")
    restore(bare, library, Opener(()), "newest")
    stored = drained(bare)
    assert set(before) <= set(stored)
    assert len(stored) == len(set(stored))

    kept = elsewhere(instance.settings, home=tmp_path / "kept")
    shutil.copytree(instance.settings.journal_path, kept.journal_path)
    restored = restore(kept, library, Opener(()), "newest")
    assert restored.segments_kept > 0
    assert set(everything) <= set(drained(kept)), "with the journal kept, nothing at all"
