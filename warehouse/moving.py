"""Moving an instance from SQLite to PostgreSQL: the operational store and the catalog of the lake.

Belongs here: the copy of both, its proof, and the refusal to write over anything. Does not belong here: the lake's data
files; the catalog names them relative to the data path, so they stay, or are copied by whatever copies files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, insert, inspect, select, text

from warehouse.errors import ParkError
from warehouse.lake.catalog_move import compare_lakes, copy_catalog, copy_differs
from warehouse.lake.connect import is_postgres
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import Base
from warehouse.ops.session import migrate, ops_engine, ops_session, revisions
from warehouse.security.audit import verify
from warehouse.settings import Settings

_ROWS: Final = 2_000


@dataclass(frozen=True)
class Moved:
    """What was copied and proved: tables and rows of the operational store and of the lake's catalog."""

    store_tables: int
    store_rows: int
    catalog_tables: int
    catalog_rows: int
    lake_tables: int


def target_of(source: Settings, **changed: str | None) -> Settings:
    """The settings of ``source`` with other stores; made anew, a copy would keep addresses worked out before."""
    return Settings(**(source.model_dump() | changed))


def move(source: Settings, target: Settings, tell: Callable[[str], None]) -> Moved:
    """Copy both stores of ``source`` into the empty databases of ``target`` and prove them equal.

    The source is only read; its writers wait meanwhile, and what lots upload stays in the journal. Nothing else may
    change the operational store: stop the pages first.

    Raises:
        ParkError: the source is not on SQLite or not at the newest version, the target is not empty, or a comparison
            failed; then the target is unusable and the source as it was.
    """
    _check(source, target)
    with writer_lock(source):
        tell("operational store")
        migrate(target)
        with ops_engine(source).connect() as old, ops_engine(target).begin() as new:
            store_tables, store_rows = _copy_store(old, new)
        _prove_audit(source, target)
        tell("catalog of the lake")
        catalog_tables, catalog_rows = copy_catalog(source, target)
        tell("comparison of the lake")
        lake_tables = compare_lakes(source, target)
    return Moved(store_tables, store_rows, catalog_tables, catalog_rows, lake_tables)


def _check(source: Settings, target: Settings) -> None:
    if is_postgres(source) or not source.resolved_ops_url.startswith("sqlite"):
        raise ParkError(
            zh="本实例的存储不在 SQLite 上：取消 PARK_OPS_URL 和 PARK_CATALOG_URL 后再运行，目标用选项给出",
            en="the stores of this instance are not on SQLite: run it without PARK_OPS_URL and PARK_CATALOG_URL, and "
            "name the target by the options",
            code="not_sqlite",
        )
    present, newest = revisions(source)
    if present != newest:
        raise ParkError(
            zh=f"业务库版本为 {present}，当前程序为 {newest}：请先运行 park init",
            en=f"the operational store is at version {present}, the program at {newest}: run park init first",
            code="old_version",
        )
    assert target.catalog_url is not None
    with ops_engine(target).connect() as connection:
        taken = [name for name in inspect(connection).get_table_names() if name in Base.metadata.tables]
        lake = inspect(connection) if target.catalog_url == target.ops_url else None
        if lake is not None and target.catalog_schema in lake.get_schema_names():
            taken += lake.get_table_names(schema=target.catalog_schema)
    if taken:
        raise ParkError(
            zh=f"目标数据库不是空的（已有表 {taken[0]} 等 {len(taken)} 个）：请给一个空数据库",
            en=f"the target database is not empty ({len(taken)} tables, {taken[0]} among them): name an empty one",
            code="not_empty",
        )


def _copy_store(old: Connection, new: Connection) -> tuple[int, int]:
    tables = Base.metadata.sorted_tables
    for table in reversed(tables):
        new.execute(delete(table))
    rows = 0
    for table in tables:
        copied = 0
        for batch in _batches(old, table):
            new.execute(insert(table), batch)
            copied += len(batch)
        there = new.scalar(select(func.count()).select_from(table))
        if there != copied:
            raise copy_differs(f"table {table.name}: {copied} rows read, {there} written")
        rows += copied
        _restart_numbering(new, table)
    return len(tables), rows


def _batches(old: Connection, table: Table) -> Iterable[list[dict[str, Any]]]:
    """The rows in an order in which none refers to a later one."""
    key = list(table.primary_key)
    parents = [column for column in table.columns if any(link.column.table is table for link in column.foreign_keys)]
    found = old.execution_options(yield_per=_ROWS).execute(select(table).order_by(*key))
    if not parents:
        for part in found.mappings().partitions(_ROWS):
            yield [dict(row) for row in part]
        return
    waiting = [dict(row) for row in found.mappings()]
    written: set[Any] = {None}
    while waiting:
        ready = [row for row in waiting if all(row[column.name] in written for column in parents)]
        if not ready:
            raise copy_differs(f"table {table.name}: {len(waiting)} rows refer to rows that are not there")
        written.update(row[key[0].name] for row in ready)
        waiting = [row for row in waiting if row[key[0].name] not in written]
        yield ready


def _restart_numbering(new: Connection, table: Table) -> None:
    """Let the next row get the number after the highest one there."""
    column = table.autoincrement_column
    if column is None or new.dialect.name != "postgresql":
        return
    sequence = new.scalar(
        text("select pg_get_serial_sequence(:table, :column)"), {"table": table.name, "column": column.name}
    )
    if sequence is not None:
        highest = new.scalar(select(func.max(column)))
        new.execute(
            text("select setval(:sequence, :value, :used)"),
            {"sequence": sequence, "value": highest or 1, "used": highest is not None},
        )


def _prove_audit(source: Settings, target: Settings) -> None:
    ends = []
    for settings in (source, target):
        with ops_session(settings) as session:
            report = verify(session)
        ends.append((report.broken_at, report.entries, report.last_hash))
    if ends[0] != ends[1]:
        raise copy_differs(f"operator log: {ends[0]} before, {ends[1]} after")
