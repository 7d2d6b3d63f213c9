"""Keeping the lake small and fast without harming anybody who reads it.

Belongs here: merging small files, rewriting files with many deleted rows, expiring snapshots, deleting files that
nothing refers to. Does not belong here: when this happens (``pipelines.automation``) and backups.

Each step takes the writer lock for itself, so that the lander waits for one table at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

import duckdb
from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, current_snapshot, open_lake
from warehouse.lake.publish import green_snapshot, last_green
from warehouse.lake.writer import deletion_lock, writer_lock
from warehouse.ops.models import Publication
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

# A query that began before its files were replaced may still read them; none runs for this long.
CLEANUP_AGE: Final = timedelta(hours=2)
# A file that nothing refers to may belong to a transaction that has not committed yet.
ORPHAN_AGE: Final = timedelta(days=1)
# Readers follow a publication within seconds; a long export stays on its own for as long as it runs.
PINNED_FOR: Final = timedelta(hours=2)
# Publications of one build each would fill the ledger of builds.
BUILDS_KEPT_FOR: Final = timedelta(days=90)
_MIN_FILES: Final = 2


@dataclass(frozen=True)
class Maintained:
    """What one maintenance did: numbers of files and snapshots; whether a backup kept it from deleting files."""

    merged_files: int = 0
    rewritten_files: int = 0
    expired_snapshots: int = 0
    deleted_files: int = 0
    orphaned_files: int = 0
    is_deletion_put_off: bool = False

    def as_dict(self) -> dict[str, int]:
        """For metadata and ``--json``."""
        return asdict(self)


def maintain(
    settings: Settings,
    *,
    now: datetime | None = None,
    cleanup_age: timedelta = CLEANUP_AGE,
    orphan_age: timedelta = ORPHAN_AGE,
) -> Maintained:
    """Merge, rewrite, expire, delete, in this order; readers pinned to a kept snapshot notice nothing.

    Args:
        settings: names the lake and what to keep.
        now: the present instant; a test may set it.
        cleanup_age: files replaced longer ago than this are deleted.
        orphan_age: files that nothing refers to and that are older than this are deleted.

    Raises:
        ParkError: the lake stayed busy.
    """
    instant = now or datetime.now(UTC)
    done = Maintained()
    with _Lake(settings) as connection:
        for schema, table in _fragmented_tables(connection):
            with writer_lock(settings):
                rewritten = _rewrite(connection, schema, table)
                merged = _merge(connection, schema, table)
            done = replace(
                done, merged_files=done.merged_files + merged, rewritten_files=done.rewritten_files + rewritten
            )
    with writer_lock(settings), _Lake(settings) as connection:
        _forget_old_builds(connection, instant)
        expired = _expire(settings, connection, instant)
    done = replace(done, expired_snapshots=expired)
    try:
        with deletion_lock(settings, wait_seconds=0), writer_lock(settings), _Lake(settings) as connection:
            deleted = _delete(connection, "ducklake_cleanup_old_files", instant - cleanup_age)
            orphans = _delete(connection, "ducklake_delete_orphaned_files", instant - orphan_age)
    except ParkError as error:
        if error.code != "files_in_use":
            raise
        # A backup is copying them; the next maintenance deletes them.
        return replace(done, is_deletion_put_off=True)
    return replace(done, deleted_files=deleted, orphaned_files=orphans)


def kept_snapshots(settings: Settings, connection: duckdb.DuckDBPyConnection, now: datetime) -> tuple[int, set[int]]:
    """What must not expire: every snapshot from the first number on, and the single ones of the set.

    From the oldest publication that a reader may be pinned to, everything is kept; before it, the last publication of
    each day of ``keep_days``.
    """
    with ops_session(settings) as session:
        publications = session.execute(
            select(Publication.snapshot_id, Publication.published_at).order_by(Publication.publication_id.desc())
        ).all()
    recent = [row.snapshot_id for row in publications[: max(1, settings.keep_publications)]]
    recent += [row.snapshot_id for row in publications if row.published_at > now - PINNED_FOR]
    green = last_green(connection)
    sealed = green_snapshot(connection, green.build_id) if green else None
    if sealed is not None:
        recent.append(sealed)
    daily: dict[object, int] = {}
    for row in publications:  # newest first, so that a day's last one is met first
        if row.published_at > now - timedelta(days=settings.keep_days):
            daily.setdefault(row.published_at.date(), row.snapshot_id)
    return min([*recent, current_snapshot(connection)]), set(daily.values())


class _Lake:
    """A connection of one step."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._connection = open_lake(self._settings)
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def _fragmented_tables(connection: duckdb.DuckDBPyConnection) -> Sequence[tuple[str, str]]:
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL", [LAKE]
    ).fetchall()
    crowded = {
        row[0]
        for row in connection.execute(
            f"SELECT table_name FROM ducklake_table_info('{LAKE}') WHERE file_count >= ? OR delete_file_count > 0",
            [_MIN_FILES],
        ).fetchall()
    }
    return [(schema, table) for schema, table in tables if table in crowded]


def _rewrite(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    rows = connection.execute(
        f"CALL ducklake_rewrite_data_files('{LAKE}', '{table}', schema => '{schema}', delete_threshold => 0.3)"
    ).fetchall()
    return sum(int(row[2]) for row in rows)


def _merge(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> int:
    rows = connection.execute(
        f"CALL ducklake_merge_adjacent_files('{LAKE}', '{table}', schema => '{schema}')"
    ).fetchall()
    return sum(int(row[2]) for row in rows)


def _forget_old_builds(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """The newest green build stays whatever its age: it says what is covered."""
    where = f"finished_at < ? AND finished_at < (SELECT max(finished_at) FROM {LAKE}.meta.build)"
    old = connection.execute(f"SELECT 1 FROM {LAKE}.meta.build WHERE {where} LIMIT 1", [now - BUILDS_KEPT_FOR])
    if old.fetchone():
        connection.execute(f"DELETE FROM {LAKE}.meta.build WHERE {where}", [now - BUILDS_KEPT_FOR])


def _expire(settings: Settings, connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    keep_from, pinned = kept_snapshots(settings, connection, now)
    rows = connection.execute(f"SELECT snapshot_id FROM {LAKE}.snapshots() WHERE snapshot_id < ?", [keep_from])
    stale = [row[0] for row in rows.fetchall() if row[0] not in pinned]
    if stale:
        connection.execute(f"CALL ducklake_expire_snapshots('{LAKE}', versions => {stale})")
    return len(stale)


def _delete(connection: duckdb.DuckDBPyConnection, function: str, older_than: datetime) -> int:
    moment = older_than.astimezone(UTC).isoformat()
    return len(connection.execute(f"CALL {function}('{LAKE}', older_than => TIMESTAMPTZ '{moment}')").fetchall())
