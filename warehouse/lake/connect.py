"""Connections to the lake.

Belongs here: attaching the catalog, readers pinned to a snapshot, the options every process must share.
Does not belong here: what is read or written through a connection.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from warehouse.lake.extensions import extension_path
from warehouse.lake.storage import allow_object_storage, is_object_storage
from warehouse.settings import Settings

LAKE = "lake"

# "The first n in an order" would be planned as a second scan of the table; for a page of records that measured 25-35 %
# slower on Parquet.
NO_SECOND_SCAN = "SET disabled_optimizers = 'late_materialization'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def is_postgres(settings: Settings) -> bool:
    """Whether the catalog is on PostgreSQL."""
    return settings.catalog_url is not None


def attach_target(settings: Settings) -> str:
    """What follows ATTACH: ``ducklake:sqlite:<file>`` or ``ducklake:postgres:<uri>``."""
    if settings.catalog_url is not None:
        return f"ducklake:postgres:{settings.catalog_url}"
    return f"ducklake:sqlite:{settings.catalog_file}"


def attach_options(settings: Settings) -> dict[str, str]:
    """Options of ATTACH that every process must agree on, name to value."""
    # Inlining small inserts into the catalog measured 40-70 times slower than Parquet and broke long-lived connections.
    # As a setting of the session it would still make an empty table in the catalog for every table of the lake, for
    # which each connection reads the whole catalog anew: 0.15 s for the first query of every table.
    options = {"DATA_PATH": settings.resolved_data_path + "/", "DATA_INLINING_ROW_LIMIT": "0"}
    if is_postgres(settings):
        options["METADATA_SCHEMA"] = settings.catalog_schema
    else:
        options |= {"META_JOURNAL_MODE": "WAL", "META_BUSY_TIMEOUT": "30000"}
    return options


def open_lake(settings: Settings, *, read_only: bool = False, snapshot: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB with the lake attached as ``lake``.

    Args:
        settings: names catalog, data folder, threads and memory.
        read_only: refuse writes through this connection.
        snapshot: pin every read to this lake snapshot; implies ``read_only``.
    """
    if not is_postgres(settings):
        settings.catalog_file.parent.mkdir(parents=True, exist_ok=True)
    if not is_object_storage(settings):
        Path(settings.resolved_data_path).mkdir(parents=True, exist_ok=True)
    spill = settings.home / "tmp"
    spill.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": settings.lake_threads,
            "memory_limit": settings.lake_memory,
            "temp_directory": str(spill),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "preserve_insertion_order": False,
        },
    )
    try:
        scanner = "postgres_scanner" if is_postgres(settings) else "sqlite_scanner"
        for extension in (scanner, "ducklake"):
            connection.load_extension(extension_path(extension))
        allow_object_storage(connection, settings)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(NO_SECOND_SCAN)
        options = [f"{name} {_quoted(value)}" for name, value in attach_options(settings).items()]
        if snapshot is not None:
            options.append(f"SNAPSHOT_VERSION {int(snapshot)}")
        if read_only or snapshot is not None:
            options.append("READ_ONLY")
        connection.execute(f"ATTACH {_quoted(attach_target(settings))} AS {LAKE} ({', '.join(options)})")
    except BaseException:
        connection.close()
        raise
    return connection


def current_snapshot(connection: duckdb.DuckDBPyConnection) -> int:
    """Id of the lake's newest snapshot."""
    row = connection.execute(f"SELECT id FROM {LAKE}.current_snapshot()").fetchone()
    assert row is not None
    return int(row[0])
