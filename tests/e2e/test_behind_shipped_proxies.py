"""nginx and Caddy with the files of docs/deploy in front of pages and gateway; only names, ports and paths are ours."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from ingest.gateway.client import GatewayClient
from tests.e2e.conftest import LOGIN, PASSWORD, Server, free_port, prepare_stores, running
from tests.e2e.test_sign_in_behind_tls import certificate
from warehouse.errors import ParkError
from warehouse.ops.models import Lot, Node
from warehouse.ops.session import ops_session
from warehouse.security.credentials import create_credential
from warehouse.security.sessions import list_sessions
from warehouse.services.tree import ensure_platform
from warehouse.settings import PROJECT_ROOT

SHIPPED = PROJECT_ROOT / "docs" / "deploy"
FROM = "127.0.0.9"
"""Where the client of these tests sits: the proxy alone, at 127.0.0.1, is trusted."""
MOST_BYTES = 16 * 1024 * 1024
NGINX = """daemon off; pid {folder}/pid; error_log {folder}/error.log; {user}
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/parkcloud.conf;
}}
"""


@dataclass(frozen=True)
class Behind:
    """An instance behind a proxy: the public address, and the plain one that leads to it."""

    pages: Server
    url: str
    plain: str
    key: tuple[str, str]

    def client(self, **options: Any) -> httpx.Client:
        transport = httpx.HTTPTransport(verify=False, local_address=FROM)
        return httpx.Client(base_url=self.url, transport=transport, timeout=90, **options)

    def lot(self) -> GatewayClient:
        lot = GatewayClient(self.url, "L1", *self.key, compress=True, attempts=1)
        lot._http = self.client()
        return lot


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


def entries(count: int) -> list[dict[str, Any]]:
    now = datetime.now(UTC).isoformat()
    return [
        {"kind": "entry", "record_id": f"e{row}", "occurred_at": now, "plate": "粤B12345", "gate_id": "G1"}
        for row in range(count)
    ]


@contextmanager
def started(command: list[str], environment: dict[str, str], log: Path, port: int) -> Iterator[None]:
    with log.open("wb") as sink:
        process = subprocess.Popen(command, env=environment, cwd=log.parent, stdout=sink, stderr=sink)
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, int, tuple[str, str]]]:
    """Pages and gateway as behind TLS, with one lot; the gateway's port and the lot's credential."""
    settings = prepare_stores(tmp_path_factory.mktemp("shipped"))
    with ops_session(settings) as session:
        customer = Node(parent_id=ensure_platform(session).node_id, level="customer", code="customer", name="客户")
        session.add(customer)
        session.flush()
        session.add(Lot(lot_id=1, customer_id=customer.node_id, code="L1", name="L1"))
        session.flush()
        key = create_credential(session, settings, 1)
    certificate(settings.home)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PARK_")}
    environment |= {"PARK_HOME": str(settings.home), "PARK_GATEWAY_PORT": str(port)}
    gateway = [str(Path(sys.executable).parent / "park"), "gateway"]
    with (
        running(settings, PARK_COOKIE_SECURE="true", PARK_TRUSTED_PROXIES="127.0.0.1") as pages,
        started(gateway, environment, settings.home / "gateway.log", port),
    ):
        yield pages, port, key


def nginx(program: str, folder: Path, changes: dict[str, str], ports: tuple[int, int], pem: Path) -> list[str]:
    changes |= {
        "listen 80;": f"listen 127.0.0.1:{ports[0]};",
        "listen 443 ssl;": f"listen 127.0.0.1:{ports[1]} ssl;",
        "/etc/nginx/park.crt": str(pem),
        "/etc/nginx/park.key": str(pem),
        "https://$host$": f"https://$host:{ports[1]}$",
    }
    (folder / "parkcloud.conf").write_text(replaced((SHIPPED / "nginx.conf").read_text(), changes))
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, user=user))
    command = [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stderr
    assert "warn" not in checked.stderr
    return command


def caddy(program: str, folder: Path, changes: dict[str, str], ports: tuple[int, int], pem: Path) -> list[str]:
    changes |= {"park.example {": f"https://:{ports[1]} {{\n\ttls {pem} {pem}"}
    ours = f"{{\n\tadmin off\n\thttp_port {ports[0]}\n\thttps_port {ports[1]}\n}}\n"
    (folder / "Caddyfile").write_text(ours + replaced((SHIPPED / "Caddyfile").read_text(), changes))
    return [program, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


@pytest.fixture(scope="module", params=["nginx", "caddy"])
def behind(
    request: pytest.FixtureRequest,
    instance: tuple[Server, int, tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Behind]:
    """Pages and gateway behind one of the proxies."""
    program = shutil.which(request.param, path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip(f"{request.param} is not installed")
    pages, gateway_port, key = instance
    folder, ports = tmp_path_factory.mktemp(request.param), (free_port(), free_port())
    changes = {
        "127.0.0.1:8700": pages.url.removeprefix("http://"),
        "127.0.0.1:8701": f"127.0.0.1:{gateway_port}",
    }
    make = {"nginx": nginx, "caddy": caddy}[request.param]
    command = make(program, folder, changes, ports, pages.settings.home / "proxy.pem")
    environment = os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    with started(command, environment, folder / "log", ports[1]):
        yield Behind(pages, f"https://127.0.0.1:{ports[1]}", f"http://127.0.0.1:{ports[0]}", key)


def signed_in(client: httpx.Client, origin: str, **headers: str) -> httpx.Response:
    token = client.get("/auth/login").text.split('name="form_token" value="')[1].split('"')[0]
    fields = {"form_token": token, "login": LOGIN, "password": PASSWORD}
    return client.post("/auth/login", data=fields, headers={"origin": origin, **headers})


def test_a_lot_uploads_ten_thousand_records_and_waits_its_whole_time_for_commands(behind: Behind) -> None:
    with ThreadPoolExecutor() as threads, behind.lot() as lot, behind.lot() as waiting:
        asked = time.monotonic()
        answer = threads.submit(waiting.commands, 0, 2)
        assert lot.send(entries(10_000))["accepted"] == 10_000
        assert answer.result() == {"commands": [], "cursor": 0}
        assert time.monotonic() - asked >= 2


@pytest.mark.parametrize("how", ["in pieces", "after unpacking", "too many", "far too large"])
def test_what_is_too_large_gets_the_gateways_own_answer(behind: Behind, how: str) -> None:
    body = b" " * (MOST_BYTES + 1)
    with behind.lot() as lot:
        headers = {"content-type": "application/json"}
        content: Any = body
        if how == "in pieces":
            content = (body[start : start + 65_536] for start in range(0, len(body), 65_536))
        if how == "far too large":
            content = body * 3
        if how in ("after unpacking", "too many"):
            sent = body if how == "after unpacking" else msgspec.json.encode({"records": entries(10_001)})
            with pytest.raises(ParkError, match="413"):
                lot.send_body(sent)
            return
        signature = lot.signature(body)
        answer = lot._http.post("/v1/lots/L1/records", content=content, headers=headers | signature)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_a_path_reaches_the_gateway_as_the_lot_signed_it(behind: Behind) -> None:
    with behind.lot() as lot, pytest.raises(ParkError, match="415"):
        lot.put_snapshot("entry", "in/2026 05%01", b"\xff\xd8 no picture", "2026-05-01T08:17:53+08:00")


def test_figures_for_watching_are_not_public(behind: Behind) -> None:
    with behind.client() as client:
        for path in ("/metrics", "/health", "/v1/../metrics", "/v1/%2e%2e/metrics", "/v1//metrics", "/_stcore/metrics"):
            answer = client.send(client.build_request("GET", httpx.URL(behind.url, raw_path=path.encode())))
            assert answer.status_code in (401, 404), path
            assert "park_" not in answer.text, path


def test_every_answer_says_tls_only_and_pages_stand_in_no_frame(behind: Behind) -> None:
    with behind.client() as client:
        for path in ("/auth/login", "/v1/openapi.json", "/v1/nothing"):
            headers = client.get(path).headers
            assert headers.get_list("strict-transport-security") == ["max-age=31536000"]
            assert headers.get_list("x-content-type-options") == ["nosniff"], path
        headers = client.get("/auth/login").headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
    answer = httpx.get(f"{behind.plain}/auth/login", follow_redirects=False)
    assert answer.headers["location"] in (f"{behind.url}/auth/login", "https://127.0.0.1/auth/login")


def test_the_log_names_the_client_and_not_what_it_made_up(behind: Behind) -> None:
    settings = behind.pages.settings
    with behind.client() as client:
        answer = signed_in(client, behind.url, **{"x-forwarded-for": "198.51.100.1", "x-forwarded-proto": "http"})
        assert answer.status_code == 303
        assert all("; Secure" in cookie for cookie in answer.headers.get_list("set-cookie"))
    assert list_sessions(settings, 1)[0].address == FROM
    with behind.client() as client:
        made_up = {"x-forwarded-host": "evil.example", "host": behind.url.removeprefix("https://")}
        assert signed_in(client, "https://evil.example", **made_up).status_code == 403


def test_a_page_draws_over_its_websocket_and_keeps_its_session(behind: Behind, new_context: Any, sign_in: Any) -> None:
    page = new_context(ignore_https_errors=True).new_page()
    public = Server(behind.url.replace("127.0.0.1", "park.localhost"), behind.pages.settings, behind.pages.pid)
    sign_in(page, public)
    page.get_by_text("尚未发布数据").first.wait_for()
    page.reload()
    page.get_by_text("尚未发布数据").first.wait_for()
