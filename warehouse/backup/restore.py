"""Bringing a backup back, into a scratch folder to prove it or into an instance to go on with it.

Belongs here: fetching and checking contents, what may be replaced, putting everything in place. Does not belong here:
comparing figures (``verify.py``).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Engine

from warehouse.backup import journal
from warehouse.backup.create import Progress, scratch_folder, silent
from warehouse.backup.library import Library, Listed
from warehouse.backup.manifest import StoredFile
from warehouse.backup.operational import (
    is_sqlite,
    operational_exists,
    restore_operational,
    sqlite_file,
)
from warehouse.backup.place import Place, data_place, picture_place
from warehouse.backup.seal import Opener, damaged, sha256
from warehouse.errors import ParkError
from warehouse.lake.catalog_copy import catalog_exists, restore_catalog
from warehouse.lake.connect import is_postgres
from warehouse.lake.figures import landed_batch_ids
from warehouse.lake.schema import create_lake
from warehouse.lake.writer import deletion_lock, writer_lock
from warehouse.ops.session import migrate, ops_engine, write_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.security.secrets import KEY_FILE
from warehouse.settings import Settings

_AT_ONCE: Final = 8
_SPARE: Final = 64 * 1024 * 1024


@dataclass(frozen=True)
class Restored:
    """What a restoring did; ``moved_to`` holds what was there before."""

    listed: Listed
    segments_from_backup: int
    segments_kept: int
    has_key: bool
    moved_to: Path | None


def elsewhere(settings: Settings, **fields: Any) -> Settings:
    """The same settings but for ``fields``."""
    return Settings(**{**settings.model_dump(), **fields})


def fetch_all(
    place: Place, opener: Opener, files: Iterable[StoredFile], folder: Path, progress: Progress = silent
) -> None:
    """Fetch every file into ``folder/<role>/<path>`` and compare its SHA-256.

    Raises:
        ParkError: something is missing or damaged, cannot be opened, or there is no room.
    """
    wanted = list(files)
    need, free = sum(file.size for file in wanted) + _SPARE, shutil.disk_usage(folder).free
    if need > free:
        raise ParkError(
            zh=f"{folder.parent} 剩余 {free >> 20:,} MB，恢复需要 {need >> 20:,} MB："
            "请腾出空间，或用 PARK_BACKUP_SCRATCH 指定其它磁盘",
            en=f"{folder.parent} has {free >> 20:,} MB left and restoring takes {need >> 20:,} MB: "
            "make room, or name another disk by PARK_BACKUP_SCRATCH",
            code="no_room",
        )
    progress(f"restoring {len(wanted)} files, {need >> 20:,} MB")

    def one(numbered: tuple[int, StoredFile]) -> None:
        number, file = numbered
        target = folder / file.role / file.path
        if not target.resolve().is_relative_to(folder.resolve()):
            raise damaged(file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        stored = folder / f"fetched-{number}"
        place.fetch(file.object, stored)
        if stored.stat().st_size != file.stored_size:
            raise damaged(file.object)
        opener.open(stored, target, file.object)
        stored.unlink(missing_ok=True)
        if target.stat().st_size != file.size or sha256(target) != file.sha256:
            raise damaged(file.object)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(one, enumerate(wanted)):
            pass


def put_in_place(settings: Settings, folder: Path, listed: Listed) -> None:
    """Make stores and data files of what was fetched into ``folder``; nothing may be there yet."""
    summary = listed.summary
    restore_operational(settings, folder / "operational", summary.operational_form, summary.operational_revision)
    root = settings.resolved_data_path
    if "://" in root:
        place = data_place(settings)
        for path in sorted((folder / "data").rglob("*.parquet")):
            place.store(path.relative_to(folder / "data").as_posix(), path)
    else:
        Path(root).parent.mkdir(parents=True, exist_ok=True)
        if (folder / "data").exists():
            shutil.move(folder / "data", root)
    restore_catalog(settings, folder / "catalog", summary.catalog_form)


def occupied(settings: Settings) -> list[str]:
    """What of an instance is where ``settings`` say; a kept journal, key and pictures do not count."""
    found = []
    if operational_exists(settings):
        found.append(str(sqlite_file(settings)) if is_sqlite(settings) else "PARK_OPS_URL")
    if catalog_exists(settings):
        found.append("PARK_CATALOG_URL" if is_postgres(settings) else str(settings.catalog_file))
    root = settings.resolved_data_path
    if "://" in root:
        if data_place(settings).sizes(""):
            found.append(root)
    elif Path(root).is_dir() and any(Path(root).rglob("*.parquet")):
        found.append(root)
    return found


def restore(
    settings: Settings,
    library: Library,
    opener: Opener,
    backup_id: str,
    *,
    confirmation: str = "",
    progress: Progress = silent,
) -> Restored:
    """Bring a backup back into the instance of ``settings``, which must not be running.

    A journal that was kept stays: its segments that the restored lake lacks are landed again.

    Args:
        settings: name the instance.
        library: holds the backup.
        opener: opens it.
        backup_id: its name, or ``newest``.
        confirmation: the backup's name once more, when something is there already; that is moved aside.
        progress: is told each step.

    Raises:
        ParkError: something is there and ``confirmation`` is not the name, or the backup cannot be restored.
    """
    listed = library.one(backup_id)
    there = occupied(settings)
    if there and confirmation != listed.backup_id:
        raise ParkError(
            zh=f"此处已有数据（{'、'.join(there)}）："
            f"如确要用备份替换，请输入备份名称 {listed.backup_id} 确认；原有数据会移到一旁",
            en=f"there is data already ({', '.join(there)}): to replace it, type the backup's name {listed.backup_id} "
            "as confirmation; what is there is moved aside",
            code="confirmation_needed",
        )
    fixed = [name for name in there if name.startswith("PARK_") or "://" in name]
    if fixed:
        raise ParkError(
            zh=f"{'、'.join(fixed)} 中已有数据，不会覆盖：请指定空的数据库（或模式、存储位置）后重试",
            en=f"{', '.join(fixed)} holds data, which is not overwritten: name an empty database (or schema, or "
            "storage location) and try again",
            code="not_empty",
        )
    files = library.files(listed.backup_id).files
    settings.home.mkdir(parents=True, exist_ok=True)
    with (
        deletion_lock(settings, wait_seconds=5),
        writer_lock(settings, wait_seconds=5),
        scratch_folder(settings, "restore") as folder,
    ):
        fetch_all(library.place, opener, files, folder, progress)
        moved_to = _move_aside(settings) if there else None
        progress("putting everything in place")
        put_in_place(settings, folder, listed)
        has_key = _give_key(settings, folder)
        _give_pictures(settings, folder / "pictures")
        migrate(settings)
        returned = journal.give_back(settings, folder / "journal", landed_batch_ids(settings))
    create_lake(settings)
    with write_session(settings) as session:
        audit.append(
            session,
            LOCAL,
            "backup.restored",
            entity="backup",
            entity_id=listed.backup_id,
            entity_name=library.place.name,
            after={"point_at": listed.summary.point_at.isoformat(), "segments": returned.from_backup + returned.kept},
        )
    return Restored(listed, returned.from_backup, returned.kept, has_key, moved_to)


def _give_key(settings: Settings, folder: Path) -> bool:
    """Put the key in place unless one was kept; returns whether there is one."""
    target = settings.home / KEY_FILE
    if (folder / "key" / KEY_FILE).exists() and not target.exists():
        shutil.move(folder / "key" / KEY_FILE, target)
        target.chmod(0o600)
    return target.exists() or settings.secret_key is not None


def _give_pictures(settings: Settings, folder: Path) -> None:
    """Put pictures in place that are not there; their names tell their contents."""
    place = picture_place(settings)
    there = place.sizes("") if folder.is_dir() else {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and there.get(name) != path.stat().st_size:
            place.store(name, path)
    place.settle()


def _move_aside(settings: Settings) -> Path:
    aside = settings.home / f"replaced-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside.mkdir(parents=True)
    if is_sqlite(settings):
        engine: Engine = ops_engine(settings)
        engine.dispose()
        for suffix in ("", "-wal", "-shm"):
            path = Path(f"{sqlite_file(settings)}{suffix}")
            if path.exists():
                path.rename(aside / path.name)
    data = Path(settings.resolved_data_path)
    if data.is_dir():
        data.rename(aside / "data" if data.is_relative_to(settings.home) else data.with_name(f"data.{aside.name}"))
    for path in settings.catalog_file.parent.glob(f"{settings.catalog_file.name}*"):
        path.rename(aside / path.name)
    return aside
