"""Copying the catalog of the lake from SQLite to PostgreSQL, and the proof that both name the same data.

Belongs here: the catalog's tables and the comparison of the lake read through both. Does not belong here: the
operational store (``warehouse/moving.py``) and the data files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import duckdb

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.extensions import extension_path
from warehouse.settings import Settings

# One empty table for each table and form it ever had; the lake makes them anew when it wants them.
_INLINED: Final = "ducklake_inlined_data"


def copy_catalog(source: Settings, target: Settings) -> tuple[int, int]:
    """Copy every table of the catalog into the target's empty schema; returns the numbers of tables and rows.

    Raises:
        ParkError: code ``copy_differs``.
    """
    open_lake(target).close()  # makes the empty catalog
    connection = duckdb.connect(":memory:")
    try:
        for extension in ("sqlite_scanner", "postgres_scanner"):
            connection.load_extension(extension_path(extension))
        connection.execute(f"ATTACH '{_escaped(str(source.catalog_file))}' AS old (TYPE sqlite, READ_ONLY)")
        connection.execute(f"ATTACH '{_escaped(str(target.catalog_url))}' AS new (TYPE postgres)")
        there = _columns(connection, "new", target.catalog_schema)
        rows = 0
        connection.execute("BEGIN")
        for table, columns in _columns(connection, "old", "main").items():
            if table.startswith(_INLINED):
                if _count(connection, f'old."{table}"') and table != f"{_INLINED}_tables":
                    raise copy_differs(
                        f"catalog: rows in {table}, which should be in files; run park refresh and try again"
                    )
                continue
            missing = [name for name in columns if name not in there.get(table, {})]
            if missing:
                raise copy_differs(f"catalog: {table} has no {missing} in the target")
            goal = f'new."{target.catalog_schema}"."{table}"'
            names = ", ".join(f'"{name}"' for name in columns)
            values = ", ".join(f'CAST("{name}" AS {there[table][name]})' for name in columns)
            connection.execute(f"DELETE FROM {goal}")
            connection.execute(f'INSERT INTO {goal} ({names}) SELECT {values} FROM old."{table}"')
            copied, before = _count(connection, goal), _count(connection, f'old."{table}"')
            if copied != before:
                raise copy_differs(f"catalog: {table} had {before} rows, {copied} were written")
            rows += copied
        path = _escaped(target.resolved_data_path + "/")
        connection.execute(
            f"UPDATE new.\"{target.catalog_schema}\".ducklake_metadata SET value = '{path}' WHERE key = 'data_path'"
        )
        connection.execute("COMMIT")
        return len(there), rows
    finally:
        connection.close()


def _columns(connection: duckdb.DuckDBPyConnection, database: str, schema: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE database_name = ? AND schema_name = ?"
        " AND starts_with(table_name, 'ducklake_') ORDER BY table_name, column_index",
        [database, schema],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def compare_lakes(source: Settings, target: Settings) -> int:
    """Read every table through both catalogs: row counts and a checksum over all columns; returns their number.

    Raises:
        ParkError: code ``copy_differs``.
    """
    sums: list[dict[str, tuple[Any, ...]]] = []
    for settings in (source, target):
        connection = open_lake(settings, read_only=True)
        try:
            tables: Sequence[tuple[str, str]] = connection.execute(
                "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL", [LAKE]
            ).fetchall()
            sums.append(
                {
                    f"{schema}.{table}": connection.execute(
                        f'SELECT count(*), coalesce(sum(hash(t)::HUGEINT), 0) FROM {LAKE}."{schema}"."{table}" AS t'
                    ).fetchone()
                    or ()
                    for schema, table in tables
                }
            )
        finally:
            connection.close()
    before, after = sums
    for name in before.keys() | after.keys():
        if before.get(name) != after.get(name):
            raise copy_differs(f"lake table {name}: {before.get(name)} before, {after.get(name)} after")
    return len(before)


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    assert row is not None
    return int(row[0])


def _escaped(value: str) -> str:
    return value.replace("'", "''")


def copy_differs(what: str) -> ParkError:
    """The error of a copy that is not equal to its original; ``what`` says where."""
    return ParkError(
        zh=f"迁移后不一致（{what}）：原存储未改动；请清空目标数据库后重试",
        en=f"the copy differs from the original ({what}): the original is unchanged; empty the target and try again",
        code="copy_differs",
    )
