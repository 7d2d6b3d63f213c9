"""Who waits for commands, and who should look again.

Belongs here: the lots that wait in long polls, and one cheap question to the operational store for all of them
together. Does not belong here: HTTP (``downlink.py``), which commands a lot gets
(``warehouse/services/downlink_delivery.py``).

A waiting lot holds a connection and one future: no thread, no database connection. In one thread the board asks twice a
second for commands that are newer than the last it knew, and for credentials revoked lately; every some seconds for all
lots with unfinished commands. A lot is told that there may be something; what there is it asks itself. Commands of
transactions that end late are found because each question goes back over the last numbers.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Final

from sqlalchemy import func, select

from warehouse.ops.models import DownlinkCommand, LotCredential
from warehouse.ops.models.downlink import is_open
from warehouse.ops.session import ops_session, write_session
from warehouse.services.downlink_delivery import expire_due
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

SURVEY_SECONDS: Final = 15.0
_OVERLAP: Final = 1_000
_END_SECONDS: Final = 0.5
_REVOKED_LATELY: Final = timedelta(minutes=2)


class Woken(Enum):
    """Why a lot no longer waits."""

    NEWS = "news"
    OVER = "over"
    REPLACED = "replaced"
    REVOKED = "revoked"


@dataclass(eq=False)
class Waiter:
    """One question of a lot, from its coming in to its answer."""

    lot_id: int
    key_id: str
    woken: asyncio.Future[Woken]


class CommandBoard:
    """One per gateway process."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_revoked: Callable[[Iterable[str]], None] = lambda _keys: None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Nothing is asked before ``start``.

        Args:
            settings: name the operational store.
            on_revoked: is told the ids of credentials that were revoked lately.
            is_stopping: when true, all waiting lots are answered, so that the server can end.
        """
        self._settings = settings
        self._on_revoked = on_revoked
        self._is_stopping = is_stopping
        self._waiting: dict[int, Waiter] = {}
        self._open: set[int] = set()
        self._newest: int | None = None
        self._seen: set[int] = set()
        self._surveyed_at = 0.0
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="commands")

    @property
    def waiting(self) -> int:
        """How many lots wait."""
        return len(self._waiting)

    async def start(self) -> None:
        """Begin to look."""
        self._tasks = [
            asyncio.create_task(self._run(), name="commands"),
            asyncio.create_task(self._let_go(), name="commands-end"),
        ]

    async def close(self) -> None:
        """Answer all who wait and end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._wake_all(Woken.OVER)
        self._thread.shutdown(wait=False)

    def may_have(self, lot_id: int) -> bool:
        """Whether the lot may have something to fetch: asking the store is worth it."""
        return lot_id in self._open or self._newest is None

    def enter(self, lot_id: int, key_id: str) -> Waiter:
        """Take part before looking, so that nothing is missed in between; the lot's earlier question ends."""
        waiter = Waiter(lot_id, key_id, asyncio.get_running_loop().create_future())
        earlier = self._waiting.get(lot_id)
        if earlier is not None:
            _wake(earlier, Woken.REPLACED)
        self._waiting[lot_id] = waiter
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """The question is answered."""
        if self._waiting.get(waiter.lot_id) is waiter:
            del self._waiting[waiter.lot_id]

    async def news(self, waiter: Waiter, seconds: float) -> Woken:
        """Why the waiting ended; ``OVER`` after ``seconds`` at the latest. After news the waiter may wait again."""
        if self._is_stopping():
            return Woken.OVER
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                found = await asyncio.shield(waiter.woken)
        except TimeoutError:
            return Woken.OVER
        if found is Woken.NEWS:
            waiter.woken = asyncio.get_running_loop().create_future()
        return found

    def tell(self, lot_ids: Iterable[int]) -> None:
        """These lots may have something: wake those that wait."""
        for lot_id in lot_ids:
            self._open.add(lot_id)
            waiter = self._waiting.get(lot_id)
            if waiter is not None:
                _wake(waiter, Woken.NEWS)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            survey = time.monotonic() - self._surveyed_at >= SURVEY_SECONDS or self._newest is None
            try:
                found = await loop.run_in_executor(self._thread, self._look, survey)
            except Exception:
                # The store is away: the lots wait on, and whoever asks anew hears of it.
                logger.warning("commands cannot be looked for", exc_info=True)
            else:
                self._take(found, survey=survey)
            await asyncio.sleep(self._settings.gateway_command_check_seconds)

    async def _let_go(self) -> None:
        """Answer all who wait when the server ends, also while the store keeps the looks waiting."""
        while True:
            if self._is_stopping():
                self._wake_all(Woken.OVER)
            await asyncio.sleep(_END_SECONDS)

    def _take(self, found: _Look, *, survey: bool) -> None:
        fresh = {lot_id for command_id, lot_id in found.commands if command_id not in self._seen}
        self._newest = max(found.newest, self._newest or 0)
        self._seen = {command_id for command_id, _lot in found.commands}
        if survey:
            self._surveyed_at = time.monotonic()
            self._open = found.open_lots | fresh
        self.tell(fresh | found.released)
        if found.revoked:
            self._on_revoked(found.revoked)
            for waiter in [one for one in self._waiting.values() if one.key_id in found.revoked]:
                _wake(waiter, Woken.REVOKED)

    def _look(self, survey: bool) -> _Look:
        now = datetime.now(UTC)
        released: set[int] = set()
        if survey:
            with ops_session(self._settings) as session:
                due = session.scalar(
                    select(func.count())
                    .select_from(DownlinkCommand)
                    .where(is_open(), DownlinkCommand.expires_at <= now)
                )
            if due:
                with write_session(self._settings) as session:
                    released = expire_due(session, now)
        with ops_session(self._settings) as session:
            newest = session.scalar(select(func.max(DownlinkCommand.command_id))) or 0
            since = newest if self._newest is None else min(newest, self._newest) - _OVERLAP
            recent = select(DownlinkCommand.command_id, DownlinkCommand.lot_id).where(
                DownlinkCommand.command_id > since, DownlinkCommand.state == "queued"
            )
            commands = [(command_id, lot_id) for command_id, lot_id in session.execute(recent)]
            open_lots: set[int] = set()
            if survey:
                unfinished = select(DownlinkCommand.lot_id).where(is_open()).distinct()
                open_lots = set(session.scalars(unfinished))
            gone = select(LotCredential.key_id).where(
                LotCredential.revoked_at > now - _REVOKED_LATELY, LotCredential.revoked_at <= now
            )
            return _Look(newest, commands, open_lots, released, frozenset(session.scalars(gone)))

    def _wake_all(self, why: Woken) -> None:
        for waiter in list(self._waiting.values()):
            _wake(waiter, why)


@dataclass(frozen=True)
class _Look:
    newest: int
    commands: list[tuple[int, int]]
    open_lots: set[int]
    released: set[int]
    revoked: frozenset[str]


def _wake(waiter: Waiter, why: Woken) -> None:
    if not waiter.woken.done():
        waiter.woken.set_result(why)
