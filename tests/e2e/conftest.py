"""A real server with its own PARK_HOME and a real browser; both are stopped by the test that started them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.publish import end_build, publish, start_build
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import writer_lock
from warehouse.ops.models import AreaFreeSpaces, Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform
from warehouse.settings import PROJECT_ROOT, Settings

CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOGIN, PASSWORD = "li.na", "Right-Horse-7"
GUARD = "guard"  # sees lot 3 only
START_SECONDS = 120


@dataclass(frozen=True)
class Server:
    """A pages server: where it is, its settings and its process id."""

    url: str
    settings: Settings
    pid: int


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare_stores(home: Path) -> Settings:
    """Stores with one operator of the platform and no data."""
    settings = Settings(home=home)
    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        platform = ensure_platform(session)
        create_operator(session, login=LOGIN, name="李娜", role="admin", node_id=platform.node_id, password=PASSWORD)
    return settings


@contextmanager
def running(settings: Settings, **environment: str) -> Iterator[Server]:
    """``park pages`` on a free port until the block ends."""
    port = free_port()
    values = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    values |= {"PARK_HOME": str(settings.home), "PARK_PAGES_PORT": str(port), **environment}
    log = (settings.home / "pages.log").open("wb")
    # Any folder will do as the working folder; one that is not the project's shows that nothing is read from there.
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / "park"), "pages"],
        env=values,
        cwd=settings.home,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until_healthy(url, process, settings)
        yield Server(url, settings, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _wait_until_healthy(url: str, process: subprocess.Popen[bytes], settings: Settings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{url}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError("the pages did not start:\n" + (settings.home / "pages.log").read_text())


# Ended with its module: while it lives, Playwright keeps an event loop in the thread of the tests, and the tests of
# other modules could start none of their own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[object]:
    if not CHROMIUM.exists():
        pytest.skip(f"no browser at {CHROMIUM}")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS, headless=True)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def empty_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an operator and nothing published."""
    with running(prepare_stores(tmp_path_factory.mktemp("empty"))) as server:
        yield server


AS_OF = datetime(2026, 3, 5, 6, 20, tzinfo=UTC)  # 14:20 in Shanghai
LONG_NAME = "<b>国际会展中心</b>地下二层与三层联合停车场（东区及临时扩展区域）"
LOT_NAMES = ["静安嘉里", LONG_NAME, "人民医院", "阳光花园", "火车南站", "科技园", "大学城", "滨江广场", "老城停车楼"]
METHODS = ("wechat", "alipay", "qr", "cash", "wallet", "bank_card", "stored_value", "iou", "receipt")

