"""Prometheus metrics of one gateway process.

Belongs here: the metrics and the reading of the journal's backlog at scrape time. Label values come from closed sets,
so that no sender can make up new ones.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.journal import Journal
from ingest.records import Verdict
from warehouse.lake.raw_tables import KINDS

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_KINDS: Final = frozenset(KINDS)


class _BacklogCollector(Collector):
    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def collect(self) -> Iterator[Metric]:
        backlog = self._journal.backlog()
        for name, text, value in (
            ("segments", "Sealed journal segments that wait for the lander", backlog.segments),
            ("bytes", "Bytes of sealed journal segments that wait for the lander", backlog.bytes),
            ("oldest_seconds", "Age of the oldest segment that waits for the lander", backlog.oldest_seconds),
            ("failed_segments", "Journal segments set aside because they could not be landed", backlog.failed_segments),
        ):
            yield GaugeMetricFamily(f"park_journal_backlog_{name}", text, value=value)


class Metrics:
    """What the gateway counts."""

    def __init__(self, journal: Journal) -> None:
        """A registry of its own: several gateways may live in one process."""
        self._registry = CollectorRegistry()
        self._records = Counter(
            "park_gateway_records",
            "Records received, by kind and verdict",
            ["kind", "verdict"],
            registry=self._registry,
        )
        self._requests = Counter(
            "park_gateway_requests", "Upload requests answered, by HTTP status", ["status"], registry=self._registry
        )
        self._refusals = Counter(
            "park_gateway_refusals", "Upload requests refused as a whole, by code", ["code"], registry=self._registry
        )
        self._request_seconds = Histogram(
            "park_gateway_request_seconds",
            "Seconds from an upload's headers to its answer",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._fsync_seconds = Histogram(
            "park_journal_fsync_seconds",
            "Seconds of one journal write with fsync",
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._commands = Counter(
            "park_gateway_commands",
            "Commands given to lots and acknowledged by them, by what happened",
            ["event"],
            registry=self._registry,
        )
        self._waiting = Gauge(
            "park_gateway_waiting_lots", "Lots that wait for commands at the moment", registry=self._registry
        )
        self._registry.register(_BacklogCollector(journal))
        ProcessCollector(registry=self._registry)

    def verdicts(self, verdicts: Iterable[Verdict]) -> None:
        """Count the records of one acknowledged batch."""
        tally = Tally((verdict.kind, verdict.verdict) for verdict in verdicts)
        for (kind, verdict), count in tally.items():
            self._records.labels(kind if kind in _KINDS else "unknown", verdict).inc(count)

    def answered(self, status: int, seconds: float) -> None:
        """Count one answered upload."""
        self._requests.labels(str(status)).inc()
        self._request_seconds.observe(seconds)

    def refused(self, code: str) -> None:
        """Count one upload refused as a whole; ``code`` is one of ours."""
        self._refusals.labels(code).inc()

    def commands(self, event: str, count: int) -> None:
        """Count commands ``delivered``, ``applied`` or ``failed``."""
        if count:
            self._commands.labels(event).inc(count)

    def waiting(self, count: Callable[[], int]) -> None:
        """Where to ask how many lots wait."""
        self._waiting.set_function(count)

    def fsync(self, seconds: float) -> None:
        """Take note of one journal flush."""
        self._fsync_seconds.observe(seconds)

    def exposition(self) -> bytes:
        """All metrics in Prometheus text format."""
        return generate_latest(self._registry)
