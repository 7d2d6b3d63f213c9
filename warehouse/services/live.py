"""Live state as people may trust it.

Belongs here: free spaces of lots with their age, from what the lander last heard. Does not belong here: history
(reports) and writing live state (ingest).

A count is live for as long as its lot's setting says. After that it is carried on with the entries and exits since,
and says that it is derived, for as long as the lot goes on sending. What is older, or of a silent lot, is unknown and
never shown as if it were live.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import InstrumentedAttribute

from warehouse.ops.models import Area, AreaCapacity, AreaFreeSpaces, Gate, LivePassage, Lot, LotLive

LIVE_FOR: Final = timedelta(minutes=15)
"""How far ahead of ours a lot's clock may run; also how long a count is live in a lot that was not set otherwise."""
DERIVED_FOR: Final = timedelta(hours=12)
"""Age from which a count is not carried on any more: every car that a camera missed makes it more wrong."""
PASSAGE_KINDS: Final = ("entry", "exit", "inner_entry", "inner_exit")
_ENTERING: Final = ("entry", "inner_entry")
_INNER: Final = ("inner_entry", "inner_exit")
_CHUNK: Final = 500

State = Literal["live", "derived", "unknown"]


@dataclass(frozen=True)
class AreaSpaces:
    """The free spaces of one area; see ``LotFreeSpaces``."""

    area_id: str
    free_spaces: int | None
    total_spaces: int | None
    state: State
    counted_at: datetime | None


@dataclass(frozen=True)
class LotFreeSpaces:
    """The free spaces of one lot: ``free_spaces`` is None when unknown, whatever an old count said.

    ``counted_at`` is the age-giving instant (the oldest of several areas), None when nothing was ever counted.
    ``total_spaces`` is what was counted with, or else the capacity in force. ``areas`` are those that the lot counts
    or that have a capacity, nested ones as well, ordered by id.
    """

    lot_id: int
    free_spaces: int | None
    total_spaces: int | None
    state: State
    counted_at: datetime | None
    areas: tuple[AreaSpaces, ...] = ()


@dataclass(frozen=True)
class FreeSpaces:
    """Free spaces of several lots together: the sum over the lots that are known, and how many are not."""

    free_spaces: int | None
    total_spaces: int | None
    live_lots: int
    derived_lots: int
    unknown_lots: int
    oldest_counted_at: datetime | None


@dataclass(frozen=True)
class _Lot:
    lot_id: int
    live_for: timedelta
    time_zone: str
    heard_at: datetime | None


@dataclass(frozen=True)
class _Count:
    free_spaces: int
    total_spaces: int | None
    counted_at: datetime


_ByArea = dict[str, int]
_Counts = dict[int, dict[str, _Count]]


def free_spaces_of(session: Session, lot_ids: Collection[int] | None, now: datetime) -> dict[int, LotFreeSpaces]:
    """Free spaces of each lot in use, by id, ordered by id.

    Args:
        session: open session of the operational store.
        lot_ids: the lots asked for; None for every lot. Test lots and void lots are left out.
        now: the present instant.
    """
    lots = _lots(session, lot_ids)
    counts = _counts(session, lot_ids)
    parents = _parents(session, lot_ids)
    capacities = _capacities(session, lots, lot_ids, now)
    derivable = [lot for lot in lots.values() if _may_derive(lot, counts.get(lot.lot_id, {}), now)]
    carried = _carried_on(session, derivable, counts, parents)
    return {
        lot_id: _of_lot(
            lot,
            counts.get(lot_id, {}),
            parents.get(lot_id, {}),
            capacities.get(lot_id, {}),
            carried.get(lot_id, {}),
            now,
        )
        for lot_id, lot in lots.items()
    }


def _rows_of(
    session: Session,
    query: Select[*tuple[Any, ...]],
    column: InstrumentedAttribute[int],
    lot_ids: Collection[int] | None,
) -> Iterable[Any]:
    """Rows of these lots; of all of them when so many are asked for that naming each costs more."""
    if lot_ids is not None and len(lot_ids) <= _CHUNK:
        query = query.where(column.in_(lot_ids))
    return session.execute(query)


