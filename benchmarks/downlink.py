"""Lots that wait for commands: what they cost the gateway, and how long a command takes to reach them.

A real gateway process; clients that hold one long poll for each of many lots, each with its own credential. Then one
command is queued for each of some of them, one after the other, and the time from its commit to its arrival at the lot
is measured; then guidance is queued for all at once. Client and server share one machine, whose open files and ports
limit the connections: with fewer than were asked for, the table says how many there were.

    python -m benchmarks.downlink [--lots 10000] [--wait 50] [--singles 200] [--json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from warehouse.ops.models import Lot, LotCredential, Node  # noqa: E402
from warehouse.ops.session import migrate, write_session  # noqa: E402
from warehouse.security.credentials import sign  # noqa: E402
from warehouse.security.secrets import encrypt  # noqa: E402
from warehouse.services.downlink_queue import queue_guidance  # noqa: E402
from warehouse.settings import Settings  # noqa: E402

PARK = [sys.executable, "-c", "from warehouse.cli import main; main()"]
SECRET = "benchmark-secret-of-every-lot"
SPARE_FILES = 300


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def plant(settings: Settings, lots: int) -> None:
    """A store with that many lots and a credential of each."""
    migrate(settings)
    sealed = encrypt(settings, SECRET)
    now = datetime.now(UTC)
    with write_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform", name="平台"))
        session.flush()
        session.add(Node(node_id=2, parent_id=1, level="customer", code="customer", name="客户"))
        session.flush()
        for lot_id in range(1, lots + 1):
            session.add(Lot(lot_id=lot_id, customer_id=2, code=f"L{lot_id}", name=f"L{lot_id}"))
        session.flush()
        for lot_id in range(1, lots + 1):
            session.add(LotCredential(key_id=f"pk_{lot_id}", lot_id=lot_id, secret_encrypted=sealed, created_at=now))


class Lots:
    """Many lots, each with one long poll over one connection, spoken as plain HTTP/1.1 to cost the client little."""

    def __init__(self, port: int, count: int, wait: int) -> None:
        self.port, self.count, self.wait = port, count, wait
        self.polls = 0
        self.refused = 0
        self.arrived: dict[int, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, a hundred at a time."""
        for first in range(1, self.count + 1, 100):
            self._tasks += [
                asyncio.create_task(self._live(lot_id)) for lot_id in range(first, min(first + 100, self.count + 1))
            ]
            await asyncio.sleep(0.02)

    async def stop(self) -> None:
        """End all."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _live(self, lot_id: int) -> None:
        cursor = 0
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
                while True:
                    answer = await self._ask(
                        reader, writer, lot_id, "GET", f"/commands?after={cursor}&wait={self.wait}"
                    )
                    self.polls += 1
                    cursor = answer["cursor"]
                    if answer["commands"]:
                        moment = time.time()
                        self.arrived |= {one["command_id"]: moment for one in answer["commands"]}
                        said = [{"command_id": one["command_id"], "result": "applied"} for one in answer["commands"]]
                        body = msgspec.json.encode({"commands": said})
                        await self._ask(reader, writer, lot_id, "POST", "/commands/ack", body)
            except (OSError, asyncio.IncompleteReadError, KeyError):
                self.refused += 1
                await asyncio.sleep(1)

    async def _ask(
        self, reader: Any, writer: Any, lot_id: int, method: str, target: str, body: bytes = b""
    ) -> dict[str, Any]:
        path = f"/v1/lots/L{lot_id}{target}"
        timestamp, nonce = str(int(time.time())), secrets.token_hex(12)
        signature = sign(SECRET, method, path, timestamp, nonce, body)
        head = (
            f"{method} {path} HTTP/1.1\r\nhost: x\r\nx-park-key: pk_{lot_id}\r\nx-park-timestamp: {timestamp}\r\n"
            f"x-park-nonce: {nonce}\r\nx-park-signature: {signature}\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        head_lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in head_lines if line.startswith(b"content-length:"))
        found: dict[str, Any] = msgspec.json.decode(await reader.readexactly(length))
        return found


def usage(pid: int) -> tuple[float, float, int]:
    """CPU seconds so far, memory in MB, threads of a process."""
    stat = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
    return cpu, int(status["VmRSS"].split()[0]) / 1024, int(status["Threads"])


async def measure(settings: Settings, port: int, pid: int, lots: int, wait: int, singles: int) -> dict[str, Any]:
    """Connect, look at the idle cost, send single commands, then one to every lot."""
    many = Lots(port, lots, wait)
    await many.start()
    async with httpx.AsyncClient() as client:
        waiting = 0
        # Some are always between two questions.
        for _ in range(60):
            text = (await client.get(f"http://127.0.0.1:{port}/metrics", timeout=300)).text
            waiting = int(float(text.split("park_gateway_waiting_lots ")[-1].split()[0]))
            if waiting >= 0.97 * lots:
                break
            await asyncio.sleep(1)
    cpu_before, _memory, _threads = usage(pid)
    polls_before, started = many.polls, time.monotonic()
    await asyncio.sleep(wait + 10)
    elapsed = time.monotonic() - started
    cpu, memory, threads = usage(pid)
    idle = {
        "waiting": waiting,
        "polls_per_second": round((many.polls - polls_before) / elapsed, 1),
        "cpu_ms_per_poll": round(1000 * (cpu - cpu_before) / max(many.polls - polls_before, 1), 2),
        "cpu_share": round((cpu - cpu_before) / elapsed, 3),
        "memory_mb": round(memory),
        "threads": threads,
    }

    print(json.dumps(idle), file=sys.stderr, flush=True)

    def queue(lot_ids: list[int]) -> list[int]:
        now = datetime.now(UTC)
        with write_session(settings) as session:
            return [queue_guidance(session, lot_id, "display/all", {"text": "余位 3"}, now) for lot_id in lot_ids]

    queued: dict[int, float] = {}
    for number in range(singles):
        (command_id,) = await asyncio.to_thread(queue, [1 + (number * 7919) % lots])
        queued[command_id] = time.time()
        await asyncio.sleep(0.05)
    await asyncio.sleep(5)
    single = sorted(many.arrived[one] - queued[one] for one in queued if one in many.arrived)
    print(json.dumps(single), file=sys.stderr, flush=True)
    started = time.time()
    all_ids = set(await asyncio.to_thread(queue, list(range(1, lots + 1))))
    committed = time.time()
    while time.time() - committed < 180 and not all_ids <= many.arrived.keys():
        await asyncio.sleep(0.2)
    at_once = sorted(many.arrived[one] - committed for one in all_ids if one in many.arrived)
    await many.stop()
    return idle | {
        "reconnects": many.refused,
        "single_arrived": f"{len(single)}/{len(queued)}",
        "single_p50": round(statistics.median(single), 3),
        "single_p95": round(single[int(len(single) * 0.95)], 3),
        "all_queued_seconds": round(committed - started, 1),
        "all_arrived": f"{len(at_once)}/{len(all_ids)}",
        "all_p50": round(statistics.median(at_once), 2),
        "all_last": round(at_once[-1], 2),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lots", type=int, default=10_000)
    parser.add_argument("--wait", type=int, default=50)
    parser.add_argument("--singles", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    lots = options.lots if hard == resource.RLIM_INFINITY else min(options.lots, hard - SPARE_FILES)
    home = Path(tempfile.mkdtemp(prefix="downlink-"))
    settings = Settings(home=home)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    try:
        plant(settings, lots)
        with (home / "gateway.log").open("wb") as log:
            gateway = subprocess.Popen(
                [*PARK, "gateway", "--port", str(port)],
                env=environment | {"PARK_HOME": str(home), "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=log,
            )
        try:
            for _ in range(600):
                try:
                    httpx.get(f"http://127.0.0.1:{port}/health", timeout=5)
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            found = {"lots": lots, "asked_for": options.lots}
            found |= asyncio.run(measure(settings, port, gateway.pid, lots, options.wait, options.singles))
        finally:
            gateway.terminate()
            gateway.wait(30)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:20} {value}")


if __name__ == "__main__":
    main()
