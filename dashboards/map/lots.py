"""The lots on the map, held once in this process for all who look.

Belongs here: keeping what was read for a moment, cutting it to the visitor's lots and search. Does not belong here:
reading (``warehouse.services.map_lots``), drawing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from threading import Lock
from typing import Final

from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor
from warehouse.services.live import LotFreeSpaces, free_spaces_of
from warehouse.services.map_lots import MAP, MapLot, read_lots
from warehouse.settings import Settings

LOTS_SECONDS: Final = 15.0
COUNTS_SECONDS: Final = 1.0
"""How long lots and counts are kept: a page asks for them each few seconds, its map once more for every tile."""


@dataclass(frozen=True)
class Shown:
    """The lots that somebody sees, ordered by name, and the counts of all lots.

    ``version`` changes when any of these lots or counts does.
    """

    lots: Sequence[MapLot]
    counts: Mapping[int, LotFreeSpaces]

    def count(self, lot: MapLot) -> LotFreeSpaces:
        """What is known of the lot's free spaces."""
        return self.counts.get(lot.lot_id) or LotFreeSpaces(lot.lot_id, None, None, "unknown", None)

    def total(self, lot: MapLot) -> int | None:
        """Its spaces: those counted with the free ones, else its capacity of today."""
        counted = self.count(lot).total_spaces
        return lot.spaces if counted is None else counted

    @property
    def version(self) -> str:
        """Stands in addresses, so that a browser asks again only when something is new."""
        told = hash(
            tuple((lot.code, lot.name, lot.place, self.count(lot).free_spaces, self.total(lot)) for lot in self.lots)
        )
        return format(told & 0xFFFFFFFFFFFF, "x")


@dataclass
class MapLots:
    """What was read last, and when."""

    settings: Settings
    _lots: tuple[MapLot, ...] = ()
    _counts: dict[int, LotFreeSpaces] = field(default_factory=dict)
    _lots_read: float = float("-inf")
    _counts_read: float = float("-inf")
    _reading: Lock = field(default_factory=Lock)

    def of(self, actor: Actor, search: str = "") -> Shown:
        """The actor's lots whose name, code, address or region holds every word of ``search``.

        Raises:
            Forbidden: the actor may not see the map.
        """
        actor.require(MAP)
        lots, counts = self._fresh()
        words = search.casefold().split()
        allowed = actor.scope.lot_ids
        seen = lots if isinstance(allowed, str) else [lot for lot in lots if lot.lot_id in allowed]
        if words:
            seen = [lot for lot in seen if all(word in lot.searched for word in words)]
        return Shown(seen, counts)

    def _fresh(self) -> tuple[tuple[MapLot, ...], dict[int, LotFreeSpaces]]:
        with self._reading:
            now, moment = time.monotonic(), datetime.now(UTC)
            if now - self._counts_read > COUNTS_SECONDS:
                with ops_session(self.settings) as session:
                    if now - self._lots_read > LOTS_SECONDS:
                        self._lots = read_lots(session, moment)
                        self._lots_read = now
                    self._counts = free_spaces_of(session, None, moment)
                self._counts_read = now
            return self._lots, self._counts


@cache
def map_lots(settings: Settings) -> MapLots:
    """The one of this process for these settings."""
    return MapLots(settings)
