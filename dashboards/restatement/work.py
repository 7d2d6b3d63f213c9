"""Past moments of this pages process: open readers, differences that were found, recomputations under way.

Belongs here: what is held once per process. Does not belong here: the page and figures. A recomputation belongs to
nobody: it holds no figures, only says that a scratch lake is being built, and everybody reads that through their own
scope.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Final

from dashboards import instance
from warehouse.errors import ParkError
from warehouse.lake.moments import PastPublication, kept_publications
from warehouse.reports.difference import Difference, Pair
from warehouse.reports.known import KnownReaders, Step, Wanted

LOG = logging.getLogger(__name__)
AT_ONCE: Final = 2
MOST_UNDER_WAY: Final = 8
_REMEMBERED: Final = 40
_KEPT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Building:
    """A recomputation as it stands; ``error`` is set when it failed."""

    step: Step = field(default_factory=Step)
    is_over: bool = False
    error: ParkError | None = None

    @property
    def share(self) -> float:
        """How far it is: copying is the first tenth, then one model after the other."""
        part = self.step.done / self.step.of if self.step.of else 0.0
        return min(0.1 * part if self.step.step == "copy" else 0.1 + 0.9 * part, 1.0)


class Moments:
    """Readers, differences and recomputations of one process; safe to share between threads."""

    def __init__(self, known: KnownReaders) -> None:
        """Nothing is under way."""
        self.known = known
        self._lock = threading.Lock()
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._building: OrderedDict[Hashable, Building] = OrderedDict()
        self._kept: tuple[int, float, list[PastPublication]] | None = None
        self._found: OrderedDict[Hashable, Difference] = OrderedDict()

    def kept(self, newest: int) -> list[PastPublication]:
        """The publications that can still be read as they were, looked up again after each new one (``newest``)."""
        present = time.monotonic()
        with self._lock:
            if self._kept is not None and self._kept[0] == newest and present - self._kept[1] < _KEPT_SECONDS:
                return self._kept[2]
        found = kept_publications(self.known.settings)
        with self._lock:
            self._kept = (newest, present, found)
        return found

    def missing(self, pair: Pair, *, recompute: bool) -> list[Wanted]:
        """The moments that have to be built before the pair can be answered."""
        both = (pair.before, pair.after)
        return [wanted for wanted in both if self.known.ready(wanted, recompute=recompute) is None]

    def difference(self, key: Hashable, find: Callable[[], Difference]) -> Difference:
        """The difference under ``key``, found when it is not there; errors are not kept."""
        with self._lock:
            if key in self._found:
                self._found.move_to_end(key)
                return self._found[key]
        found = find()
        with self._lock:
            self._found[key] = found
            while len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        return found

    def building(self, wanted: Wanted) -> Building | None:
        """How far the recomputation of this moment is; None when there is none."""
        with self._lock:
            return self._building.get(_key(wanted))

    def forget(self, wanted: Wanted) -> None:
        """Forget a recomputation that is over."""
        with self._lock:
            if (known := self._building.get(_key(wanted))) is not None and known.is_over:
                del self._building[_key(wanted)]

    def start(self, wanted: Wanted, *, recompute: bool) -> None:
        """Build this moment in the background; nothing happens when that is under way.

        Raises:
            ParkError: code ``busy``; too many of all people are under way.
        """
        key = _key(wanted)
        with self._lock:
            known = self._building.get(key)
            if known is not None and not known.is_over:
                return
            if sum(not one.is_over for one in self._building.values()) >= MOST_UNDER_WAY:
                raise ParkError(
                    zh=f"已有 {MOST_UNDER_WAY} 个时间点在重算，请等其中一个完成",
                    en=f"{MOST_UNDER_WAY} moments are being recomputed, wait until one of them has ended",
                    code="busy",
                )
            for old in [key for key, one in self._building.items() if one.is_over][:-_REMEMBERED]:
                del self._building[old]
            self._building[key] = Building()
        threading.Thread(target=self._follow, args=(key, wanted, recompute), name="known-at", daemon=True).start()

    def _follow(self, key: Hashable, wanted: Wanted, recompute: bool) -> None:
        error: ParkError | None = None
        try:
            with self._slots:
                self.known.make(wanted, recompute=recompute, told=lambda step: self._tell(key, step))
        except ParkError as refused:
            error = refused
        except Exception:
            number = secrets.token_hex(4)
            LOG.exception("recomputation failed, reference %s", number)
            error = ParkError(
                zh=f"发生内部错误,编号 {number},详见日志;请重试",
                en=f"an internal error, reference {number}, see the log; try again",
            )
        with self._lock:
            self._building[key] = replace(self._building[key], is_over=True, error=error)

    def _tell(self, key: Hashable, step: Step) -> None:
        with self._lock:
            self._building[key] = replace(self._building[key], step=step)


def _key(wanted: Wanted) -> Hashable:
    return wanted.moment.raw_to, wanted.lot_ids, wanted.marts


@cache
def moments() -> Moments:
    """Those of this process."""
    return Moments(KnownReaders(instance.settings()))
