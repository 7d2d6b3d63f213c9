"""The exports of this pages process: who ordered what, how far it is, where the file lies.

Belongs here: starting, following, cancelling and forgetting. Does not belong here: making the file (worker.py),
fetching it (routes.py), and what people see (popover.py). A job belongs to the operator who ordered it; to everybody
else it does not exist. Each has a folder of its own, so that whatever its process leaves behind goes with it.
"""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import shutil
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Final, Literal

import msgspec

from dashboards import instance
from dashboards.exports.worker import Order, Told
from warehouse.errors import ParkError
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
AT_ONCE: Final = 2
PER_OPERATOR: Final = 5
KEPT_FOR: Final = timedelta(days=1)
State = Literal["waiting", "running", "done", "failed", "cancelled"]
OPEN: Final = ("waiting", "running")


@dataclass(frozen=True)
class Export:
    """One export as it stands; ``permission`` is what fetching it takes."""

    job_id: str
    operator_id: int
    title: str
    file_name: str
    file_format: str
    permission: str
    path: Path
    ordered_at: datetime
    state: State = "waiting"
    rows: int = 0
    row_count: int = 0
    size: int = 0
    error: ParkError | None = None

    @property
    def is_open(self) -> bool:
        """Whether it is not over yet."""
        return self.state in OPEN

    @property
    def address(self) -> str:
        """Where its file is fetched."""
        return f"/exports/{self.job_id}"


@dataclass
class Exports:
    """All exports of one instance, safe to share between threads."""

    settings: Settings
    at_once: int = AT_ONCE
    per_operator: int = PER_OPERATOR
    _known: dict[str, Export] = field(default_factory=dict)
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        """Files of an earlier process belong to nobody any more."""
        self._slots = threading.BoundedSemaphore(self.at_once)
        folder = self.settings.exports_path
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    def order(self, order: Order, *, title: str, file_name: str, permission: str, row_count: int) -> Export:
        """Start an export; ``order.path`` is set here.

        Raises:
            ParkError: code ``too_many_exports``; this operator has enough under way.
        """
        self._forget_old()
        job_id = secrets.token_urlsafe(24)
        made = Export(
            job_id=job_id,
            operator_id=order.operator_id,
            title=title,
            file_name=file_name,
            file_format=order.file_format,
            permission=permission,
            path=self.settings.exports_path / job_id / f"file.{order.file_format}",
            ordered_at=datetime.now(UTC),
            row_count=row_count,
        )
        with self._lock:
            waiting = [one for one in self._known.values() if one.operator_id == order.operator_id and one.is_open]
            if len(waiting) >= self.per_operator:
                raise ParkError(
                    zh=f"您已有 {len(waiting)} 个导出正在进行：请等其中一个完成，或取消一个",
                    en=f"{len(waiting)} of your exports are under way: wait for one, or cancel one",
                    code="too_many_exports",
                )
            self._known[job_id] = made
        made.path.parent.mkdir(parents=True, mode=0o700)
        threading.Thread(
            target=self._follow,
            args=(job_id, msgspec.structs.replace(order, path=str(made.path))),
            name=f"export-{job_id[:6]}",
            daemon=True,
        ).start()
        return made

    def of(self, operator_id: int | None) -> list[Export]:
        """An operator's exports, newest first."""
        self._forget_old()
        with self._lock:
            return [one for one in reversed(self._known.values()) if one.operator_id == operator_id]

    def find(self, operator_id: int | None, job_id: str) -> Export | None:
        """An operator's own export; None when there is none."""
        return next((one for one in self.of(operator_id) if one.job_id == job_id), None)

    def cancel(self, operator_id: int | None, job_id: str) -> None:
        """Stop an export that is under way, or forget one that is over and delete its file."""
        one = self.find(operator_id, job_id)
        if one is None:
            return
        with self._lock:
            if one.is_open:
                self._set(job_id, state="cancelled")
            else:
                self._known.pop(job_id, None)
            process = self._processes.get(job_id)
        if process is not None:
            process.terminate()
        else:
            _remove(one)

    def _follow(self, job_id: str, order: Order) -> None:
        with self._slots:
            try:
                with self._lock:
                    known = self._known.get(job_id)
                    if known is None or not known.is_open:
                        return
                    process = self._processes[job_id] = self._started(known.path.parent)
                    self._set(job_id, state="running")
                self._read(job_id, process, order)
            except Exception:
                LOG.exception("export %s failed", job_id)
                self._end(job_id, None)
            finally:
                with self._lock:
                    self._processes.pop(job_id, None)

    def _started(self, folder: Path) -> subprocess.Popen[bytes]:
        # Excel files are put together from pieces in the temporary folder.
        environment = os.environ | {"PARK_HOME": str(self.settings.home), "TMPDIR": str(folder)}
        return subprocess.Popen(
            [sys.executable, "-m", "dashboards.exports.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
        )

    def _read(self, job_id: str, process: subprocess.Popen[bytes], order: Order) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        last = Told()
        with process.stdout as lines:
            with contextlib.suppress(BrokenPipeError), process.stdin as opened:
                opened.write(msgspec.json.encode(order))
            for line in lines:
                last = msgspec.json.decode(line, type=Told)
                self._set(job_id, rows=last.rows, **({"row_count": last.of} if last.of else {}))
        process.wait()
        self._end(job_id, last)

    def _end(self, job_id: str, last: Told | None) -> None:
        with self._lock:
            one = self._known.get(job_id)
            if one is None or not one.is_open:
                shutil.rmtree(self.settings.exports_path / job_id, ignore_errors=True)
                return
            if last is not None and last.is_done and one.path.exists():
                self._set(job_id, state="done", size=one.path.stat().st_size)
                return
            error = ParkError(
                zh=(last and last.zh) or f"发生内部错误，编号 {job_id[:6]}，详见日志；请重试",
                en=(last and last.en) or f"an internal error, reference {job_id[:6]}, see the log; try again",
            )
            self._set(job_id, state="failed", error=error)
        _remove(one)

    def _set(self, job_id: str, **values: object) -> None:
        with self._lock:
            if job_id in self._known:
                self._known[job_id] = replace(self._known[job_id], **values)  # type: ignore[arg-type]

    def _forget_old(self) -> None:
        before = datetime.now(UTC) - KEPT_FOR
        with self._lock:
            old = [one for one in self._known.values() if one.ordered_at < before and not one.is_open]
            for one in old:
                del self._known[one.job_id]
        for one in old:
            _remove(one)


def _remove(one: Export) -> None:
    shutil.rmtree(one.path.parent, ignore_errors=True)


@cache
def exports() -> Exports:
    """The exports of this process."""
    return Exports(instance.settings())
