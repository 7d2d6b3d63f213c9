"""The report pages over 10 M stays: first paint in a browser, reruns, 50 sessions, an Excel file of 500,000 rows.

A real ``park pages`` process. In the browser each page is opened anew and timed from the navigation until its figures
are drawn and the script rests; over websockets a rerun is timed until the script has finished (``page_server``), each
with another day or another page of the list, so that nothing is a repetition. The export is made by the process that
the pages start for it; its peak memory is what Linux says.

python -m benchmarks.pages [--rows 10000000] [--lots 200] [--days 730] [--home FOLDER]
    [--only first,rerun,sessions,export]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlencode

import msgspec
from playwright.sync_api import sync_playwright
from sqlalchemy import select

from benchmarks.page_server import Visitor, all_act, described, pages, sign_in, visitors
from benchmarks.report_lake import LAST_DAY, generate
from dashboards.exports.worker import Order
from dashboards.requests import session_cookie
from warehouse.lake.publish import published
from warehouse.ops.models import Lot, Operator
from warehouse.ops.session import ops_session
from warehouse.services.tree import ensure_agent, ensure_customer
from warehouse.settings import Settings

FIRST_RUNS = 3
PERIODS = {
    "traffic-statistics": 31,
    "traffic-analysis": 31,
    "temporary-fee-analysis": 31,
    "renewal-analysis": 31,
    "temporary-fee-statistics": 31,
    "renewal-statistics": 31,
    "daily-report": 1,
    "entry-records": 1,
    "exit-records": 1,
    "inner-entry-records": 1,
    "inner-exit-records": 1,
    "charges": 1,
    "renewals": 7,
    "invoices": 7,
    "alarms": 7,
    "gate-controllers": 7,
    "cameras": 7,
    "displays": 7,
}
"""Days that each page is asked for."""
DEEP = ("exit-records", 730, 10_000)
"""A list over the whole history and the page asked for."""
DRAWN = ".pc-foot"
"""The line that says how far the data reach: the last that a page draws."""
SETTLED = "() => !document.querySelector('[data-testid=stApp][data-test-script-state=running]')"


def fill(home: Path, options: argparse.Namespace) -> tuple[Settings, list[str]]:
    """The lake, its lots in the operational store, and signed-in sessions; an existing folder is taken as it is."""
    settings = Settings(home=home)
    tokens = [f"bench-session-{number:04}" for number in range(options.sessions)]
    if (home / "ops.sqlite").exists():
        return settings, tokens
    started = time.perf_counter()
    generate(settings, options.rows, options.lots, options.days)
    with ops_session(settings) as session:
        agent, _ = ensure_agent(session, "agent", "代理")
        customer, _ = ensure_customer(session, "customer", "客户", agent)
        for number in range(1, options.lots + 1):
            lot = Lot(lot_id=number, customer_id=customer.node_id, code=f"L{number}", name=f"停车场{number}")
            session.add(lot)
        sign_in(session, options.sessions)
    print(f"{options.rows:,} stays generated in {time.perf_counter() - started:.0f} s")
    return settings, tokens


def days_of(page: str, options: argparse.Namespace, spread: random.Random) -> tuple[date, date]:
    """First and last day of a random period of the page's length."""
    length = PERIODS[page]
    first = LAST_DAY - timedelta(days=spread.randint(length, options.days - 1))
    return first, first + timedelta(days=length - 1)


def address(days: tuple[date, date], number: int = 1) -> str:
    """The query string of a period and a page of the list."""
    asked = [("period", "custom"), *(("days", str(day)) for day in days)]
    return urlencode([*asked, ("page", str(number))] if number > 1 else asked)


def whole(options: argparse.Namespace) -> tuple[date, date]:
    """The days of the deep list."""
    return LAST_DAY - timedelta(days=min(DEEP[1], options.days) - 1), LAST_DAY


