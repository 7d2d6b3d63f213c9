"""Live state: the newest word of each lot, device, free-space count and alarm, in the operational store.

Belongs here: folding landed rows into lot_live, area_free_spaces, live_passage, device_live and open_alarm. Does not
belong here: reading the live state, following the journal (``live_follow.py``), or anything of the lake besides the
relations handed in.

Only newer news replaces older news, so applying rows twice, late or out of order is harmless: of two values of one
instant the higher revision counts, then the higher fingerprint. A time that lies after its receipt (a lot's clock runs
fast) counts as the time of receipt, or nothing true could replace it for hours.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import duckdb
from sqlalchemy import ColumnElement, Table, case, delete, func, or_, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ingest import alarm_state
from warehouse.lake.raw_tables import KINDS
from warehouse.ops.models import AreaFreeSpaces, DeviceLive, LivePassage, Lot, LotLive, OpenAlarm
from warehouse.ops.session import ops_session
from warehouse.services.live import DERIVED_FOR, PASSAGE_KINDS
from warehouse.settings import Settings

_HAPPENED: Final = "least(occurred_at, received_at)"
_CHUNK: Final = 500
_KEPT_AFTER_COUNT: Final = timedelta(hours=1)
"""A passage before the last count is kept this long, so that an older copy of a corrected one cannot come back."""

Row = dict[str, Any]


def apply(settings: Settings, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """Fold rows into the live state; rows of lots that are not in the operational store are passed over.

    Args:
        settings: names the operational store.
        connection: knows the relations in ``tables``.
        tables: kind → relation, as for ``landing.land``.
    """
    with alone(settings):
        fold(settings, connection, tables)


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """Those who write live state take turns."""
    settings.journal_path.mkdir(parents=True, exist_ok=True)
    with (settings.journal_path / "live.lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fold(settings: Settings, connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> None:
    """As ``apply``, for a caller that is ``alone``."""
    lots = _heard(connection, tables)
    if not lots:
        return
    heartbeats = _newest(
        connection,
        tables,
        "heartbeat",
        ["lot_id"],
        {"heartbeat_at": _HAPPENED, "pending_records": "least(pending_records, 2147483647)"},
        order="heartbeat_at DESC, pending_records DESC NULLS LAST",
    )
    counts = _newest(
        connection,
        tables,
        "free_space_count",
        ["lot_id", "coalesce(area_id, '') AS area_id"],
        {
            "counted_at": _HAPPENED,
            "free_spaces": "free_spaces",
            "total_spaces": "total_spaces",
            "revision": "revision",
            "fingerprint": _fingerprint("record_id", "free_spaces", "total_spaces"),
        },
        order="counted_at DESC, revision DESC, fingerprint DESC",
        where="free_spaces IS NOT NULL",
    )
    devices = _newest(
        connection,
        tables,
        "device_state",
        ["lot_id", "device_id"],
        {
            "device_type": "left(device_type, 32)",
            "state": "left(state, 32)",
            "reported_at": _HAPPENED,
            "revision": "revision",
            "fingerprint": _fingerprint("record_id", "device_type", "state"),
        },
        order="reported_at DESC, revision DESC, fingerprint DESC",
        where="device_id IS NOT NULL AND state IS NOT NULL AND device_type IS NOT NULL",
    )
    passages = _passages(connection, tables)
    alarms = _alarms(connection, tables)
    now = datetime.now(UTC)
    for_rules = alarm_state.rows_of(connection, tables, now)
    with ops_session(settings) as session:
        known = _known_lots(session, lots)
        # Written first: the rows it locks keep a second writer away from the read and write of the alarms below.
        _upsert_lots(session, _of(known, lots))
        _upsert_heartbeats(session, _of(known, heartbeats))
        _upsert(session, AreaFreeSpaces, _of(known, counts), ("counted_at", "revision", "fingerprint"))
        _upsert(session, DeviceLive, _of(known, devices), ("reported_at", "revision", "fingerprint"))
        _upsert(session, LivePassage, _of(known, passages), ("revision", "is_void", "occurred_at"))
        _fold_alarms(session, _of(known, alarms))
        alarm_state.apply(session, *for_rules, known, now)


def forget(session: Session) -> None:
    """Empty what a rebuild fills anew; alarms stay, because people's notes hang on them."""
    for model in (AreaFreeSpaces, DeviceLive, LivePassage, LotLive):
        session.execute(delete(model))


def prune(session: Session, now: datetime) -> int:
    """Delete passages that no count will be carried on with any more; returns how many."""
    counted = (
        select(func.min(AreaFreeSpaces.counted_at))
        .where(AreaFreeSpaces.lot_id == LivePassage.lot_id)
        .correlate(LivePassage)
        .scalar_subquery()
    )
    result = session.execute(
        delete(LivePassage)
        .where(
            or_(
                LivePassage.occurred_at < now - DERIVED_FOR,
                (LivePassage.received_at < now - _KEPT_AFTER_COUNT) & (LivePassage.occurred_at <= counted),
            )
        )
        .execution_options(synchronize_session=False)
    )
    return int(result.rowcount)  # type: ignore[attr-defined]


