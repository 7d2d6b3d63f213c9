"""Taking a backup.

Belongs here: the order of the steps. Operational store, journal and catalog are taken under the writer lock, in the
direction in which records move, so that one that leaves the first meanwhile is met in the next; the data files, which
never change, and pictures are copied afterwards. While that lasts the deletion lock keeps maintenance from deleting any
of them.
"""

from __future__ import annotations

import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

import msgspec

from warehouse.backup import journal
from warehouse.backup.library import OBJECTS, Library
from warehouse.backup.manifest import FileList, StoredFile, Summary
from warehouse.backup.operational import operational_point
from warehouse.backup.place import data_place, picture_place
from warehouse.backup.seal import Sealer, sealer_of, sha256
from warehouse.errors import ParkError
from warehouse.lake.catalog_copy import catalog_point
from warehouse.lake.figures import data_file_missing, lake_figures
from warehouse.lake.writer import deletion_lock, writer_lock
from warehouse.security.secrets import KEY_FILE
from warehouse.settings import Settings

Progress = Callable[[str], None]
FIGURES: Final = "figures.json"
LONGEST_WAIT_SECONDS = 60.0
_AT_ONCE: Final = 8
# Parquet is compressed already.
_COMPRESSED: Final = frozenset({"operational", "catalog", "journal", "figures"})


def silent(_step: str) -> None:
    """Progress that nobody follows."""


@dataclass
class _Counted:
    files: list[StoredFile] = field(default_factory=list)
    new_files: int = 0
    new_bytes: int = 0


@dataclass(frozen=True)
class _Point:
    """What was taken under the lock, in a folder of its own."""

    at: datetime
    folder: Path
    operational_form: str
    revision: str
    catalog_form: str
    snapshot_id: int
    data_files: dict[str, int]
    lock_seconds: float


def create(settings: Settings, library: Library, *, progress: Progress = silent) -> Summary:
    """Take a backup and write it into ``library``; nothing is visible there before it is whole.

    Raises:
        ParkError: another backup is under way, the place cannot be used, or there is nothing to back up.
    """
    began = time.monotonic()
    sealer = sealer_of(settings)
    with scratch_folder(settings, "backup") as folder, deletion_lock(settings, wait_seconds=LONGEST_WAIT_SECONDS):
        progress("taking the point")
        point = _take_point(settings, folder)
        progress("counting rows and sums")
        figures = _write_figures(point, settings)
        counted = _Counted()
        copier = _Copier(library, sealer, folder, counted)
        for role, root in (("operational", "operational"), ("catalog", "catalog"), ("journal", "journal")):
            for path in sorted((point.folder / root).rglob("*")):
                if path.is_file():
                    copier.copy(role, path.relative_to(point.folder / root).as_posix(), path)
        copier.copy("figures", FIGURES, figures)
        key = settings.home / KEY_FILE
        holds_key = key.exists() and (bool(sealer.recipients) or settings.backup_include_key)
        if holds_key:
            copier.copy("key", KEY_FILE, key)
        _copy_data(settings, point, copier, progress)
        if settings.backup_pictures:
            _copy_pictures(settings, point, copier, progress)
        finished = datetime.now(UTC)
        summary = Summary(
            backup_id=f"{point.at:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}",
            point_at=point.at,
            finished_at=finished,
            seconds=round(time.monotonic() - began, 3),
            lock_seconds=round(point.lock_seconds, 3),
            product_version=version("parkcloud"),
            operational_form=point.operational_form,
            operational_revision=point.revision,
            catalog_form=point.catalog_form,
            snapshot_id=point.snapshot_id,
            files=len(counted.files),
            bytes=sum(file.size for file in counted.files),
            new_files=counted.new_files,
            new_bytes=counted.new_bytes,
            stored_bytes=sum(file.stored_size for file in counted.files),
            recipients=sealer.recipients,
            holds_key=holds_key,
        )
        library.add(summary, FileList(tuple(sorted(counted.files, key=lambda file: (file.role, file.path)))))
    return summary


@contextmanager
def scratch_folder(settings: Settings, purpose: str) -> Iterator[Path]:
    """A folder that only this user reads and that is gone afterwards."""
    parent = settings.backup_scratch or settings.home / "tmp"
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{purpose}-", dir=parent) as name:
        yield Path(name)


