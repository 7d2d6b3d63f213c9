"""Copies of the lake's catalog: taking one, reading which files it names, putting it in place.

Belongs here: the catalog's own tables, in SQLite and in PostgreSQL. Does not belong here: the data files, and what a
backup is (``warehouse.backup``).

A copy is taken under the writer lock: of SQLite at once, of PostgreSQL by a transaction that begins there and is read
afterwards.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from psycopg import sql

from warehouse.errors import ParkError
from warehouse.lake.connect import is_postgres
from warehouse.settings import Settings

SQLITE, POSTGRES = "sqlite", "postgres"
_FILE: Final = "catalog.sqlite"
_TABLES: Final = "tables.json"
# Paths are relative to the table's, that to the schema's, that to the data path.
_FILES: Final = """
    SELECT DISTINCT s.path, t.path, f.path, f.file_size_bytes, f.path_is_relative
    FROM (
        SELECT table_id, path, path_is_relative, file_size_bytes FROM {schema}ducklake_data_file
        UNION ALL
        SELECT table_id, path, path_is_relative, file_size_bytes FROM {schema}ducklake_delete_file
    ) AS f
    JOIN (SELECT DISTINCT table_id, schema_id, path FROM {schema}ducklake_table) AS t ON t.table_id = f.table_id
    JOIN (SELECT DISTINCT schema_id, path FROM {schema}ducklake_schema) AS s ON s.schema_id = t.schema_id
"""


@dataclass
class CatalogPoint:
    """The catalog as it was at one moment, and how to write it down."""

    form: str
    snapshot_id: int
    _folder: Path
    _connection: psycopg.Connection[Any] | None = None
    _schema: str = ""

    def write(self) -> None:
        """Finish the copy; needs no lock."""
        if self._connection is not None:
            _write_tables(self._connection, self._schema, self._folder)

    def data_files(self) -> dict[str, int]:
        """Every data file that any snapshot needs, relative to the data path, with its size.

        Raises:
            ParkError: a file was added from elsewhere.
        """
        if self._connection is not None:
            query = _FILES.format(schema=f'"{self._schema}".')
            rows = self._connection.execute(query.encode()).fetchall()
        else:
            with closing(sqlite3.connect(self._folder / _FILE)) as connection:
                rows = connection.execute(_FILES.format(schema="")).fetchall()
        foreign = next((path for _schema, _table, path, _size, is_relative in rows if not is_relative), None)
        if foreign is not None:
            raise ParkError(
                zh=f"数据文件 {foreign} 不在数据目录中，无法备份：请把它的数据重新入库",
                en=f"the data file {foreign} lies outside of the data path and cannot be backed up: ingest it anew",
                code="foreign_data_file",
            )
        return {f"{schema}{table}{path}": int(size) for schema, table, path, size, _relative in rows}


@contextmanager
def catalog_point(settings: Settings, folder: Path) -> Iterator[CatalogPoint]:
    """Take the catalog as it is now; the caller holds the writer lock while this is entered, and no longer.

    Raises:
        ParkError: there is no lake yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if is_postgres(settings):
        assert settings.catalog_url is not None
        with psycopg.connect(settings.catalog_url) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.read_only = True
            if not _tables(connection, settings.catalog_schema):
                raise _no_lake()
            newest = sql.SQL("SELECT max(snapshot_id) FROM {}").format(
                sql.Identifier(settings.catalog_schema, "ducklake_snapshot")
            )
            row = connection.execute(newest).fetchone()
            assert row is not None
            yield CatalogPoint(POSTGRES, int(row[0]), folder, connection, settings.catalog_schema)
        return
    if not settings.catalog_file.exists():
        raise _no_lake()
    with (
        closing(sqlite3.connect(settings.catalog_file, timeout=30)) as source,
        closing(sqlite3.connect(folder / _FILE)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
        newest_id = copy.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()[0]
    yield CatalogPoint(SQLITE, int(newest_id), folder)


def restore_catalog(settings: Settings, folder: Path, form: str) -> None:
    """Put the copy in ``folder`` where ``settings`` say, and let it name the data path of ``settings``.

    Raises:
        ParkError: the copy is of the other kind of catalog.
    """
    wanted = POSTGRES if is_postgres(settings) else SQLITE
    if form != wanted:
        raise ParkError(
            zh=f"备份中的目录库是 {form}，而此实例使用 {wanted}：请按备份设置 PARK_CATALOG_URL",
            en=f"the backup's catalog is of {form}, this instance uses {wanted}: set PARK_CATALOG_URL as it was",
            code="catalog_form",
        )
    data_path = settings.resolved_data_path + "/"
    if is_postgres(settings):
        assert settings.catalog_url is not None
        with psycopg.connect(settings.catalog_url) as connection:
            _read_tables(connection, settings.catalog_schema, folder)
            connection.execute(
                sql.SQL("UPDATE {} SET value = %s WHERE key = 'data_path'").format(
                    sql.Identifier(settings.catalog_schema, "ducklake_metadata")
                ),
                [data_path],
            )
        return
    settings.catalog_file.parent.mkdir(parents=True, exist_ok=True)
    with (
        closing(sqlite3.connect(folder / _FILE)) as source,
        closing(sqlite3.connect(settings.catalog_file)) as target,
    ):
        source.backup(target)
        target.execute("UPDATE ducklake_metadata SET value = ? WHERE key = 'data_path'", [data_path])
        target.commit()
        # As the lake's own connections want it; one that only reads could not change it.
        target.execute("PRAGMA journal_mode = WAL")


def catalog_exists(settings: Settings) -> bool:
    """Whether there is a catalog where ``settings`` say."""
    if not is_postgres(settings):
        return settings.catalog_file.exists()
    assert settings.catalog_url is not None
    with psycopg.connect(settings.catalog_url) as connection:
        return bool(_tables(connection, settings.catalog_schema))


def drop_catalog(settings: Settings) -> None:
    """Drop a scratch catalog on PostgreSQL."""
    assert settings.catalog_url is not None
    with psycopg.connect(settings.catalog_url) as connection:
        connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(settings.catalog_schema)))


