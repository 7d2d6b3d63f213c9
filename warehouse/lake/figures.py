"""Rows and sums of every table of the lake at one snapshot, to compare a restored lake with the one it was taken from.

Does not belong here: figures of reports.
"""

from __future__ import annotations

from typing import Any

import duckdb

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.settings import Settings


def lake_figures(settings: Settings, snapshot: int) -> dict[str, dict[str, Any]]:
    """By ``schema.table``: ``rows``, and ``sums`` of its amounts by column as text.

    Raises:
        ParkError: code ``data_file_missing``; a file that the snapshot needs cannot be read.
    """
    connection = open_lake(settings, snapshot=snapshot)
    try:
        tables: dict[str, list[str]] = {}
        for schema, table, column, kind in connection.execute(
            "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
            "WHERE database_name = ? AND NOT internal ORDER BY ALL",
            [LAKE],
        ).fetchall():
            amounts = tables.setdefault(f"{schema}.{table}", [])
            if kind.startswith("DECIMAL"):
                amounts.append(column)
        # One statement: each costs a look at the whole catalog.
        parts = []
        for name, amounts in tables.items():
            schema, table = name.split(".", 1)
            sums = ", ".join(f'CAST(sum("{column}") AS VARCHAR)' for column in amounts)
            parts.append(f'SELECT \'{name}\', count(*), [{sums}]::VARCHAR[] FROM {LAKE}."{schema}"."{table}"')
        rows = connection.execute(" UNION ALL ".join(parts)).fetchall() if parts else []
        return {name: {"rows": count, "sums": dict(zip(tables[name], sums, strict=True))} for name, count, sums in rows}
    except duckdb.IOException as error:
        raise data_file_missing(str(error).splitlines()[0]) from error
    finally:
        connection.close()


def data_file_missing(which: str) -> ParkError:
    """The error of a lake that lacks one of its files; ``which`` names it."""
    return ParkError(
        zh=f"数据文件不见了或无法读取（{which}）：数据湖已损坏，或存储暂不可用；请运行 park doctor，若存储正常，"
        "请从最近一份已校验的备份恢复",
        en=f"a data file is gone or cannot be read ({which}): the lake is damaged, or its storage is away; run park "
        "doctor, and when the storage is well, restore the newest verified backup",
        code="data_file_missing",
    )


def landed_batch_ids(settings: Settings) -> set[str]:
    """Every batch that is in the ledger."""
    connection = open_lake(settings, read_only=True)
    try:
        rows = connection.execute(f"SELECT batch_id FROM {LAKE}.raw.batch").fetchall()
    finally:
        connection.close()
    return {batch_id for (batch_id,) in rows}
