"""Removing the entry and exit records and picture records of a lot from before a day.

Belongs here: what goes, in which order, and keeping the reports of the days that lose their details. Does not belong
here: who may ask for it (``warehouse.services.clean_ups``), pictures themselves, backups.

The raw tables are append-only but for this. What is removed are whole keys (all versions of a record) of stays that are
over: entries of cars that left on or after the day, or that may still be inside, stay, because days that are kept count
them. What the reports of the removed days say is copied to ``closed`` in the same transaction and stays in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

import duckdb

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.lake.publish import builds_since_green, last_green
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings

PASSAGES: Final = ("entry", "exit", "inner_entry", "inner_exit")
SNAPSHOT: Final = "snapshot"
KINDS: Final = (*PASSAGES, SNAPSHOT)
# A car may still come out; as var pairing_horizon_days of the models.
MAY_BE_INSIDE: Final = timedelta(days=62)
# Models with config keeps_closed_days.
KEPT_MARTS: Final = (
    "rpt_traffic_hour",
    "rpt_stay_day",
    "rpt_occupancy_hour",
    "rpt_upload_hour",
    "rpt_arrival_day",
    "rpt_balance_day",
    "rpt_quality_day",
)


@dataclass(frozen=True)
class Removed:
    """How many records of a kind and month go or went; month is its first day, None for refused records."""

    kind: str
    month: date | None
    records: int


@dataclass(frozen=True)
class Done:
    """What a clean-up did; ``pictures`` are hashes that no remaining record names."""

    counts: tuple[Removed, ...]
    pictures: tuple[str, ...]


def preview(settings: Settings, lot_id: int, before: date) -> tuple[Removed, ...]:
    """What ``remove`` would remove now; changes nothing."""
    connection = open_lake(settings, read_only=True)
    try:
        _require_marts(connection)
        _choose(connection, lot_id, before)
        return _counts(connection, lot_id, before)
    finally:
        connection.close()


def remove(settings: Settings, removal_id: str, lot_id: int, before: date) -> Done:
    """Remove the records of a lot from days before ``before``; doing it again removes what has come since.

    Raises:
        ParkError: code ``not_built``: records of these days are not in the reports yet.
    """
    with writer_lock(settings):
        connection = open_lake(settings)
        try:
            _require_marts(connection)
            _require_built(settings, connection, lot_id, before)
            _choose(connection, lot_id, before)
            counts = _counts(connection, lot_id, before)
            pictures = _pictures(connection, lot_id)
            connection.execute("BEGIN")
            try:
                _keep_figures(connection, lot_id, before)
                _delete(connection, lot_id, before)
                connection.execute(
                    f"INSERT INTO {LAKE}.closed.removal VALUES (?, ?, ?, ?)",
                    [removal_id, lot_id, before, datetime.now(UTC)],
                )
                connection.execute(f"CALL {LAKE}.set_commit_message('parkcloud', 'records removed')")
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            _rewrite(connection)
        finally:
            connection.close()
    return Done(counts, pictures)


def _require_marts(connection: duckdb.DuckDBPyConnection) -> None:
    row = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'marts' "
        "AND table_name IN ('fct_passage', 'fct_stay', 'fct_snapshot')",
        [LAKE],
    ).fetchone()
    if row is None or row[0] < 3:
        raise _not_built()


def _require_built(settings: Settings, connection: duckdb.DuckDBPyConnection, lot_id: int, before: date) -> None:
    """The figures that are kept must be those of all records that go."""
    green = last_green(connection)
    if green is None or builds_since_green(settings):
        raise _not_built()
    newer = " UNION ALL ".join(
        f"SELECT 1 FROM {LAKE}.raw.{kind} WHERE lot_id = {int(lot_id)} AND business_date < ? AND batch_seq > ?"
        for kind in KINDS
    )
    waiting = connection.execute(f"SELECT count(*) FROM ({newer})", [before, green.raw_to] * len(KINDS)).fetchone()
    touched = connection.execute(
        f"SELECT count(*) FROM {LAKE}.meta.touched WHERE lot_id = ? AND business_date < ?", [lot_id, before]
    ).fetchone()
    if (waiting and waiting[0]) or (touched and touched[0]):
        raise _not_built()


def _choose(connection: duckdb.DuckDBPyConnection, lot_id: int, before: date) -> None:
    """Temporary tables ``going`` (kind, record_id, month) and ``staying_stay``."""
    versions = " UNION ALL ".join(
        f"SELECT '{kind}' AS kind, record_id, max(business_date) AS day FROM {LAKE}.raw.{kind} "
        f"WHERE lot_id = {int(lot_id)} GROUP BY record_id"
        for kind in KINDS
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE going AS SELECT kind, record_id, date_trunc('month', day)::DATE AS month "
        f"FROM ({versions}) WHERE day < ?",
        [before],
    )
    connection.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE staying_stay AS
        SELECT stay_id, is_inner, entry_record_id, exit_record_id
        FROM {LAKE}.marts.fct_stay AS stay
        WHERE lot_id = {int(lot_id)} AND (
            business_date >= ?
            OR (state = 'open' AND business_date >= ?)
            OR (entry_record_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM going WHERE record_id = stay.entry_record_id
                AND kind = CASE WHEN stay.is_inner THEN 'inner_entry' ELSE 'entry' END))
            OR (exit_record_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM going WHERE record_id = stay.exit_record_id
                AND kind = CASE WHEN stay.is_inner THEN 'inner_exit' ELSE 'exit' END))
        )
        """,
        [before, before - MAY_BE_INSIDE],
    )
    connection.execute(
        """
        DELETE FROM going WHERE (kind, record_id) IN (
            SELECT CASE WHEN is_inner THEN 'inner_entry' ELSE 'entry' END, entry_record_id FROM staying_stay
            WHERE entry_record_id IS NOT NULL
            UNION ALL
            SELECT CASE WHEN is_inner THEN 'inner_exit' ELSE 'exit' END, exit_record_id FROM staying_stay
            WHERE exit_record_id IS NOT NULL
        )
        """
    )