def _tables(connection: psycopg.Connection[Any], schema: str) -> list[str]:
    rows = connection.execute(
        "SELECT tablename FROM pg_tables WHERE schemaname = %s AND tablename LIKE 'ducklake%%' ORDER BY tablename",
        [schema],
    ).fetchall()
    return [name for (name,) in rows]


def _write_tables(connection: psycopg.Connection[Any], schema: str, folder: Path) -> None:
    described = {}
    for table in _tables(connection, schema):
        name = sql.Identifier(schema, table)
        columns = connection.execute(
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull FROM pg_attribute a "
            "WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
            [name.as_string(connection)],
        ).fetchall()
        keys = connection.execute(
            "SELECT a.attname FROM pg_index i JOIN pg_attribute a "
            "ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey) "
            "WHERE i.indrelid = %s::regclass AND i.indisprimary ORDER BY a.attnum",
            [name.as_string(connection)],
        ).fetchall()
        described[table] = {"columns": columns, "key": [key for (key,) in keys]}
        with (
            (folder / f"{table}.copy").open("wb") as sink,
            connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(name)) as rows,
        ):
            for block in rows:
                sink.write(block)
    (folder / _TABLES).write_text(json.dumps(described), encoding="utf-8")


def _read_tables(connection: psycopg.Connection[Any], schema: str, folder: Path) -> None:
    described = json.loads((folder / _TABLES).read_text(encoding="utf-8"))
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    for table, shape in described.items():
        name = sql.Identifier(schema, table)
        parts = [
            sql.SQL("{} {}{}").format(
                sql.Identifier(column), sql.SQL(kind), sql.SQL(" NOT NULL" if is_required else "")
            )
            for column, kind, is_required in shape["columns"]
        ]
        if shape["key"]:
            parts.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(map(sql.Identifier, shape["key"]))))
        connection.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(parts)))
        with (
            (folder / f"{table}.copy").open("rb") as source,
            connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as rows,
        ):
            while block := source.read(1 << 20):
                rows.write(block)


def _no_lake() -> ParkError:
    return ParkError(
        zh="数据湖还不存在，没有可备份的内容：请先运行 park init",
        en="there is no lake yet, nothing to back up: run park init first",
        code="no_lake",
    )