def _of(known: set[int], rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["lot_id"] in known]


def _fingerprint(*columns: str) -> str:
    return f"left(md5(concat_ws('|', {', '.join(columns)})), 16)"


def _rows(connection: duckdb.DuckDBPyConnection, query: str) -> list[Row]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description or []]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _heard(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> list[Row]:
    union = " UNION ALL ".join(
        # What the cloud recorded itself is not word from the lot; a file comes long after its lot's clock was read.
        "SELECT lot_id, received_at, CASE WHEN source NOT LIKE 'file:%' THEN lot_clock END AS lot_clock "
        f"FROM {tables[kind]} WHERE source IS DISTINCT FROM 'cloud'"
        for kind in KINDS
        if kind in tables
    )
    if not union:
        return []
    return _rows(
        connection,
        "SELECT lot_id, max(received_at) AS received_at, "
        "epoch(arg_max(lot_clock, (received_at, lot_clock)) FILTER (lot_clock IS NOT NULL)) "
        "- epoch(max(received_at) FILTER (lot_clock IS NOT NULL)) AS clock_drift_seconds, "
        "max(received_at) FILTER (lot_clock IS NOT NULL) AS drift_at "
        f"FROM ({union}) GROUP BY lot_id ORDER BY lot_id",
    )


def _newest(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, str],
    kind: str,
    keys: Sequence[str],
    values: Mapping[str, str],
    order: str,
    where: str = "true",
) -> list[Row]:
    """The newest row of ``kind`` per key."""
    if kind not in tables:
        return []
    chosen = ", ".join([*keys, *(f"{expression} AS {name}" for name, expression in values.items())])
    names = ", ".join(key.split(" AS ")[-1] for key in keys)
    return _rows(
        connection,
        f"SELECT * FROM (SELECT {chosen} FROM {tables[kind]} WHERE op = 'upsert' AND {where}) "
        f"QUALIFY row_number() OVER (PARTITION BY {names} ORDER BY {order}) = 1 ORDER BY {names}",
    )


def _passages(connection: duckdb.DuckDBPyConnection, tables: Mapping[str, str]) -> list[Row]:
    """The newest version of each passage that a count may have to be carried on with."""
    since = (datetime.now(UTC) - DERIVED_FOR).isoformat(sep=" ")
    union = " UNION ALL ".join(
        f"SELECT lot_id, '{kind}' AS kind, record_id, revision, {_HAPPENED} AS occurred_at, received_at, "
        f"gate_id, area_id, op = 'void' AS is_void FROM {tables[kind]} WHERE occurred_at >= TIMESTAMPTZ '{since}'"
        for kind in PASSAGE_KINDS
        if kind in tables
    )
    if not union:
        return []
    return _rows(
        connection,
        f"SELECT * FROM ({union}) QUALIFY row_number() OVER (PARTITION BY lot_id, kind, record_id "
        "ORDER BY revision DESC, is_void DESC, occurred_at DESC) = 1 ORDER BY lot_id, kind, record_id",
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


def _upsert(session: Session, model: type[Any], rows: Sequence[Row], newer: Sequence[str]) -> None:
    if not rows:
        return
    keys = [column.name for column in model.__table__.primary_key]
    statement = _insert(session, model)
    statement = statement.on_conflict_do_update(
        index_elements=keys,
        set_={name: statement.excluded[name] for name in rows[0] if name not in keys},
        where=tuple_(*(statement.excluded[name] for name in newer))
        > tuple_(*(model.__table__.c[name] for name in newer)),
    )
    session.execute(statement, list(rows))


def _upsert_lots(session: Session, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = LotLive.__table__
    statement = _insert(session, LotLive)
    new = statement.excluded
    heard = new.received_at > table.c.received_at
    compared = new.drift_at.is_not(None) & (
        table.c.drift_at.is_(None)
        | (tuple_(new.drift_at, new.clock_drift_seconds) > tuple_(table.c.drift_at, table.c.clock_drift_seconds))
    )
    statement = statement.on_conflict_do_update(
        index_elements=["lot_id"],
        set_={
            "received_at": case((heard, new.received_at), else_=table.c.received_at),
            "clock_drift_seconds": case((compared, new.clock_drift_seconds), else_=table.c.clock_drift_seconds),
            "drift_at": case((compared, new.drift_at), else_=table.c.drift_at),
        },
    )
    session.execute(statement, list(rows))


def _upsert_heartbeats(session: Session, rows: Sequence[Row]) -> None:
    if not rows:
        return
    table = LotLive.__table__
    statement = _insert(session, LotLive)
    pending = func.coalesce(statement.excluded.pending_records, -1)
    newer: ColumnElement[bool] = (table.c.heartbeat_at.is_(None)) | (
        tuple_(statement.excluded.heartbeat_at, pending)
        > tuple_(table.c.heartbeat_at, func.coalesce(table.c.pending_records, -1))
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
