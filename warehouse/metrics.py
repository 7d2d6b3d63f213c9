"""Prometheus metrics of the whole instance, read from its stores when they are asked for.

Belongs here: names and meaning of the metrics, the small server behind ``park metrics``. Does not belong here: the
gateway's own counters, which it serves itself (``ingest.gateway.metrics``), reading stores (``warehouse.condition``).
docs/observability.md lists the names.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Final
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from warehouse.condition import Condition, condition
from warehouse.errors import ParkError
from warehouse.settings import Settings

_PARTS: Final = ("processes", "backlog", "build", "publication", "lots", "commands", "outbox", "disk")
_FIGURE: Final = re.compile(r"[a-z][a-z0-9_]*$")


class Instance(Collector):
    """Reads the instance anew for each scrape."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is read before the first scrape."""
        self._settings = settings

    def collect(self) -> Iterator[Metric]:
        """All metrics."""
        found = condition(self._settings)
        yield _by(
            "park_readable",
            "Whether a part of the instance could be read (1) or not (0)",
            ("part",),
            [((part,), float(part not in found.unreadable)) for part in _PARTS],
        )
        yield from _processes(found)
        yield from _journal(found)
        yield from _builds(found)
        yield from _rest(found)


def exposition(settings: Settings) -> bytes:
    """The metrics in Prometheus text format."""
    return generate_latest(_registry(settings))


def serve(settings: Settings, *, host: str, port: int) -> tuple[WSGIServer, threading.Thread]:
    """Serve ``/metrics`` from a thread.

    Raises:
        ParkError: the address cannot be used.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=_registry(settings))
    except OSError as error:
        raise ParkError(
            zh=f"指标服务无法监听 {host}:{port}({error.strerror}):停止占用它的程序,或设置 PARK_METRICS_PORT",
            en=f"the metrics cannot listen on {host}:{port} ({error.strerror}): stop what uses it, or set "
            "PARK_METRICS_PORT",
            code="address_unavailable",
        ) from error
    return server, thread


def _registry(settings: Settings) -> CollectorRegistry:
    registry = CollectorRegistry()
    # Registering would read everything once only to learn the names.
    registry.register(_Undescribed(settings))
    return registry


class _Undescribed(Instance):
    def describe(self) -> Iterable[Metric]:
        return ()


def _processes(found: Condition) -> Iterator[Metric]:
    labels = ("process", "host", "pid")
    rows = [((one.name, one.host, str(one.pid)), one) for one in found.processes]
    yield _by(
        "park_process_silent_seconds",
        "Seconds since a process last gave a sign of life",
        labels,
        [(key, _age(found, one.seen_at)) for key, one in rows],
    )
    yield _by(
        "park_process_running_seconds",
        "Seconds since a process started",
        labels,
        [(key, _age(found, one.started_at)) for key, one in rows],
    )
    names = sorted({(one.name, figure) for _key, one in rows for figure in one.figures if _FIGURE.match(figure)})
    for process, figure in names:
        counter = CounterMetricFamily(
            f"park_{process}_{figure}", f"{figure.replace('_', ' ')} of {process} since it started", labels=labels[1:]
        )
        for key, one in rows:
            if one.name == process and figure in one.figures:
                counter.add_metric(key[1:], one.figures[figure])
        yield counter


def _journal(found: Condition) -> Iterator[Metric]:
    if found.backlog is None:
        return
    for name, text, value in (
        ("segments", "Sealed journal segments that wait for the lander", found.backlog.segments),
        ("bytes", "Bytes of sealed journal segments that wait for the lander", found.backlog.size_bytes),
        ("oldest_seconds", "Age of the oldest segment that waits for the lander", found.backlog.oldest_seconds),
        ("failed_segments", "Segments set aside because they could not be landed", found.backlog.failed_segments),
    ):
        yield GaugeMetricFamily(f"park_journal_backlog_{name}", text, value=value)


def _builds(found: Condition) -> Iterator[Metric]:
    yield _by(
        "park_builds",
        "Builds there have been, by how they ended",
        ("state",),
        [((state,), float(count)) for state, count in sorted(found.builds.items())],
    )
    if found.build is not None:
        yield GaugeMetricFamily(
            "park_last_build_green",
            "Whether the newest ended build was green",
            value=float(found.build.state == "green"),
        )
        yield GaugeMetricFamily("park_last_build_seconds", "How long it took", value=found.build.seconds)
        yield GaugeMetricFamily(
            "park_last_build_age_seconds", "Seconds since it ended", value=_age(found, found.build.finished_at)
        )
        yield GaugeMetricFamily(
            "park_build_failures_in_a_row", "Builds that failed since the last green one", value=found.build.failures
        )
    running = _age(found, found.running_since) if found.running_since is not None else 0.0
    yield GaugeMetricFamily(
        "park_build_running_seconds", "Seconds that a build has been running; 0: none", value=running
    )
    if found.publication is not None:
        yield GaugeMetricFamily(
            "park_publication_age_seconds",
            "Seconds since the snapshot in force was published",
            value=_age(found, found.publication.published_at),
        )
        yield GaugeMetricFamily(
            "park_publication_snapshot", "Number of the snapshot in force", value=found.publication.snapshot_id
        )
        if found.publication.data_as_of is not None:
            yield GaugeMetricFamily(
                "park_data_age_seconds",
                "Seconds since the newest event that is published",
                value=_age(found, found.publication.data_as_of),
            )


def _rest(found: Condition) -> Iterator[Metric]:
    if found.lots is not None:
        yield GaugeMetricFamily("park_lots", "Lots in use", value=found.lots.in_use)
        yield GaugeMetricFamily(
            "park_lots_silent",
            "Lots in use that were silent for longer than PARK_STALE_MINUTES",
            value=found.lots.silent,
        )
    if found.commands_waiting is not None:
        yield GaugeMetricFamily(
            "park_commands_waiting", "Commands that no lot has fetched yet", value=found.commands_waiting
        )
    if found.outbox_waiting is not None:
        yield GaugeMetricFamily(
            "park_outbox_waiting", "The cloud's own records that wait for the lander", value=found.outbox_waiting
        )
    yield GaugeMetricFamily(
        "park_writer_lock_held", "Whether a process holds the writer lock", value=float(found.writer is not None)
    )
    free = [((disk.folder,), float(disk.free_bytes)) for disk in found.disks]
    size = [((disk.folder,), float(disk.size_bytes)) for disk in found.disks]
    yield _by("park_disk_free_bytes", "Free space below a folder", ("folder",), free)
    yield _by("park_disk_size_bytes", "Size of the disk below a folder", ("folder",), size)


def _age(found: Condition, moment: datetime) -> float:
    return (found.now - moment).total_seconds()


def _by(name: str, text: str, labels: tuple[str, ...], rows: Iterable[tuple[tuple[str, ...], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for key, value in rows:
        family.add_metric(key, value)
    return family
