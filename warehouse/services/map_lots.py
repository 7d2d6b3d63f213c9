"""Lots as a map shows them: place, spaces, areas, and the rules of the fee in words.

Belongs here: what the map may tell about lots to whoever may see the map. Does not belong here: administering lots
(``lot_list.py``, ``lot_tariffs.py``), free spaces (``live.py``), history (reports), drawing.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import String, select, type_coerce
from sqlalchemy.orm import Session

from warehouse.geography.coordinates import Point
from warehouse.ops.models import AreaCapacity, Lot, LotLive, LotTariff
from warehouse.security.actor import Actor
from warehouse.services.linkage import Neighbour, guidance_now
from warehouse.services.live import free_spaces_of
from warehouse.services.lot_areas import nested
from warehouse.services.lot_licence import local_today
from warehouse.services.work import reading, visible_lot
from warehouse.settings import Settings
from warehouse.tariffs.document import parse
from warehouse.tariffs.words import describe

MAP: Final = "cloud_map.view"


@dataclass(frozen=True, slots=True)
class MapLot:
    """A lot on the map. ``place`` is WGS-84, None when not known; ``spaces`` is the capacity of today."""

    lot_id: int
    code: str
    name: str
    region: str | None
    address: str | None
    time_zone: str
    place: Point | None
    spaces: int | None
    searched: str


@dataclass(frozen=True)
class NamedArea:
    """An area of a lot with its spaces and its free spaces, None where not known."""

    name: str
    depth: int
    spaces: int | None
    free: int | None


@dataclass(frozen=True)
class Guidance:
    """Region linkage at a lot: the free lots its displays point to now, and names of the lots that point to it."""

    to: tuple[Neighbour, ...] = ()
    of: tuple[str, ...] = ()


def guidance_of(settings: Settings, actor: Actor, lot_id: int) -> Guidance:
    """What the displays of a lot show now; of other lots only those that the actor may see.

    Raises:
        Forbidden: the actor may not see the map, or the lot.
    """
    with reading(settings, actor, MAP) as session:
        lot = visible_lot(session, actor, lot_id)
        shown = guidance_now(session)
        pointing = [
            other
            for other, neighbours in shown.items()
            if actor.scope.allows(other) and any(one.lot_id == lot.lot_id for one in neighbours)
        ]
        names = session.scalars(select(Lot.name).where(Lot.lot_id.in_(pointing)).order_by(Lot.name))
        to = tuple(one for one in shown.get(lot.lot_id, ()) if actor.scope.allows(one.lot_id))
        return Guidance(to, tuple(names))


def read_lots(session: Session, now: datetime) -> tuple[MapLot, ...]:
    """Every lot in use, ordered by name; test lots, void and deleted ones are on no map."""
    rows = session.execute(
        select(
            Lot.lot_id, Lot.code, Lot.name, Lot.region, Lot.address, Lot.time_zone, Lot.longitude, Lot.latitude
        ).where(Lot.deleted_at.is_(None), ~Lot.is_test, ~Lot.is_void)
    ).all()
    today = {zone: local_today(zone, now) for zone in {row.time_zone for row in rows}}
    zones = {row.lot_id: row.time_zone for row in rows}
    spaces: dict[int, int] = {}
    for lot_id, valid_from, number in session.execute(
        select(AreaCapacity.lot_id, AreaCapacity.valid_from, AreaCapacity.spaces)
        .where(AreaCapacity.area_id.is_(None))
        .order_by(AreaCapacity.valid_from, AreaCapacity.capacity_id)
    ):
        if lot_id in zones and valid_from <= today[zones[lot_id]]:
            spaces[lot_id] = number
    lots = [
        MapLot(
            lot_id=row.lot_id,
            code=row.code,
            name=row.name,
            region=row.region,
            address=row.address,
            time_zone=row.time_zone,
            place=_place(row.longitude, row.latitude),
            spaces=spaces.get(row.lot_id),
            searched="\n".join(part for part in (row.name, row.code, row.address, row.region) if part).casefold(),
        )
        for row in rows
    ]
    return tuple(sorted(lots, key=lambda lot: (lot.name, lot.code)))


def _place(longitude: float | None, latitude: float | None) -> Point | None:
    return None if longitude is None or latitude is None else Point(longitude, latitude)


def last_heard(session: Session) -> dict[int, Any]:
    """For each lot that was ever heard something that changes whenever it is heard again."""
    # As the store writes it: ten thousand instants are not made for a comparison.
    rows = session.execute(select(LotLive.lot_id, type_coerce(LotLive.received_at, String)))
    return {row[0]: row[1] for row in rows}


def fee_rules(
    settings: Settings, actor: Actor, lot_ids: Collection[int], language: str, *, now: datetime | None = None
) -> dict[int, tuple[str, ...]]:
    """The rules of today's tariff in words, one a line, by lot; lots without one, and those of others, are left out.

    Raises:
        Forbidden: the actor may not see the map.
    """
    moment = now or datetime.now(UTC)
    with reading(settings, actor, MAP) as session:
        allowed = [lot_id for lot_id in lot_ids if actor.scope.allows(lot_id)]
        rows = session.execute(
            select(LotTariff.lot_id, LotTariff.valid_from, LotTariff.document, Lot.time_zone)
            .join(Lot, Lot.lot_id == LotTariff.lot_id)
            .where(LotTariff.lot_id.in_(allowed))
            .order_by(LotTariff.valid_from)
        ).all()
    documents = {row.lot_id: row.document for row in rows if row.valid_from <= local_today(row.time_zone, moment)}
    return {lot_id: _in_words(json.dumps(document, sort_keys=True), language) for lot_id, document in documents.items()}


@lru_cache(maxsize=4096)
def _in_words(document: str, language: str) -> tuple[str, ...]:
    return tuple(describe(parse(json.loads(document)), language))


def areas_of(settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None) -> list[NamedArea]:
    """The areas of a lot with spaces and free spaces, each behind the one around it.

    Raises:
        Forbidden: the actor may not see the map, or the lot.
    """
    moment = now or datetime.now(UTC)
    with reading(settings, actor, MAP) as session:
        lot = visible_lot(session, actor, lot_id)
        found = free_spaces_of(session, [lot.lot_id], moment).get(lot.lot_id)
        known = {area.area_id: area for area in found.areas} if found is not None else {}
        return [
            NamedArea(
                area.name,
                depth,
                known[area.area_id].total_spaces if area.area_id in known else None,
                known[area.area_id].free_spaces if area.area_id in known else None,
            )
            for area, depth in nested(session, lot_id)
        ]
