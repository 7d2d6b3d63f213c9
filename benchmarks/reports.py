"""p50 and p95 of every report on 10 million stays, and a few of them beside PostgreSQL, Polars and chdb.

The marts are generated (``report_lake``): 200 lots, two years. Every run asks something else (another period, page or
plate), so that nothing is answered from memory; the operating system's file cache is warm for all engines.
PostgreSQL is a scratch server with the indexes that the queries want; Polars and chdb read the lake's own files.
chdb is not a dependency: it takes part when it is installed (``requirements-bench.lock``).

    python -m benchmarks.reports --stays 10000000
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.report_lake import LAST_DAY, generate
from benchmarks.report_peers import Peer, PeerQuestion, chdb_peer, polars_peer, postgres_peer
from warehouse.lake.reader import Reader
from warehouse.reports.base import run
from warehouse.reports.catalogue import LISTED, REPORTS
from warehouse.reports.listing import ListReport
from warehouse.security.scope import EVERYTHING
from warehouse.settings import Settings

DICE = random.Random(20260630)
LIMIT_TABLE, LIMIT_LIST = 150.0, 300.0


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Milliseconds of wall clock and of processor time."""
    wall, busy = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - busy) * 1000


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(share * (len(ordered) - 1)))]


def summary(samples: list[tuple[float, float]]) -> dict[str, float]:
    """p50 and p95 of the wall clock, p50 of processor time, in milliseconds."""
    walls = [wall for wall, _ in samples]
    return {
        "p50": round(statistics.median(walls), 1),
        "p95": round(percentile(walls, 0.95), 1),
        "cpu": round(statistics.median(cpu for _, cpu in samples), 1),
    }


def period(days: int, span: int) -> dict[str, str]:
    """A random period of ``days`` within the last ``span`` days."""
    start = LAST_DAY - timedelta(days=DICE.randrange(days - 1, max(span, days)))
    return {"from": start.isoformat(), "to": (start + timedelta(days=days)).isoformat()}


def usual(reader: Reader, name: str, span: int) -> Callable[[], Any]:
    """A report as pages ask it: its default length, some other day each time."""
    report = REPORTS[name]
    given = {} if name == "home-alarms" else period(report.default_days, span)
    return lambda: run(report, reader, EVERYTHING, given)


