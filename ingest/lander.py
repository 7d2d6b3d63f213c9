"""The lander: sealed journal segments become rows of the lake, then live state, then archive.

Belongs here: the order of these steps, grouping of small segments, retries, setting aside. Does not belong here: the
cloud's own records (``outbox.py``), reading segments (``segments.py``), the lake transaction (``landing.py``), live
state (``live_state.py``, and ``live_follow.py`` which lets it be ahead of the lake).

A crash at any point is harmless: a segment stays in ``sealed/`` until it is in the lake and the live state, a batch
that is in the ledger is skipped, live state takes only newer news, and archiving twice gives the same file. Nothing
else records progress, so there is nothing that could disagree with the folders and make a restart loop.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError

from ingest import alarm_state, live_state, outbox
from ingest.journal import Journal
from ingest.landing import land_group
from ingest.live_follow import LiveFollower
from ingest.segments import UnreadableSegment, load
from warehouse.disk import is_disk_full
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

HEARTBEAT: Final = "lander.alive"
"""File in the journal's folder whose age tells how long ago a lander that follows began to drain."""
GROUP_SEGMENTS: Final = 200
GROUP_BYTES: Final = 64 * 1024 * 1024
# Failures of the segment itself before it is set aside.
MAX_FAILURES: Final = 5
# Attempts that ended without a word, that is with the death of the process (a crash, or kill -9 at a bad moment).
MAX_DEATHS: Final = 20
_PURGE_EVERY_SECONDS: Final = 3600.0
_LONGEST_PAUSE_SECONDS: Final = 60.0


@dataclass
class DrainSummary:
    """What one drain did."""

    segments: int = 0
    records: int = 0
    rejected: int = 0
    damaged: int = 0
    already_landed: int = 0
    set_aside: list[str] = field(default_factory=list)
    waiting: int = 0
    error: str | None = None

    def as_dict(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)

    def sentence(self) -> str:
        """For people."""
        text = f"{self.segments} segments landed: {self.records} records, {self.rejected} rejected"
        if self.already_landed:
            text += f"; {self.already_landed} were in the lake already"
        if self.damaged:
            text += f"; {self.damaged} damaged lines"
        if self.set_aside:
            text += f"; set aside: {', '.join(self.set_aside)}"
        if self.waiting:
            text += f"; {self.waiting} wait"
        return text + (f"; {self.error}" if self.error else "")


class _Attempts:
    """How often landing each segment was begun and how often it failed; survives the death of the process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counts: dict[str, dict[str, int]] = {}
        try:
            stored = json.loads(path.read_text())
            self._counts = {name: {"begun": int(n["begun"]), "failed": int(n["failed"])} for name, n in stored.items()}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            logger.warning("%s is unreadable and starts anew", path)

    def keep_only(self, names: Iterable[str]) -> None:
        """Forget segments that are no longer there."""
        present = set(names)
        self._counts = {name: counts for name, counts in self._counts.items() if name in present}

    def begin(self, names: Sequence[str]) -> None:
        for name in names:
            self._counts.setdefault(name, {"begun": 0, "failed": 0})["begun"] += 1
        self._save()

    def failed(self, name: str) -> int:
        counts = self._counts.setdefault(name, {"begun": 0, "failed": 0})
        counts["begun"], counts["failed"] = 0, counts["failed"] + 1
        self._save()
        return counts["failed"]

    def interrupted(self, names: Sequence[str]) -> None:
        """The attempt ended for a reason that is not the segments'."""
        for name in names:
            if name in self._counts:
                self._counts[name]["begun"] = 0
        self._save()

    def done(self, names: Sequence[str]) -> None:
        for name in names:
            self._counts.pop(name, None)

    def deaths(self, name: str) -> int:
        return self._counts.get(name, {"begun": 0})["begun"]

    def is_suspect(self, name: str) -> bool:
        counts = self._counts.get(name)
        return counts is not None and (counts["failed"] > 0 or counts["begun"] >= 2)

    def _save(self) -> None:
        partial = self._path.with_suffix(f".{os.getpid()}.partial")
        try:
            partial.write_text(json.dumps(self._counts))
            partial.rename(self._path)
        except OSError as error:  # A full disk, say: landing says so itself, and no segment is blamed for it.
            logger.warning("attempts are not counted: %s", error)
            partial.unlink(missing_ok=True)


