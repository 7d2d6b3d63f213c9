"""A full disk: telling it from other failures, and saying so in words.

Belongs here: recognising it in the errors of the operating system, SQLite, DuckDB and SQLAlchemy. Does not belong here:
what a process does about it, which is to keep what it has and try again.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from warehouse.errors import ParkError

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOTHING_LEFT: Final = 512 * 1024
_SAID: Final = ("no space left", "disk is full", "disk full", "quota exceeded", "file too large")


def is_disk_full(error: BaseException, folder: Path) -> bool:
    """Whether ``error``, or what caused it, is a disk that takes nothing more; ``folder`` lies on it.

    SQLite calls it an I/O error when it has no room for its shared memory, so the disk itself is asked, too.
    """
    with suppress(OSError):
        if shutil.disk_usage(folder).free < _NOTHING_LEFT:
            return True
    return any(
        (isinstance(one, OSError) and one.errno in _FULL) or any(words in str(one).lower() for words in _SAID)
        for one in chain(error)
    )


def disk_full(what_zh: str, what_en: str) -> ParkError:
    """The error for people; ``what`` says what could not be done and what becomes of it."""
    return ParkError(
        zh=f"磁盘已满:{what_zh};清理磁盘后自动继续,见 docs/runbooks/disk-full.md",
        en=f"the disk is full: {what_en}; it goes on by itself when there is room, see docs/runbooks/disk-full.md",
        code="disk_full",
    )


def chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it."""
    seen: set[int] = set()
    while id(error) not in seen:
        seen.add(id(error))
        yield error
        following = error.__cause__ or error.__context__ or getattr(error, "orig", None)
        if not isinstance(following, BaseException):
            return
        error = following
