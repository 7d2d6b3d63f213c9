"""Changes of the operational store that many requests ask for at once, several in one transaction.

Belongs here: which changes share a commit, and who hears what became of them. Does not belong here: what is changed.

SQLite has one writer and syncs the disk at each commit: what comes while a commit is under way shares the next one.
PostgreSQL does so by itself, so there each change is a transaction of its own, several at a time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from sqlalchemy.orm import Session

from warehouse.ops.session import write_session
from warehouse.settings import Settings

_MOST: Final = 100
_LANES_POSTGRESQL: Final = 8
Made = TypeVar("Made")
Change = Callable[[Session], Any]


class SharedWrites:
    """One per gateway process; used from its event loop."""

    def __init__(self, settings: Settings, *, answers: tuple[type[Exception], ...]) -> None:
        """Nothing is written before ``run``.

        Args:
            settings: name the operational store.
            answers: exceptions that a change raises before it changes anything; the others of its commit go on.
        """
        self._settings = settings
        self._answers = answers
        is_sqlite = settings.resolved_ops_url.startswith("sqlite")
        self._most = _MOST if is_sqlite else 1
        self._lanes = 1 if is_sqlite else _LANES_POSTGRESQL
        self._waiting: deque[tuple[Change, asyncio.Future[Any]]] = deque()
        self._working: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(max_workers=self._lanes, thread_name_prefix="downlink-write")

    def close(self) -> None:
        """End the threads; what they are at is ended first."""
        self._threads.shutdown(wait=False)

    async def run(self, change: Callable[[Session], Made]) -> Made:
        """What ``change`` returns, once it is committed; its exception when it raises one."""
        done: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        self._waiting.append((change, done))
        if len(self._working) < self._lanes:
            task = asyncio.create_task(self._work(), name="downlink-write")
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return await done

    async def _work(self) -> None:
        while self._waiting:
            part = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
            changes = [change for change, _done in part]
            try:
                made = await asyncio.get_running_loop().run_in_executor(self._threads, self._write, changes)
            except Exception as error:
                made = [error] * len(part)
            for (_change, done), outcome in zip(part, made, strict=True):
                # Who asked may have gone meanwhile.
                if done.done():
                    continue
                if isinstance(outcome, Exception):
                    done.set_exception(outcome)
                else:
                    done.set_result(outcome)

    def _write(self, changes: Sequence[Change]) -> list[Any]:
        """One transaction; if it fails, each change in one of its own, so that nobody suffers for another's."""
        try:
            with write_session(self._settings) as session:
                return [self._make(change, session) for change in changes]
        except Exception as error:
            if len(changes) == 1:
                return [error]
        return [made for change in changes for made in self._write([change])]

    def _make(self, change: Change, session: Session) -> Any:
        try:
            return change(session)
        except self._answers as answer:
            return answer