# Whole marts in a few statements; `hash` makes figures that look alike on each run and differ by lot and hour.
FILL = [
    """INSERT INTO lake.marts.rpt_upload_hour BY NAME
        SELECT l.lot_id, h::date AS business_date, h - INTERVAL 8 HOUR AS hour_started_at, h AS local_hour,
            'entry' AS kind, 9 AS records, 9 AS live, 0 AS backfill, 0 AS late, 3 AS max_delay_seconds,
            h - INTERVAL 8 HOUR AS last_received_at
        FROM lake.marts.dim_lot AS l, generate_series(TIMESTAMP '2026-03-04', TIMESTAMP '2026-03-05 14:00',
            INTERVAL 1 HOUR) AS hours(h)
        WHERE h <> TIMESTAMP '2026-03-05 05:00' AND NOT (l.lot_id = 9 AND h::date = DATE '2026-03-05')""",
    """INSERT INTO lake.marts.fct_passage BY NAME
        SELECT u.lot_id, u.business_date, d AS kind, d AS direction, d || u.local_hour || n AS record_id,
            FALSE AS is_inner, u.hour_started_at + INTERVAL (n) MINUTE AS occurred_at,
            u.local_hour + INTERVAL (n) MINUTE AS local_at, 'temporary' AS vehicle_class, 'g1' AS gate_id,
            'live' AS mode, u.hour_started_at AS received_at
        FROM lake.marts.rpt_upload_hour AS u, (VALUES ('entry', 8), ('exit', 11)) AS directions(d, peak),
            generate_series(0, 20) AS minutes(n)
        WHERE n < 2 + 18 * exp(-((hour(u.local_hour) - peak) ** 2) / 18.0) + hash(u.lot_id + n + peak)::HUGEINT % 4
            AND u.hour_started_at + INTERVAL (n) MINUTE <= $as_of""",
    """INSERT INTO lake.marts.rpt_traffic_hour BY NAME
        SELECT lot_id, business_date, date_trunc('hour', occurred_at) AS hour_started_at,
            date_trunc('hour', local_at) AS local_hour, FALSE AS is_inner, gate_id, vehicle_class,
            count(*) FILTER (direction = 'entry') AS entries, count(*) FILTER (direction = 'exit') AS exits
        FROM lake.marts.fct_passage GROUP BY ALL""",
    """INSERT INTO lake.marts.rpt_occupancy_hour BY NAME
        SELECT lot_id, business_date, hour_started_at, local_hour, 3600 * cars AS occupied_seconds,
            3600 AS window_seconds, cars AS peak, cars AS opening, cars AS closing
        FROM (SELECT *, 20 + 40 * lot_id + hour(local_hour) AS cars FROM lake.marts.rpt_upload_hour)""",
    """INSERT INTO lake.marts.dim_capacity BY NAME
        SELECT lot_id, DATE '2020-01-01' AS valid_from, 60 + 46 * lot_id AS spaces FROM lake.marts.dim_lot""",
    """INSERT INTO lake.marts.dim_device BY NAME
        SELECT lot_id, t || n AS device_id, t AS device_type, n::VARCHAR AS number, t || n AS name, FALSE AS is_virtual,
            CASE WHEN hash(lot_id * 7 + n, t)::HUGEINT % 17 = 0 THEN 'offline' ELSE 'online' END AS state,
            $as_of AS reported_at
        FROM lake.marts.dim_lot,
            (VALUES ('controller'), ('camera'), ('terminal'), ('pay_station'), ('display')) AS types(t),
            generate_series(1, 4) AS numbers(n)""",
    """INSERT INTO lake.marts.rpt_device_day BY NAME
        SELECT lot_id, DATE '2026-03-04' AS business_date, device_id, device_type, 86000 AS online_seconds,
            400 AS offline_seconds, 0 AS fault_seconds, 0 AS unknown_seconds FROM lake.marts.dim_device""",
    """INSERT INTO lake.marts.fct_alarm BY NAME
        SELECT lot_id, DATE '2026-03-05' AS business_date, 'r' || lot_id AS record_id,
            'a' || lot_id AS alarm_id, 'barrier_fault' AS alarm_type,
            CASE lot_id % 3 WHEN 0 THEN 'critical' WHEN 1 THEN 'warning' ELSE 'info' END AS level,
            'controller1' AS device_id, 'controller' AS device_type, '2 号出口 <i>道闸</i>未关闭超过 60 秒' AS message,
            $as_of - INTERVAL (lot_id * 3) HOUR AS raised_at
        FROM lake.marts.dim_lot""",
]
FILL_CHARGES = """INSERT INTO lake.marts.fct_charge BY NAME
    SELECT lot_id, business_date, 'c' || record_id AS record_id, 'charge' AS kind, occurred_at, local_at, vehicle_class,
        amount AS receivable, 0 AS discount, 0 AS waived, amount AS received, 0 AS uncollected, {methods}, method,
        TRUE AS is_balanced
    FROM (SELECT *, (5 + hash(record_id)::HUGEINT % 40 + 0.5)::DECIMAL(18, 2) AS amount,
            ['wechat', 'wechat', 'wechat', 'alipay', 'alipay', 'qr', 'cash', 'wallet', 'bank_card'][
                (1 + hash(record_id, lot_id)::HUGEINT % 9)::BIGINT] AS method
        FROM lake.marts.fct_passage WHERE direction = 'exit')"""
