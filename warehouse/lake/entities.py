"""Copies people's entities from the operational store into the lake before a build.

So that a published snapshot needs no second database, and both back ends give the same types. Written only when
something changed: an unchanged copy makes no snapshot.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import duckdb
from sqlalchemy import select

from warehouse.lake.connect import LAKE
from warehouse.lake.schema import ENTITY_COLUMNS
from warehouse.ops.models import Area, AreaCapacity, Lot
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

Row = tuple[Any, ...]


def copy_entities(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """Bring ``lake.entities`` up to the operational store; the caller holds the writer lock.

    Returns:
        Whether anything had changed.
    """
    changed = False
    for entity, rows in _entities(settings).items():
        if _standing(connection, entity) == _ordered(rows):
            continue
        changed = True
        connection.execute("BEGIN")
        try:
            connection.execute(f"DELETE FROM {LAKE}.entities.{entity}")
            if rows:
                marks = ", ".join("?" for _ in ENTITY_COLUMNS[entity])
                connection.executemany(f"INSERT INTO {LAKE}.entities.{entity} VALUES ({marks})", rows)
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    return changed


def entities_differ(settings: Settings, connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the copy is behind the operational store; changes nothing."""
    return any(_standing(connection, entity) != _ordered(rows) for entity, rows in _entities(settings).items())


def clocks_changed(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether a lot's zone or cut-over differs from what the marts were built with.

    Hours, device days and days of exit follow the lot's clock, on days that no record touches as well.
    """
    row = connection.execute(
        f"""
        SELECT count(*)
        FROM {LAKE}.entities.lot AS edited
        INNER JOIN {LAKE}.marts.dim_lot AS built ON built.lot_id = edited.lot_id
        WHERE built.time_zone <> edited.time_zone OR built.cutover_minutes <> edited.cutover_minutes
        """
    ).fetchone()
    return row is not None and row[0] > 0


def _standing(connection: duckdb.DuckDBPyConnection, entity: str) -> list[Row]:
    columns = ", ".join(ENTITY_COLUMNS[entity])
    return _ordered(connection.execute(f"SELECT {columns} FROM {LAKE}.entities.{entity}").fetchall())


def _ordered(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=repr)


def _entities(settings: Settings) -> dict[str, list[Row]]:
    with ops_session(settings) as session:
        lots = session.scalars(select(Lot).order_by(Lot.lot_id)).all()
        areas = session.scalars(select(Area).order_by(Area.lot_id, Area.area_id)).all()
        capacities = session.scalars(
            select(AreaCapacity).order_by(AreaCapacity.lot_id, AreaCapacity.area_id, AreaCapacity.valid_from)
        ).all()
        return {
            "lot": [
                (
                    lot.lot_id,
                    lot.code,
                    lot.name,
                    lot.customer_id,
                    lot.customer.name,
                    lot.region,
                    lot.address,
                    lot.longitude,
                    lot.latitude,
                    lot.time_zone,
                    lot.cutover_minutes,
                    lot.is_test,
                    lot.is_void,
                )
                for lot in lots
            ],
            "area": [(area.lot_id, area.area_id, area.name, area.parent_area_id, area.is_inner) for area in areas],
            "capacity": _capacity_rows(list(capacities)),
        }


def _capacity_rows(capacities: list[AreaCapacity]) -> list[Row]:
    """Each row ends where the next one of the same lot and area begins."""
    rows: list[Row] = []
    for index, capacity in enumerate(capacities):
        following = capacities[index + 1] if index + 1 < len(capacities) else None
        ends: date | None = None
        if following and (following.lot_id, following.area_id) == (capacity.lot_id, capacity.area_id):
            ends = following.valid_from
        rows.append((capacity.lot_id, capacity.area_id, capacity.valid_from, ends, capacity.spaces))
    return rows
