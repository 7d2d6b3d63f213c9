"""What the benchmarks of pages share: a real ``park pages`` process and websockets as browsers hold them.

Belongs here: starting the process, signed-in sessions, timing a rerun. Does not belong here: what data there are and
which pages are asked for. Timed is what the server does: from sending a rerun to the message that the script has
finished, every drawn element received in between and none drawn.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import websockets
from sqlalchemy import select
from sqlalchemy.orm import Session
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.requests import session_cookie
from warehouse.ops.models import AuthSession, Operator
from warehouse.security.sessions import token_hash
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform
from warehouse.settings import Settings

START_SECONDS = 120
PASSWORD = "Right-Horse-7"


def sign_in(session: Session, sessions: int) -> list[str]:
    """An administrator ``bench`` with open sessions; returns their tokens."""
    node_id = ensure_platform(session).node_id
    create_operator(session, login="bench", name="bench", role="admin", node_id=node_id, password=PASSWORD)
    operator_id = session.scalars(select(Operator.operator_id).where(Operator.login == "bench")).one()
    now = datetime.now(UTC)
    tokens = [f"bench-session-{number:04}" for number in range(sessions)]
    session.add_all(
        AuthSession(
            token_hash=token_hash(token),
            session_id=token,
            operator_id=operator_id,
            created_at=now,
            seen_at=now,
            address="127.0.0.1",
            user_agent="benchmark",
        )
        for token in tokens
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

    def __init__(self, socket_: websockets.ClientConnection, ask: Callable[[], tuple[str, str]]) -> None:
        """``ask`` chooses a page and its query string; nothing is sent before ``rerun``."""
        self._socket = socket_
        self._ask = ask
        self.elements = 0

    async def rerun(self, page: str = "", query: str = "") -> float:
        """Ask for a page, by default the next of ``ask``; returns the milliseconds until the script has finished."""
        if not page:
            page, query = self._ask()
        asked = BackMsg()
        asked.rerun_script.page_name = page
        asked.rerun_script.query_string = query
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


@asynccontextmanager
async def visitors(
    settings: Settings, host: str, tokens: list[str], ask: Callable[[], tuple[str, str]]
) -> AsyncIterator[list[Visitor]]:
    """A visitor for each token, the first page drawn."""
    async with AsyncExitStack() as stack:
        found = []
        for token in tokens:
            opened = websockets.connect(
                f"ws://{host}/_stcore/stream",
                origin=websockets.Origin(f"http://{host}"),
                subprotocols=[websockets.Subprotocol("streamlit")],
                additional_headers={"Cookie": f"{session_cookie(settings)}={token}; park_language=zh"},
                max_size=None,
            )
            visitor = Visitor(await stack.enter_async_context(opened), ask)
            await visitor.rerun()
            found.append(visitor)
        yield found


async def all_act(there: list[Visitor], rounds: int, pause: float) -> list[float]:
    """Every visitor acts once at a random moment of each of ``rounds`` times ``pause`` seconds; the milliseconds."""

    async def act(visitor: Visitor) -> list[float]:
        times = []
        for _ in range(rounds):
            moment = random.uniform(0, pause)
            await asyncio.sleep(moment)
            started = time.monotonic()
            times.append(await visitor.rerun())
            await asyncio.sleep(max(0.0, pause - moment - (time.monotonic() - started)))
        return times

    return [one for times in await asyncio.gather(*(act(visitor) for visitor in there)) for one in times]
