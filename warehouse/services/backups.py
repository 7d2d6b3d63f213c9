"""Backups for people: the list, run now, verify, schedule and keep-rules.

Belongs here: who may, and what is asked for. Does not belong here: taking and proving them (``warehouse.backup``).
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from datetime import time as time_of_day
from pathlib import Path
from typing import Final

from warehouse.backup.library import Listed, library_of
from warehouse.ops.session import write_session
from warehouse.security.actor import Actor
from warehouse.services.delivery_schedule import EVERY_DAY, next_due
from warehouse.services.fields import Fields
from warehouse.services.operation_runs import (
    BACKUP,
    VERIFY,
    RunRow,
    list_runs,
    plan_of,
    request,
    require_platform,
)
from warehouse.services.work import picture, reading, working
from warehouse.settings import Settings

ENTITY: Final = "backup"
SHOWN_RUNS: Final = 10
MOST_KEPT: Final = 400
_ASKED_AGAIN_AFTER_SECONDS: Final = 5.0
# Turning a page must not ask a distant storage again.
_KNOWN: Final[dict[str, tuple[float, tuple[Listed, ...]]]] = {}
_SET: Final = ("time_of_day", "is_active", "keep_count", "keep_days")


@dataclass(frozen=True)
class PlanForm:
    """What can be set: HH:MM in the schedules' zone, and what is kept."""

    time_of_day: str
    is_active: bool
    keep_count: int
    keep_days: int


@dataclass(frozen=True)
class Overview:
    """Everything that the page shows beside the list.

    ``is_on_same_disk``: the backups would go with what they are to save. ``can_prove``: encrypted ones can be opened.
    """

    plan: PlanForm
    version: int
    next_due_at: datetime | None
    place: str
    is_on_same_disk: bool
    is_encrypted: bool
    can_prove: bool
    free_bytes: int | None
    runs: list[RunRow]


def list_backups(settings: Settings, actor: Actor) -> list[Listed]:
    """All backups, newest first; asked of the place at most every few seconds.

    Raises:
        Forbidden: not of the platform.
        ParkError: the place cannot be reached.
    """
    with reading(settings, actor, "backup.view"):
        require_platform(actor)
    known = _KNOWN.get(settings.resolved_backup_url)
    if known is None or time.monotonic() - known[0] > _ASKED_AGAIN_AFTER_SECONDS:
        known = time.monotonic(), tuple(library_of(settings).listed())
        _KNOWN[settings.resolved_backup_url] = known
    return list(known[1])


def overview(settings: Settings, actor: Actor, *, now: datetime | None = None) -> Overview:
    """Plan, place and newest runs.

    Raises:
        Forbidden: not of the platform.
    """
    moment = now or datetime.now(UTC)
    with reading(settings, actor, "backup.view") as session:
        require_platform(actor)
        plan = plan_of(settings, session, moment)
        runs = list_runs(session, (BACKUP, VERIFY), size=SHOWN_RUNS)
        form = PlanForm(plan.time_of_day, plan.is_active, plan.keep_count, plan.keep_days)
        version = plan.version
    url = settings.resolved_backup_url
    folder = None if "://" in url else _existing(Path(url))
    return Overview(
        plan=form,
        version=version,
        next_due_at=next_due(form.time_of_day, EVERY_DAY, settings.schedule_time_zone, moment)
        if form.is_active
        else None,
        place=url,
        is_on_same_disk=folder is not None and folder.stat().st_dev == _existing(settings.home).stat().st_dev,
        is_encrypted=bool(settings.backup_recipients.strip()),
        can_prove=not settings.backup_recipients.strip() or settings.backup_identity_file is not None,
        free_bytes=None if folder is None else shutil.disk_usage(folder).free,
        runs=runs,
    )


def _existing(path: Path) -> Path:
    while not path.exists():
        path = path.parent
    return path


def request_backup(settings: Settings, actor: Actor) -> int:
    """Let a backup be taken as soon as possible; returns the run's number.

    Raises:
        Forbidden: not of the platform.
        ParkError: one is waiting already.
    """
    with working(settings, actor, "backup.edit") as work:
        require_platform(actor)
        run_id = request(work, BACKUP, None, {})
        work.record(ENTITY, run_id, settings.resolved_backup_url, None, {"run": run_id}, action="backup.run_requested")
        return run_id


def request_verify(settings: Settings, actor: Actor, backup_id: str) -> int:
    """Let a backup be proved as soon as possible; returns the run's number.

    Raises:
        Forbidden: not of the platform.
        ParkError: there is no such backup, or this is waiting already.
    """
    with working(settings, actor, "backup.edit") as work:
        require_platform(actor)
        found = library_of(settings).one(backup_id)
        run_id = request(work, VERIFY, found.backup_id, {})
        work.record(ENTITY, found.backup_id, found.backup_id, None, {"run": run_id}, action="backup.verify_requested")
        return run_id


def save_plan(settings: Settings, actor: Actor, form: PlanForm, expected_version: int | None = None) -> None:
    """Set when backups are taken and which are kept.

    Raises:
        InvalidFields: by field.
        Forbidden: not of the platform.
        ParkError: ``conflict``.
    """
    fields = Fields()
    clock = form.time_of_day.strip().replace("：", ":").zfill(5)
    try:
        clock = f"{time_of_day.fromisoformat(clock):%H:%M}"
    except ValueError:
        fields.wrong(
            "time_of_day",
            f"“{form.time_of_day}”不是时刻，例如 02:15",
            f"“{form.time_of_day}” is no time of day, for example 02:15",
        )
    fields.whole("keep_count", form.keep_count, least=1, most=MOST_KEPT)
    fields.whole("keep_days", form.keep_days, least=0, most=3660)
    fields.done()
    with write_session(settings) as session:
        plan_of(settings, session, datetime.now(UTC))
    with working(settings, actor, "backup.edit") as work:
        require_platform(actor)
        plan = plan_of(settings, work.session, work.now)
        if expected_version is not None:
            work.expect(plan, expected_version, "backup_plan", 1)
        before = picture(plan, _SET)
        if (form.is_active and not plan.is_active) or clock != plan.time_of_day:
            plan.scheduled_since = work.now
        plan.time_of_day, plan.is_active = clock, form.is_active
        plan.keep_count, plan.keep_days = form.keep_count, form.keep_days
        work.record("backup_plan", 1, settings.resolved_backup_url, before, picture(plan, _SET))
