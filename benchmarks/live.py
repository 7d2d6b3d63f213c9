"""Live side: how long from upload to visible at 1,000 records a second, and device pages of 10,000 lots.

First a real gateway and a real lander with ten lots that send batches; each batch holds a free-space count of its own,
and a watcher looks every 20 ms when ``free_spaces_of`` gives it. In the second half of the time the lake's writer lock
is held, as by a build. Then the pages of devices over 10,000 lots and 100,000 devices, half of the lots silent: reruns
over a websocket, each another page of the table, and the free spaces of all lots at once.

python -m benchmarks.live [--seconds 40] [--rate 1000] [--lots 10000] [--only visible,pages]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.gateway import PARK, free_port, records
from benchmarks.page_server import described, pages, sign_in, visitors
from benchmarks.report_lake import generate
from ingest.gateway.client import GatewayClient
from warehouse.lake.reader import Reader
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import AreaFreeSpaces, DeviceLive, Lot, LotLive, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.security.credentials import create_credential
from warehouse.services.live import free_spaces_of
from warehouse.services.tree import ensure_agent, ensure_customer
from warehouse.settings import Settings

LOTS = 10
PAGES = ("gate-controllers", "cameras", "displays")


def started(settings: Settings, *arguments: str) -> subprocess.Popen[bytes]:
    """A ``park`` process of this instance."""
    values = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    log = (settings.home / f"{arguments[0]}.log").open("ab")
    return subprocess.Popen([*PARK, *arguments], env=values | {"PARK_HOME": str(settings.home)}, stdout=log, stderr=log)


def wait_until_up(url: str) -> None:
    """Until the gateway answers."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            assert time.monotonic() < deadline, "the gateway did not start"
            time.sleep(0.2)