def first_paint(settings: Settings, host: str, token: str, options: argparse.Namespace) -> None:
    """Open every page in Chromium and print how long it took until its figures stood there."""
    spread = random.Random(3)
    asked = [("home", "")] * FIRST_RUNS
    asked += [(page, address(days_of(page, options, spread))) for page in PERIODS for _ in range(FIRST_RUNS)]
    last = min(DEEP[2], options.rows * 3 // 4 // 50)
    asked += [(DEEP[0], address(whole(options), last - number)) for number in range(FIRST_RUNS)]
    times: dict[str, list[float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=options.chromium, args=["--no-sandbox"])
        for page, parameters in asked:
            context = browser.new_context(viewport={"width": 1440, "height": 900}, locale="zh-CN")
            context.add_cookies([{"name": session_cookie(settings), "value": token, "url": f"http://{host}"}])
            tab = context.new_page()
            started = time.perf_counter()
            tab.goto(f"http://{host}/{'' if page == 'home' else page}?{parameters}", wait_until="commit")
            tab.locator(DRAWN).first.wait_for(timeout=60_000)
            tab.wait_for_function(SETTLED, timeout=60_000)
            name = f"{page}, page {last:,}" if "page=" in parameters else page
            times.setdefault(name, []).append((time.perf_counter() - started) * 1000)
            context.close()
        browser.close()
    for name, taken in times.items():
        print(f"  first paint {name:28} median {statistics.median(taken):6.0f} ms   max {max(taken):6.0f} ms")
    every = [one for taken in times.values() for one in taken]
    print(f"first paint of all pages, with the browser:   {described(every)}")


async def reruns(settings: Settings, host: str, tokens: list[str], options: argparse.Namespace) -> None:
    """Print what reruns of each page take, and of a mixture with every session at work."""
    spread = random.Random(5)
    last = min(DEEP[2], options.rows * 3 // 4 // 50)

    async def act(visitor: Visitor) -> float:
        page = spread.choice([*PERIODS, "home"])
        if page == "home":
            return await visitor.open("")
        days = days_of(page, options, spread)
        if not visitor.has(page, "date_input"):
            return await visitor.open(page, address(days))
        await visitor.open(page)
        return await visitor.choose_days(*days)

    if "rerun" in options.only:
        every: list[float] = []
        async with visitors(settings, host, tokens[:1]) as (visitor,):
            for page in PERIODS:
                await visitor.open(page, address(days_of(page, options, spread)))
                times = [await visitor.choose_days(*days_of(page, options, spread)) for _ in range(options.reruns)]
                every += times
                print(f"  rerun {page:28} {described(times)}")
            print(f"rerun of all pages, each another period:   {described(every)}")
        async with visitors(settings, host, tokens[:1]) as (visitor,):
            opened = await visitor.open(DEEP[0], address(whole(options), last))
            deep = [await visitor.turn_to(spread.randint(last * 9 // 10, last)) for _ in range(20)]
            print(f"  {DEEP[0]}, all {DEEP[1]} days, opened at page {last:,}: {opened:.0f} ms; then others near it:")
            print(f"  {described(deep)}")
    if "sessions" in options.only:
        async with visitors(settings, host, tokens) as there:
            times = await all_act(there, act, options.rounds, options.pause)
            rate = len(there) / options.pause
            print(f"{len(there)} sessions act, {rate:.0f} reruns a second, all pages:   {described(times)}")


def peak_memory(pid: int) -> int:
    """Largest resident size of a process so far, in KiB; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM")), 0)


def export(settings: Settings, options: argparse.Namespace) -> None:
    """Make the Excel file of about ``--export-rows`` exits as the pages do; print seconds and peak memory."""
    days = max(1, round(options.export_rows * options.days / options.rows * 50 / 49))
    with ops_session(settings) as session:
        operator_id = session.scalars(select(Operator.operator_id).where(Operator.login == "bench")).one()
    path = settings.home / "exports" / "bench.xlsx"
    path.parent.mkdir(exist_ok=True)
    start = LAST_DAY - timedelta(days=days - 1)
    order = Order(
        operator_id=operator_id,
        address="127.0.0.1",
        report="exit-records",
        parameters={"from": str(start), "to": str(LAST_DAY + timedelta(days=1))},
        language="zh",
        file_format="xlsx",
        path=str(path),
    )
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboards.exports.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PARK_HOME": str(settings.home), "TMPDIR": str(path.parent)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(msgspec.json.encode(order))
    process.stdin.close()
    told, peak = "", 0
    for line in process.stdout:
        told = line.decode().strip()
        peak = max(peak, peak_memory(process.pid))
    process.wait()
    taken = time.perf_counter() - started
    print(f"Excel: {told}, {taken:.0f} s, {path.stat().st_size / 1e6:.0f} MB, peak memory {peak // 1024} MB")
    path.unlink()


def main() -> None:
    """Fill an instance, start its pages, measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--lots", type=int, default=200)
    parser.add_argument("--days", type=int, default=730)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--reruns", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--pause", type=float, default=10.0)
    parser.add_argument("--export-rows", type=int, default=500_000)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    parser.add_argument("--home", type=Path, help="keep the instance here and use it again")
    parser.add_argument("--only", default="export,first,rerun,sessions")
    options = parser.parse_args()
    options.only = options.only.split(",")
    with tempfile.TemporaryDirectory(prefix="park-pages-") as folder:
        settings, tokens = fill(options.home or Path(folder), options)
        assert published(settings) is not None
        print(f"{options.rows:,} stays, {options.lots} lots, {options.days} days; load {os.getloadavg()[0]:.1f}")
        if "export" in options.only:
            export(settings, options)
        if {"first", "rerun", "sessions"} & set(options.only):
            with pages(settings) as (host, _pid):
                if {"rerun", "sessions"} & set(options.only):
                    asyncio.run(reruns(settings, host, tokens, options))
                if "first" in options.only:
                    first_paint(settings, host, tokens[0], options)


if __name__ == "__main__":
    main()
