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
from pathlib import Path

import pytest

from warehouse.lake.schema import create_lake
from warehouse.ops.session import migrate, ops_session
from warehouse.services.operators import create_operator
from warehouse.services.tree import ensure_platform
from warehouse.settings import Settings

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
START_SECONDS = 60


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


@pytest.fixture(scope="session")
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


@pytest.fixture
def new_context(chromium) -> Iterator[Callable]:
    """Opens separate browsers (own cookies), closed after the test."""
    opened = []

    def open_one(**options):
        context = chromium.new_context(**{"viewport": {"width": 1440, "height": 900}, "locale": "zh-CN", **options})
        context.set_default_timeout(20_000)
        opened.append(context)
        return context

    yield open_one
    for context in opened:
        context.close()


@pytest.fixture(scope="session")
def sign_in() -> Callable[..., None]:
    """Fills in the login form of a page."""

    def fill_in(page, server: Server, *, password: str = PASSWORD, path: str = "/") -> None:
        page.goto(server.url + path)
        page.fill("#login", LOGIN)
        page.fill("#password", password)
        page.click("button[type=submit]")

    return fill_in
