"""Files of marts for analysts: a DuckDB database made from the published snapshot, one for each set of lots.

Belongs here: what is in such a file, where it lies, making and removing it. Does not belong here: running queries on
it (``sandbox``), and who may (``warehouse.analysts``).

Views over tables of the same file would be no wall: whoever opens the file reads the tables behind them. So a reader
below the platform gets a file in which other lots' rows, and plates that the role may not see whole, are not there.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import duckdb
from filelock import FileLock, Timeout

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.dictionary import Dictionary, data_dictionary
from warehouse.lake.publish import Published, published
from warehouse.plates import PLATE_PATTERN
from warehouse.settings import Settings

SHARED: Final = ("code_label",)
"""Tables that say nothing about a lot: everybody gets them whole. Any other table without ``lot_id`` stays out."""
ABOUT: Final = "about"
_KEPT: Final = 2
# Raised when files of the same snapshot would look different.
_FORM: Final = 1
_NAME = re.compile(r"analysts-(?P<snapshot>\d+)-(?P<made>[0-9a-f]{8})-(?P<cut>[\w-]+)\.duckdb")
_MART = re.compile(r"(dim|fct|rpt)_\w+")
_FREE_TEXTS: Final = ("remark", "message", "payload", "reason")
_WAIT_SECONDS: Final = 600
_LEFT_BEHIND: Final = timedelta(hours=6)


@dataclass(frozen=True)
class Cut:
    """Whose file: these lots, or all (None); with plates whole or with stars."""

    lot_ids: frozenset[int] | None = None
    is_masked: bool = False

    @property
    def name(self) -> str:
        """Part of the file's name: the same for the same cut."""
        lots = "platform"
        if self.lot_ids is not None:
            lots = "lots-" + hashlib.sha256(repr(sorted(self.lot_ids)).encode()).hexdigest()[:16]
        return lots + ("-masked" if self.is_masked else "")


WHOLE: Final = Cut()


@dataclass(frozen=True)
class AnalystsFile:
    """A file that is ready: where, what it was made from, whether it had to be made just now."""

    path: Path
    snapshot_id: int
    data_as_of: datetime | None
    is_new: bool


def ensure_file(settings: Settings, cut: Cut = WHOLE) -> AnalystsFile:
    """The file of the published snapshot for ``cut``, made when it is not there; one process makes, others wait.

    Raises:
        ParkError: nothing is published, or the file was not ready in time.
    """
    standing = published(settings)
    path = file_path(settings, standing, cut)
    if path.exists():
        return AnalystsFile(path, standing.snapshot_id, standing.data_as_of, is_new=False)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(str(path.parent / f"{cut.name}.lock"), timeout=_WAIT_SECONDS)
    try:
        with lock:
            is_new = not path.exists()
            if is_new:
                _make(settings, standing, cut, path)
    except Timeout as error:
        raise ParkError(
            zh=f"分析文件 {_WAIT_SECONDS} 秒内未能生成：请稍后重试，或运行 park analysts build 查看原因",
            en=f"the analysts' file was not ready in {_WAIT_SECONDS} seconds: try again, or run park analysts build",
            code="busy",
        ) from error
    if is_new:
        remove_unused(settings)
    return AnalystsFile(path, standing.snapshot_id, standing.data_as_of, is_new)


def file_path(settings: Settings, standing: Published, cut: Cut) -> Path:
    """Where the file of a publication for ``cut`` lies, whether it is there or not."""
    made_from = f"{standing.build_id} {settings.analysts_detail_days} {_FORM}"
    made = hashlib.sha256(made_from.encode()).hexdigest()[:8]
    return settings.analysts_path / f"analysts-{standing.snapshot_id}-{made}-{cut.name}.duckdb"


