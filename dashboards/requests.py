"""What a request tells about its sender.

Belongs here: the client's address and the public origin behind trusted proxies, same-origin checks, safe redirect
targets, the language, names of cookies. Does not belong here: sessions and pages.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from warehouse.settings import Settings

LANGUAGES = ("zh", "en")
LANGUAGE_COOKIE = "park_language"
APPEARANCE_COOKIE = "park_appearance"
OWN_PAGES = ("/auth/account", "/auth/password")
"""Pages about one's own account; they work without the pages of the application."""

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


def public_origin(connection: HTTPConnection, networks: Networks, settings: Settings) -> tuple[str, str]:
    """Scheme and host that the browser asked for: the request's own, or what a trusted proxy says they were.

    A proxy that does not tell the scheme is taken to speak TLS when cookies are Secure.
    """
    scheme = "https" if settings.cookie_secure or connection.scope.get("scheme") in ("https", "wss") else "http"
    host = connection.headers.get("host", "")
    if connection.client and _is_trusted(connection.client.host, networks):
        # Of several proxies, the first value is what the outermost saw.
        host = connection.headers.get("x-forwarded-host", host).split(",")[0].strip()
        forwarded = connection.headers.get("x-forwarded-proto", "").split(",")[0].strip().casefold()
        scheme = forwarded if forwarded in ("http", "https") else scheme
    return scheme, host


def is_same_origin(connection: HTTPConnection, networks: Networks, settings: Settings) -> bool:
    """Whether a form or websocket comes from our own pages.

    Browsers send Origin with every POST and websocket; a client that sends neither Origin nor Sec-Fetch-Site is no
    browser and carries nobody's cookies. With Secure cookies, a page of this host that came without TLS is a stranger:
    anybody on the way may have written it.
    """
    origin = connection.headers.get("origin")
    if origin is None:
        return connection.headers.get("sec-fetch-site", "same-origin") == "same-origin"
    scheme, host = public_origin(connection, networks, settings)
    parts = urlsplit(origin)
    is_safe = parts.scheme == scheme if settings.cookie_secure else parts.scheme in ("http", "https")
    return bool(host) and is_safe and parts.netloc == host


def local_target(target: str | None) -> str:
    """``target`` when it is a path on this server, else "/": no redirect to foreign sites, none back to the login."""
    if not target or not target.startswith("/") or target.startswith("//"):
        return "/"
    if target.startswith("/auth/") and target not in OWN_PAGES:
        return "/"
    if "\\" in target or any(ord(character) < 32 for character in target):
        return "/"
    return target


def language_of(connection: HTTPConnection, settings: Settings) -> str:
    """The language of a request: the cookie's, else the setting's."""
    wanted = connection.cookies.get(LANGUAGE_COOKIE, settings.language)
    return wanted if wanted in LANGUAGES else "zh"


def host_cookie(settings: Settings, name: str) -> str:
    """The full name of a cookie; browsers accept ``__Host-`` only over TLS, for this host and for all its paths."""
    return f"__Host-{name}" if settings.cookie_secure else name


def session_cookie(settings: Settings) -> str:
    """Name of the cookie with the session's token."""
    return host_cookie(settings, "park_session")