class Sent:
    """When each count was sent and seen, by its number."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.at: dict[int, float] = {}
        self.seen: dict[int, float] = {}


def send(url: str, key: tuple[str, str, str], number: int, sent: Sent, batch: int, pause: float, until: float) -> None:
    """Send a batch each ``pause`` seconds, the free spaces in it counting up."""
    turn = 0
    with GatewayClient(url, *key) as client:
        while time.monotonic() < until:
            begun = time.monotonic()
            turn += 1
            count = {
                "kind": "free_space_count",
                "record_id": f"n{turn}",
                "occurred_at": datetime.now(UTC).isoformat(),
                "free_spaces": turn,
            }
            sent.at[turn * LOTS + number] = begun
            client.send([*records(f"r{number}-{turn}", batch - 1), count])
            time.sleep(max(0.0, pause - (time.monotonic() - begun)))


def watch(settings: Settings, sent: Sent, until: float) -> None:
    """Note when each count is first seen; one that a newer one overtook was seen with it."""
    last = dict.fromkeys(range(LOTS), 0)
    while time.monotonic() < until:
        with ops_session(settings) as session:
            found = free_spaces_of(session, range(1, LOTS + 1), datetime.now(UTC))
        now = time.monotonic()
        for lot_id, lot in found.items():
            turn = lot.free_spaces or 0
            for one in range(last[lot_id - 1] + 1, turn + 1):
                sent.seen[one * LOTS + lot_id - 1] = now
            last[lot_id - 1] = max(last[lot_id - 1], turn)
        time.sleep(0.02)


def visible(home: Path, seconds: float, rate: int) -> None:
    """Print how long uploads take until they are visible, with the lake free and locked."""
    settings = Settings(home=home)
    migrate(settings)
    create_lake(settings)
    keys = []
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="p", name="p"))
        session.flush()
        for lot_id in range(1, LOTS + 1):
            session.add(Lot(lot_id=lot_id, customer_id=1, code=f"L{lot_id}", name=f"L{lot_id}"))
            session.flush()
            keys.append((f"L{lot_id}", *create_credential(session, settings, lot_id)))
    port = free_port()
    processes = [started(settings, "gateway", "--port", str(port)), started(settings, "land", "--follow")]
    try:
        wait_until_up(f"http://127.0.0.1:{port}/health")
        for name, is_locked in (("lake free", False), ("lake locked by a build", True)):
            sent, pause = Sent(), 1.0
            until = time.monotonic() + seconds / 2
            batch = max(2, round(rate * pause / LOTS))
            threads = [
                threading.Thread(target=send, args=(f"http://127.0.0.1:{port}", key, number, sent, batch, pause, until))
                for number, key in enumerate(keys)
            ]
            threads.append(threading.Thread(target=watch, args=(settings, sent, until + 15)))
            if is_locked:
                with writer_lock(settings):
                    run_all(threads, until + 15)
            else:
                run_all(threads, until + 15)
            waits = sorted(sent.seen[one] - at for one, at in sent.at.items() if one in sent.seen)
            lost = len(sent.at) - len(waits)
            p95 = waits[int(len(waits) * 0.95)]
            print(
                f"upload to visible, {rate:,} records/s, {name}: median {statistics.median(waits):.2f} s   "
                f"p95 {p95:.2f} s   max {waits[-1]:.2f} s   {len(waits)} batches, {lost} not seen"
            )
            with ops_session(settings) as session:
                for row in session.query(AreaFreeSpaces):
                    session.delete(row)
    finally:
        for process in processes:
            process.terminate()
            process.wait(30)


def run_all(threads: list[threading.Thread], until: float) -> None:
    """Start them and wait for their end."""
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(1.0, until + 30 - time.monotonic()))


def fill(home: Path, lots: int) -> tuple[Settings, list[str]]:
    """Lots with ten devices each, in lake and live state."""
    settings = Settings(home=home)
    generate(settings, 20_000, lots, 2)
    reader = Reader(settings)
    now = datetime.now(UTC)
    with reader.view() as view:
        devices = view.query("select lot_id, device_id, device_type from dimension.dim_device", {}).rows
    reader.close()
    with ops_session(settings) as session:
        agent, _ = ensure_agent(session, "agent", "代理")
        customer, _ = ensure_customer(session, "customer", "客户", agent)
        session.add_all(
            Lot(lot_id=number, customer_id=customer.node_id, code=f"L{number}", name=f"停车场{number}")
            for number in range(1, lots + 1)
        )
        session.flush()
        for number in range(1, lots + 1):
            beat = now + timedelta(hours=1 if number % 2 else -5)
            session.add(LotLive(lot_id=number, received_at=beat, heartbeat_at=beat))
            session.add(
                AreaFreeSpaces(lot_id=number, area_id="", counted_at=now, free_spaces=number % 90, total_spaces=100)
            )
        session.add_all(
            DeviceLive(
                lot_id=lot_id, device_id=device_id, device_type=device_type,
                state=random.choice(("online", "online", "online", "offline", "fault")), reported_at=now,
            )
            for lot_id, device_id, device_type in devices
        )  # fmt: skip
        tokens = sign_in(session, 1)
    print(f"{lots:,} lots, {len(devices):,} devices")
    return settings, tokens


async def reruns(settings: Settings, host: str, tokens: list[str]) -> None:
    """Print what a rerun of a device page takes, each time another page of the table."""
    every: list[float] = []
    async with visitors(settings, host, tokens) as (visitor,):
        for page in PAGES:
            opened = await visitor.open(page)
            times = [await visitor.turn_to(random.randint(2, 90)) for _ in range(15)]
            every += times
            print(f"  rerun {page:20} opened {opened:6.0f} ms, then {described(times)}")
    print(f"rerun of the device pages:   {described(every)}")


def main() -> None:
    """Measure both parts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rate", type=int, default=1000)
    parser.add_argument("--lots", type=int, default=10_000)
    parser.add_argument("--only", default="visible,pages")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="park-live-") as folder:
        if "visible" in options.only:
            visible(Path(folder) / "visible", options.seconds, options.rate)
        if "pages" in options.only:
            settings, tokens = fill(Path(folder) / "pages", options.lots)
            times = []
            for _ in range(5):
                begun = time.perf_counter()
                with ops_session(settings) as session:
                    free_spaces_of(session, None, datetime.now(UTC))
                times.append((time.perf_counter() - begun) * 1000)
            print(f"free spaces of all lots:     {described(times)}")
            with pages(settings) as (host, _pid):
                asyncio.run(reruns(settings, host, tokens))


if __name__ == "__main__":
    sys.exit(main())
