"""PostgreSQL or object storage that is away: telling which from other failures, and saying so in words.

Belongs here: recognising them in the errors of SQLAlchemy, psycopg, DuckDB and dbt. Does not belong here: what a
process does about it, which is to keep what it has and try again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from warehouse.disk import chain
from warehouse.errors import ParkError
from warehouse.settings import Settings

Store = Literal["postgresql", "object_storage"]

_POSTGRESQL_SAID: Final = (
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
# DuckDB names the request in each of its errors about object storage, whatever the library below it says of the reason.
_ABOUT_A_REQUEST: Final = re.compile(r"\bhttp (?:get|head|put|post|delete) |\bhttp error\b|s3://|\bhttps?://")
# "… error for HTTP PUT to": no answer came. Or the answer was that nobody can serve it now.
_REQUEST_FAILED: Final = re.compile(r"error for http |\b(?:http |: )(?:500|502|503|504)\b")
_NAMES: Final[dict[Store, tuple[str, str, str, str]]] = {
    "postgresql": ("PostgreSQL", "PostgreSQL", "PARK_OPS_URL 和 PARK_CATALOG_URL", "PARK_OPS_URL and PARK_CATALOG_URL"),
    "object_storage": ("对象存储", "object storage", "PARK_S3_ENDPOINT", "PARK_S3_ENDPOINT"),
}


def stores_away(error: BaseException, settings: Settings) -> tuple[Store, ...]:
    """Which stores of this instance do not answer, by ``error`` and what caused it; empty for any other failure."""
    urls = (settings.resolved_ops_url, settings.catalog_url or "")
    has_postgresql = any(url.startswith("postgresql") for url in urls)
    has_object_storage = settings.resolved_data_path.startswith("s3://")
    away: dict[Store, None] = {}
    # Line by line: dbt puts the errors of several models into one text.
    for line in (line for one in chain(error) for line in str(one).lower().splitlines()):
        if _ABOUT_A_REQUEST.search(line):
            if has_object_storage and _REQUEST_FAILED.search(line):
                away["object_storage"] = None
        elif has_postgresql and any(words in line for words in _POSTGRESQL_SAID):
            away["postgresql"] = None
    return tuple(away)


def store_away(stores: Iterable[Store], what_zh: str, what_en: str) -> ParkError:
    """The error for people; ``what`` says what could not be done and what becomes of it."""
    names = [_NAMES[store] for store in stores]
    zh, en, settings_zh, settings_en = (
        joint.join(name[part] for name in names) for part, joint in enumerate(("、", " and ", "、", " and "))
    )
    verb = "are" if len(names) > 1 else "is"
    return ParkError(
        zh=f"{zh}{' ' if zh.isascii() else ''}连接中断:{what_zh};恢复后自动继续,请检查 {settings_zh} 的服务器",
        en=f"{en} {verb} away: {what_en}; it goes on by itself when {'they are' if len(names) > 1 else 'it is'} back, "
        f"check the servers of {settings_en}",
        code="store_away",
    )
