"""The lots that records may belong to, by code, and what the query must know about each.

Belongs here: reading lots from the operational store for file ingest. Does not belong here: editing lots.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
from sqlalchemy import select

from ingest.files.clock import LotColumns, steady_offset_us
from ingest.files.layers import Column, quoted
from ingest.records.batch import LotContext
from warehouse.errors import ParkError
from warehouse.ops.models.tree import Lot
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

LOT_TABLE = "file_lot"


def known_lots(settings: Settings) -> dict[str, LotContext]:
    """Every lot of the operational store that is not void, by code."""
    with ops_session(settings) as session:
        rows = session.execute(select(Lot.lot_id, Lot.code, Lot.time_zone, Lot.cutover_minutes).where(~Lot.is_void))
        return {code: LotContext(lot_id, code, zone, cutover) for lot_id, code, zone, cutover in rows}


def lot_by_code(lots: dict[str, LotContext], code: str) -> LotContext:
    """The lot named by ``--lot``.

    Raises:
        ParkError: there is no such lot.
    """
    if code not in lots:
        raise ParkError(
            zh=f"没有代码为 {code!r} 的停车场;请先用 park lots import 建立",
            en=f"there is no lot with the code {code!r}; create it with park lots import first",
            code="unknown_lot",
        )
    return lots[code]


def one_lot_columns(lot: LotContext) -> LotColumns:
    """Literals for a file of one lot."""
    offset = steady_offset_us(lot.time_zone, lot.cutover_minutes)
    return LotColumns(
        lot_id=Column(f"{lot.lot_id}::BIGINT"),
        zone=Column(quoted(lot.time_zone)),
        cutover_minutes=Column(str(lot.cutover_minutes)),
        steady_us=Column("NULL::BIGINT" if offset is None else f"{offset}::BIGINT"),
    )


def many_lots_table(connection: duckdb.DuckDBPyConnection, lots: dict[str, LotContext]) -> None:
    """Put the lots into the temporary table ``file_lot`` for a file that names the lot in each row."""
    rows = sorted(lots.values(), key=lambda lot: lot.code)
    table = pa.table(
        {
            "lot_code": pa.array([lot.code for lot in rows], pa.string()),
            "lot_id": pa.array([lot.lot_id for lot in rows], pa.int64()),
            "lot_zone": pa.array([lot.time_zone for lot in rows], pa.string()),
            "lot_cutover": pa.array([lot.cutover_minutes for lot in rows], pa.int64()),
            "lot_steady": pa.array([steady_offset_us(lot.time_zone) for lot in rows], pa.int64()),
        }
    )
    connection.register("file_lot_rows", table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {LOT_TABLE} AS SELECT * FROM file_lot_rows")
    connection.unregister("file_lot_rows")


def many_lots_columns() -> LotColumns:
    """Columns of ``file_lot`` joined to each row."""
    return LotColumns(Column("lot_id"), Column("lot_zone"), Column("lot_cutover"), Column("lot_steady"))
