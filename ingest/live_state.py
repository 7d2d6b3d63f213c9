"""Live state: the newest word of each lot, device, free-space count and alarm, in the operational store.

Belongs here: folding landed rows into lot_live, area_free_spaces, device_live and open_alarm. Does not belong here:
reading the live state, or anything of the lake besides the relations handed in.

Only newer news replaces older news, so applying rows twice, late or out of order is harmless. A time that lies after
its receipt (a lot's clock runs fast) counts as the time of receipt, or nothing true could replace it for hours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import duckdb
from sqlalchemy import ColumnElement, Table, case, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ingest import alarm_state
from warehouse.lake.raw_tables import KINDS
from warehouse.ops.models import AreaFreeSpaces, DeviceLive, Lot, LotLive, OpenAlarm
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

_HAPPENED: Final = "least(occurred_at, received_at)"
_NEWEST: Final = f"ORDER BY {_HAPPENED} DESC, revision DESC, batch_row DESC"
_CHUNK: Final = 500

Row = dict[str, Any]


def apply(settings: Settings, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """Fold rows into the live state; rows of lots that are not in the operational store are passed over.

    Args:
        settings: names the operational store.
        connection: knows the relations in ``tables``.
        tables: kind → relation, as for ``landing.land``.
    """
    lots = _heard(connection, tables)
    if not lots:
        return
    heartbeats = _newest(
        connection,
        tables,
        "heartbeat",
        ["lot_id"],
        {"heartbeat_at": _HAPPENED, "pending_records": "least(pending_records, 2147483647)"},
    )
    counts = _newest(
        connection,
        tables,
        "free_space_count",
        ["lot_id", "coalesce(area_id, '') AS area_id"],
        {"counted_at": _HAPPENED, "free_spaces": "free_spaces", "total_spaces": "total_spaces"},
        where="free_spaces IS NOT NULL",
    )
    devices = _newest(
        connection,
        tables,
        "device_state",
        ["lot_id", "device_id"],
        {"device_type": "left(device_type, 32)", "state": "left(state, 32)", "reported_at": _HAPPENED},
        where="device_id IS NOT NULL AND state IS NOT NULL AND device_type IS NOT NULL",
    )
    alarms = _alarms(connection, tables)
    now = datetime.now(UTC)
    for_rules = alarm_state.rows_of(connection, tables, now)
    with ops_session(settings) as session:
        known = _known_lots(session, lots)
        # Written first: the rows it locks keep a second writer away from the read and write of the alarms below.
        _upsert_lots(session, [row for row in lots if row["lot_id"] in known])
        _upsert_heartbeats(session, [row for row in heartbeats if row["lot_id"] in known])
        _upsert(session, AreaFreeSpaces, [row for row in counts if row["lot_id"] in known], "counted_at")
        _upsert(session, DeviceLive, [row for row in devices if row["lot_id"] in known], "reported_at")
        _fold_alarms(session, [row for row in alarms if row["lot_id"] in known])
        alarm_state.apply(session, *for_rules, known, now)


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _heard(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> list[Row]:
    union = " UNION ALL ".join(
        # What the cloud recorded itself is not word from the lot.
        f"SELECT lot_id, received_at, lot_clock FROM {tables[kind]} WHERE source IS DISTINCT FROM 'cloud'"
        for kind in KINDS
        if kind in tables
    )
    if not union:
        return []
    return _rows(
        connection,
        "SELECT lot_id, max(received_at) AS received_at, epoch(arg_max(lot_clock, received_at)) "
        "- epoch(arg_max(received_at, received_at) FILTER (lot_clock IS NOT NULL)) AS clock_drift_seconds "
        f"FROM ({union}) GROUP BY lot_id ORDER BY lot_id",
    )


def _newest(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, str],
    kind: str,
    keys: Sequence[str],
    values: Mapping[str, str],
    where: str = "true",
) -> list[Row]:
    """The newest row of ``kind`` per key."""
    if kind not in tables:
        return []
    chosen = ", ".join([*keys, *(f"{expression} AS {name}" for name, expression in values.items())])
    names = ", ".join(key.split(" AS ")[-1] for key in keys)
    return _rows(
        connection,
        f"SELECT {chosen} FROM (SELECT * REPLACE ({_HAPPENED} AS occurred_at) FROM {tables[kind]} "
        f"WHERE op = 'upsert' AND {where}) QUALIFY row_number() OVER (PARTITION BY {names} {_NEWEST}) = 1 "
        f"ORDER BY {names}",
    )


def _alarms(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> list[Row]:
    if "alarm" not in tables:
        return []
    return _rows(
        connection,
        "SELECT lot_id, alarm_id, left(arg_max(alarm_type, occurred_at), 64) AS alarm_type, "
        "left(arg_max(level, occurred_at), 16) AS level, left(arg_max(message, occurred_at), 500) AS message, "
        f"max({_HAPPENED}) FILTER (event = 'raised') AS raised_at, "
        f"max({_HAPPENED}) FILTER (event = 'recovered') AS recovered_at "
        f"FROM {tables['alarm']} WHERE op = 'upsert' AND alarm_id IS NOT NULL AND event IN ('raised', 'recovered') "
        "GROUP BY lot_id, alarm_id ORDER BY lot_id, alarm_id",
    )


def _known_lots(session: Session, lots: Sequence[Row]) -> set[int]:
    wanted = [row["lot_id"] for row in lots]
    known: set[int] = set()
    for start in range(0, len(wanted), _CHUNK):
        known.update(session.scalars(select(Lot.lot_id).where(Lot.lot_id.in_(wanted[start : start + _CHUNK]))))
    return known


def _insert(session: Session, model: type[Any]) -> Any:
    dialect = session.get_bind().dialect.name
    table: Table = model.__table__
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


def _upsert(session: Session, model: type[Any], rows: Sequence[Row], newer: str) -> None:
    if not rows:
        return
    keys = [column.name for column in model.__table__.primary_key]
    statement = _insert(session, model)
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in rows[0] if name not in keys},
        where=statement.excluded[newer] >= model.__table__.c[newer],
    )
    session.execute(statement, list(rows))


def _upsert_lots(session: Session, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = LotLive.__table__
    statement = _insert(session, LotLive)
    statement = statement.on_conflict_do_update(
        index_elements=["lot_id"],
        set_={
            "received_at": statement.excluded.received_at,
            "clock_drift_seconds": func.coalesce(statement.excluded.clock_drift_seconds, table.c.clock_drift_seconds),
        },
        where=statement.excluded.received_at >= table.c.received_at,
    )
    session.execute(statement, list(rows))


def _upsert_heartbeats(session: Session, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = LotLive.__table__
    statement = _insert(session, LotLive)
    newer: ColumnElement[bool] = (table.c.heartbeat_at.is_(None)) | (
        statement.excluded.heartbeat_at >= table.c.heartbeat_at
    )
    statement = statement.on_conflict_do_update(
        index_elements=["lot_id"],
        set_={
            "heartbeat_at": case((newer, statement.excluded.heartbeat_at), else_=table.c.heartbeat_at),
            "pending_records": case((newer, statement.excluded.pending_records), else_=table.c.pending_records),
        },
    )
    session.execute(statement, [row | {"received_at": row["heartbeat_at"]} for row in rows])


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return max(one, other)


def _fold_alarms(session: Session, rows: Sequence[Row]) -> None:
    """Keep the newest raised and recovered times; an alarm raised after its recovery is open again."""
    for row in rows:
        raised, recovered = row["raised_at"], row["recovered_at"]
        newest = _later(raised, recovered)
        found = session.get(OpenAlarm, (row["lot_id"], row["alarm_id"]))
        if found is None:
            found = OpenAlarm(lot_id=row["lot_id"], alarm_id=row["alarm_id"])
            session.add(found)
            known = None
        else:
            known = _later(found.raised_at, found.recovered_at)
        if newest is not None and (known is None or newest >= known):
            for name in ("alarm_type", "level", "message"):
                setattr(found, name, row[name] if row[name] is not None else getattr(found, name))
        raised = _later(raised, found.raised_at)
        recovered = _later(recovered, found.recovered_at)
        if raised is not None and recovered is not None and raised > recovered:
            recovered = None
        found.raised_at, found.recovered_at = raised, recovered
