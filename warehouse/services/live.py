"""Live state as people may trust it.

Belongs here: free spaces of lots with their age, from what the lander last heard. Does not belong here: history
(reports) and writing live state (ingest). A count is only live for so long; an old one is unknown and never shown as
if it were live.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.ops.models import Area, AreaFreeSpaces, Lot

LIVE_FOR = timedelta(minutes=15)
"""Age at which a count stops being live; also how far ahead of ours a lot's clock may run."""


@dataclass(frozen=True)
class LotFreeSpaces:
    """The free spaces of one lot: ``free_spaces`` is None when unknown, whatever an old count said.

    ``counted_at`` is the age-giving instant (the oldest of several areas), None when nothing was ever counted.
    """

    lot_id: int
    free_spaces: int | None
    total_spaces: int | None
    counted_at: datetime | None


@dataclass(frozen=True)
class FreeSpaces:
    """Free spaces of several lots together: the sum over the lots that are live, and how many are not."""

    free_spaces: int | None
    total_spaces: int | None
    live_lots: int
    unknown_lots: int
    oldest_counted_at: datetime | None


def free_spaces_by_lot(
    session: Session, lot_ids: Collection[int] | None, now: datetime, live_for: timedelta = LIVE_FOR
) -> list[LotFreeSpaces]:
    """Free spaces of each lot in use, ordered by id.

    Args:
        session: open session of the operational store.
        lot_ids: the lots asked for; None for every lot. Test lots and void lots are left out.
        now: the present instant.
        live_for: age from which a count is unknown.
    """
    lots = select(Lot.lot_id).where(~Lot.is_void, ~Lot.is_test).order_by(Lot.lot_id)
    counts = select(AreaFreeSpaces, Area.parent_area_id).outerjoin(
        Area, (Area.lot_id == AreaFreeSpaces.lot_id) & (Area.area_id == AreaFreeSpaces.area_id)
    )
    if lot_ids is not None:
        lots = lots.where(Lot.lot_id.in_(lot_ids))
        counts = counts.where(AreaFreeSpaces.lot_id.in_(lot_ids))
    by_lot: dict[int, list[tuple[AreaFreeSpaces, str | None]]] = {}
    for counted, parent_area_id in session.execute(counts):
        by_lot.setdefault(counted.lot_id, []).append((counted, parent_area_id))
    return [_of_lot(lot_id, by_lot.get(lot_id, []), now, live_for) for lot_id in session.scalars(lots)]


def _of_lot(
    lot_id: int, counts: list[tuple[AreaFreeSpaces, str | None]], now: datetime, live_for: timedelta
) -> LotFreeSpaces:
    # A lot's own count covers its areas, and an outer area's count covers the areas inside it.
    whole = [counted for counted, _parent in counts if counted.area_id == ""]
    used = whole or [counted for counted, parent_area_id in counts if parent_area_id is None]
    if not used:
        return LotFreeSpaces(lot_id, None, None, None)
    oldest = min(counted.counted_at for counted in used)
    newest = max(counted.counted_at for counted in used)
    is_live = now - oldest <= live_for and newest - now <= live_for
    totals = [counted.total_spaces for counted in used]
    return LotFreeSpaces(
        lot_id=lot_id,
        free_spaces=sum(counted.free_spaces for counted in used) if is_live else None,
        total_spaces=_sum(totals) if is_live else None,
        counted_at=oldest,
    )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def add_up(lots: Collection[LotFreeSpaces]) -> FreeSpaces:
    """The lots together; ``free_spaces`` is None when none is live, ``total_spaces`` when one of them is not told."""
    live = [lot for lot in lots if lot.free_spaces is not None]
    return FreeSpaces(
        free_spaces=_sum(lot.free_spaces for lot in live) if live else None,
        total_spaces=_sum(lot.total_spaces for lot in live) if live else None,
        live_lots=len(live),
        unknown_lots=len(lots) - len(live),
        oldest_counted_at=min((lot.counted_at for lot in live if lot.counted_at), default=None),
    )
