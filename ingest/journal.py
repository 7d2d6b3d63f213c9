"""The journal: what is acknowledged is on disk here before the lake has it.

Belongs here: segments of NDJSON lines, their durable writing, and the folders they move through. Does not belong here:
what a line means, the lake, or the sharing of one fsync by many requests (``ingest/gateway/group_commit.py``).

``open/`` holds segments that a living process appends to (it holds a file lock on them), ``sealed/`` complete ones that
wait for the lander, ``landed/`` compressed ones that are in the lake, ``failed/`` ones that cannot be landed, each with
a text file that says why. A segment changes its state only by a rename within the journal.

A segment's name is its creation time, then process and a random part: names order by time and never collide, also with
several gateway processes. A last line without a newline is a torn write; it was never acknowledged and is cut off.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard

logger = logging.getLogger(__name__)

SUFFIX = ".ndjson"
ARCHIVE_SUFFIX = ".ndjson.zst"
_TAIL_BLOCK = 1 << 16


def sync_folder(path: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Backlog:
    """What waits for the lander."""

    segments: int
    bytes: int
    oldest_seconds: float
    failed_segments: int


class Journal:
    """The folders of one journal and the moves of segments between them; safe to use from several processes."""

    def __init__(self, root: Path) -> None:
        """Create the folders that are missing."""
        self.root = root
        self.open = root / "open"
        self.sealed = root / "sealed"
        self.landed = root / "landed"
        self.failed = root / "failed"
        for folder in (self.open, self.sealed, self.landed, self.failed):
            folder.mkdir(parents=True, exist_ok=True)
        sync_folder(root)

    def sealed_segments(self) -> list[Path]:
        """Complete segments in the order in which they were begun."""
        return sorted(self.sealed.glob(f"*{SUFFIX}"))

    def failed_segments(self) -> list[Path]:
        """Segments that were set aside."""
        return sorted(self.failed.glob(f"*{SUFFIX}"))

    def backlog(self) -> Backlog:
        """Count and size of what waits; a segment that goes away meanwhile is not counted."""
        count, size, oldest = 0, 0, 0.0
        for path in self.sealed_segments():
            with contextlib.suppress(FileNotFoundError):
                status = path.stat()
                count, size = count + 1, size + status.st_size
                oldest = max(oldest, time.time() - status.st_mtime)
        return Backlog(count, size, oldest, len(self.failed_segments()))

    def seal(self, path: Path) -> Path:
        """Move an open segment to ``sealed/``, durably."""
        target = self.sealed / path.name
        path.rename(target)
        sync_folder(self.sealed)
        sync_folder(self.open)
        return target

    def seal_orphans(self) -> list[Path]:
        """Seal the open segments of processes that died; those of living ones are locked and left alone."""
        sealed = []
        for path in sorted(self.open.glob(f"*{SUFFIX}")):
            try:
                descriptor = os.open(path, os.O_RDWR)
            except FileNotFoundError:
                continue
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _is_at(descriptor, path):
                    continue  # Another process sealed it between our open and our lock.
                size = _cut_torn_tail(descriptor)
                if size == 0:
                    path.unlink()
                    continue
                sealed.append(self.seal(path))
            except BlockingIOError:
                continue
            finally:
                os.close(descriptor)
        return sealed

    def probe(self) -> None:
        """Write and fsync a small file.

        Raises:
            OSError: the journal's disk takes nothing at the moment.
        """
        path = self.root / f"probe.{os.getpid()}"
        try:
            with path.open("wb") as file:
                file.write(b"x" * 4096)
                file.flush()
                os.fsync(file.fileno())
        finally:
            path.unlink(missing_ok=True)

    def archive(self, path: Path) -> None:
        """Keep a landed segment, compressed, and remove it from ``sealed/``; repeating it after a crash is harmless."""
        target = self.landed / (path.name.removesuffix(SUFFIX) + ARCHIVE_SUFFIX)
        partial = target.with_suffix(f".{os.getpid()}.partial")
        with path.open("rb") as source, partial.open("wb") as sink:
            zstandard.ZstdCompressor(level=3).copy_stream(source, sink)
            sink.flush()
            os.fsync(sink.fileno())
        partial.rename(target)
        sync_folder(self.landed)
        path.unlink()

    def set_aside(self, path: Path, reason: str) -> Path:
        """Move a segment that cannot be landed to ``failed/`` beside a text file with the reason."""
        target = self.failed / path.name
        with target.with_suffix(".txt").open("w", encoding="utf-8") as note:
            note.write(reason + "\n")
            note.flush()
            os.fsync(note.fileno())
        path.rename(target)
        sync_folder(self.failed)
        sync_folder(path.parent)
        return target

    def retry_failed(self) -> list[Path]:
        """Put every segment that was set aside back into ``sealed/``."""
        back = []
        for path in self.failed_segments():
            target = self.sealed / path.name
            path.rename(target)
            path.with_suffix(".txt").unlink(missing_ok=True)
            back.append(target)
        sync_folder(self.sealed)
        sync_folder(self.failed)
        return back

    def purge_archive(self, keep_days: float) -> int:
        """Delete archived segments older than ``keep_days``; returns how many."""
        limit = time.time() - keep_days * 86_400
        old = [path for path in self.landed.iterdir() if path.stat().st_mtime < limit]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


class SegmentWriter:
    """One process's open segment; not thread-safe."""

    def __init__(self, journal: Journal) -> None:
        """Nothing is created before the first append."""
        self._journal = journal
        self._descriptor: int | None = None
        self._path: Path | None = None
        self.size = 0
        self.opened_at = 0.0

    def append(self, chunks: list[bytes]) -> None:
        """Write whole lines and fsync them.

        Raises:
            OSError: nothing of ``chunks`` may be acknowledged; the segment is abandoned and cut back to what was.
        """
        if self._descriptor is None:
            self._create()
        assert self._descriptor is not None
        try:
            for chunk in chunks:
                _write_all(self._descriptor, chunk)
            os.fsync(self._descriptor)
        except OSError:
            self._abandon()
            raise
        self.size += sum(len(chunk) for chunk in chunks)

    def seal(self) -> None:
        """Seal the open segment, if there is one.

        Raises:
            OSError: it may still lie in ``open/``, without a lock, as after a crash; ``seal_orphans`` seals it later.
        """
        if self._descriptor is None:
            return
        assert self._path is not None
        try:
            # Renamed while locked, so that nobody takes it for an orphan meanwhile.
            self._journal.seal(self._path)
        finally:
            # Whether or not the rename happened: nothing may be appended to what the lander might be reading.
            self._close()

    def _create(self) -> None:
        while True:
            name = f"{time.time_ns():020d}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
            path = self._journal.open / name
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX)
                if not _is_at(descriptor, path):
                    os.close(descriptor)  # Taken for an orphan between its creation and its lock.
                    continue
                sync_folder(self._journal.open)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptor, self._path = descriptor, path
            self.size, self.opened_at = 0, time.monotonic()
            return

    def _abandon(self) -> None:
        """Cut what was not fsynced and hand the rest to the lander; a later append begins a new segment."""
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, self.size)
            os.fsync(self._descriptor)
            self.seal()
        except OSError:
            logger.exception("journal segment %s could not be sealed after a failed write", self._path)
            self._close()

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._path, self.size = None, None, 0


def read_lines(path: Path) -> Iterator[bytes]:
    """Complete lines of a segment without their newline; a torn last line is left out."""
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield line[:-1]


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _cut_torn_tail(descriptor: int) -> int:
    """Cut what follows the last newline; returns the size that is left."""
    size = end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _TAIL_BLOCK)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end != size:
        os.ftruncate(descriptor, end)
        os.fsync(descriptor)
    return end
