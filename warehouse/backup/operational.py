"""The operational store in a backup: a copy of the SQLite file, or every row of PostgreSQL as lines of JSON.

Belongs here: copying out, putting in place, rows and sums. Does not belong here: the lake.

Rows are read and written by the tables that are there, not by the models of this version, so that a backup of an older
version comes back as it was and is migrated afterwards.
"""

from __future__ import annotations

import base64
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, Final

from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, create_engine, func, insert, inspect, select, text
from sqlalchemy.pool import NullPool

from warehouse.errors import ParkError
from warehouse.ops.models import Base
from warehouse.ops.session import migrate, ops_engine
from warehouse.ops.types import Money
from warehouse.settings import Settings

SQLITE, ROWS = "sqlite", "rows"
_FILE: Final = "ops.sqlite"
_VERSION_TABLE: Final = "alembic_version"
_AT_ONCE: Final = 2000


def is_sqlite(settings: Settings) -> bool:
    """Whether the operational store is a SQLite file."""
    return settings.resolved_ops_url.startswith("sqlite")


def sqlite_file(settings: Settings) -> Path:
    """The SQLite file of the operational store."""
    return Path(settings.resolved_ops_url.removeprefix("sqlite:///"))


@dataclass
class OperationalPoint:
    """The store as it was at one moment."""

    form: str
    revision: str
    _folder: Path
    _connection: Connection | None = None

    def write(self) -> dict[str, Any]:
        """Finish the copy and return its figures."""
        if self._connection is not None:
            _write_rows(self._connection, self._folder)
            return _figures(self._connection)
        return sqlite_figures(self._folder / _FILE)