class Lander:
    """Drains one journal into one lake; several may run, the writer lock and the ledger keep them apart."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened before the first drain."""
        self._settings = settings
        self.journal = Journal(settings.journal_path)
        self._live = LiveFollower(settings, self.journal)
        self._attempts = _Attempts(settings.journal_path / "attempts.json")
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._purged_at = 0.0

    def close(self) -> None:
        """Close the lake connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def drain(self) -> DrainSummary:
        """Land every segment that is sealed now, in order; those of dead gateways are sealed first.

        A trouble of the lake or the operational store ends the drain (``error`` says which) and costs no segment; a
        segment that itself cannot be landed is retried ``MAX_FAILURES`` times and then set aside, the others land.
        """
        summary = DrainSummary()
        self._take_outbox(summary)
        self.journal.seal_orphans()
        sealed = self.journal.sealed_segments()
        self._attempts.keep_only(path.name for path in sealed)
        for group in self._groups(sealed, summary):
            if not self._land_or_split(group, summary):
                break
        if time.monotonic() - self._purged_at > _PURGE_EVERY_SECONDS or self._purged_at == 0.0:
            self.journal.purge_archive(self._settings.archive_days)
            self._purged_at = time.monotonic()
        summary.waiting = len(self.journal.sealed_segments())
        return summary

    def follow(
        self,
        stop: threading.Event,
        report: Callable[[DrainSummary], None] = lambda _summary: None,
    ) -> None:
        """Drain every ``lander_interval_seconds`` until ``stop`` is set; troubles make the pause grow to a minute.

        Live state follows beside it and does not wait for the lake.
        """
        live = threading.Thread(target=self._live.follow, args=(stop,), name="live-state", daemon=True)
        live.start()
        troubles = 0
        while not stop.is_set():
            try:
                (self.journal.root / HEARTBEAT).touch()
                summary = self.drain()
            except OSError as error:
                logger.exception("the journal cannot be read")
                summary = DrainSummary(error=str(error))
            troubles = troubles + 1 if summary.error else 0
            if summary.segments or summary.set_aside or summary.error:
                report(summary)
            stop.wait(min(_LONGEST_PAUSE_SECONDS, self._settings.lander_interval_seconds * 2 ** min(troubles, 10)))
        live.join(5)

    def _take_outbox(self, summary: DrainSummary) -> None:
        """Put the cloud's own records into the journal; whatever goes wrong there, the lots' records land."""
        try:
            outbox.take(self._settings, self.journal)
        except Exception as error:
            logger.exception("the records of the outbox wait")
            summary.error = _first_line(error)

    def _groups(self, paths: Sequence[Path], summary: DrainSummary) -> list[list[Path]]:
        """Segments in order, small ones together; one that caused trouble before stands alone."""
        groups: list[list[Path]] = []
        size = 0
        joinable = False
        for path in paths:
            if self._attempts.deaths(path.name) >= MAX_DEATHS:
                self._set_aside(path, f"the lander died {MAX_DEATHS} times while landing this segment", summary)
                continue
            try:
                length = path.stat().st_size
            except FileNotFoundError:
                continue  # Another lander was faster.
            suspect = self._attempts.is_suspect(path.name)
            if joinable and not suspect and size + length <= GROUP_BYTES and len(groups[-1]) < GROUP_SEGMENTS:
                groups[-1].append(path)
                size += length
            else:
                groups.append([path])
                size = length
            joinable = not suspect
        return groups

    def _land_or_split(self, group: list[Path], summary: DrainSummary) -> bool:
        """Land a group, or if it fails for its own sake its segments one by one; False: nothing can land now."""
        names = [path.name for path in group]
        self._attempts.begin(names)
        try:
            self._land(group, summary)
        except _Trouble as trouble:
            self._attempts.interrupted(names)
            summary.error = _FULL if is_disk_full(trouble, self._settings.home) else str(trouble)
            logger.warning("landing waits: %s", summary.error)
            return False
        except _SegmentsGone:
            self._attempts.done(names)
            return True
        except Exception as error:
            if is_disk_full(error, self._settings.home):
                self._attempts.interrupted(names)
                self.close()
                summary.error = _FULL
                logger.error("landing waits: %s", _FULL, exc_info=error)
                return False
            if len(group) > 1:
                logger.warning("a group of %d segments failed and is landed one by one: %s", len(group), error)
                self._attempts.interrupted(names)
                return all(self._land_or_split([path], summary) for path in group)
            self._count_failure(group[0], error, summary)
            self.close()  # Whatever state the connection is in, the next segment gets a new one.
            return True
        self._attempts.done(names)
        return True

    def _land(self, group: list[Path], summary: DrainSummary) -> None:
        connection = self._lake()
        try:
            segments = load(connection, group)
        except UnreadableSegment as error:
            if not error.path.exists():
                raise _SegmentsGone from error
            raise
        try:
            landed = land_group(connection, self._settings, segments.requests, segments.tables, segments.rejected)
        except ParkError as error:
            raise _Trouble(str(error)) from error
        except _STORE_AWAY as error:
            self.close()
            raise _Trouble(_first_line(error)) from error
        try:
            if not self._live.has_applied(group):
                live_state.apply(self._settings, connection, segments.tables)
                alarm_state.count_uploads(self._settings, connection, segments.tables)
        except (OperationalError, InterfaceError) as error:
            raise _Trouble(_first_line(error)) from error
        for path in group:
            self._archive(path)
        summary.segments += len(group)
        summary.damaged += segments.damaged
        for batch in landed:
            if batch.already_landed:
                summary.already_landed += 1
            else:
                summary.records += batch.accepted + batch.marked
                summary.rejected += batch.rejected

    def _lake(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            try:
                self._connection = open_lake(self._settings)
            except duckdb.Error as error:
                raise _Trouble(_first_line(error)) from error
        return self._connection

    def _archive(self, path: Path) -> None:
        try:
            self.journal.archive(path)
        except FileNotFoundError:
            return  # Another lander archived it.
        except OSError as error:
            raise _Trouble(f"segment {path.name} is in the lake and cannot be archived: {error}") from error

    def _count_failure(self, path: Path, error: Exception, summary: DrainSummary) -> None:
        failures = self._attempts.failed(path.name)
        logger.error("segment %s failed (%d of %d): %s", path.name, failures, MAX_FAILURES, error, exc_info=error)
        if failures >= MAX_FAILURES:
            cause = error.__cause__ or error
            self._set_aside(path, f"{error}\n{type(cause).__name__}: {cause}", summary)

    def _set_aside(self, path: Path, reason: str, summary: DrainSummary) -> None:
        target = self.journal.set_aside(
            path, f"{reason}\nAfter the cause is removed, run: park land --once --retry-failed"
        )
        self._attempts.done([path.name])
        summary.set_aside.append(path.name)
        logger.error("segment %s is set aside in %s: %s", path.name, target.parent, reason)


_STORE_AWAY: Final = (
    duckdb.IOException,
    duckdb.TransactionException,
    duckdb.ConnectionException,
    duckdb.FatalException,
    psycopg.Error,
    OSError,
)
_FULL: Final = "the disk is full; nothing is lost, the segments wait and land when there is room"


class _Trouble(Exception):  # noqa: N818 - not the segments' fault: try again later
    """The lake, the operational store or the disk cannot take anything at the moment."""


class _SegmentsGone(Exception):  # noqa: N818 - no failure
    """Another lander has landed and archived a segment meanwhile."""


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
