"""Runs the real lander or gateway and kills the process with SIGKILL at one chosen moment. Not a test itself.

Usage: die_at.py MOMENT [PORT]; exits normally when the moment never came.
"""

from __future__ import annotations

import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest import landing, live_state
from ingest.gateway.shared_writes import SharedWrites
from ingest.journal import Journal
from ingest.lander import Lander
from warehouse.services import downlink_delivery
from warehouse.settings import load_settings


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def dying(function: Callable[..., Any], *, before: bool, when: Callable[..., bool] = lambda *_: True) -> Any:
    def replaced(*arguments: Any, **named: Any) -> Any:
        if before and when(*arguments):
            die()
        result = function(*arguments, **named)
        if not before and when(*arguments):
            die()
        return result

    return replaced


def sealed_segment(path: Path, *_: Any) -> bool:
    return path.parent.name == "sealed"


def partial_archive(path: Path, *_: Any) -> bool:
    return path.parent.name == "landed"


def some_given(_settings: Any, found: Any, *_: Any) -> bool:
    return bool(found)


class NthFileSync:
    """True for the n-th fsync of a regular file."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, descriptor: int) -> bool:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            self.left -= 1
        return self.left == 0


class WriteOf:
    """True for a commit that holds a change by this name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, _writes: SharedWrites, changes: Any) -> bool:
        return any(change.func.__name__ == self.name for change in changes)


def main(moment: str, port: str = "") -> None:
    original_unlink, original_rename = Path.unlink, Path.rename
    match moment:
        case "before commit":
            landing._sync_new_files = dying(landing._sync_new_files, before=False)
        case "after commit":
            live_state.apply = dying(live_state.apply, before=True)
        case "after live state":
            live_state.apply = dying(live_state.apply, before=False)
        case "before archive":
            Journal.archive = dying(Journal.archive, before=True)  # type: ignore[method-assign]
        case "archive written, not renamed":
            Path.rename = dying(original_rename, before=True, when=partial_archive)  # type: ignore[method-assign]
        case "archived, not unlinked":
            Path.unlink = dying(original_unlink, before=True, when=sealed_segment)  # type: ignore[method-assign]
        case "unlinked, not recorded":
            Path.unlink = dying(original_unlink, before=False, when=sealed_segment)  # type: ignore[method-assign]
        case "before the fsync":
            os.fsync = dying(os.fsync, before=True, when=NthFileSync(4))
        case "after the fsync":
            os.fsync = dying(os.fsync, before=False, when=NthFileSync(4))
        case "sealed, folder not synced":
            Path.rename = dying(original_rename, before=False)  # type: ignore[method-assign]
        case "commands given, not committed":
            # Inside of the transaction that gives them.
            downlink_delivery._answer = dying(downlink_delivery._answer, before=False, when=some_given)
        case "commands given, not answered":
            SharedWrites._write = dying(  # type: ignore[method-assign]
                SharedWrites._write, before=False, when=WriteOf("give_commands")
            )
        case "acknowledged, not committed":
            downlink_delivery._note = dying(downlink_delivery._note, before=False)
        case "acknowledged, not answered":
            SharedWrites._write = dying(  # type: ignore[method-assign]
                SharedWrites._write, before=False, when=WriteOf("acknowledge_commands")
            )
        case _:
            raise SystemExit(f"no such moment: {moment}")
    settings = load_settings()
    if port:
        from ingest.gateway.server import run

        run(settings, host="127.0.0.1", port=int(port))
    else:
        Lander(settings).drain()


if __name__ == "__main__":
    main(*sys.argv[1:])
