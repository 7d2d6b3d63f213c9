"""The lots on the map, held once in this process for all who look.

Belongs here: keeping what was read for a moment, cutting it to the visitor's lots and search. Does not belong here:
reading (``warehouse.services.map_lots``), drawing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from threading import Lock, Thread
from typing import Any, Final

from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor
from warehouse.services.live import LotFreeSpaces, free_spaces_of
from warehouse.services.map_lots import MAP, MapLot, last_heard, read_lots
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
AT_ONCE: Final = 500
CHANGES_SECONDS: Final = 1.0
"""How long counts are kept: a page asks for them each few seconds, its map once more for every tile."""
ALL_SECONDS: Final = 20.0
"""After this everything is read anew beside the pages: changed names and places, and counts that have grown old."""

_PROCESS: Final = time.time_ns() & 0xFFFFFFFF
"""Tells revisions of this process from those before a restart."""


@dataclass(frozen=True)
class Shown:
    """The lots that somebody sees, ordered by name, and the counts of all lots.

    ``revision`` changes with anything that was read, ``version`` when any of these lots or their counts does; for
    ``is_all``, somebody who sees every lot, that is the same, and ten thousand counts need not be compared.
    """

    lots: Sequence[MapLot]
    counts: Mapping[int, LotFreeSpaces]
    revision: int = 0
    is_all: bool = False

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
        if self.is_all:
            return f"{_PROCESS:x}-{self.revision}"
        told = hash(
            tuple((lot.code, lot.name, lot.place, self.count(lot).free_spaces, self.total(lot)) for lot in self.lots)
        )
        return format(told & 0xFFFFFFFFFFFF, "x")


@dataclass
class MapLots:
    """What was read last, and when."""

    settings: Settings
    _lots: tuple[MapLot, ...] | None = None
    _counts: dict[int, LotFreeSpaces] = field(default_factory=dict)
    _heard: dict[int, Any] = field(default_factory=dict)
    _revision: int = 0
    _changes_read: float = float("-inf")
    _all_read: float = float("-inf")
    _is_reading_all: bool = False
    _lock: Lock = field(default_factory=Lock)

    def of(self, actor: Actor, search: str = "") -> Shown:
        """The actor's lots whose name, code, address or region holds every word of ``search``.

        Raises:
            Forbidden: the actor may not see the map.
        """
        actor.require(MAP)
        lots, counts, revision = self._fresh()
        words = search.casefold().split()
        allowed = actor.scope.lot_ids
        seen = lots if isinstance(allowed, str) else [lot for lot in lots if lot.lot_id in allowed]
        if words:
            seen = [lot for lot in seen if all(word in lot.searched for word in words)]
        return Shown(seen, counts, revision, is_all=seen is lots)

    def _fresh(self) -> tuple[tuple[MapLot, ...], dict[int, LotFreeSpaces], int]:
        with self._lock:
            now = time.monotonic()
            if self._lots is None:
                self._take(*self._read_all())
            elif now - self._changes_read > CHANGES_SECONDS:
                self._read_changes()
                self._changes_read = time.monotonic()
            if now - self._all_read > ALL_SECONDS and not self._is_reading_all and self._all_read > 0:
                self._is_reading_all = True
                Thread(target=self._renew, name="map-lots", daemon=True).start()
            assert self._lots is not None
            return self._lots, self._counts, self._revision

    def _read_all(self) -> tuple[tuple[MapLot, ...], dict[int, LotFreeSpaces], dict[int, Any]]:
        moment = datetime.now(UTC)
        with ops_session(self.settings) as session:
            # Before the counts: what comes in between is then read once more and not missed.
            heard = last_heard(session)
            return read_lots(session, moment), free_spaces_of(session, None, moment), heard

    def _take(self, lots: tuple[MapLot, ...], counts: dict[int, LotFreeSpaces], heard: dict[int, Any]) -> None:
        self._revision += (lots, counts) != (self._lots, self._counts)
        self._lots, self._counts, self._heard = lots, counts, heard
        self._all_read = self._changes_read = time.monotonic()

    def _renew(self) -> None:
        try:
            told = self._read_all()
            with self._lock:
                self._take(*told)
        except Exception:
            LOG.exception("the lots of the map could not be read")
        finally:
            self._is_reading_all = False

    def _read_changes(self) -> None:
        """The counts of lots that were heard since."""
        with ops_session(self.settings) as session:
            heard = last_heard(session)
            changed = [lot_id for lot_id, at in heard.items() if self._heard.get(lot_id) != at]
            if not changed:
                return
            found: dict[int, LotFreeSpaces] = {}
            for start in range(0, len(changed), AT_ONCE):
                found |= free_spaces_of(session, changed[start : start + AT_ONCE], datetime.now(UTC))
        # A new mapping: pages that are being drawn keep theirs.
        self._counts, self._heard = self._counts | found, heard
        self._revision += 1


@cache
def map_lots(settings: Settings) -> MapLots:
    """The one of this process for these settings."""
    return MapLots(settings)
