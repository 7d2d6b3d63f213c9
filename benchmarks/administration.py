"""Rerun of the owners' page or the lots' page with 10,000 owners, 1,000 lots and 50 open sessions.

A real ``park pages`` process and one websocket for each signed-in session, as a browser holds it. Timed is what the
server does: from sending a rerun to the message that the script has finished, every drawn element received in between
and none drawn. First one session acts while the others stay open, then all of them act, each at a random moment of
every ``--pause`` seconds. A rerun asks for a random page of the list, so that nothing is a repetition.

python -m benchmarks.administration [--page lots] [--lots 1000] [--owners 10000] [--sessions 50]
    [--reruns 200] [--pause 10]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import websockets
from sqlalchemy import insert, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.requests import session_cookie
from warehouse.lake.schema import create_lake
from warehouse.ops.models import AuthSession, LongTermVehicle, Lot, Operator, Owner, OwnerSpace, Wallet
from warehouse.ops.session import migrate, ops_session
from warehouse.security.sessions import token_hash
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_agent, ensure_customer, ensure_platform
from warehouse.settings import Settings

PAGES = ("long-term-owners", "lots")
PAGE_SIZE = 50
START_SECONDS = 120
LOTS_WITH_OWNERS = 5


def fill(settings: Settings, lots_there: int, owners: int, sessions: int) -> list[str]:
    """Lots, some with owners who have two vehicles, a space and a wallet; returns the tokens of signed-in sessions."""
    migrate(settings)
    create_lake(settings)
    now, today = datetime.now(UTC), date.today()  # noqa: DTZ011 - a day more or less does not matter
    spread = random.Random(1)
    with ops_session(settings) as session:
        platform = ensure_platform(session)
        agent, _ = ensure_agent(session, "agent", "代理")
        customer, _ = ensure_customer(session, "customer", "客户", agent)
        for number in range(lots_there):
            session.add(Lot(customer_id=customer.node_id, code=f"lot-{number}", name=f"停车场{number}"))
        session.flush()
        lots = list(session.scalars(select(Lot.lot_id)))
        people = [(lots[number % LOTS_WITH_OWNERS], number) for number in range(owners)]
        session.execute(
            insert(Owner),
            [
                {
                    "lot_id": lot_id,
                    "code": f"{number:05}",
                    "name": f"车主{number}",
                    "phone": f"138{number:08}",
                    "created_at": now,
                    "version": 1,
                }
                for lot_id, number in people
            ],
        )
        ids = list(session.scalars(select(Owner.owner_id).order_by(Owner.owner_id)))
        session.execute(
            insert(LongTermVehicle),
            [
                {
                    "lot_id": lot_id,
                    "owner_id": owner_id,
                    "plate": f"{province}A{number:05}",
                    "vehicle_class": "long_term",
                    "valid_from": today - timedelta(days=100),
                    "valid_to": today + timedelta(days=spread.randint(-60, 300)),
                    "created_at": now,
                    "version": 1,
                }
                for (lot_id, number), owner_id in zip(people, ids, strict=True)
                for province in "沪苏"
            ],
        )
        session.execute(
            insert(OwnerSpace),
            [
                {"lot_id": lot_id, "owner_id": owner_id, "number": f"B-{number}", "version": 1}
                for (lot_id, number), owner_id in zip(people, ids, strict=True)
            ],
        )
        session.execute(insert(Wallet), [{"owner_id": owner_id, "balance": Decimal("0.00")} for owner_id in ids])
        create_operator(
            session, login="bench", name="bench", role="admin", node_id=platform.node_id, password="Right-Horse-7"
        )
        operator_id = session.scalars(select(Operator.operator_id).where(Operator.login == "bench")).one()
        tokens = [f"bench-session-{number:04}" for number in range(sessions)]
        for token in tokens:
            session.add(
                AuthSession(
                    token_hash=token_hash(token),
                    session_id=token,
                    operator_id=operator_id,
                    created_at=now,
                    seen_at=now,
                    address="127.0.0.1",
                    user_agent="benchmark",
                )
            )
    return tokens


@contextmanager
def pages(settings: Settings) -> Iterator[tuple[str, int]]:
    """``park pages`` on a free port until the block ends: its host with port, and its process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    values = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    values |= {"PARK_HOME": str(settings.home), "PARK_PAGES_PORT": host.split(":")[1]}
    with (settings.home / "pages.log").open("wb") as log:
        process = subprocess.Popen(
            [str(Path(sys.executable).parent / "park"), "pages"], env=values, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + START_SECONDS
            while True:
                try:
                    with urllib.request.urlopen(f"http://{host}/healthz", timeout=2):
                        break
                except OSError:
                    assert process.poll() is None, "the pages did not start"
                    assert time.monotonic() < deadline, "the pages did not start in time"
                    time.sleep(0.2)
            yield host, process.pid
        finally:
            process.terminate()
            process.wait(20)


class Visitor:
    """One open session."""

    def __init__(self, socket_: websockets.ClientConnection, page: str, rows: int) -> None:
        """Nothing is sent before ``rerun``."""
        self._socket = socket_
        self._page = page
        self._pages = max(1, rows // PAGE_SIZE)
        self.elements = 0

    async def rerun(self) -> float:
        """Ask for a random page of the list; returns the milliseconds until the script has finished."""
        asked = BackMsg()
        asked.rerun_script.page_name = self._page
        asked.rerun_script.query_string = f"page={random.randint(1, self._pages)}"
        asked.rerun_script.context_info.timezone = "Asia/Shanghai"
        started = time.perf_counter()
        await self._socket.send(asked.SerializeToString())
        self.elements = 0
        async with asyncio.timeout(60):
            while True:
                received = await self._socket.recv()
                assert isinstance(received, bytes)
                message = ForwardMsg.FromString(received)
                kind = message.WhichOneof("type")
                self.elements += kind in ("delta", "ref_hash")
                if kind == "script_finished":
                    assert message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY, message.script_finished
                    return (time.perf_counter() - started) * 1000


def described(times: list[float]) -> str:
    """Median, p95 and the largest."""
    ordered = sorted(times)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return f"median {statistics.median(ordered):6.1f} ms   p95 {p95:6.1f} ms   max {ordered[-1]:6.1f} ms"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(host: str, pid: int, cookie: str, tokens: list[str], options: argparse.Namespace) -> None:
    """Open the sessions and print what reruns took."""
    visitors: list[Visitor] = []
    sockets = []
    for token in tokens:
        opened = await websockets.connect(
            f"ws://{host}/_stcore/stream",
            origin=websockets.Origin(f"http://{host}"),
            subprotocols=[websockets.Subprotocol("streamlit")],
            additional_headers={"Cookie": f"{cookie}={token}; park_language=zh"},
            max_size=None,
        )
        sockets.append(opened)
        visitor = Visitor(opened, options.page, options.lots if options.page == "lots" else options.owners)
        await visitor.rerun()
        visitors.append(visitor)
    try:
        before = cpu_seconds(pid)
        alone = [await visitors[0].rerun() for _ in range(options.reruns)]
        used = (cpu_seconds(pid) - before) / options.reruns * 1000
        print(f"{len(visitors)} sessions open, one acts:   {described(alone)}   CPU {used:.0f} ms a rerun")
        print(f"  {visitors[0].elements} elements a rerun")

        async def act(visitor: Visitor) -> list[float]:
            times = []
            for _ in range(max(3, options.reruns // len(visitors))):
                moment = random.uniform(0, options.pause)
                await asyncio.sleep(moment)
                times.append(await visitor.rerun())
                await asyncio.sleep(options.pause - moment)
            return times

        together = [one for times in await asyncio.gather(*(act(visitor) for visitor in visitors)) for one in times]
        rate = len(visitors) / options.pause
        print(f"{len(visitors)} sessions act, {rate:.0f} reruns a second:   {described(together)}")
    finally:
        for opened in sockets:
            await opened.close()


def main() -> None:
    """Fill an instance, start its pages, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--page", choices=PAGES, default=PAGES[0])
    parser.add_argument("--lots", type=int, default=1_000)
    parser.add_argument("--owners", type=int, default=10_000)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--reruns", type=int, default=200)
    parser.add_argument("--pause", type=float, default=10.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-administration-") as folder:
        settings = Settings(home=Path(folder))
        tokens = fill(settings, options.lots, options.owners, options.sessions)
        there = f"{options.lots:,} lots, {options.owners:,} owners with {2 * options.owners:,} vehicles"
        print(f"page {options.page}: {there}; load {os.getloadavg()[0]:.1f}")
        with pages(settings) as (host, pid):
            asyncio.run(measure(host, pid, session_cookie(settings), tokens, options))


if __name__ == "__main__":
    main()
