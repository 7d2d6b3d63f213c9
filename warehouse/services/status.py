"""运行状态: the condition of the instance, for platform staff.

Belongs here: the permission, and the newest backup beside what ``warehouse.condition`` reads. Does not belong here:
reading or judging it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from warehouse.backup.library import Listed, library_of
from warehouse.condition import Condition, condition
from warehouse.errors import ParkError
from warehouse.security.actor import Actor
from warehouse.services.operation_runs import require_platform
from warehouse.services.work import reading
from warehouse.settings import Settings

PERMISSION = "status.view"


@dataclass(frozen=True)
class Status:
    """What the page shows; ``backup_problem`` says in both languages why the backups could not be read."""

    condition: Condition
    backup: Listed | None
    backup_problem: ParkError | None

    @property
    def backup_at(self) -> datetime | None:
        """The instant whose state the newest backup holds."""
        return self.backup.summary.point_at if self.backup is not None else None


def status(settings: Settings, actor: Actor) -> Status:
    """The condition at this moment.

    Raises:
        Forbidden: ``actor`` may not see it, or is not of the platform.
    """
    with reading(settings, actor, PERMISSION):
        require_platform(actor)
    backup, problem = newest_backup(settings)
    return Status(condition(settings), backup, problem)


def newest_backup(settings: Settings) -> tuple[Listed | None, ParkError | None]:
    """The newest backup, or why none could be read."""
    try:
        library = library_of(settings)
        newest = next(iter(library.ids()), None)
        return (library.one(newest) if newest is not None else None), None
    except ParkError as error:
        return None, error
    except OSError as error:
        return None, ParkError(
            zh=f"无法读取备份:{error}", en=f"the backups cannot be read: {error}", code="backup_unreadable"
        )
