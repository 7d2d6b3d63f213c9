"""Results kept while they stay true.

Belongs here: one small memory of report results per process. A key names report, parameters, scope, language and
snapshot: tenants never share an entry, and a publication makes every older entry unreachable.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from warehouse.reports.base import ReportResult


class Results:
    """The last results asked for, safe to share between threads."""

    def __init__(self, most: int = 400) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, ReportResult] = OrderedDict()
        self.asked = 0
        self.computed = 0
        self.faults = 0

    def get(self, key: Hashable, compute: Callable[[], ReportResult]) -> ReportResult:
        """The result under ``key``, computed when it is not there; errors are not kept."""
        with self._lock:
            self.asked += 1
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        result = compute()
        with self._lock:
            self.computed += 1
            self._kept[key] = result
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return result

    def failed(self) -> None:
        """Count a page that could not be drawn through a fault of the program."""
        with self._lock:
            self.faults += 1
