"""The backups of one place: which there are, their files, what is proved of them.

Belongs here: the names within a place. Does not belong here: making, checking or deleting a backup.

``backups/<id>/files.json`` is written before ``backups/<id>/summary.json``; ``verified.json`` follows. Contents lie
under ``objects/`` by their hash and are shared between backups.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import msgspec

from warehouse.backup.manifest import FORMAT, FileList, Summary, Verified
from warehouse.backup.place import Place, open_place
from warehouse.errors import ParkError
from warehouse.settings import Settings

BACKUPS: Final = "backups/"
OBJECTS: Final = "objects/"
NEWEST: Final = ("newest", "latest")
_AT_ONCE: Final = 8


@dataclass(frozen=True)
class Listed:
    """A backup with what is proved of it."""

    summary: Summary
    verified: Verified | None

    @property
    def backup_id(self) -> str:
        """Its name."""
        return self.summary.backup_id


class Library:
    """The backups of a place."""

    def __init__(self, place: Place) -> None:
        """Nothing is read yet."""
        self.place = place

    def ids(self) -> list[str]:
        """Names of the backups, newest first."""
        names = self.place.sizes(BACKUPS)
        return sorted({name.split("/")[1] for name in names if name.endswith("/summary.json")}, reverse=True)

    def listed(self) -> list[Listed]:
        """All backups, newest first."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(self.one, self.ids()))

    def one(self, backup_id: str) -> Listed:
        """A backup by its name, or ``newest``.

        Raises:
            ParkError: code ``unknown_backup``, or ``backup_too_new``: a newer version made it.
        """
        if backup_id in NEWEST:
            backup_id = next(iter(self.ids()), backup_id)
        # A name is one part of a path: nothing beside the backups is read as one.
        is_name = backup_id == backup_id.strip(".") and not set(backup_id) & set("/\\\0")
        content = self.place.read(f"{BACKUPS}{backup_id}/summary.json") if is_name and backup_id else None
        if content is None:
            raise ParkError(
                zh=f"{self.place.name} 中没有备份 {backup_id}：请用 park backup list 查看",
                en=f"there is no backup {backup_id} in {self.place.name}: see park backup list",
                code="unknown_backup",
            )
        summary = msgspec.json.decode(content, type=Summary)
        if summary.format > FORMAT:
            raise ParkError(
                zh=f"备份 {backup_id} 由更新的版本（{summary.product_version}）生成：请先升级",
                en=f"backup {backup_id} was made by a newer version ({summary.product_version}): upgrade first",
                code="backup_too_new",
            )
        proof = self.place.read(f"{BACKUPS}{summary.backup_id}/verified.json")
        return Listed(summary, None if proof is None else msgspec.json.decode(proof, type=Verified))

    def files(self, backup_id: str) -> FileList:
        """The files of a backup."""
        content = self.place.read(f"{BACKUPS}{backup_id}/files.json")
        return FileList(()) if content is None else msgspec.json.decode(content, type=FileList)

    def add(self, summary: Summary, files: FileList) -> None:
        """Write a backup's documents; with the last of them it exists."""
        self.place.settle()
        self.place.write(f"{BACKUPS}{summary.backup_id}/files.json", msgspec.json.encode(files))
        self.place.write(
            f"{BACKUPS}{summary.backup_id}/summary.json", msgspec.json.format(msgspec.json.encode(summary), indent=1)
        )

    def note(self, backup_id: str, verified: Verified) -> None:
        """Keep how verifying ended."""
        self.place.write(f"{BACKUPS}{backup_id}/verified.json", msgspec.json.encode(verified))

    def forget(self, backup_ids: Sequence[str]) -> None:
        """Delete the documents of backups, the summary first; their contents stay."""
        for backup_id in backup_ids:
            self.place.delete([f"{BACKUPS}{backup_id}/summary.json"])
            self.place.delete(f"{BACKUPS}{backup_id}/{name}.json" for name in ("files", "verified"))


def library_of(settings: Settings) -> Library:
    """The backups of this instance."""
    return Library(open_place(settings, settings.resolved_backup_url))
