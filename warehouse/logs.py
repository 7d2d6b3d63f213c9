"""Logs of every process: one set-up, text for people or one JSON object a line for programs.

Belongs here: format, levels, the fields that tell what a line is about, and keeping secrets out. Does not belong here:
what is worth a line, which each module decides by itself with ``logging.getLogger(__name__)``.

A line's fields come from two places: ``logging``'s own ``extra=`` and ``about(...)``, which holds for everything that
is logged inside its block. Only the names in ``FIELDS`` are written, so that nothing slips in by accident.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from warehouse.settings import Settings

FIELDS: Final = (
    "request_id",
    "lot",
    "lot_id",
    "batch_id",
    "segment",
    "build_id",
    "snapshot_id",
    "run_id",
    "report",
    "service",
    "status",
    "code",
    "records",
    "rejected",
    "segments",
    "waiting",
    "seconds",
)
HIDDEN: Final = "***"
_SHORTEST_SECRET: Final = 4
_PASSWORD_IN_URL: Final = re.compile(r"(://[^:/@\s]*:)[^@/\s]+@")
_NAMED_SECRET: Final = re.compile(
    r"(?i)\b(password|passwd|secret|token|authorization|signature|api[_-]?key)\b(['\"]?\s*[=:]\s*)(?:bearer\s+)?"
    r"(\"[^\"]*\"|'[^']*'|[^\s,;&)]+)"
)

_about: ContextVar[dict[str, Any] | None] = ContextVar("park_log_fields", default=None)


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Everything logged inside carries ``fields``; inner blocks add to outer ones.

    Raises:
        ValueError: a field that is not in ``FIELDS``.
    """
    unknown = fields.keys() - set(FIELDS)
    if unknown:
        raise ValueError(f"no such log fields: {sorted(unknown)}")
    kept = _about.set({**(_about.get() or {}), **fields})
    try:
        yield
    finally:
        _about.reset(kept)


def set_up(settings: Settings, process: str, *, level: int | None = None) -> None:
    """Let this process log to standard error as ``settings.log_format`` says.

    Args:
        settings: of this instance; its secrets are never written.
        process: the process's name: gateway, lander, pages, …
        level: least level that is written; ``settings.log_level`` when not given.
    """
    handler = logging.StreamHandler(sys.stderr)
    hide = Redactor(settings)
    handler.setFormatter(JsonLines(process, hide) if settings.log_format == "json" else Text(hide))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level if level is not None else settings.log_level.upper())
    # They log whole addresses: keys of map servers in another spelling, and where people start from.
    for chatty in ("httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.captureWarnings(True)


class Redactor:
    """Replaces the instance's secrets, and whatever looks like one, by stars."""

    def __init__(self, settings: Settings) -> None:
        """Take note of every secret setting and of passwords in URLs."""
        found = {value.get_secret_value() for _name, value in settings if isinstance(value, SecretStr)}
        for url in (settings.ops_url, settings.catalog_url):
            password = urlsplit(url).password if url else None
            if password:
                found |= {password, unquote(password)}
        self._secrets = sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """``text`` without secrets."""
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        return _NAMED_SECRET.sub(rf"\1\2{HIDDEN}", _PASSWORD_IN_URL.sub(rf"\1{HIDDEN}@", text))


class Text(logging.Formatter):
    """One line for people, its fields behind it."""

    def __init__(self, hide: Redactor) -> None:
        """``hide`` keeps secrets out."""
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """The line, a traceback below it."""
        fields = " ".join(f"{name}={value}" for name, value in fields_of(record).items())
        first, newline, rest = super().format(record).partition("\n")
        return self._hide(f"{first}{f'  [{fields}]' if fields else ''}{newline}{rest}")


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, process, pid, logger, message, fields, and the traceback of an error."""

    def __init__(self, process: str, hide: Redactor) -> None:
        """``process`` names who logs; ``hide`` keeps secrets out."""
        super().__init__()
        self._process = process
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """The object, on one line whatever the message holds."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "process": self._process,
            "pid": os.getpid(),
            "logger": record.name,
            "message": self._hide(record.getMessage()),
        }
        for name, value in fields_of(record).items():
            line[name] = value if isinstance(value, int | float | bool) else self._hide(str(value))
        if record.exc_info:
            line["error"] = self._hide(self.formatException(record.exc_info))
        return json.dumps(line, ensure_ascii=False)


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """What the line is about, in the order of ``FIELDS``."""
    outer = _about.get() or {}
    found = {name: getattr(record, name, outer.get(name)) for name in FIELDS}
    return {name: value for name, value in found.items() if value is not None}
