"""Signing in through a proxy that speaks TLS with the browser and plain HTTP with the pages."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.e2e.conftest import LOGIN, PASSWORD, Server, prepare_stores, running
from warehouse.security.sessions import list_sessions

pytestmark = pytest.mark.usefixtures("chromium")
EMPTY = "尚未发布数据"
INSIDE = "pages.internal:1"


def certificate(folder: Path) -> ssl.SSLContext:
    """A certificate that nobody signed, for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / "proxy.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


class Proxy:
    """One request per connection; tells the pages who asked for what, and asks for them by another name itself."""

    def __init__(self, behind: int, context: ssl.SSLContext) -> None:
        self.behind = behind
        self.context = context
        self.port = 0
        self.loop = asyncio.new_event_loop()
        self.started = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.context, limit=1 << 20)
        )
        self.port = server.sockets[0].getsockname()[1]
        self.started.set()
        self.loop.run_forever()
        server.close()

    def start(self) -> None:
        self.thread.start()
        assert self.started.wait(10)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(10)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").rstrip().split("\r\n")
            headers = {name.casefold(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            earlier = headers.get("x-forwarded-for")
            headers |= {
                "x-forwarded-for": f"{earlier}, 203.0.113.9" if earlier else "203.0.113.9",
                "x-forwarded-host": headers["host"],
                "x-forwarded-proto": "https",
                "host": INSIDE,
            }
            if "upgrade" not in headers:
                headers["connection"] = "close"
            inside, outside = await asyncio.open_connection("127.0.0.1", self.behind)
            told = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            outside.write(f"{first}\r\n{told}\r\n".encode("latin-1"))
            await asyncio.gather(self._copy(reader, outside), self._copy(inside, writer))

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            while data := await source.read(65_536):
                sink.write(data)
                await sink.drain()
        sink.close()


@pytest.fixture(scope="module")
def behind_tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The pages behind a TLS proxy; ``url`` is the proxy's."""
    settings = prepare_stores(tmp_path_factory.mktemp("tls"))
    with running(settings, PARK_COOKIE_SECURE="true", PARK_TRUSTED_PROXIES="127.0.0.1") as pages:
        proxy = Proxy(int(pages.url.rsplit(":", 1)[1]), certificate(settings.home))
        proxy.start()
        try:
            yield Server(f"https://127.0.0.1:{proxy.port}", settings, pages.pid)
        finally:
            proxy.stop()


def test_signing_in_reading_a_page_and_signing_out_work_behind_tls(behind_tls, new_context, sign_in):
    context = new_context(ignore_https_errors=True)
    page = context.new_page()
    # A name that Streamlit does not take for this machine's own.
    public = replace(behind_tls, url=behind_tls.url.replace("127.0.0.1", "park.localhost"))
    sign_in(page, public)
    # The page's words come over the websocket.
    page.get_by_text(EMPTY).first.wait_for()
    cookie = next(one for one in context.cookies() if "park_session" in one["name"])
    assert cookie["name"] == "__Host-park_session"
    assert cookie["secure"]
    assert cookie["httpOnly"]
    assert [row.address for row in list_sessions(behind_tls.settings, 1)] == ["203.0.113.9"]
    page.goto(public.url + "/auth/account")
    page.get_by_role("button", name="全部退出，包括本浏览器").click()
    page.wait_for_url("**/auth/login")
    assert list_sessions(behind_tls.settings, 1) == ()


@pytest.mark.parametrize("origin", ["https://evil.example", "http://{host}", f"https://{INSIDE}"])
def test_only_the_public_origin_may_post_the_form(behind_tls, origin):
    host = behind_tls.url.removeprefix("https://")
    with httpx.Client(base_url=behind_tls.url, verify=False) as client:
        for sent, status in ((origin.format(host=host), 403), (behind_tls.url, 303)):
            token = client.get("/auth/login").text.split('name="form_token" value="')[1].split('"')[0]
            fields = {"form_token": token, "login": LOGIN, "password": PASSWORD}
            assert client.post("/auth/login", data=fields, headers={"origin": sent}).status_code == status


def test_an_address_that_the_client_made_up_is_not_believed(behind_tls):
    with httpx.Client(base_url=behind_tls.url, verify=False) as client:
        token = client.get("/auth/login").text.split('name="form_token" value="')[1].split('"')[0]
        fields = {"form_token": token, "login": LOGIN, "password": PASSWORD}
        headers = {"origin": behind_tls.url, "x-forwarded-for": "198.51.100.1"}
        assert client.post("/auth/login", data=fields, headers=headers).status_code == 303
    assert list_sessions(behind_tls.settings, 1)[0].address == "203.0.113.9"