def remove_unused(settings: Settings) -> list[Path]:
    """Remove files of all but the two newest publications, save those that somebody has open; returns what went."""
    folder = settings.analysts_path
    found: dict[tuple[str, str], list[Path]] = {}
    for path in folder.glob("analysts-*.duckdb"):
        named = _NAME.fullmatch(path.name)
        if named is not None:
            found.setdefault((named["snapshot"], named["made"]), []).append(path)
    # By age and not by number: numbers start anew when the catalog does.
    generations = sorted(found.values(), key=lambda paths: max(_changed_at(path) for path in paths), reverse=True)
    gone = [path for paths in generations[_KEPT:] for path in paths if not _is_open(path)]
    left_behind = datetime.now(UTC).timestamp() - _LEFT_BEHIND.total_seconds()
    gone += [path for path in folder.glob("*.partial*") if _changed_at(path) < left_behind]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def _changed_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _is_open(path: Path) -> bool:
    """Whether a process has the database open: DuckDB holds a lock on the file as long as it has, read-only too."""
    try:
        with path.open("rb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def _make(settings: Settings, standing: Published, cut: Cut, path: Path) -> None:
    partial = path.with_name(f"{path.name}.partial-{os.getpid()}")
    partial.unlink(missing_ok=True)
    try:
        if cut == WHOLE:
            _from_lake(settings, standing, partial)
        else:
            _from_whole(settings, cut, ensure_file(settings).path, partial)
        partial.chmod(0o600)
        partial.replace(path)
    finally:
        for left in (partial, partial.with_name(partial.name + ".wal")):
            left.unlink(missing_ok=True)


def _from_lake(settings: Settings, standing: Published, target: Path) -> None:
    lake = open_lake(settings, read_only=True, snapshot=standing.snapshot_id)
    try:
        lake.execute(f"ATTACH '{_escaped(target)}' AS made")
        days = settings.analysts_detail_days
        detail_from = (standing.data_as_of or datetime.now(UTC)).date() - timedelta(days=days) if days else None
        for table, columns in _tables(lake, LAKE, "marts").items():
            if not _MART.fullmatch(table) and table not in SHARED:
                continue
            is_cut = detail_from is not None and table.startswith("fct_") and "business_date" in columns
            where = f"WHERE business_date > DATE '{detail_from}'" if is_cut else ""
            lake.execute(f"CREATE TABLE made.main.{table} AS SELECT * FROM {LAKE}.marts.{table} {where}")
        lake.execute(
            f"CREATE TABLE made.main.{ABOUT} AS SELECT ?::BIGINT AS snapshot_id, ?::VARCHAR AS build_id,"
            " ?::TIMESTAMPTZ AS data_as_of, ?::TIMESTAMPTZ AS made_at, ?::DATE AS detail_after,"
            " NULL::BIGINT AS lots, false AS plates_masked",
            [standing.snapshot_id, standing.build_id, standing.data_as_of, datetime.now(UTC), detail_from],
        )
        _finish(lake, "made")
    finally:
        lake.close()


def _from_whole(settings: Settings, cut: Cut, whole: Path, target: Path) -> None:
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.lake_threads,
            "memory_limit": settings.lake_memory,
            "temp_directory": str(settings.home / "tmp"),
            "preserve_insertion_order": False,
        },
    )
    try:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH '{_escaped(whole)}' AS whole (READ_ONLY)")
        connection.execute(f"ATTACH '{_escaped(target)}' AS made")
        connection.execute("CREATE TEMP TABLE wanted (lot_id BIGINT)")
        if cut.lot_ids:
            connection.execute("INSERT INTO wanted SELECT unnest(?::BIGINT[])", [sorted(cut.lot_ids)])
        for table, columns in _tables(connection, "whole", "main").items():
            if "lot_id" not in columns and table not in (*SHARED, ABOUT):
                continue
            shown = ", ".join(_masked(name) if cut.is_masked else f'"{name}"' for name in columns)
            is_cut = cut.lot_ids is not None and "lot_id" in columns
            where = "WHERE lot_id IN (SELECT lot_id FROM wanted)" if is_cut else ""
            connection.execute(f"CREATE TABLE made.main.{table} AS SELECT {shown} FROM whole.main.{table} {where}")
        connection.execute(
            f"UPDATE made.main.{ABOUT} SET lots = ?, plates_masked = ?",
            [None if cut.lot_ids is None else len(cut.lot_ids), cut.is_masked],
        )
        _finish(connection, "made")
    finally:
        connection.close()


def _finish(connection: duckdb.DuckDBPyConnection, database: str) -> None:
    """Put the dictionary's words on tables and columns, for tools that show them; bring everything into the file."""
    _describe(connection, database, data_dictionary())
    connection.execute(f"CHECKPOINT {database}")
    connection.execute(f"DETACH {database}")


def _describe(connection: duckdb.DuckDBPyConnection, database: str, dictionary: Dictionary) -> None:
    there = _tables(connection, database, "main")
    for table in dictionary.tables:
        columns = there.get(table.name)
        if columns is None:
            continue
        words = _escaped(f"{table.zh}: {table.about_zh} {table.about_en}")
        connection.execute(f"COMMENT ON TABLE {database}.main.{table.name} IS '{words}'")
        for column in table.columns:
            if column.name in columns:
                words = _escaped(f"{column.zh}: {column.about_zh} {column.about_en}")
                connection.execute(f"COMMENT ON COLUMN {database}.main.{table.name}.\"{column.name}\" IS '{words}'")


def _tables(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> dict[str, Sequence[str]]:
    found: dict[str, list[str]] = {}
    for table, column in connection.execute(
        "SELECT table_name, column_name FROM duckdb_columns() WHERE database_name = ? AND schema_name = ?"
        " ORDER BY table_name, column_index",
        [database, schema],
    ).fetchall():
        found.setdefault(table, []).append(column)
    return dict(found)


def _escaped(text: object) -> str:
    return str(text).replace("'", "''")


def _masked(column: str) -> str:
    """The column as those see it who may not see plates whole; as ``warehouse.reports.masking`` does."""
    if column == "plate" or column.endswith("_plate"):
        return f'{_stars(f"{column}")} AS "{column}"'
    if column in _FREE_TEXTS:
        # Longest first: a plate that begins like another one is masked as a whole.
        plates = f"list_reverse_sort(regexp_extract_all({column}, '{PLATE_PATTERN}'))"
        one = f"LAMBDA text, plate: replace(text, plate, {_stars('plate')})"
        return f'list_reduce(list_prepend({column}, {plates}), {one}) AS "{column}"'
    return f'"{column}"'


def _stars(name: str) -> str:
    return (
        f"CASE WHEN length({name}) > 5 THEN left({name}, 2) || repeat('*', length({name}) - 4) || right({name}, 2)"
        f" ELSE repeat('*', length({name})) END"
    )
