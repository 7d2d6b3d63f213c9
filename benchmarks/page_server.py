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
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, date, datetime
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

    def __init__(self, socket_: websockets.ClientConnection) -> None:
        """Nothing is sent before ``open``."""
        self._socket = socket_
        self._widgets: dict[str, dict[str, str]] = {}
        self._page = ""
        self.elements = 0

    def has(self, page: str, widget: str) -> bool:
        """Whether the page was open in this session and had a ``date_input`` or ``pagination``."""
        return widget in self._widgets.get(page, {})

    async def open(self, page: str, query: str = "") -> float:
        """Open a page; what its widgets say counts more than ``query`` when it was open before. Milliseconds."""
        self._page = page
        return await self._rerun(query)

    async def choose_days(self, first: date, last: date) -> float:
        """Choose other days in the page's calendar; milliseconds."""
        return await self._rerun(date_input=[f"{day:%Y/%m/%d}" for day in (first, last)])

    async def turn_to(self, number: int) -> float:
        """Turn to a page of the list; milliseconds."""
        return await self._rerun(pagination=number)

    async def _rerun(self, query: str = "", *, date_input: Sequence[str] = (), pagination: int | None = None) -> float:
        asked = BackMsg()
        asked.rerun_script.page_name = self._page
        asked.rerun_script.query_string = query
        asked.rerun_script.context_info.timezone = "Asia/Shanghai"
        known = self._widgets.setdefault(self._page, {})
        asked.rerun_script.page_script_hash = known.get("hash", "")
        if date_input:
            state = asked.rerun_script.widget_states.widgets.add(id=known["date_input"])
            state.string_array_value.data.extend(date_input)
        if pagination is not None:
            asked.rerun_script.widget_states.widgets.add(id=known["pagination"], int_value=pagination)
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
                if kind == "navigation":
                    known["hash"] = message.navigation.page_script_hash
                if kind == "delta":
                    element = message.delta.new_element
                    drawn = element.WhichOneof("type")
                    if drawn in ("date_input", "pagination"):
                        known[drawn] = getattr(element, drawn).id
                # A page that corrects its address ends early and runs again at once; that time counts too.
                if kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
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
async def visitors(settings: Settings, host: str, tokens: list[str], page: str = "") -> AsyncIterator[list[Visitor]]:
    """A visitor for each token, ``page`` drawn."""
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
            visitor = Visitor(await stack.enter_async_context(opened))
            await visitor.open(page)
            found.append(visitor)
        yield found


async def all_act(
    there: list[Visitor], act_once: Callable[[Visitor], Awaitable[float]], rounds: int, pause: float
) -> list[float]:
    """Every visitor acts once at a random moment of each of ``rounds`` times ``pause`` seconds; the milliseconds."""

    async def act(visitor: Visitor) -> list[float]:
        times = []
        for _ in range(rounds):
            moment = random.uniform(0, pause)
            await asyncio.sleep(moment)
            started = time.monotonic()
            times.append(await act_once(visitor))
            await asyncio.sleep(max(0.0, pause - moment - (time.monotonic() - started)))
        return times

    return [one for times in await asyncio.gather(*(act(visitor) for visitor in there)) for one in times]
