"""Live state follows the journal, not the lake.

Belongs here: applying sealed segments to the live state before they are landed, and making the live state anew from
the lake. Does not belong here: folding rows (``live_state.py``), landing (``lander.py``).

A build may hold the lake's writer lock for minutes. Live state needs no lake: it reads the sealed segments as soon as
they are there, in a thread beside the lander, and remembers which ones it has read, so that the lander need not apply
them once more. Whatever is lost of that memory costs only a second, harmless application.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import duckdb

from ingest import alarm_state, live_state
from ingest.journal import Journal
from ingest.segments import UnreadableSegment, load
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.raw_tables import KINDS
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 0.5
_PRUNE_EVERY_SECONDS: Final = 300.0
_LONGEST_PAUSE_SECONDS: Final = 30.0
_AT_ONCE: Final = 50


class LiveFollower:
    """Applies each sealed segment of one journal to the live state once."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        """Nothing is read before the first turn."""
        self._settings = settings
        self._journal = journal
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._applied: set[str] = set()
        self._unusable: set[str] = set()
        self._guard = threading.Lock()

    def has_applied(self, paths: Iterable[Path]) -> bool:
        """Whether all of these segments are in the live state."""
        with self._guard:
            return all(path.name in self._applied for path in paths)

    def turn(self) -> int:
        """Apply what is sealed and new; returns how many segments.

        A segment that cannot be read is left to the lander, which knows what to do with it.
        """
        sealed = self._journal.sealed_segments()
        with self._guard:
            present = {path.name for path in sealed}
            self._applied &= present
            self._unusable &= present
            new = [path for path in sealed if path.name not in self._applied | self._unusable]
        for start in range(0, len(new), _AT_ONCE):
            group = new[start : start + _AT_ONCE]
            if not self._apply(group):
                for path in group:
                    self._apply([path])
        return len(new)

    def follow(self, stop: threading.Event) -> None:
        """Take turns until ``stop`` is set; troubles make the pause grow."""
        troubles, pruned_at = 0, 0.0
        while not stop.is_set():
            try:
                self.turn()
                if time.monotonic() - pruned_at > _PRUNE_EVERY_SECONDS or pruned_at == 0.0:
                    with live_state.alone(self._settings), ops_session(self._settings) as session:
                        live_state.prune(session, datetime.now(UTC))
                    pruned_at = time.monotonic()
                troubles = 0
            except Exception:
                # The lander applies what was missed here when it lands the segment.
                logger.exception("live state waits")
                troubles += 1
            stop.wait(min(_LONGEST_PAUSE_SECONDS, _PAUSE_SECONDS * 2 ** min(troubles, 8)))
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _apply(self, group: Sequence[Path]) -> bool:
        """Apply a group; False when one of its segments cannot be read."""
        names = {path.name for path in group}
        connection = self._memory()
        try:
            tables = load(connection, group).tables
        except UnreadableSegment:
            if len(group) == 1:
                with self._guard:
                    self._unusable |= names
            return False
        live_state.apply(self._settings, connection, tables)
        alarm_state.count_uploads(self._settings, connection, tables)
        with self._guard:
            self._applied |= names
        return True

    def _memory(self) -> duckdb.DuckDBPyConnection:
        if self._connection is None:
            self._connection = duckdb.connect(
                ":memory:", config={"threads": 1, "memory_limit": self._settings.lake_memory}
            )
            self._connection.execute("SET TimeZone = 'UTC'")
        return self._connection


def rebuild(settings: Settings) -> None:
    """Make the live state anew from the journal's sealed segments and the lake.

    The segments are read first: one that is landed meanwhile is then found in the lake. Alarms are folded, not made
    anew.
    """
    journal = Journal(settings.journal_path)
    connection = open_lake(settings, read_only=True)
    try:
        with live_state.alone(settings):
            with ops_session(settings) as session:
                live_state.forget(session)
            for path in journal.sealed_segments():
                try:
                    live_state.fold(settings, connection, load(connection, [path]).tables)
                except UnreadableSegment:
                    logger.warning("%s cannot be read or was landed meanwhile", path.name)
            live_state.fold(settings, connection, {kind: f"{LAKE}.raw.{kind}" for kind in KINDS})
            with ops_session(settings) as session:
                live_state.prune(session, datetime.now(UTC))
    finally:
        connection.close()
