"""Asking a server of routes.

Belongs here: the request and what can go wrong on the way. Does not belong here: what the answers mean.
"""

from __future__ import annotations

from typing import Any, Final

import httpx

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Point
from warehouse.routing.model import failed

TIMEOUT_SECONDS: Final = 10.0


def ask(provider: str, method: str, address: str, **options: Any) -> Any:
    """The JSON that the server answers, also with an error's status; no key is told in what is raised.

    Raises:
        ParkError: ``routes_failed``.
    """
    try:
        answer = httpx.request(method, address, timeout=TIMEOUT_SECONDS, **options)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise failed(provider, type(error).__name__) from None
    try:
        told = answer.json()
    except ValueError:
        raise failed(provider, f"HTTP {answer.status_code}") from None
    if not isinstance(told, dict):
        raise failed(provider, f"HTTP {answer.status_code}")
    return told


def unreadable(provider: str, error: Exception) -> ParkError:
    """The answer has not the form that the provider documents."""
    return failed(provider, f"{type(error).__name__}: {error}"[:120])


def pair(point: Point) -> str:
    """Longitude and latitude as all of these servers write them."""
    return f"{point.longitude:.6f},{point.latitude:.6f}"