def _counts(connection: duckdb.DuckDBPyConnection, lot_id: int, before: date) -> tuple[Removed, ...]:
    rows = connection.execute("SELECT kind, month, count(*) FROM going GROUP BY ALL ORDER BY ALL").fetchall()
    refused = connection.execute(f"SELECT count(*) FROM {_refused(lot_id)}", [before]).fetchone()
    found = [Removed(kind, month, records) for kind, month, records in rows]
    return (*found, *([Removed("rejected", None, refused[0])] if refused and refused[0] else []))


def _refused(lot_id: int) -> str:
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    return (
        f"{LAKE}.raw.rejected_record WHERE lot_id = {int(lot_id)} AND kind IN ({kinds}) "
        "AND CAST(received_at AS DATE) < ?"
    )


def _pictures(connection: duckdb.DuckDBPyConnection, lot_id: int) -> tuple[str, ...]:
    rows = connection.execute(
        f"""
        SELECT content_hash FROM {LAKE}.raw.snapshot
        WHERE lot_id = {int(lot_id)} AND content_hash IS NOT NULL
        GROUP BY content_hash
        HAVING bool_and(record_id IN (SELECT record_id FROM going WHERE kind = 'snapshot'))
        """
    ).fetchall()
    return tuple(digest for (digest,) in rows)


def _keep_figures(connection: duckdb.DuckDBPyConnection, lot_id: int, before: date) -> None:
    there = {
        name
        for (name,) in connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'marts'", [LAKE]
        ).fetchall()
    }
    kinds = ", ".join(f"'{kind}'" for kind in KINDS)
    for mart in (mart for mart in KEPT_MARTS if mart in there):
        only = f" AND kind IN ({kinds})" if mart == "rpt_upload_hour" else ""
        kept = f"{LAKE}.closed.{mart}"
        connection.execute(f"CREATE TABLE IF NOT EXISTS {kept} AS SELECT * FROM {LAKE}.marts.{mart} WHERE false")
        connection.execute(f"DELETE FROM {kept} WHERE lot_id = ? AND business_date < ?", [lot_id, before])
        connection.execute(
            f"INSERT INTO {kept} BY NAME SELECT * FROM {LAKE}.marts.{mart} "
            f"WHERE lot_id = ? AND business_date < ?{only}",
            [lot_id, before],
        )


def _delete(connection: duckdb.DuckDBPyConnection, lot_id: int, before: date) -> None:
    for kind in KINDS:
        connection.execute(
            f"DELETE FROM {LAKE}.raw.{kind} WHERE lot_id = ? AND business_date < ? "
            "AND record_id IN (SELECT record_id FROM going WHERE kind = ?)",
            [lot_id, before, kind],
        )
    for mart in ("marts.fct_passage", "intermediate.int_contested_version"):
        connection.execute(
            f"DELETE FROM {LAKE}.{mart} WHERE lot_id = ? AND business_date < ? "
            "AND (kind, record_id) IN (SELECT kind, record_id FROM going)",
            [lot_id, before],
        )
    connection.execute(
        f"DELETE FROM {LAKE}.marts.fct_snapshot WHERE lot_id = ? AND business_date < ? "
        "AND record_id IN (SELECT record_id FROM going WHERE kind = 'snapshot')",
        [lot_id, before],
    )
    connection.execute(
        f"DELETE FROM {LAKE}.marts.fct_stay WHERE lot_id = ? AND business_date < ? "
        "AND stay_id NOT IN (SELECT stay_id FROM staying_stay)",
        [lot_id, before],
    )
    connection.execute(f"DELETE FROM {_refused(lot_id)}", [before])


def _rewrite(connection: duckdb.DuckDBPyConnection) -> None:
    """Write the files anew that held removed rows: a deletion alone only hides them."""
    tables = [("raw", kind) for kind in (*KINDS, "rejected_record")]
    tables += [("marts", mart) for mart in ("fct_passage", "fct_stay", "fct_snapshot")]
    tables.append(("intermediate", "int_contested_version"))
    for schema, table in tables:
        connection.execute(
            f"CALL ducklake_rewrite_data_files('{LAKE}', '{table}', schema => '{schema}', delete_threshold => 0.0)"
        )


def _not_built() -> ParkError:
    return ParkError(
        zh="这些日期的记录尚未全部进入报表，不能清理：请先运行 park refresh（或等下一次自动刷新成功）后再试",
        en="records of these days are not all in the reports yet, nothing was removed: run park refresh "
        "(or wait for the next good one) and try again",
        code="not_built",
    )
