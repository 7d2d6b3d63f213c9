"""The cloud map with 10,000 lots: a rerun of its page, the tiles that its map fetches, and a route.

A real ``park pages`` process and websockets as browsers hold them. Before each rerun some lots send counts, and more
time passes than the page keeps counts for; the rerun selects a random lot and turns to a random page of the list. Tiles
are those of one view, fetched as a browser does, at three zooms. Routes go across a grid of streets, each third of them
one-way, start and end at random.

python -m benchmarks.cloud_map [--lots 10000] [--heard 300] [--sessions 10] [--reruns 40] [--streets 300]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlencode

import httpx
from sqlalchemy import insert

from benchmarks.page_server import all_act, cpu_seconds, described, pages, sign_in, visitors
from dashboards.map.lots import CHANGES_SECONDS
from dashboards.map.markers import CLOSEST
from dashboards.requests import session_cookie
from dashboards.views.overview.cloud_map_list import PAGE_SIZE
from warehouse.geography.coordinates import Point
from warehouse.geography.distance import mercator
from warehouse.lake.schema import create_lake
from warehouse.ops.models import AreaCapacity, AreaFreeSpaces, Lot, LotLive, LotTariff
from warehouse.ops.session import migrate, ops_session
from warehouse.routing.embedded import Router
from warehouse.routing.extract import read_extract
from warehouse.services.tree import ensure_agent, ensure_customer, ensure_platform
from warehouse.settings import Settings
from warehouse.tariffs.templates import TEMPLATES

CITY = Point(113.94, 22.54)
STREET_STEP = 0.001


def fill(settings: Settings, lots: int, sessions: int) -> list[str]:
    """Lots all over China with spaces, a tariff and a fresh count each; returns the tokens of signed-in sessions."""
    migrate(settings)
    create_lake(settings)
    spread, now, ever = random.Random(1), datetime.now(UTC), date(2020, 1, 1)
    with ops_session(settings) as session:
        ensure_platform(session)
        agent, _ = ensure_agent(session, "agent", "代理")
        customer, _ = ensure_customer(session, "customer", "客户", agent)
        ids = range(1, lots + 1)
        session.execute(
            insert(Lot),
            [
                {
                    "lot_id": lot_id,
                    "customer_id": customer.node_id,
                    "code": f"lot-{lot_id}",
                    "name": f"停车场{lot_id}",
                    "address": f"第 {lot_id} 号",
                    "longitude": spread.gauss(113.0, 4.0),
                    "latitude": spread.gauss(30.0, 4.0),
                }
                for lot_id in ids
            ],
        )
        session.execute(insert(AreaCapacity), [{"lot_id": lot_id, "valid_from": ever, "spaces": 200} for lot_id in ids])
        session.execute(
            insert(AreaFreeSpaces),
            [
                {
                    "lot_id": lot_id,
                    "area_id": "",
                    "counted_at": now,
                    "free_spaces": spread.randint(0, 200),
                    "total_spaces": 200,
                }
                for lot_id in ids
            ],
        )
        session.execute(
            insert(LotTariff),
            [
                {
                    "lot_id": lot_id,
                    "name": "标准",
                    "valid_from": ever,
                    "document": TEMPLATES[lot_id % len(TEMPLATES)].document,
                    "created_at": now,
                    "version": 1,
                }
                for lot_id in ids
            ],
        )
        return sign_in(session, sessions)


def hear(settings: Settings, lot_ids: list[int]) -> None:
    """New counts of these lots, as the lander writes them."""
    now = datetime.now(UTC)
    with ops_session(settings) as session:
        for lot_id in lot_ids:
            session.merge(LotLive(lot_id=lot_id, received_at=now))
            session.merge(
                AreaFreeSpaces(
                    lot_id=lot_id, area_id="", counted_at=now, free_spaces=random.randint(0, 200), total_spaces=200
                )
            )


async def reruns(settings: Settings, host: str, pid: int, tokens: list[str], options: argparse.Namespace) -> None:
    """Print what reruns took, one session acting and all of them."""
    spread = random.Random(2)

    async def act(visitor: object) -> float:
        asked = {"lot": f"lot-{spread.randint(1, options.lots)}", "page": spread.randint(1, options.lots // PAGE_SIZE)}
        return await visitor.open("cloud-map", urlencode(asked))  # type: ignore[attr-defined, no-any-return]

    async with visitors(settings, host, tokens, "cloud-map") as there:
        alone, before = [], cpu_seconds(pid)
        for _ in range(options.reruns):
            hear(settings, spread.sample(range(1, options.lots + 1), min(options.heard, options.lots)))
            await asyncio.sleep(CHANGES_SECONDS * 1.1)
            alone.append(await act(there[0]))
        used = (cpu_seconds(pid) - before) / options.reruns * 1000
        print(f"{len(there)} sessions open, one acts:   {described(alone)}   CPU {used:.0f} ms a rerun")
        together = await all_act(there, act, 4, 5.0)
        print(f"{len(there)} sessions act, {len(there) / 5:.0f} reruns a second:   {described(together)}")


def tiles(settings: Settings, host: str, token: str) -> None:
    """Print what the twelve tiles of a view took, asked for six at a time."""
    cookies = {session_cookie(settings): token}
    with httpx.Client(base_url=f"http://{host}", cookies=cookies) as client, ThreadPoolExecutor(6) as at_once:

        def fetch(address: str) -> tuple[float, int]:
            started = time.perf_counter()
            answer = client.get(address).raise_for_status()
            return (time.perf_counter() - started) * 1000, len(answer.content)

        for zoom in (4, 8, CLOSEST):
            x, y = (int(part * 2**zoom) for part in mercator(Point(113.0, 30.0)))
            asked = [f"/map/lots/{zoom}/{x + dx}/{y + dy}.json?v={zoom}" for dx in (-1, 0, 1, 2) for dy in (-1, 0, 1)]
            started = time.perf_counter()
            found = list(at_once.map(fetch, asked))
            whole = (time.perf_counter() - started) * 1000
            size = sum(one for _taken, one in found) / 1024
            print(
                f"zoom {zoom:2}: 12 tiles {whole:5.0f} ms, {size:4.0f} KiB; one {described([one for one, _ in found])}"
            )


def streets(side: int) -> Iterator[str]:
    """A grid of streets as OpenStreetMap writes them; each third one is a one-way street."""
    yield "<osm version='0.6'>"
    for row in range(side):
        for column in range(side):
            place = f"lat='{CITY.latitude + row * STREET_STEP:.6f}' lon='{CITY.longitude + column * STREET_STEP:.6f}'"
            yield f"<node id='{row * side + column + 1}' version='1' {place}/>"
    for number in range(2 * side):
        line = number // 2
        along = [line * side + k + 1 if number % 2 else k * side + line + 1 for k in range(side)]
        one_way = "<tag k='oneway' v='yes'/>" if line % 3 == 0 else ""
        refs = "".join(f"<nd ref='{ref}'/>" for ref in along)
        yield f"<way id='{number + 1}' version='1'>{refs}<tag k='highway' v='residential'/>{one_way}</way>"
    yield "</osm>"


def routes(folder: Path, side: int) -> None:
    """Print what taking roads in and finding ways on them took."""
    file = folder / "streets.osm"
    file.write_text("\n".join(streets(side)), encoding="utf-8")
    started = time.perf_counter()
    roads = read_extract(file)
    read = time.perf_counter() - started
    started = time.perf_counter()
    router = Router(roads)
    loaded = time.perf_counter() - started
    spread, taken = random.Random(3), []

    def place() -> Point:
        east, north = (spread.random() * side * STREET_STEP for _ in range(2))
        return Point(CITY.longitude + east, CITY.latitude + north)

    for _ in range(40):
        start, end = place(), place()
        started = time.perf_counter()
        router.route(start, end)
        taken.append((time.perf_counter() - started) * 1000)
    print(f"roads: {roads.segments:,} segments taken in in {read:.1f} s, loaded in {loaded:.1f} s")
    print(f"a way on them: {described(taken)}")


def main() -> None:
    """Fill an instance, start its pages, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lots", type=int, default=10_000)
    parser.add_argument("--heard", type=int, default=300)
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--reruns", type=int, default=40)
    parser.add_argument("--streets", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="park-cloud-map-") as folder:
        settings = Settings(home=Path(folder))
        tokens = fill(settings, options.lots, options.sessions)
        print(f"{options.lots:,} lots; load {os.getloadavg()[0]:.1f}")
        with pages(settings) as (host, pid):
            asyncio.run(reruns(settings, host, pid, tokens, options))
            tiles(settings, host, tokens[0])
        routes(Path(folder), options.streets)


if __name__ == "__main__":
    main()
