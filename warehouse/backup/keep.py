"""Which backups are kept, and deleting what only the others needed.

Belongs here: the rule and the sweep. A content is deleted when no kept backup names it; the lock that every backup
holds keeps one that is just being written from losing its own. A place belongs to one instance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from warehouse.backup.library import OBJECTS, Library, Listed
from warehouse.lake.writer import deletion_lock
from warehouse.settings import Settings


@dataclass(frozen=True)
class Swept:
    """What was deleted."""

    backups: tuple[str, ...]
    files: int
    bytes: int


def kept(backups: Sequence[Listed], now: datetime, *, count: int, days: int) -> set[str]:
    """Names of the backups that stay.

    The newest ``count``, those of the last ``days`` days, always the newest one and the newest that was proved good.
    """
    ordered = sorted(backups, key=lambda one: (one.summary.point_at, one.backup_id), reverse=True)
    stay = {one.backup_id for one in ordered[: max(1, count)]}
    stay |= {one.backup_id for one in ordered if one.summary.point_at >= now - timedelta(days=days)}
    proved = next((one for one in ordered if one.verified is not None and one.verified.is_good), None)
    return stay | ({proved.backup_id} if proved else set())


def sweep(settings: Settings, library: Library, now: datetime, *, count: int, days: int) -> Swept:
    """Forget the backups that the rule does not keep, then delete the contents that no remaining backup names.

    Raises:
        ParkError: a backup is under way, or the place cannot be used.
    """
    with deletion_lock(settings, wait_seconds=60):
        backups = library.listed()
        stay = kept(backups, now, count=count, days=days)
        gone = sorted(one.backup_id for one in backups if one.backup_id not in stay)
        library.forget(gone)
        # Read anew, so that whatever exists now, also what another program wrote, keeps its contents.
        needed = {file.object for backup_id in library.ids() for file in library.files(backup_id).files}
        unneeded = {name: size for name, size in library.place.sizes(OBJECTS).items() if name not in needed}
        library.place.delete(unneeded)
    return Swept(tuple(gone), len(unneeded), sum(unneeded.values()))