def _lots(session: Session, lot_ids: Collection[int] | None) -> dict[int, _Lot]:
    query = (
        select(Lot.lot_id, Lot.free_space_minutes, Lot.time_zone, LotLive.received_at)
        .outerjoin(LotLive, LotLive.lot_id == Lot.lot_id)
        .where(~Lot.is_void, ~Lot.is_test)
        .order_by(Lot.lot_id)
    )
    wanted = None if lot_ids is None else set(lot_ids)
    return {
        lot_id: _Lot(lot_id, timedelta(minutes=minutes), time_zone, heard_at)
        for lot_id, minutes, time_zone, heard_at in _rows_of(session, query, Lot.lot_id, lot_ids)
        if wanted is None or lot_id in wanted
    }


def _counts(session: Session, lot_ids: Collection[int] | None) -> _Counts:
    query = select(
        AreaFreeSpaces.lot_id,
        AreaFreeSpaces.area_id,
        AreaFreeSpaces.free_spaces,
        AreaFreeSpaces.total_spaces,
        AreaFreeSpaces.counted_at,
    )
    counts: _Counts = {}
    for lot_id, area_id, free, total, at in _rows_of(session, query, AreaFreeSpaces.lot_id, lot_ids):
        counts.setdefault(lot_id, {})[area_id] = _Count(free, total, at)
    return counts


def _parents(session: Session, lot_ids: Collection[int] | None) -> dict[int, dict[str, str | None]]:
    query = select(Area.lot_id, Area.area_id, Area.parent_area_id)
    parents: dict[int, dict[str, str | None]] = {}
    for lot_id, area_id, parent in _rows_of(session, query, Area.lot_id, lot_ids):
        parents.setdefault(lot_id, {})[area_id] = parent
    return parents


def _capacities(
    session: Session, lots: Mapping[int, _Lot], lot_ids: Collection[int] | None, now: datetime
) -> dict[int, _ByArea]:
    """Spaces in force today, of the lot ("") and its areas."""
    query = select(AreaCapacity.lot_id, AreaCapacity.area_id, AreaCapacity.valid_from, AreaCapacity.spaces).order_by(
        AreaCapacity.valid_from
    )
    days = {zone: now.astimezone(ZoneInfo(zone)).date() for zone in {lot.time_zone for lot in lots.values()}}
    found: dict[int, _ByArea] = {}
    for lot_id, area_id, valid_from, spaces in _rows_of(session, query, AreaCapacity.lot_id, lot_ids):
        if lot_id in lots and valid_from <= days[lots[lot_id].time_zone]:
            found.setdefault(lot_id, {})[area_id or ""] = spaces
    return found


def _is_live(lot: _Lot, counted_at: datetime, now: datetime) -> bool:
    return now - counted_at <= lot.live_for and counted_at - now <= LIVE_FOR


def _may_derive(lot: _Lot, counts: Mapping[str, _Count], now: datetime) -> bool:
    """Whether the lot still sends and one of its counts is too old to be live, and not too old to be carried on."""
    if lot.heard_at is None or now - lot.heard_at > lot.live_for:
        return False
    return any(lot.live_for < now - count.counted_at <= DERIVED_FOR for count in counts.values())


def _carried_on(
    session: Session, lots: Sequence[_Lot], counts: _Counts, parents: Mapping[int, Mapping[str, str | None]]
) -> dict[int, _ByArea]:
    """By how much the free spaces of each counted area changed since its count, by lot.

    The lot's own count changes with its outer gates. An area's count changes with the outer gates that lead into it
    or into an area inside it, and with the inner gates of its own. Where a passage names neither area nor a gate that
    does, no area of the lot can be carried on.
    """
    changes: dict[int, _ByArea] = {lot.lot_id: dict.fromkeys(counts.get(lot.lot_id, {}), 0) for lot in lots}
    where = func.coalesce(LivePassage.area_id, Gate.area_id)
    for start in range(0, len(lots), _CHUNK):
        query: Select[*tuple[Any, ...]] = (
            select(AreaFreeSpaces.lot_id, AreaFreeSpaces.area_id, where, LivePassage.kind, func.count())
            .join(
                LivePassage,
                (LivePassage.lot_id == AreaFreeSpaces.lot_id)
                & (LivePassage.occurred_at > AreaFreeSpaces.counted_at)
                & ~LivePassage.is_void,
            )
            .outerjoin(Gate, (Gate.lot_id == LivePassage.lot_id) & (Gate.gate_id == LivePassage.gate_id))
            .group_by(AreaFreeSpaces.lot_id, AreaFreeSpaces.area_id, where, LivePassage.kind)
        )
        ids = [lot.lot_id for lot in lots[start : start + _CHUNK]]
        for lot_id, area_id, place, kind, passages in _rows_of(session, query, AreaFreeSpaces.lot_id, ids):
            of_lot, is_inner = changes[lot_id], kind in _INNER
            change = -passages if kind in _ENTERING else passages
            if area_id == "":
                of_lot[area_id] += 0 if is_inner else change
            elif place is None:
                of_lot.pop(area_id, None)
            elif area_id in of_lot and (
                place == area_id or (not is_inner and _is_inside(parents.get(lot_id, {}), place, area_id))
            ):
                of_lot[area_id] += change
    return changes