FILL_RENEWALS = """INSERT INTO lake.marts.fct_renewal BY NAME
    SELECT lot_id, business_date, 'r' || record_id AS record_id, 'renewal' AS kind, occurred_at, local_at,
        300.00 AS amount, {methods}, 'alipay' AS method
    FROM (SELECT *, 300.00 AS amount, 'alipay' AS method FROM lake.marts.fct_passage
        WHERE direction = 'entry' AND hash(record_id)::HUGEINT % 60 = 0)"""


def fill_marts(settings: Settings) -> None:
    """Marts with the columns of the dbt contracts: nine lots, a whole day and the next until 14:20."""
    methods = ", ".join(f"CASE WHEN method = '{name}' THEN amount ELSE 0 END AS {name}" for name in METHODS)
    with writer_lock(settings):
        connection = open_lake(settings)
        connection.execute("CREATE SCHEMA IF NOT EXISTS lake.marts")
        for file in sorted((PROJECT_ROOT / "dbt_project" / "models" / "marts").glob("*/*.yml")):
            for model in yaml.safe_load(file.read_text(encoding="utf-8")).get("models", []):
                columns = ", ".join(f"{column['name']} {column['data_type']}" for column in model["columns"])
                connection.execute(f"CREATE TABLE lake.marts.{model['name']} ({columns})")
        for lot_id, name in enumerate(LOT_NAMES, start=1):
            connection.execute(
                "INSERT INTO lake.marts.dim_lot BY NAME SELECT ? AS lot_id, ? AS code, ? AS name,"
                " 'Asia/Shanghai' AS time_zone, 0 AS cutover_minutes, FALSE AS is_test, FALSE AS is_void",
                [lot_id, f"lot-{lot_id}", name],
            )
        for statement in (*FILL, FILL_CHARGES.format(methods=methods), FILL_RENEWALS.format(methods=methods)):
            connection.execute(statement, {"as_of": AS_OF} if "$as_of" in statement else {})
        snapshot = current_snapshot(connection)
        connection.close()
    start_build(settings, "build-1", is_full=True)
    end_build(settings, "build-1", state="green")
    publish(settings, "build-1", snapshot, AS_OF)


def add_lots(settings: Settings, live: dict[int, int]) -> None:
    """The same lots in the operational store, with fresh free-space counts of those in ``live``."""
    with ops_session(settings) as session:
        customer = Node(parent_id=ensure_platform(session).node_id, level="customer", code="customer", name="客户")
        session.add(customer)
        session.flush()
        for lot_id, name in enumerate(LOT_NAMES, start=1):
            session.add(Lot(lot_id=lot_id, customer_id=customer.node_id, code=f"lot-{lot_id}", name=name))
        session.flush()
        count_free_spaces(session, live)


def count_free_spaces(session, live: dict[int, int]) -> None:
    for lot_id, free in live.items():
        session.merge(
            AreaFreeSpaces(
                lot_id=lot_id, area_id="", counted_at=datetime.now(UTC), free_spaces=free, total_spaces=60 + 46 * lot_id
            )
        )


@pytest.fixture(scope="module")
def published_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with nine lots and one published build."""
    settings = prepare_stores(tmp_path_factory.mktemp("published"))
    fill_marts(settings)
    add_lots(settings, {1: 12, 2: 34})
    with ops_session(settings) as session:
        platform = ensure_platform(session)
        create_operator(
            session, login=GUARD, name="王刚", role="lot", node_id=platform.node_id, lot_id=3, password=PASSWORD
        )
    with running(settings) as server:
        yield server


@pytest.fixture
def new_context(chromium) -> Iterator[Callable]:
    """Opens separate browsers (own cookies), closed after the test."""
    opened = []

    def open_one(**options):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN", **options})
        context.set_default_timeout(45_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def sign_in() -> Callable[..., None]:
    """Fills in the login form of a page."""

    def fill_in(page, server: Server, *, login: str = LOGIN, password: str = PASSWORD, path: str = "/") -> None:
        page.goto(server.url + path)
        page.fill("#login", login)
        page.fill("#password", password)
        page.click("button[type=submit]")

    return fill_in
