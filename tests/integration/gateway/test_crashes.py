"""kill -9 of gateway and lander: what was acknowledged arrives, once, and a restart goes on."""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.gateway.client import GatewayClient
from ingest.journal import SegmentWriter
from ingest.lander import Lander
from ingest.records import LotContext, decode_batch
from tests.integration.gateway.conftest import wait_until_up
from warehouse.errors import ParkError

Entries = Callable[..., list[dict[str, Any]]]
DIE_AT = [sys.executable, str(Path(__file__).with_name("die_at.py"))]
ROUNDS = int(os.environ.get("PARK_CRASH_ROUNDS", "8"))


def drain_twice(instance: Any) -> None:
    """After any crash one drain must finish, and a second find nothing to do."""
    lander = Lander(instance.settings)
    try:
        summary = lander.drain()
        assert (summary.error, summary.set_aside, summary.waiting) == (None, [], 0)
        assert lander.drain().segments == 0
        assert not lander.journal.failed_segments()
        assert not list(lander.journal.open.iterdir())
    finally:
        lander.close()


@pytest.mark.parametrize(
    "moment",
    [
        "before commit",
        "after commit",
        "after live state",
        "before archive",
        "archive written, not renamed",
        "archived, not unlinked",
        "unlinked, not recorded",
    ],
)
def test_a_lander_killed_at_any_step_lands_everything_once_after_restart(
    instance: Any, entries: Entries, moment: str
) -> None:
    from datetime import UTC, datetime

    lander = Lander(instance.settings)
    for number in range(3):
        body = msgspec.json.encode({"records": entries(4, f"s{number}-")})
        writer = SegmentWriter(lander.journal)
        context = LotContext(1, "L1", "Asia/Shanghai", 0)
        writer.append([decode_batch(body, "application/json", context, datetime.now(UTC)).lines])
        writer.seal()
    died = instance.start(moment, command=DIE_AT)
    assert died.popen.wait(120) == -signal.SIGKILL, died.log.read_text()
    drain_twice(instance)
    assert instance.record_ids() == sorted(f"s{number}-{row}" for number in range(3) for row in range(4))
    with instance.lake() as lake:
        assert lake.execute("SELECT count(*), count(DISTINCT batch_id) FROM lake.raw.batch").fetchone() == (3, 3)
    assert len(list(lander.journal.landed.glob("*.zst"))) == 3


@pytest.mark.parametrize("moment", ["before the fsync", "after the fsync", "sealed, folder not synced"])
def test_a_gateway_killed_while_it_writes_keeps_what_it_acknowledged(
    instance: Any, entries: Entries, moment: str, unused_port: int
) -> None:
    process = instance.start(moment, str(unused_port), command=DIE_AT)
    url = f"http://127.0.0.1:{unused_port}"
    wait_until_up(url, process)
    acknowledged: list[str] = []
    # One attempt: the gateway that dies does not come back, and every refusal ends the sending.
    with instance.client(url, attempts=1) as client:
        for number in range(1000):
            batch = entries(3, f"b{number}-")
            try:
                client.send(batch)
            except ParkError:
                break
            acknowledged += [record["record_id"] for record in batch]
            time.sleep(0.01)
            if process.popen.poll() is not None:
                break
    assert process.popen.wait(60) == -signal.SIGKILL, process.log.read_text()
    drain_twice(instance)
    stored = instance.record_ids()
    assert len(stored) == len(set(stored))
    assert acknowledged
    assert set(acknowledged) <= set(stored)


class _Sender(threading.Thread):
    """Sends each record in one request only, so that no id may ever be found twice."""

    def __init__(self, client: GatewayClient, entries: Entries, name: str) -> None:
        super().__init__(daemon=True)
        self.client, self.entries, self.prefix = client, entries, name
        self.acknowledged: list[str] = []
        self.attempted = 0
        self.stopping = threading.Event()

    def run(self) -> None:
        number = 0
        while not self.stopping.is_set():
            batch = self.entries(20, f"{self.prefix}-{number}-")
            number, self.attempted = number + 1, self.attempted + 20
            try:
                self.client.send(batch)
            except ParkError:
                time.sleep(0.05)
                continue
            self.acknowledged += [record["record_id"] for record in batch]
            time.sleep(0.005)


@pytest.mark.timeout(3600)
def test_gateway_and_lander_killed_at_random_moments_lose_and_double_nothing(
    instance: Any, entries: Entries, unused_port: int
) -> None:
    seed = random.randrange(10**6)
    chance = random.Random(seed)
    url = f"http://127.0.0.1:{unused_port}"
    commands = {"gateway": ("gateway", "--port", str(unused_port)), "land": ("land", "--follow")}
    running = {name: instance.start(*arguments) for name, arguments in commands.items()}
    senders = [_Sender(instance.client(url, attempts=1), entries, f"t{number}") for number in range(2)]
    for sender in senders:
        sender.start()
    kills = {"gateway": 0, "land": 0}
    try:
        for turn in range(ROUNDS):
            # Until something was acknowledged since the last kill, then a random moment.
            before = sum(len(sender.acknowledged) for sender in senders)
            deadline = time.monotonic() + 120
            while sum(len(sender.acknowledged) for sender in senders) == before:
                assert time.monotonic() < deadline, running["gateway"].log.read_text()[-3000:]
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 2.0))
            for name in (("gateway",), ("land",), ("gateway", "land"))[turn % 3]:
                running[name].kill()
                kills[name] += 1
                running[name] = instance.start(*commands[name])
    finally:
        for sender in senders:
            sender.stopping.set()
        for sender in senders:
            sender.join(30)
            sender.client.close()
        for process in running.values():
            process.kill()
    drain_twice(instance)
    stored = instance.record_ids()
    acknowledged = {record_id for sender in senders for record_id in sender.acknowledged}
    attempted = sum(sender.attempted for sender in senders)
    print(
        json.dumps(
            {
                "seed": seed,
                "kills": kills,
                "attempted": attempted,
                "acknowledged": len(acknowledged),
                "stored": len(stored),
                "lost": len(acknowledged - set(stored)),
                "doubled": len(stored) - len(set(stored)),
            }
        )
    )
    assert acknowledged <= set(stored), f"seed {seed}"
    assert len(stored) == len(set(stored)), f"seed {seed}"
    assert len(stored) <= attempted
