"""Calling a web hook: only where it may go, signed, never following anywhere else.

Belongs here: which addresses are allowed, the signature, the one request. Does not belong here: what is said and when
to try again (``deliver.py``).

The name is resolved once and the connection goes to the address that was checked, so that a name which changes its
answer between the check and the call leads nowhere new. Redirects are not followed. Without TLS only addresses that
``PARK_WEBHOOK_NETWORKS`` names are called. A whole call has a limit of time: a receiver that answers byte by byte must
not hold up what others wait for.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

from warehouse.errors import ParkError
from warehouse.settings import Settings

TIMEOUT_SECONDS: Final = 10.0
LONGEST_CALL_SECONDS: Final = 20.0
VERSION: Final = "v1"
_ANSWER_BYTES: Final = 2000
# A gateway on the way makes an IPv4 address of such a one: it leads to the last 32 bits.
_TRANSLATED: Final = (ip_network("64:ff9b::/96"), ip_network("64:ff9b:1::/48"), ip_network("::/96"))

Networks = tuple[IPv4Network | IPv6Network, ...]


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """``v1=`` and the hexadecimal HMAC-SHA256 of timestamp, a dot and the body."""
    digest = hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"{VERSION}={digest}"


@dataclass(frozen=True)
class Target:
    """Where a call goes: the parts of the URL, and the address that was checked."""

    scheme: str
    host: str
    port: int
    path: str
    address: str


def allowed_networks(settings: Settings) -> Networks:
    """The networks of ``webhook_networks``.

    Raises:
        ParkError: ``bad_setting``; one is malformed.
    """
    try:
        return tuple(ip_network(part.strip()) for part in settings.webhook_networks.split(",") if part.strip())
    except ValueError as error:
        raise ParkError(
            zh=f"PARK_WEBHOOK_NETWORKS 有误：{error}。应为逗号分隔的网段，例如 10.1.0.0/16",
            en=f"PARK_WEBHOOK_NETWORKS is wrong: {error}. Write networks with commas, for example 10.1.0.0/16",
            code="bad_setting",
        ) from error


def read_target(settings: Settings, url: str) -> Target:
    """Resolve a URL and make sure that it may be called.

    Raises:
        ParkError: ``webhook_url`` when it is none, ``webhook_address`` when it leads into a private network,
            ``webhook_failed`` when the name has no address at the moment.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise _no_url(url) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        raise _no_url(url)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ParkError(
            zh=f"{parts.hostname} 无法解析：{error}",
            en=f"{parts.hostname} cannot be resolved: {error}",
            code="webhook_failed",
        ) from error
    networks = allowed_networks(settings)
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    # All of them: which one answers is nobody's choice.
    for address in addresses:
        _check(parts.scheme, parts.hostname, ip_address(address), networks)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not path.isascii() or not path.isprintable() or " " in path:
        raise _no_url(url)
    return Target(parts.scheme, parts.hostname, port, path, addresses[0])


def _check(scheme: str, host: str, address: IPv4Address | IPv6Address, networks: Networks) -> None:
    plain = _inner(address)
    if any(plain.version == network.version and plain in network for network in networks):
        return
    is_odd = plain.is_multicast or plain.is_reserved or (isinstance(plain, IPv6Address) and plain.is_site_local)
    if not plain.is_global or is_odd:
        # The address is not told: names of the inner network are nothing to ask this server about.
        raise ParkError(
            zh=f"{host} 是内部网络地址，不能作为 Webhook：如确需调用，请在 PARK_WEBHOOK_NETWORKS 中列出其网段",
            en=f"{host} is in a private network and is no web hook: if it must be, name its network in "
            "PARK_WEBHOOK_NETWORKS",
            code="webhook_address",
        )
    if scheme != "https":
        raise ParkError(
            zh=f"{host} 须用 https:// 调用：不加密的只能用于 PARK_WEBHOOK_NETWORKS 列出的网段",
            en=f"{host} must be called by https://; without encryption only what PARK_WEBHOOK_NETWORKS names is called",
            code="webhook_address",
        )


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address that is reached in the end: an IPv4 address can be written within an IPv6 address."""
    if isinstance(address, IPv4Address) or address == IPv6Address("::1"):
        return address
    if any(address in network for network in _TRANSLATED):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _no_url(url: str) -> ParkError:
    return ParkError(
        zh=f"“{url[:200]}”不是可用的网址：应以 https:// 开头，不含用户名和密码",
        en=f"{url[:200]!r} is no address to call: it begins with https:// and holds no login",
        code="webhook_url",
    )


def call(settings: Settings, url: str, secret: str, body: bytes, timestamp: str, delivery_id: int) -> None:
    """Send a signed message; returns when the receiver took it.

    Raises:
        ParkError: as ``read_target``; ``webhook_failed`` when it does not answer with 2xx.
    """
    target = read_target(settings, url)
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "ParkCloud-Alarms/1",
        "X-Park-Delivery": str(delivery_id),
        "X-Park-Timestamp": timestamp,
        "X-Park-Signature": signature(secret, timestamp, body),
    }
    connection = _Pinned(target)
    try:
        with _ended_in_time(connection):
            connection.request("POST", target.path, body=body, headers=headers)
            answer = connection.getresponse()
            answer.read(_ANSWER_BYTES)
            status = answer.status
    except (OSError, http.client.HTTPException, ssl.SSLError) as error:
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise ParkError(
            zh=f"{target.host} 没有收下：{reason}", en=f"{target.host} did not take it: {reason}", code="webhook_failed"
        ) from error
    finally:
        connection.close()
    if status // 100 != 2:
        raise ParkError(
            zh=f"{target.host} 回答 {status}，应为 2xx",
            en=f"{target.host} answered {status} instead of 2xx",
            code="webhook_failed",
        )


@contextmanager
def _ended_in_time(connection: http.client.HTTPConnection) -> Iterator[None]:
    """Cut the connection when the whole call takes too long; the timeout of a socket begins anew with each byte."""
    is_cut = threading.Event()

    def cut() -> None:
        is_cut.set()
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    clock = threading.Timer(LONGEST_CALL_SECONDS, cut)
    clock.daemon = True
    clock.start()
    try:
        yield
    finally:
        clock.cancel()
    # Headers that end too soon look complete.
    if is_cut.is_set():
        raise TimeoutError(f"no whole answer within {LONGEST_CALL_SECONDS:g} seconds")


class _Pinned(http.client.HTTPConnection):
    """A connection to the address that was checked, under the name of the URL."""

    def __init__(self, target: Target) -> None:
        super().__init__(target.host, target.port, timeout=TIMEOUT_SECONDS)
        self._target = target

    def connect(self) -> None:
        """Connect to the checked address; with TLS the certificate must be the name's."""
        made = socket.create_connection((self._target.address, self._target.port), TIMEOUT_SECONDS)
        if self._target.scheme == "https":
            try:
                secured = ssl.create_default_context().wrap_socket(
                    made, server_hostname=self._target.host, do_handshake_on_connect=False
                )
                self.sock = secured
                secured.do_handshake()
            except BaseException:
                made.close()
                raise
        else:
            self.sock = made
