"""One writer at a time.

With a SQLite catalog concurrent writers mostly fail with "database is locked" whatever the timeout; with one lock
around each write transaction none fails. Lander, dbt, maintenance and backup all write inside ``writer_lock``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from filelock import FileLock, Timeout

from warehouse.errors import ParkError
from warehouse.lake.connect import is_postgres
from warehouse.settings import Settings

# Any constant will do as long as all processes of one catalog share it; the schema name is mixed in.
ADVISORY_SPACE = 0x5041_524B
DELETION_SPACE = 0x5041_5244


def lock_file(settings: Settings) -> Path:
    """The file that is locked when the catalog is on SQLite."""
    return settings.home / "lake" / "writer.lock"


def since_file(settings: Settings) -> Path:
    """Holds the moment at which the lock file was taken last."""
    return settings.home / "lake" / "writer.since"


@contextmanager
def writer_lock(settings: Settings, *, wait_seconds: float = 600.0) -> Iterator[None]:
    """Hold the right to write to the lake; released when the process dies.

    Raises:
        ParkError: another writer held the lake for longer than ``wait_seconds``.
    """
    with _lock(settings, lock_file(settings), ADVISORY_SPACE, wait_seconds, _busy):
        yield


@contextmanager
def deletion_lock(settings: Settings, *, wait_seconds: float = 600.0) -> Iterator[None]:
    """Hold the right to delete data files; a backup holds it, too, so that what it copies stays until it is done.

    Taken before the writer lock, never while holding it.

    Raises:
        ParkError: code ``files_in_use``; somebody else held it for longer than ``wait_seconds``.
    """
    path = settings.home / "lake" / "deletion.lock"
    with _lock(settings, path, DELETION_SPACE, wait_seconds, _files_in_use):
        yield


@contextmanager
def _lock(
    settings: Settings, path: Path, space: int, wait_seconds: float, refusal: Callable[[float], ParkError]
) -> Iterator[None]:
    if is_postgres(settings):
        with _advisory_lock(settings, space, wait_seconds, refusal):
            yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(str(path), timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout as error:
        raise refusal(wait_seconds) from error
    with suppress(OSError):  # a full disk must not keep anybody from what makes room
        since_file(settings).write_text(datetime.now(UTC).isoformat())
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _advisory_lock(
    settings: Settings, space: int, wait_seconds: float, refusal: Callable[[float], ParkError]
) -> Iterator[None]:
    assert settings.catalog_url is not None
    deadline = time.monotonic() + wait_seconds
    with psycopg.connect(settings.catalog_url, autocommit=True) as connection:
        while True:
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s, hashtext(%s))", (space, settings.catalog_schema)
            ).fetchone()
            if row is not None and row[0]:
                break
            if time.monotonic() > deadline:
                raise refusal(wait_seconds)
            time.sleep(0.05)
        yield


def _busy(wait_seconds: float) -> ParkError:
    return ParkError(
        zh=f"数据湖被另一个写入进程占用超过 {wait_seconds:.0f} 秒;请查看正在运行的 park 进程后重试",
        en=f"another process has been writing to the lake for over {wait_seconds:.0f} s; "
        "check the running park processes and try again",
        code="lake_busy",
    )


def _files_in_use(wait_seconds: float) -> ParkError:
    return ParkError(
        zh=f"另一个备份或清理正在使用数据文件，已等待 {wait_seconds:.0f} 秒；请等它结束后重试",
        en=f"another backup or clean-up has been using the data files, waited for {wait_seconds:.0f} s; "
        "try again when it has ended",
        code="files_in_use",
    )
