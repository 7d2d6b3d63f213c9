"""The condition of an instance at a moment, as its stores and folders tell it.

Belongs here: reading what the metrics and the page 运行状态 both show, each part by itself, so that one that cannot be
read hides no other. Does not belong here: judging it (``warehouse.doctor``), writing it out (``warehouse.metrics``).
Nothing here opens the lake.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import psycopg
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.exc import SQLAlchemyError

from warehouse.errors import ParkError
from warehouse.heartbeat import Process, processes
from warehouse.lake.holder import writer_lock_holder
from warehouse.ops.models import Build, DownlinkCommand, Lot, LotLive, OutboxRecord, Publication
from warehouse.ops.session import ops_session
from warehouse.settings import Settings

Read = TypeVar("Read")


@dataclass(frozen=True)
class Backlog:
    """Sealed segments of the journal that wait for the lander, and those that could not be landed."""

    segments: int
    size_bytes: int
    oldest_seconds: float
    failed_segments: int


@dataclass(frozen=True)
class LastBuild:
    """The newest build that has ended, and how many failed since the last green one."""

    state: str
    started_at: datetime
    finished_at: datetime
    is_full: bool
    message: str | None
    failures: int

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max((self.finished_at - self.started_at).total_seconds(), 0.0)


@dataclass(frozen=True)
class LastPublication:
    """What readers see."""

    snapshot_id: int
    published_at: datetime
    data_as_of: datetime | None


@dataclass(frozen=True)
class Lots:
    """Lots in use, and those of them that were silent for longer than ``stale_minutes``."""

    in_use: int
    silent: int
    newest_receipt: datetime | None


@dataclass(frozen=True)
class Disk:
    """The disk below one folder."""

    folder: str
    free_bytes: int
    size_bytes: int


@dataclass(frozen=True)
class Condition:
    """All of it; a part that could not be read is None (or empty) and has its reason in ``unreadable``."""

    now: datetime
    processes: list[Process]
    backlog: Backlog | None
    build: LastBuild | None
    running_since: datetime | None
    publication: LastPublication | None
    builds: dict[str, int]
    lots: Lots | None
    commands_waiting: int | None
    outbox_waiting: int | None
    disks: list[Disk]
    writer: str | None
    unreadable: dict[str, str] = field(default_factory=dict)


def condition(settings: Settings) -> Condition:
    """Look at everything once."""
    now = datetime.now(UTC)
    unreadable: dict[str, str] = {}

    def read(part: str, look: Callable[[], Read], otherwise: Read) -> Read:
        try:
            return look()
        except (SQLAlchemyError, OSError, ParkError, psycopg.Error) as error:
            unreadable[part] = str(error).splitlines()[0] if str(error) else type(error).__name__
            return otherwise

    return Condition(
        now=now,
        processes=read("processes", lambda: processes(settings), []),
        backlog=read("backlog", lambda: journal_backlog(settings), None),
        build=read("build", lambda: last_build(settings), None),
        running_since=read("running", lambda: _running_since(settings), None),
        publication=read("publication", lambda: _last_publication(settings), None),
        builds=read("builds", lambda: _builds(settings), {}),
        lots=read("lots", lambda: _lots(settings, now), None),
        commands_waiting=read(
            "commands", lambda: _waiting(settings, DownlinkCommand, DownlinkCommand.state == "queued"), None
        ),
        outbox_waiting=read(
            "outbox", lambda: _waiting(settings, OutboxRecord, OutboxRecord.journaled_at.is_(None)), None
        ),
        disks=read("disk", lambda: disks(settings), []),
        writer=read("writer", lambda: writer_lock_holder(settings), None),
        unreadable=unreadable,
    )


def journal_backlog(settings: Settings) -> Backlog:
    """What waits in the journal's folders."""
    sealed: list[os.stat_result] = []
    for path in (settings.journal_path / "sealed").glob("*.ndjson"):
        try:
            sealed.append(path.stat())
        except FileNotFoundError:
            continue  # Landed meanwhile.
    return Backlog(
        segments=len(sealed),
        size_bytes=sum(found.st_size for found in sealed),
        oldest_seconds=max((time.time() - found.st_mtime for found in sealed), default=0.0),
        failed_segments=sum(1 for _ in (settings.journal_path / "failed").glob("*.ndjson")),
    )


def last_build(settings: Settings) -> LastBuild | None:
    """The newest build that has ended."""
    with ops_session(settings) as session:
        newest = session.scalar(
            select(Build).where(Build.finished_at.is_not(None)).order_by(Build.started_at.desc()).limit(1)
        )
        if newest is None or newest.finished_at is None:
            return None
        green = session.scalar(select(func.max(Build.started_at)).where(Build.state == "green"))
        failed = select(func.count()).select_from(Build).where(Build.state == "red")
        failures = session.scalar(failed.where(Build.started_at > green) if green else failed) or 0
        return LastBuild(
            newest.state, newest.started_at, newest.finished_at, newest.is_full, newest.message, int(failures)
        )


def disks(settings: Settings) -> list[Disk]:
    """The disks that are written to: home, and the lake's data when they lie elsewhere on this machine."""
    folders = [settings.home]
    if "://" not in settings.resolved_data_path:
        folders.append(Path(settings.resolved_data_path))
    found: dict[int, Disk] = {}
    for folder in folders:
        if folder.is_dir():
            usage = shutil.disk_usage(folder)
            found.setdefault(folder.stat().st_dev, Disk(str(folder), usage.free, usage.total))
    return list(found.values())


def _running_since(settings: Settings) -> datetime | None:
    with ops_session(settings) as session:
        return session.scalar(select(func.max(Build.started_at)).where(Build.state == "running"))


def _last_publication(settings: Settings) -> LastPublication | None:
    with ops_session(settings) as session:
        row = session.scalar(select(Publication).order_by(Publication.publication_id.desc()).limit(1))
        return LastPublication(row.snapshot_id, row.published_at, row.data_as_of) if row else None


def _builds(settings: Settings) -> dict[str, int]:
    with ops_session(settings) as session:
        rows = session.execute(select(Build.state, func.count()).group_by(Build.state)).all()
        return {str(state): int(count) for state, count in rows}


def _lots(settings: Settings, now: datetime) -> Lots:
    limit = now - timedelta(minutes=settings.stale_minutes)
    with ops_session(settings) as session:
        received = session.scalars(
            select(LotLive.received_at)
            .select_from(Lot)
            .outerjoin(LotLive, LotLive.lot_id == Lot.lot_id)
            .where(~Lot.is_void, ~Lot.is_test, Lot.deleted_at.is_(None))
        ).all()
    known = [moment for moment in received if moment is not None]
    silent = sum(1 for moment in received if moment is None or moment < limit)
    return Lots(len(received), silent, max(known, default=None))


def _waiting(settings: Settings, model: type[DownlinkCommand | OutboxRecord], waits: ColumnElement[bool]) -> int:
    with ops_session(settings) as session:
        return int(session.scalar(select(func.count()).select_from(model).where(waits)) or 0)
