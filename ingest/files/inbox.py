"""The watched folder: files dropped into ``inbox/<profile>/[<lot code>/]`` are ingested and put away.

Belongs here: finding files that have arrived whole, moving them to ``done`` or ``failed``.
Does not belong here: the ingest itself (``loader``); the supervisor or ``park watch`` decides when to poll.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ingest.files.catalogue import load_profile, profile_names
from ingest.files.loader import IngestSummary, ingest_file
from warehouse.errors import ParkError
from warehouse.settings import Settings

logger = logging.getLogger(__name__)

DONE: Final = "done"
FAILED: Final = "failed"
_PARTIAL: Final = (".part", ".tmp", ".crdownload", ".filepart")


@dataclass(frozen=True)
class InboxResult:
    """One file taken from the inbox: where it lies now, and what came of it."""

    path: Path
    moved_to: Path
    summary: IngestSummary | None
    error: ParkError | None


@dataclass
class Inbox:
    """The watched folder of one instance; remembers between polls which files are still growing."""

    settings: Settings
    _sizes: dict[Path, tuple[int, float]] = field(default_factory=dict)

    def prepare(self) -> None:
        """Create the folder with one subfolder for each shipped profile."""
        for name in profile_names():
            (self.settings.inbox_path / name).mkdir(parents=True, exist_ok=True)

    def poll(self) -> list[InboxResult]:
        """Ingest every file whose size and time have not changed since the poll before."""
        sizes: dict[Path, tuple[int, float]] = {}
        ready: list[Path] = []
        for path in self._files():
            try:
                found = path.stat()
            except FileNotFoundError:
                continue  # taken away between listing and looking
            sizes[path] = (found.st_size, found.st_mtime)
            if self._sizes.get(path) == sizes[path]:
                ready.append(path)
        self._sizes = sizes
        return [self._take(path) for path in ready]

    def _files(self) -> list[Path]:
        root = self.settings.inbox_path
        if not root.is_dir():
            return []
        found = []
        for path in sorted(root.rglob("*")):
            parts = path.relative_to(root).parts
            is_put_away = parts[0] in (DONE, FAILED) and len(parts) > 1
            is_unfinished = path.name.startswith((".", "~$")) or path.name.endswith(_PARTIAL)
            if 2 <= len(parts) <= 3 and not is_put_away and not is_unfinished and path.is_file():
                found.append(path)
        return found

    def _take(self, path: Path) -> InboxResult:
        parts = path.relative_to(self.settings.inbox_path).parts
        lot_code = parts[1] if len(parts) == 3 else None
        summary: IngestSummary | None = None
        failure: ParkError | None = None
        try:
            summary = ingest_file(self.settings, path, load_profile(self._profile(parts[0])), lot_code=lot_code)
        except ParkError as error:
            failure = error
        except Exception as error:  # One bad file must not end the watching of all others.
            logger.exception("ingest of %s failed", path)
            failure = ParkError(
                zh=f"处理 {path.name} 时出现意外错误：{error}", en=f"unexpected failure with {path.name}: {error}"
            )
        moved_to = self._put_away(path, FAILED if failure else DONE)
        if failure is not None:
            moved_to.with_name(moved_to.name + ".error.txt").write_text(
                f"{failure.zh}\n{failure.en}\n", encoding="utf-8"
            )
            logger.warning("file %s failed: %s", path, failure.en)
        return InboxResult(path, moved_to, summary, failure)

    def _profile(self, name: str) -> str:
        """The profile that a folder's name stands for: a TOML file in the inbox itself, else a shipped one."""
        own = self.settings.inbox_path / f"{name}.toml"
        return str(own) if own.is_file() else name

    def _put_away(self, path: Path, folder: str) -> Path:
        target = self.settings.inbox_path / folder / path.relative_to(self.settings.inbox_path)
        target.parent.mkdir(parents=True, exist_ok=True)
        number = 1
        while target.exists():
            target = target.with_name(f"{path.stem}.{number}{path.suffix}")
            number += 1
        path.rename(target)
        self._sizes.pop(path, None)
        return target


_inboxes: dict[Path, Inbox] = {}


def poll_inbox(settings: Settings) -> list[InboxResult]:
    """One look into the inbox of ``settings``; a file is ingested at the second look that finds it unchanged."""
    return _inboxes.setdefault(settings.inbox_path, Inbox(settings)).poll()


def watch(
    settings: Settings, *, interval_seconds: float, report: Callable[[InboxResult], None], once: bool = False
) -> None:
    """Poll until interrupted; with ``once`` look twice, so that everything that lies there is taken."""
    inbox = Inbox(settings)
    inbox.prepare()
    inbox.poll()
    while True:
        time.sleep(interval_seconds)
        for result in inbox.poll():
            report(result)
        if once:
            return
