"""Group commit: many requests append to the journal at once and share one fsync.

Belongs here: who waits for which flush, and when the open segment is sealed. Does not belong here: files and folders
(``ingest/journal.py``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.journal import Journal, SegmentWriter
from warehouse.disk import is_disk_full
from warehouse.errors import ParkError

logger = logging.getLogger(__name__)

MAX_WAITING_BYTES: Final = 32 * 1024 * 1024


@dataclass
class _Append:
    lines: bytes
    done: asyncio.Future[None]


class JournalWriter:
    """Appends of many concurrent requests; those that arrive during one fsync share the next.

    Writing and fsync run in a thread, so that the event loop goes on taking requests.
    """

    def __init__(
        self,
        journal: Journal,
        *,
        segment_seconds: float,
        segment_bytes: int,
        observe_fsync: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """Seal at ``segment_bytes`` or ``segment_seconds``; ``observe_fsync`` gets the seconds of each flush."""
        self._segment = SegmentWriter(journal)
        self._journal = journal
        self._segment_seconds = segment_seconds
        self._segment_bytes = segment_bytes
        self._observe_fsync = observe_fsync
        self._waiting: list[_Append] = []
        self._wake = asyncio.Event()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        # Of its own: other threads' work must not delay an fsync.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self.failure: str | None = None

    async def start(self) -> None:
        """Seal what a dead process left and begin to take appends."""
        await self._in_thread(self._journal.seal_orphans)
        self._task = asyncio.create_task(self._run(), name="journal")

    async def close(self) -> None:
        """Flush what waits and seal the open segment."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._thread.shutdown()

    async def check(self) -> str | None:
        """Why nothing can be stored, or None; after a failure it tries the disk again."""
        if self.failure is not None:
            try:
                await self._in_thread(self._journal.probe)
            except OSError as error:
                self.failure = str(error)
            else:
                self.failure = None
        return self.failure

    async def room(self) -> None:
        """Return when little enough waits to be written; bounds memory while the disk is slow."""
        while sum(len(waiting.lines) for waiting in self._waiting) > MAX_WAITING_BYTES:
            await asyncio.sleep(0.01)

    async def append(self, lines: bytes) -> None:
        """Return when ``lines`` (each ended by a newline) are on disk.

        Raises:
            ParkError: code ``journal_unavailable``; nothing may be acknowledged.
        """
        if not lines:
            return
        if self._closing or self._task is None or self._task.done():
            raise _unavailable("the journal is closed")
        waiting = _Append(lines, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._wake.set()
        await waiting.done

    async def _run(self) -> None:
        while not (self._closing and not self._waiting):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), self._seconds_until_seal())
            self._wake.clear()
            taken, self._waiting = self._waiting, []
            if taken:
                await self._flush(taken)
            await self._seal_when_due()
        await self._seal_when_due()

    def _seconds_until_seal(self) -> float | None:
        if self._segment.size == 0:
            return None
        return max(0.01, self._segment.opened_at + self._segment_seconds - time.monotonic())

    async def _flush(self, taken: list[_Append]) -> None:
        started = time.perf_counter()
        try:
            chunks = [waiting.lines for waiting in taken]
            await self._in_thread(lambda: self._segment.append(chunks))
        except Exception as error:  # Whatever it was, nobody may wait for ever.
            self.failure = str(error)
            logger.exception("the journal could not be written; %d requests are refused", len(taken))
            for waiting in taken:
                if not waiting.done.done():
                    waiting.done.set_exception(_not_stored(error, self._journal.root))
            return
        self.failure = None
        self._observe_fsync(time.perf_counter() - started)
        for waiting in taken:
            if not waiting.done.done():  # The client went away meanwhile.
                waiting.done.set_result(None)

    async def _seal_when_due(self) -> None:
        age = time.monotonic() - self._segment.opened_at
        due = self._closing or self._segment.size >= self._segment_bytes or age >= self._segment_seconds
        if self._segment.size == 0 or not due:
            return
        try:
            await self._in_thread(self._segment.seal)
        except OSError as error:
            # The lines are safe where they are; the lander seals them when the disk works again.
            self.failure = str(error)
            logger.exception("a journal segment could not be sealed")

    async def _in_thread(self, work: Callable[[], object]) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _not_stored(error: Exception, folder: Path) -> ParkError:
    if not is_disk_full(error, folder):
        return _unavailable(str(error))
    return ParkError(
        zh="服务器磁盘已满,暂时无法保存上传的记录,记录未被接收,请稍后重发",
        en="the server's disk is full and the records cannot be stored at the moment; none was taken, send them again "
        "later",
        code="journal_unavailable",
    )


def _unavailable(reason: str) -> ParkError:
    return ParkError(
        zh=f"暂时无法保存上传的记录（{reason}），记录未被接收，请稍后重发",
        en=f"the records cannot be stored at the moment ({reason}); none was taken, send them again later",
        code="journal_unavailable",
    )
