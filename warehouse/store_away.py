"""PostgreSQL that is away: telling it from other failures, and saying so in words.

Belongs here: recognising it in the errors of SQLAlchemy, psycopg, DuckDB and dbt. Does not belong here: what a process
does about it, which is to keep what it has and try again.
"""

from __future__ import annotations

from typing import Final

from warehouse.disk import chain
from warehouse.errors import ParkError
from warehouse.settings import Settings

_SAID: Final = (
    "connection refused",
    "server closed the connection",
    "terminating connection",
    "connection is lost",
    "connection is closed",
    "connection to server",
    "no connection to the server",
    "the database system is",
    "connection failed",
)


def is_store_away(error: BaseException, settings: Settings) -> bool:
    """Whether ``error``, or what caused it, is a PostgreSQL that does not answer."""
    urls = (settings.resolved_ops_url, settings.catalog_url or "")
    if not any(url.startswith("postgresql") for url in urls):
        return False
    return any(words in str(one).lower() for one in chain(error) for words in _SAID)


def store_away(what_zh: str, what_en: str) -> ParkError:
    """The error for people; ``what`` says what could not be done and what becomes of it."""
    return ParkError(
        zh=f"PostgreSQL 连接中断:{what_zh};数据库恢复后自动继续,请检查 PARK_OPS_URL 和 PARK_CATALOG_URL 的服务器",
        en=f"PostgreSQL is away: {what_en}; it goes on by itself when the database is back, check the servers of "
        "PARK_OPS_URL and PARK_CATALOG_URL",
        code="store_away",
    )