def _take_point(settings: Settings, folder: Path) -> _Point:
    point = folder / "point"
    with ExitStack() as stack:
        with writer_lock(settings):
            began = time.monotonic()
            at = datetime.now(UTC)
            operational = stack.enter_context(operational_point(settings, point / "operational"))
            journal.copy_waiting(settings, point / "journal")
            catalog = stack.enter_context(catalog_point(settings, point / "catalog"))
            lock_seconds = time.monotonic() - began
        figures = operational.write()
        catalog.write()
        data_files = catalog.data_files()
    (point / "operational.figures").write_bytes(msgspec.json.encode(figures))
    return _Point(
        at=at,
        folder=point,
        operational_form=operational.form,
        revision=operational.revision,
        catalog_form=catalog.form,
        snapshot_id=catalog.snapshot_id,
        data_files=data_files,
        lock_seconds=lock_seconds,
    )


def _write_figures(point: _Point, settings: Settings) -> Path:
    """Figures are read of the live lake at the point's snapshot, not of what was copied: they are to prove the copy."""
    path = point.folder / FIGURES
    figures = {
        "operational": msgspec.json.decode((point.folder / "operational.figures").read_bytes()),
        "lake": lake_figures(settings, point.snapshot_id),
        "journal": journal.journal_figures(point.folder / "journal"),
    }
    path.write_bytes(msgspec.json.encode(figures))
    return path


class _Copier:
    """Puts files into the library, each content once."""

    def __init__(self, library: Library, sealer: Sealer, folder: Path, counted: _Counted) -> None:
        self._library = library
        self._sealer = sealer
        self._folder = folder
        self._counted = counted
        self._lock = threading.Lock()
        self._there = library.place.sizes(f"{OBJECTS}{sealer.space}/")
        self._known = self._known_files()

    def _known_files(self) -> dict[tuple[str, str, int], StoredFile]:
        """What never changes of the newest backup: a file that has its name and size has its content."""
        newest = next(iter(self._library.ids()), None)
        files = self._library.files(newest).files if newest else ()
        return {
            (file.role, file.path, file.size): file
            for file in files
            if file.role in ("data", "pictures") and self._there.get(file.object) == file.stored_size
        }

    def known(self, role: str, path: str, size: int) -> bool:
        """Take a file over from the newest backup, if it is in it."""
        file = self._known.get((role, path, size))
        if file is not None:
            self._counted.files.append(file)
        return file is not None

    def copy(self, role: str, path: str, source: Path) -> None:
        """Copy one file unless its content is there."""
        digest, size = sha256(source), source.stat().st_size
        name = self._sealer.object_name(digest, is_compressed=role in _COMPRESSED)
        stored_size = self._there.get(name)
        if stored_size is None:
            # A folder of its own: several files are copied at once.
            with tempfile.TemporaryDirectory(dir=self._folder) as own:
                stored = self._sealer.seal(source, Path(own), is_compressed=role in _COMPRESSED)
                stored_size = stored.stat().st_size
                self._library.place.store(name, stored)
            with self._lock:
                self._there[name] = stored_size
                self._counted.new_files += 1
                self._counted.new_bytes += stored_size
        with self._lock:
            self._counted.files.append(StoredFile(role, path, size, digest, name, stored_size))


def _copy_data(settings: Settings, point: _Point, copier: _Copier, progress: Progress) -> None:
    waiting = {path: size for path, size in sorted(point.data_files.items()) if not copier.known("data", path, size)}
    progress(f"copying {len(waiting)} of {len(point.data_files)} data files")
    root = settings.resolved_data_path
    remote = data_place(settings) if "://" in root else None

    def one(path: str) -> None:
        try:
            if remote is None:
                copier.copy("data", path, Path(root) / path)
                return
            with tempfile.TemporaryDirectory(dir=point.folder) as own:
                local = Path(own) / "data.parquet"
                remote.fetch(path, local)
                copier.copy("data", path, local)
        except FileNotFoundError as error:
            raise data_file_missing(path) from error
        except ParkError as error:
            raise (data_file_missing(path) if error.code == "object_missing" else error) from error

    # Each waits for its disk or network; together they wait once.
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(one, waiting):
            pass


def _copy_pictures(settings: Settings, point: _Point, copier: _Copier, progress: Progress) -> None:
    """A picture is stored before its record is acknowledged, so those of the point are there."""
    place = picture_place(settings)
    there = place.sizes("")
    waiting = [path for path, size in sorted(there.items()) if not copier.known("pictures", path, size)]
    progress(f"copying {len(waiting)} of {len(there)} pictures")

    def one(path: str) -> None:
        with tempfile.TemporaryDirectory(dir=point.folder) as own:
            local = Path(own) / "picture"
            try:
                place.fetch(path, local)
            except ParkError as error:
                # Removed meanwhile by whom it belongs to.
                if error.code == "object_missing":
                    return
                raise
            copier.copy("pictures", path, local)

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for _ in pool.map(one, waiting):
            pass
