"""Creating the lake's own tables: raw, the batch ledger, rejected records, copies of people's entities, builds.

Belongs here: DDL that must exist before dbt runs. Does not belong here: marts, which dbt creates.
"""

from __future__ import annotations

from typing import Final

import duckdb

from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.raw_tables import BATCH_COLUMNS, KINDS, REJECTED_COLUMNS, raw_table_columns
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings

# Written anew from the operational store before each build (warehouse/lake/entities.py).
ENTITY_COLUMNS: Final[dict[str, dict[str, str]]] = {
    "lot": {
        "lot_id": "BIGINT",
        "code": "VARCHAR",
        "name": "VARCHAR",
        "customer_id": "BIGINT",
        "customer_name": "VARCHAR",
        "region": "VARCHAR",
        "address": "VARCHAR",
        "longitude": "DOUBLE",
        "latitude": "DOUBLE",
        "time_zone": "VARCHAR",
        "cutover_minutes": "INTEGER",
        "is_test": "BOOLEAN",
        "is_void": "BOOLEAN",
    },
    "area": {
        "lot_id": "BIGINT",
        "area_id": "VARCHAR",
        "name": "VARCHAR",
        "parent_area_id": "VARCHAR",
        "is_inner": "BOOLEAN",
    },
    "capacity": {  # spaces of a lot, or of one area, in force on [valid_from, valid_to)
        "lot_id": "BIGINT",
        "area_id": "VARCHAR",  # null: the whole lot
        "valid_from": "DATE",
        "valid_to": "DATE",  # null: still in force
        "spaces": "BIGINT",
    },
}
_ROWS_OF_GROUP: Final = 16_384
BUILD_COLUMNS: Final[dict[str, str]] = {
    "build_id": "VARCHAR",
    "raw_to": "BIGINT",  # highest batch_seq that this green build covers
    "models_hash": "VARCHAR",  # a change of the models asks for a full build
    "is_full": "BOOLEAN",
    "finished_at": "TIMESTAMPTZ",
}
TOUCHED_COLUMNS: Final[dict[str, str]] = {  # what models changed since the last green build
    "model": "VARCHAR",
    "lot_id": "BIGINT",
    "business_date": "DATE",
}
REMOVAL_COLUMNS: Final[dict[str, str]] = {  # days whose entry and exit records were removed, see clean_up.py
    "removal_id": "VARCHAR",
    "lot_id": "BIGINT",
    "removed_before": "DATE",
    "removed_at": "TIMESTAMPTZ",
}
TOUCHED_KEY_COLUMNS: Final[dict[str, str]] = {"model": "VARCHAR", "lot_id": "BIGINT", "touched_key": "VARCHAR"}
TOUCHED_PASSAGE_COLUMNS: Final[dict[str, str]] = {  # old and new versions of passages changed since then
    "lot_id": "BIGINT",
    "business_date": "DATE",
    "is_inner": "BOOLEAN",
    "direction": "VARCHAR",
    "kind": "VARCHAR",
    "record_id": "VARCHAR",
    "plate": "VARCHAR",
    "occurred_at": "TIMESTAMPTZ",
    "entry_record_id": "VARCHAR",
}


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    found = connection.execute(
        "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE database_name = ?", [LAKE]
    ).fetchall()
    return {name for (name,) in found}


def create_lake(settings: Settings) -> None:
    """Create what is missing, all or nothing; safe to call at every start."""
    tables = {f"raw.{kind}": raw_table_columns(kind) for kind in KINDS}
    tables |= {"raw.batch": BATCH_COLUMNS, "raw.rejected_record": REJECTED_COLUMNS}
    tables |= {f"entities.{entity}": columns for entity, columns in ENTITY_COLUMNS.items()}
    tables |= {"meta.build": BUILD_COLUMNS, "meta.touched": TOUCHED_COLUMNS}
    tables |= {"meta.touched_passage": TOUCHED_PASSAGE_COLUMNS, "meta.touched_key": TOUCHED_KEY_COLUMNS}
    tables["closed.removal"] = REMOVAL_COLUMNS
    with writer_lock(settings):
        connection = open_lake(settings)
        try:
            # One snapshot and not one per statement: after each, DuckLake reads its whole catalog anew.
            connection.execute("BEGIN")
            for schema in ("raw", "entities", "meta", "closed"):
                connection.execute(f"CREATE SCHEMA IF NOT EXISTS {LAKE}.{schema}")
            known = _tables(connection)
            for name in (name for name in tables if name not in known):
                body = ", ".join(f"{column} {kind}" for column, kind in tables[name].items())
                connection.execute(f"CREATE TABLE {LAKE}.{name} ({body})")
                if name.removeprefix("raw.") in KINDS:
                    # By month, sorted by (lot, time), measured best; by day made 757 files and tripled query time.
                    connection.execute(
                        f"ALTER TABLE {LAKE}.{name} SET PARTITIONED BY (year(business_date), month(business_date))"
                    )
                    connection.execute(f"ALTER TABLE {LAKE}.{name} SET SORTED BY (lot_id, occurred_at)")
            connection.execute("COMMIT")
            connection.execute(f"CALL {LAKE}.set_option('parquet_compression', 'zstd')")
            # A single row is read with its whole row group, and a build holds one for each month that it writes; scans
            # of everything measured the same.
            connection.execute(f"CALL {LAKE}.set_option('parquet_row_group_size', {_ROWS_OF_GROUP})")
        finally:
            connection.close()
