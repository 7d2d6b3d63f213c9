"""What alarms need to know of landed rows: alarm records, openings by hand, and how much each lot sends.

Belongs here: taking these out of the relations and handing them to the operational store. Does not belong here: how
events become episodes (``warehouse.alarms.episodes``), what breaks a rule (``warehouse.alarms.conditions``), the rest
of the live state (``live_state.py``).

What the cloud recorded itself is left out: the platform's own alarms are episodes already, and no word from a lot.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.alarms.episodes import fold, insert_into
from warehouse.lake.raw_tables import KINDS
from warehouse.ops.models import CountedBatch, Lot, RecentOpening, UploadSlot
from warehouse.ops.session import write_session
from warehouse.settings import Settings

KEPT: Final = timedelta(days=90)
"""Older events make no episodes: the reports have them."""
COUNTED_FOR: Final = timedelta(days=1)
SLOT_MINUTES: Final = 5

_HAPPENED: Final = "least(occurred_at, received_at)"
_CHUNK: Final = 500

Row = dict[str, Any]


def rows_of(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], now: datetime
) -> tuple[list[Row], list[Row]]:
    """Alarm records and openings of the relations, the newest revision of each."""
    return _alarms(connection, tables, now - KEPT), _openings(connection, tables, now - COUNTED_FOR)


def apply(session: Session, alarms: list[Row], openings: list[Row], known: Collection[int], now: datetime) -> None:
    """Fold them into the operational store; rows of lots that are not ``known`` are passed over."""
    fold(session, [row for row in alarms if row["lot_id"] in known], now)
    news = [row for row in openings if row["lot_id"] in known]
    if news:
        statement = insert_into(session, RecentOpening)
        changed = {name: statement.excluded[name] for name in ("revision", "is_counted", "gate_id", "opened_at")}
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["lot_id", "record_id"],
                set_=changed,
                where=statement.excluded.revision >= RecentOpening.__table__.c.revision,
            ),
            news,
        )


def count_uploads(settings: Settings, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """Add live records to the counts of their lots, each journal batch once however often it is landed.

    Args:
        settings: names the operational store.
        connection: knows the relations in ``tables``.
        tables: kind → relation with ``batch_id``, as for ``landing.land_group``.
    """
    parts = [
        f"SELECT batch_id, lot_id, received_at FROM {tables[kind]} "
        "WHERE mode = 'live' AND source IS DISTINCT FROM 'cloud'"
        for kind in KINDS
        if kind in tables
    ]
    if not parts:
        return
    now = datetime.now(UTC)
    rows = _rows(
        connection,
        f"SELECT batch_id, lot_id, time_bucket(INTERVAL {SLOT_MINUTES} MINUTE, received_at) AS slot_started_at, "
        f"count(*) AS records FROM ({' UNION ALL '.join(parts)}) WHERE received_at >= $since GROUP BY ALL ORDER BY ALL",
        {"since": now - COUNTED_FOR},
    )
    if not rows:
        return
    batches = sorted({row["batch_id"] for row in rows})
    with write_session(settings) as session:
        counted: set[str] = set()
        lots: set[int] = set()
        for start in range(0, len(batches), _CHUNK):
            part = batches[start : start + _CHUNK]
            counted.update(session.scalars(select(CountedBatch.batch_id).where(CountedBatch.batch_id.in_(part))))
        ids = sorted({row["lot_id"] for row in rows})
        for start in range(0, len(ids), _CHUNK):
            lots.update(session.scalars(select(Lot.lot_id).where(Lot.lot_id.in_(ids[start : start + _CHUNK]))))
        sums: dict[tuple[datetime, int], int] = {}
        for row in rows:
            if row["batch_id"] not in counted and row["lot_id"] in lots:
                key = (row["slot_started_at"], row["lot_id"])
                sums[key] = sums.get(key, 0) + row["records"]
        if sums:
            statement = insert_into(session, UploadSlot)
            grown = UploadSlot.__table__.c.records + statement.excluded.records
            session.execute(
                statement.on_conflict_do_update(index_elements=["slot_started_at", "lot_id"], set_={"records": grown}),
                [
                    {"slot_started_at": slot, "lot_id": lot_id, "records": records}
                    for (slot, lot_id), records in sorted(sums.items())
                ],
            )
        news = [{"batch_id": name, "counted_at": now} for name in batches if name not in counted]
        if news:
            session.execute(insert_into(session, CountedBatch).on_conflict_do_nothing(), news)


def _alarms(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], since: datetime) -> list[Row]:
    if "alarm" not in tables:
        return []
    return _rows(
        connection,
        "SELECT lot_id, record_id, revision, op = 'void' AS is_void, alarm_id, left(event, 12) AS event, "
        f"{_HAPPENED} AS occurred_at, left(alarm_type, 64) AS alarm_type, left(level, 16) AS level, "
        "left(device_id, 64) AS device_id, left(device_type, 32) AS device_type, left(gate_id, 64) AS gate_id, "
        f"left(message, 500) AS message FROM {tables['alarm']} "
        f"WHERE source IS DISTINCT FROM 'cloud' AND {_HAPPENED} >= $since "
        "AND (op = 'void' OR (alarm_id IS NOT NULL AND event IN ('raised', 'recovered'))) "
        "QUALIFY row_number() OVER (PARTITION BY lot_id, record_id ORDER BY revision DESC, batch_row DESC) = 1 "
        "ORDER BY lot_id, record_id",
        {"since": since},
    )


def _openings(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str], since: datetime) -> list[Row]:
    if "gate_opening" not in tables:
        return []
    return _rows(
        connection,
        "SELECT lot_id, record_id, revision, "
        "op = 'upsert' AND coalesce(opening_mode IN ('manual', 'remote', 'forced'), false) AS is_counted, "
        f"left(coalesce(gate_id, ''), 64) AS gate_id, {_HAPPENED} AS opened_at FROM {tables['gate_opening']} "
        f"WHERE {_HAPPENED} >= $since "
        "QUALIFY row_number() OVER (PARTITION BY lot_id, record_id ORDER BY revision DESC, batch_row DESC) = 1 "
        "ORDER BY lot_id, record_id",
        {"since": since},
    )


def _rows(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]) -> list[Row]:
    cursor = connection.execute(query, dict(parameters))
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
