"""What a request tells about its sender.

Belongs here: the client's address behind trusted proxies, same-origin checks, safe redirect targets, the language.
Does not belong here: sessions and pages.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from warehouse.settings import Settings

LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "park_language"

Networks = tuple[IPv4Network | IPv6Network, ...]


def trusted_networks(settings: Settings) -> Networks:
    """The addresses and networks of ``trusted_proxies``; ValueError for a malformed one."""
    return tuple(ip_network(part.strip()) for part in settings.trusted_proxies.split(",") if part.strip())


def _is_trusted(address: str, networks: Networks) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def client_address(connection: HTTPConnection, networks: Networks) -> str:
    """The address that failures are counted by.

    ``X-Forwarded-For`` is believed only as far as trusted proxies wrote it: read from the right, the first address
    that is not a trusted proxy is the client. An IPv6 client counts as its /64, which one household owns whole.
    """
    address = connection.client.host if connection.client else "unknown"
    forwarded = [part.strip() for part in connection.headers.get("x-forwarded-for", "").split(",") if part.strip()]
    while forwarded and _is_trusted(address, networks):
        address = forwarded.pop()
    try:
        parsed = ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed.ipv4_mapped or parsed, 32 if parsed.ipv4_mapped else 64), strict=False))
    return str(parsed)


def is_same_origin(connection: HTTPConnection, networks: Networks) -> bool:
    """Whether a form came from our own pages.

    Browsers send Origin with every POST; a client that sends neither Origin nor Sec-Fetch-Site is no browser and
    carries nobody's cookies. The host that the browser asked for is X-Forwarded-Host when a trusted proxy says so.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    host = connection.headers.get("host", "")
    if connection.client and _is_trusted(connection.client.host, networks):
        host = connection.headers.get("x-forwarded-host", host)
    return bool(host) and urlsplit(origin).netloc == host


def local_target(target: str | None) -> str:
    """``target`` when it is a path on this server, else "/": no redirect to foreign sites, none back to the login."""
    if not target or not target.startswith("/") or target.startswith(("//", "/auth/")):
        return "/"
    if "\\" in target or any(ord(character) < 32 for character in target):
        return "/"
    return target


def language_of(connection: HTTPConnection, settings: Settings) -> str:
    """The language of a request: the cookie's, else the setting's."""
    wanted = connection.cookies.get(LANGUAGE_COOKIE, settings.language)
    return wanted if wanted in LANGUAGES else "zh"


def session_cookie(settings: Settings) -> str:
    """Name of the cookie with the session's token; browsers accept ``__Host-`` only over TLS and for this host."""
    return "__Host-park_session" if settings.cookie_secure else "park_session"