def any_page(reader: Reader, name: str, span: int, *, fresh: bool) -> Callable[[], Any]:
    """Any page of everything; ``fresh`` changes the period by days, so that the counts are made anew."""
    report = REPORTS[name]
    first = LAST_DAY - timedelta(days=span - 1 - (DICE.randrange(1, min(60, span)) if fresh else 0))
    given = {"from": first.isoformat(), "to": (LAST_DAY + timedelta(days=1)).isoformat()}
    count = run(report, reader, EVERYTHING, {**given, "size": 1}).row_count if not fresh else span * 1000
    page = DICE.randrange(1, max(2, count // 50))
    return lambda: run(report, reader, EVERYTHING, {**given, "page": page})


def measure(reader: Reader, span: int, runs: int) -> dict[str, dict[str, float]]:
    """Every report as usual; record lists at any page, counted anew and with the counts remembered."""
    found: dict[str, dict[str, float]] = {}
    names = [report.name for report in LISTED] + [name for name in REPORTS if name.startswith("home-")]
    for name in names:
        usual(reader, name, span)()
        found[name] = summary([timed(usual(reader, name, span)) for _ in range(runs)])
        print(f"{name:<34}{found[name]}", flush=True)
    for name in ("entry-records", "exit-records", "stays", "charges", "renewals", "invoices", "alarms"):
        assert isinstance(REPORTS[name], ListReport)
        for label, fresh in (("any page, first ask", True), ("any page, next ask", False)):
            key = f"{name}: {label}"
            found[key] = summary([timed(any_page(reader, name, span, fresh=fresh)) for _ in range(runs)])
            print(f"{key:<34}{found[key]}", flush=True)
    return found


def questions(span: int) -> dict[str, Callable[[], tuple[PeerQuestion, Callable[[Reader], Any]]]]:
    """The questions put to every engine, drawn anew at each call."""

    def page() -> tuple[PeerQuestion, Callable[[Reader], Any]]:
        first = LAST_DAY - timedelta(days=DICE.randrange(span * 9 // 10, span))
        number = DICE.randrange(1, max(2, span * 200))
        given = {"from": first.isoformat(), "to": (LAST_DAY + timedelta(days=1)).isoformat(), "page": number}
        return (
            PeerQuestion("page", first, LAST_DAY, offset=(number - 1) * 50),
            lambda reader: run(REPORTS["exit-records"], reader, EVERYTHING, given),
        )

    def plate() -> tuple[PeerQuestion, Callable[[Reader], Any]]:
        wanted = f"鲁F{DICE.randrange(10000, 99999)}"
        first = LAST_DAY - timedelta(days=span - 1)
        given = {"from": first.isoformat(), "to": (LAST_DAY + timedelta(days=1)).isoformat(), "plate": wanted}
        return (
            PeerQuestion("plate", first, LAST_DAY, plate=wanted),
            lambda reader: run(REPORTS["exit-records"], reader, EVERYTHING, given),
        )

    def fees() -> tuple[PeerQuestion, Callable[[Reader], Any]]:
        asked = period(30, span)
        first = date.fromisoformat(asked["from"])
        return (
            PeerQuestion("fees", first, date.fromisoformat(asked["to"]) - timedelta(days=1)),
            lambda reader: run(REPORTS["temporary-fee-statistics"], reader, EVERYTHING, asked),
        )

    def traffic() -> tuple[PeerQuestion, Callable[[Reader], Any]]:
        asked = period(30, span)
        first = date.fromisoformat(asked["from"])
        return (
            PeerQuestion("traffic", first, date.fromisoformat(asked["to"]) - timedelta(days=1)),
            lambda reader: run(REPORTS["traffic-statistics"], reader, EVERYTHING, {**asked, "split": "vehicle_class"}),
        )

    return {
        "any page of exits": page,
        "exits of a plate": plate,
        "fees of a month": fees,
        "traffic of a month": traffic,
    }


def compare(reader: Reader, peers: list[Peer], span: int, runs: int) -> dict[str, dict[str, dict[str, float]]]:
    """The same questions to every engine, in turn; row counts must agree."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for label, draw in questions(span).items():
        samples: dict[str, list[tuple[float, float]]] = {"parkcloud": []}
        for _ in range(runs):
            question, ours = draw()
            answer: list[Any] = []
            samples["parkcloud"].append(timed(lambda ours=ours, answer=answer: answer.append(ours(reader))))
            for peer in peers:
                count: list[int] = []
                cost = timed(lambda peer=peer, question=question, count=count: count.append(peer.ask(question)))
                samples.setdefault(peer.name, []).append(cost)
                assert count[0] == answer[0].row_count, (label, peer.name, count[0], answer[0].row_count)
        found[label] = {name: summary(costs) for name, costs in samples.items()}
        for name, figures in found[label].items():
            print(f"{label:<24}{name:<12}{figures}", flush=True)
    return found


def main() -> None:
    """Generate, measure, print, and write the result as JSON when asked."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stays", type=int, default=10_000_000)
    parser.add_argument("--lots", type=int, default=200)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--home", type=Path, help="reuse or keep the generated lake here")
    parser.add_argument("--peers", default="postgres,polars,chdb", help="comma-separated; empty for none")
    parser.add_argument("--json", type=Path, help="write the figures here")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-bench-") as scratch:
        settings = Settings(home=asked.home or Path(scratch) / "home")
        if not settings.catalog_file.exists():
            started = time.perf_counter()
            generate(settings, asked.stays, asked.lots, asked.days)
            print(f"generated {asked.stays} stays in {time.perf_counter() - started:.0f} s", flush=True)
        reader = Reader(settings)
        result: dict[str, Any] = {
            "machine": {"processor": platform.processor() or platform.machine(), "python": sys.version.split()[0]},
            "stays": asked.stays,
            "reports": measure(reader, asked.days, asked.runs),
        }
        wanted = set(filter(None, asked.peers.split(",")))
        peers: list[Peer] = []
        if "chdb" in wanted and find_spec("chdb") is None:
            print("chdb is not installed and takes no part")
            wanted.discard("chdb")
        try:
            if "polars" in wanted:
                peers.append(polars_peer(settings))
            if "chdb" in wanted:
                peers.append(chdb_peer(settings))
            if "postgres" in wanted:
                peers.append(postgres_peer(settings, Path(scratch)))
            result["peers"] = compare(reader, peers, asked.days, asked.runs)
        finally:
            for peer in peers:
                peer.close()
        over = [
            name
            for name, figures in result["reports"].items()
            if figures["p95"] > (LIMIT_LIST if isinstance(REPORTS[name.split(":")[0]], ListReport) else LIMIT_TABLE)
        ]
        print("over the aim:", ", ".join(over) or "none")
        if asked.json:
            asked.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