@contextmanager
def operational_point(settings: Settings, folder: Path) -> Iterator[OperationalPoint]:
    """Take the store as it is when this is entered.

    Raises:
        ParkError: there is none yet.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not is_sqlite(settings):
        with (
            ops_engine(settings)
            .connect()
            .execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True) as connection
        ):
            revision = _revision(connection)
            yield OperationalPoint(ROWS, revision, folder, connection)
        return
    if not sqlite_file(settings).exists():
        raise _no_store()
    with (
        closing(sqlite3.connect(sqlite_file(settings), timeout=30)) as source,
        closing(sqlite3.connect(folder / _FILE)) as copy,
    ):
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")
    with _opened(folder / _FILE) as connection:
        revision = _revision(connection)
    yield OperationalPoint(SQLITE, revision, folder)


def restore_operational(settings: Settings, folder: Path, form: str, revision: str) -> None:
    """Put the copy in ``folder`` where ``settings`` say; rows fit a SQLite store, too.

    Raises:
        ParkError: a copy of a SQLite file cannot become a PostgreSQL store.
    """
    if form == SQLITE:
        if not is_sqlite(settings):
            raise ParkError(
                zh="备份中的业务库是 SQLite，而 PARK_OPS_URL 指向 PostgreSQL：请先恢复到 SQLite，再按手册迁移",
                en="the backup's operational store is of SQLite and PARK_OPS_URL names PostgreSQL: "
                "restore to SQLite first, then move it as the runbook says",
                code="operational_form",
            )
        target = sqlite_file(settings)
        target.parent.mkdir(parents=True, exist_ok=True)
        with (
            closing(sqlite3.connect(folder / _FILE)) as source,
            closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)
        return
    migrate(settings, revision)
    with ops_engine(settings).begin() as connection:
        _read_rows(connection, folder)


def operational_figures(settings: Settings) -> dict[str, Any]:
    """Rows and sums of amounts (in fen) by table, the version, and where the operator log ends."""
    with ops_engine(settings).connect() as connection:
        return _figures(connection)


def sqlite_figures(path: Path) -> dict[str, Any]:
    """The same of a SQLite file; ParkError ``backup_damaged`` when SQLite itself finds it damaged."""
    with _opened(path) as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check").scalar()
        if found != "ok":
            raise ParkError(
                zh=f"备份中的业务库已损坏（{found}）：请改用另一份备份",
                en=f"the backup's operational store is damaged ({found}): use another backup",
                code="backup_damaged",
            )
        return _figures(connection)


@contextmanager
def _opened(path: Path) -> Iterator[Connection]:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def operational_exists(settings: Settings) -> bool:
    """Whether there is a store where ``settings`` say."""
    if is_sqlite(settings):
        return sqlite_file(settings).exists()
    with ops_engine(settings).connect() as connection:
        return bool(inspect(connection).get_table_names())


def _revision(connection: Connection) -> str:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None:
        raise _no_store()
    return revision


def _reflected(connection: Connection) -> list[Table]:
    """Tables that are there, those that others refer to first."""
    metadata = MetaData()
    metadata.reflect(connection)
    return [table for table in metadata.sorted_tables if table.name != _VERSION_TABLE]


def _figures(connection: Connection) -> dict[str, Any]:
    tables: dict[str, Any] = {}
    for table in _reflected(connection):
        known = Base.metadata.tables.get(table.name)
        amounts = [
            column
            for column in table.columns
            if known is not None and column.name in known.columns and isinstance(known.columns[column.name].type, Money)
        ]
        row = connection.execute(
            select(func.count(), *(func.sum(column) for column in amounts)).select_from(table)
        ).one()
        sums = {
            column.name: None if value is None else str(int(value))
            for column, value in zip(amounts, row[1:], strict=True)
        }
        tables[table.name] = {"rows": int(row[0]), "sums": sums}
        if table.name == "audit_head":
            head = connection.execute(select(table.c.entry_id, table.c.entry_hash)).one()
            tables[table.name]["head"] = [head.entry_id, head.entry_hash]
    return {"revision": _revision(connection), "tables": tables}


def _write_rows(connection: Connection, folder: Path) -> None:
    for table in _reflected(connection):
        with (folder / f"{table.name}.ndjson").open("w", encoding="utf-8") as file:
            rows = connection.execution_options(stream_results=True).execute(
                select(table).order_by(*table.primary_key.columns)
            )
            for row in rows.mappings():
                line = {name: _packed(value) for name, value in row.items()}
                file.write(json.dumps(line, ensure_ascii=False) + "\n")


def _read_rows(connection: Connection, folder: Path) -> None:
    """Replace what a fresh store holds."""
    tables = _reflected(connection)
    for table in reversed(tables):
        connection.execute(table.delete())
    is_utc_naive = connection.dialect.name == "sqlite"
    for table in tables:
        path = folder / f"{table.name}.ndjson"
        if path.exists():
            for batch in _batches(path, table, is_utc_naive):
                connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql":
        _advance_sequences(connection, tables)


def _batches(path: Path, table: Table, is_utc_naive: bool) -> Iterator[list[dict[str, Any]]]:
    """The rows of one table; where rows refer to rows of the same table, none comes before the one it refers to."""
    parents = [
        column.name for column in table.columns if any(link.column.table is table for link in column.foreign_keys)
    ]
    with path.open(encoding="utf-8") as file:
        rows = ({k: _unpacked(v, is_utc_naive) for k, v in json.loads(line).items()} for line in file)
        if not parents:
            while batch := list(islice(rows, _AT_ONCE)):
                yield batch
            return
        waiting = list(rows)
    (key,) = (column.name for column in table.primary_key)
    written: set[Any] = {None}
    while waiting:
        ready = [row for row in waiting if all(row[name] in written for name in parents)]
        # What refers to nothing that is there is refused by the store itself.
        ready = ready or waiting
        written.update(row[key] for row in ready)
        waiting = [row for row in waiting if row[key] not in written]
        yield ready


def _advance_sequences(connection: Connection, tables: list[Table]) -> None:
    for table in tables:
        for column in table.primary_key.columns:
            name = connection.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', column.name)))
            if name is not None:
                newest = connection.scalar(select(func.max(column)))
                if newest is not None:
                    connection.execute(text("SELECT setval(:name, :value)"), {"name": name, "value": newest})


def _packed(value: Any) -> Any:
    """JSON keeps neither instants nor bytes nor exact numbers: an object with one field says which it was."""
    if isinstance(value, datetime):
        return {"instant": (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).isoformat()}
    if isinstance(value, date):
        return {"date": value.isoformat()}
    if isinstance(value, bytes | memoryview):
        return {"bytes": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, Decimal):
        return {"decimal": str(value)}
    return value


def _unpacked(value: Any, is_utc_naive: bool) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "instant":
        moment = datetime.fromisoformat(content)
        return moment.replace(tzinfo=None) if is_utc_naive else moment
    if kind == "date":
        return date.fromisoformat(content)
    return base64.b64decode(content) if kind == "bytes" else Decimal(content)


def _no_store() -> ParkError:
    return ParkError(
        zh="业务库还不存在，没有可备份的内容：请先运行 park init",
        en="there is no operational store yet, nothing to back up: run park init first",
        code="no_store",
    )
