"""Signs of life: each process tells the operational store that it is there and what it has counted.

Belongs here: writing a process's own row, and reading all of them. Does not belong here: what becomes of it
(``warehouse.metrics``, ``park doctor``, the page 运行状态). A store that cannot be reached costs a beat and no more.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import FrameType, TracebackType
from typing import Final, Self

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

from warehouse.ops.models import ProcessState
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

BEAT_SECONDS: Final = 15.0
SILENT_AFTER: Final = timedelta(seconds=60)
"""A process that was not seen for this long is taken for dead or stuck."""
FORGOTTEN_AFTER: Final = timedelta(days=1)


@dataclass(frozen=True)
class Process:
    """A process as its last sign of life tells."""

    name: str
    host: str
    pid: int
    started_at: datetime
    seen_at: datetime
    figures: dict[str, float]

    def is_silent(self, now: datetime) -> bool:
        """Whether it should have been heard of since."""
        return now - self.seen_at > SILENT_AFTER


class Heartbeat:
    """Tells of this process every few seconds, from a thread, until the block ends."""

    def __init__(
        self,
        settings: Settings,
        name: str,
        *,
        every_seconds: float = BEAT_SECONDS,
        gather: Callable[[], Mapping[str, float]] = dict,
    ) -> None:
        """``name`` tells what the process does: gateway, lander, pages; ``gather`` gives figures counted elsewhere."""
        self._gather = gather
        self._settings = settings
        self._name = name
        self._every = every_seconds
        self._host = socket.gethostname()
        self._started_at = datetime.now(UTC)
        self._figures: dict[str, float] = {}
        self._lock = threading.Lock()
        self._beating = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._is_failing = False

    def count(self, figure: str, by: float = 1) -> None:
        """Add to something that this process counts; ``figure`` is written in lower case with underscores."""
        with self._lock:
            self._figures[figure] = self._figures.get(figure, 0) + by

    def __enter__(self) -> Self:
        """Begin to beat."""
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            # Else SIGTERM would end the process without a word; web servers raise it again when they have shut down.
            signal.signal(signal.SIGTERM, _end)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop, and take this process off the list."""
        self._stop.set()
        self._thread.join(timeout=5)
        try:
            with ops_session(self._settings) as session:
                session.execute(
                    delete(ProcessState).where(
                        ProcessState.name == self._name,
                        ProcessState.host == self._host,
                        ProcessState.pid == os.getpid(),
                    )
                )
        except SQLAlchemyError as failure:
            logger.warning("the end of this process could not be noted: %s", _first_line(failure))

    def beat(self) -> None:
        """Write the row of this process and remove those of processes that are long gone."""
        now = datetime.now(UTC)
        with self._lock:
            figures = dict(self._figures) | dict(self._gather())
        with self._beating, ops_session(self._settings) as session:
            session.merge(
                ProcessState(
                    name=self._name,
                    host=self._host,
                    pid=os.getpid(),
                    started_at=self._started_at,
                    seen_at=now,
                    figures=figures,
                )
            )
            # A predecessor on this machine that was killed could not take itself off.
            for pid in session.scalars(
                select(ProcessState.pid).where(ProcessState.name == self._name, ProcessState.host == self._host)
            ).all():
                if not _is_running(pid):
                    session.execute(
                        delete(ProcessState).where(
                            ProcessState.name == self._name, ProcessState.host == self._host, ProcessState.pid == pid
                        )
                    )
            session.execute(delete(ProcessState).where(ProcessState.seen_at < now - FORGOTTEN_AFTER))

    def _run(self) -> None:
        while True:
            try:
                self.beat()
                self._is_failing = False
            except SQLAlchemyError as error:
                if not self._is_failing:
                    logger.warning("the operational store cannot be told of this process: %s", _first_line(error))
                self._is_failing = True
            if self._stop.wait(self._every):
                return


def _end(_number: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def processes(settings: Settings) -> list[Process]:
    """Every process that did not end in order, by name."""
    with ops_session(settings) as session:
        rows = session.scalars(
            select(ProcessState).order_by(ProcessState.name, ProcessState.host, ProcessState.pid)
        ).all()
    return [Process(row.name, row.host, row.pid, row.started_at, row.seen_at, dict(row.figures)) for row in rows]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
