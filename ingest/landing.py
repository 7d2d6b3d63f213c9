"""Landing: rows become part of the lake, exactly once.

Belongs here: the one lake transaction that holds a batch's raw rows, its rejected rows and its line in the batch
ledger ``raw.batch``. Does not belong here: reading journals or files, validation, live state.

Why it is safe: the ledger line is written in the transaction of the rows, so a batch is there wholly or not at all,
and a batch that is there already is skipped. DuckLake fsyncs its catalog but not its Parquet files; therefore the new
files and their folders are fsynced *before* the commit, so that the catalog never names a file that a power cut took.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.lake.connect import LAKE
from warehouse.lake.raw_tables import BATCH_COLUMNS, KINDS, REJECTED_COLUMNS, raw_table_columns
from warehouse.lake.storage import is_object_storage
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings


@dataclass(frozen=True)
class LandingRequest:
    """A batch to land: its identity and its counts; ``accepted`` does not include ``marked``."""

    batch_id: str
    source: str
    name: str
    source_rows: int
    accepted: int
    marked: int
    rejected: int


@dataclass(frozen=True)
class BatchSummary:
    """What the ledger says about a batch after landing."""

    batch_seq: int
    batch_id: str
    source_rows: int
    accepted: int
    marked: int
    rejected: int
    already_landed: bool


def land(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    request: LandingRequest,
    tables: Mapping[str, str],
    rejected: str | None,
) -> BatchSummary:
    """Land one batch in one transaction; nothing is written when its ``batch_id`` is in the ledger already.

    Args:
        connection: an open lake connection outside any transaction.
        settings: names the lake.
        request: the batch.
        tables: kind → SQL relation (a name that ``connection`` knows, or a parenthesised select) with all columns of
            ``raw_table_columns(kind)`` except ``batch_seq``; ``batch_row`` is unique within the batch.
        rejected: relation with all ``REJECTED_COLUMNS`` except ``batch_seq``, or None.

    Raises:
        ParkError: code ``lake_busy`` when another writer holds the lake for too long.
        duckdb.Error: the transaction failed; it is rolled back and nothing of it is in the lake.
    """
    return _land(connection, settings, [request], tables, rejected, grouped=False)[0]


def land_group(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    requests: Sequence[LandingRequest],
    tables: Mapping[str, str],
    rejected: str | None,
) -> list[BatchSummary]:
    """Land several batches in one transaction, each with its own ledger line.

    As ``land``, but every relation has one more column ``batch_id``, which says to which request a row belongs. Rows
    of batches that are in the ledger already are left out. ``batch_row`` is unique within its batch.
    """
    return _land(connection, settings, requests, tables, rejected, grouped=True)


def landed_batches(connection: duckdb.DuckDBPyConnection, batch_ids: Sequence[str]) -> dict[str, BatchSummary]:
    """The ledger lines of those ``batch_ids`` that have landed, by batch id."""
    if not batch_ids:
        return {}
    # The range lets the catalog leave out files by their minimum and maximum; a list alone does not.
    rows = connection.execute(
        f"SELECT batch_seq, batch_id, source_rows, accepted, marked, rejected FROM {LAKE}.raw.batch "
        "WHERE batch_id BETWEEN ? AND ? AND list_contains(?, batch_id)",
        [min(batch_ids), max(batch_ids), list(batch_ids)],
    ).fetchall()
    return {
        batch_id: BatchSummary(batch_seq, batch_id, source_rows, accepted, marked, refused, already_landed=True)
        for batch_seq, batch_id, source_rows, accepted, marked, refused in rows
    }


def _land(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    requests: Sequence[LandingRequest],
    tables: Mapping[str, str],
    rejected: str | None,
    *,
    grouped: bool,
) -> list[BatchSummary]:
    unknown = set(tables) - set(KINDS)
    if unknown:
        raise ValueError(f"no such record kinds: {sorted(unknown)}")
    with writer_lock(settings):
        known = landed_batches(connection, [request.batch_id for request in requests])
        new = [request for request in requests if request.batch_id not in known]
        summaries = dict(known)
        if new:
            connection.execute("BEGIN")
            try:
                summaries |= _write(connection, settings, new, tables, rejected, grouped=grouped)
                connection.execute("COMMIT")
            except BaseException:
                _roll_back(connection)
                raise
        return [summaries[request.batch_id] for request in requests]


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    try:
        connection.execute("ROLLBACK")
    except duckdb.Error:
        # A failed COMMIT has ended the transaction already.
        return


def _write(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    requests: Sequence[LandingRequest],
    tables: Mapping[str, str],
    rejected: str | None,
    *,
    grouped: bool,
) -> dict[str, BatchSummary]:
    row = connection.execute(f"SELECT coalesce(max(batch_seq), 0) FROM {LAKE}.raw.batch").fetchone()
    assert row is not None
    first = int(row[0]) + 1
    sequence = {request.batch_id: first + offset for offset, request in enumerate(requests)}
    targets = [(f"raw.{kind}", raw_table_columns(kind), relation) for kind, relation in tables.items()]
    if rejected is not None:
        targets.append(("raw.rejected_record", REJECTED_COLUMNS, rejected))
    for table, columns, relation in targets:
        _insert(connection, table, columns, relation, sequence, grouped=grouped)
    connection.execute(
        f"INSERT INTO {LAKE}.raw.batch ({', '.join(BATCH_COLUMNS)}) VALUES "
        + ", ".join(["(?, ?, ?, ?, now(), ?, ?, ?, ?)"] * len(requests)),
        [
            value
            for request in requests
            for value in (
                sequence[request.batch_id],
                request.batch_id,
                request.source,
                request.name,
                request.source_rows,
                request.accepted,
                request.marked,
                request.rejected,
            )
        ],
    )
    _sync_new_files(connection, settings, [table for table, _, _ in targets] + ["raw.batch"], first)
    return {
        request.batch_id: BatchSummary(
            batch_seq=sequence[request.batch_id],
            batch_id=request.batch_id,
            source_rows=request.source_rows,
            accepted=request.accepted,
            marked=request.marked,
            rejected=request.rejected,
            already_landed=False,
        )
        for request in requests
    }


def _insert(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    columns: Mapping[str, str],
    relation: str,
    sequence: Mapping[str, int],
    *,
    grouped: bool,
) -> None:
    if not grouped:
        (batch_seq,) = sequence.values()
        chosen = ", ".join(str(batch_seq) if column == "batch_seq" else f"landing.{column}" for column in columns)
        source = f"{relation} AS landing"
        parameters: list[object] = []
    else:
        chosen = ", ".join(f"{'ledger' if column == 'batch_seq' else 'landing'}.{column}" for column in columns)
        source = (
            f"{relation} AS landing JOIN (SELECT unnest(?) AS batch_id, unnest(?) AS batch_seq) AS ledger "
            "ON ledger.batch_id = landing.batch_id"
        )
        parameters = [list(sequence), list(sequence.values())]
    connection.execute(f"INSERT INTO {LAKE}.{table} ({', '.join(columns)}) SELECT {chosen} FROM {source}", parameters)


def _sync_new_files(
    connection: duckdb.DuckDBPyConnection, settings: Settings, tables: Iterable[str], first_batch_seq: int
) -> None:
    """Fsync the Parquet files that this transaction wrote, and every folder between them and the data folder."""
    if is_object_storage(settings):
        return  # An object store acknowledges an upload only when it is durable.
    # Within its own transaction DuckLake lists a new file only by reading it; batch_seq leaves all older files out.
    query = " UNION ".join(
        f"SELECT DISTINCT filename FROM {LAKE}.{table} WHERE batch_seq >= {first_batch_seq}" for table in tables
    )
    files = [Path(row[0]) for row in connection.execute(query).fetchall()]
    root = Path(settings.resolved_data_path)
    folders: set[Path] = {root}
    for file in files:
        sync_path(file)
        folders.update(folder for folder in file.parents if folder.is_relative_to(root))
    for folder in folders:
        sync_path(folder)


def sync_path(path: Path) -> None:
    """Fsync a file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
