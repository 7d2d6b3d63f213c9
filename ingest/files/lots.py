"""The lots that records may belong to, by code, and what the query must know about each.

Belongs here: reading lots from the operational store for file ingest. Does not belong here: editing lots.
"""

from __future__ import annotations

import duckdb
from sqlalchemy import select

from ingest.files.clock import LotColumns, steady_offset_us
from ingest.files.layers import Column, Layers, listed, quoted
from ingest.records.batch import LotContext
from warehouse.errors import ParkError
from warehouse.ops.models.tree import Lot
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

LOT_TYPE = "file_lot"


def known_lots(settings: Settings) -> dict[str, LotContext]:
    """Every lot of the operational store by code; late records of a void lot still count, over HTTP as well."""
    with ops_session(settings) as session:
        rows = session.execute(select(Lot.lot_id, Lot.code, Lot.time_zone, Lot.cutover_minutes))
        return {code: LotContext(lot_id, code, zone, cutover) for lot_id, code, zone, cutover in rows}


def lot_by_code(lots: dict[str, LotContext], code: str) -> LotContext:
    """The lot named by ``--lot``.

    Raises:
        ParkError: there is no such lot.
    """
    if code not in lots:
        raise ParkError(
            zh=f"没有代码为 {code!r} 的停车场；请先用 park lots import 建立",
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


def many_lots_columns(
    connection: duckdb.DuckDBPyConnection, layers: Layers, lots: dict[str, LotContext], code: Column
) -> LotColumns:
    """Columns that look up the lot named by ``code`` in each row; ``lot_id`` is null for a code that is not known.

    The lookup is a cast to an enumeration and a place in a list: a join would lose the order of the file's rows.
    """
    known = sorted(lots.values(), key=lambda lot: lot.code)
    names = listed(lot.code for lot in known) or quoted("")
    connection.execute(f"DROP TYPE IF EXISTS {LOT_TYPE}")
    connection.execute(f"CREATE TYPE {LOT_TYPE} AS ENUM ({names})")
    place = layers.let(f"enum_code(TRY_CAST({{0}} AS {LOT_TYPE})) + 1", code)

    def looked_up(values: list[str], form: str) -> Column:
        texts = ", ".join(values).replace("{", "{{").replace("}", "}}")
        return layers.let(f"list_extract([{texts}]::{form}[], {{0}})", place)

    offsets = [steady_offset_us(lot.time_zone) for lot in known]
    return LotColumns(
        lot_id=looked_up([str(lot.lot_id) for lot in known], "BIGINT"),
        zone=looked_up([quoted(lot.time_zone) for lot in known], "VARCHAR"),
        cutover_minutes=looked_up([str(lot.cutover_minutes) for lot in known], "BIGINT"),
        steady_us=looked_up(["NULL" if offset is None else str(offset) for offset in offsets], "BIGINT"),
    )
