"""Who holds the writer lock: for people who wait for it.

Does not belong here: the lock itself (``writer``).
"""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import psycopg

from warehouse.errors import ParkError
from warehouse.lake.connect import is_postgres
from warehouse.lake.writer import ADVISORY_SPACE, lock_file, since_file, writer_lock
from warehouse.settings import Settings

_HOLDERS = (
    "FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE l.locktype = 'advisory' AND l.granted "
    "AND l.classid = %s::oid AND l.objid = (hashtext(%s)::bigint & 4294967295)::oid"
)


def writer_lock_holder(settings: Settings) -> str | None:
    """The process that holds the writer lock, as text for people; None when it is free."""
    try:
        with writer_lock(settings, wait_seconds=0):
            return None
    except ParkError:
        pass
    return _session_holding(settings) if is_postgres(settings) else _process_holding(lock_file(settings))


def held_since(settings: Settings) -> datetime | None:
    """Since when the writer lock is held; None when that is not known. Ask only while it is held."""
    if is_postgres(settings):
        assert settings.catalog_url is not None
        with psycopg.connect(settings.catalog_url, autocommit=True) as connection:
            row = connection.execute(
                f"SELECT min(a.backend_start) {_HOLDERS}", (ADVISORY_SPACE, settings.catalog_schema)
            ).fetchone()
        return row[0] if row else None
    try:
        return datetime.fromisoformat(since_file(settings).read_text())
    except (OSError, ValueError):
        return None


def _session_holding(settings: Settings) -> str:
    assert settings.catalog_url is not None
    with psycopg.connect(settings.catalog_url, autocommit=True) as connection:
        row = connection.execute(
            f"SELECT a.pid, a.client_addr, a.backend_start {_HOLDERS}",
            (ADVISORY_SPACE, settings.catalog_schema),
        ).fetchone()
    return f"PostgreSQL session {row[0]} from {row[1] or 'this machine'} since {row[2]:%F %T}" if row else "?"


def _process_holding(path: Path) -> str:
    """The kernel's list names locks by device and inode."""
    try:
        status = path.stat()
        for line in Path("/proc/locks").read_text().splitlines():
            fields = line.split()
            if "FLOCK" in fields and fields[5].endswith(f":{status.st_ino}"):
                pid = int(fields[4])
                words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
                # Names of programs say who it is; folders and code given on the line only fill the page.
                told = " ".join(word.rsplit("/", 1)[-1] for word in words if word and not re.search(r"\s", word))
                return f"{pid}: {told[:80]}"
    except (OSError, ValueError, IndexError):
        pass
    return "?"