def _is_inside(parents: Mapping[str, str | None], area_id: str, outer: str) -> bool:
    seen: set[str] = set()
    parent = parents.get(area_id)
    while parent is not None and parent not in seen:
        if parent == outer:
            return True
        seen.add(parent)
        parent = parents.get(parent)
    return False


def _of_lot(
    lot: _Lot,
    counts: Mapping[str, _Count],
    parents: Mapping[str, str | None],
    capacities: _ByArea,
    carried: _ByArea,
    now: datetime,
) -> LotFreeSpaces:
    def spaces_of(area_id: str) -> AreaSpaces:
        return _of_area(lot, area_id, counts.get(area_id), capacities.get(area_id), carried.get(area_id), now)

    areas = {area_id: spaces_of(area_id) for area_id in sorted({*counts, *capacities} - {""})}
    # A lot's own count covers its areas, and an outer area's count covers the areas inside it.
    parts = [area for area_id, area in areas.items() if area_id in counts and parents.get(area_id) is None]
    whole = spaces_of("")
    if parts and (whole.counted_at is None or (whole.state != "live" and all(part.state == "live" for part in parts))):
        whole = _together(parts, whole.total_spaces)
    return LotFreeSpaces(
        lot_id=lot.lot_id,
        free_spaces=whole.free_spaces,
        total_spaces=whole.total_spaces,
        state=whole.state,
        counted_at=whole.counted_at,
        areas=tuple(areas.values()),
    )


def _of_area(
    lot: _Lot, area_id: str, count: _Count | None, capacity: int | None, carried: int | None, now: datetime
) -> AreaSpaces:
    if count is None:
        return AreaSpaces(area_id, None, capacity, "unknown", None)
    total = count.total_spaces if count.total_spaces is not None else capacity
    if _is_live(lot, count.counted_at, now):
        return AreaSpaces(area_id, count.free_spaces, total, "live", count.counted_at)
    if carried is None or not lot.live_for < now - count.counted_at <= DERIVED_FOR:
        return AreaSpaces(area_id, None, total, "unknown", count.counted_at)
    free = max(count.free_spaces + carried, 0)
    return AreaSpaces(area_id, free if total is None else min(free, total), total, "derived", count.counted_at)


def _together(parts: Sequence[AreaSpaces], capacity: int | None) -> AreaSpaces:
    states = {part.state for part in parts}
    state: State = "unknown" if "unknown" in states else "derived" if "derived" in states else "live"
    total = _sum(part.total_spaces for part in parts)
    return AreaSpaces(
        area_id="",
        free_spaces=_sum(part.free_spaces for part in parts),
        total_spaces=total if total is not None else capacity,
        state=state,
        counted_at=min(part.counted_at for part in parts if part.counted_at is not None),
    )


def _sum(values: Iterable[int | None]) -> int | None:
    total = 0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def add_up(lots: Collection[LotFreeSpaces]) -> FreeSpaces:
    """The lots together; ``free_spaces`` is None when none is known, ``total_spaces`` when one of them is not told."""
    known = [lot for lot in lots if lot.free_spaces is not None]
    return FreeSpaces(
        free_spaces=_sum(lot.free_spaces for lot in known) if known else None,
        total_spaces=_sum(lot.total_spaces for lot in known) if known else None,
        live_lots=sum(lot.state == "live" for lot in known),
        derived_lots=sum(lot.state == "derived" for lot in known),
        unknown_lots=len(lots) - len(known),
        oldest_counted_at=min((lot.counted_at for lot in known if lot.counted_at), default=None),
    )
