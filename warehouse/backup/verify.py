"""Proving a backup: it is restored into a scratch folder and compared with the figures of its own moment.

Belongs here: comparing rows, sums and the operator log. Does not belong here: restoring itself.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from warehouse.backup import journal
from warehouse.backup.create import FIGURES, Progress, scratch_folder, silent
from warehouse.backup.library import Library
from warehouse.backup.manifest import Verified
from warehouse.backup.operational import operational_figures, sqlite_figures, sqlite_file
from warehouse.backup.restore import elsewhere, fetch_all, put_in_place
from warehouse.backup.seal import Opener
from warehouse.errors import ParkError
from warehouse.lake.catalog_copy import drop_catalog
from warehouse.lake.connect import is_postgres
from warehouse.lake.figures import lake_figures
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security import audit
from warehouse.settings import Settings

# What says that a backup cannot be proved here, and nothing about the backup.
_NOT_ITS_FAULT = frozenset({"identity_missing", "identity_wrong", "no_room", "place_unusable", "catalog_form"})


def verify(
    settings: Settings, library: Library, opener: Opener, backup_id: str, *, progress: Progress = silent
) -> Verified:
    """Restore a backup into a scratch folder, compare, and note the result beside it.

    Raises:
        ParkError: it cannot be tried here: another identity, no room, the place cannot be reached.
    """
    began = time.monotonic()
    listed = library.one(backup_id)
    rows, trouble = 0, None
    with scratch_folder(settings, "verify") as folder:
        try:
            fetch_all(library.place, opener, library.files(listed.backup_id).files, folder, progress)
            figures = msgspec.json.decode((folder / "figures" / FIGURES).read_bytes())
            with _scratch_settings(settings, folder / "instance") as scratch:
                put_in_place(scratch, folder, listed)
                progress("comparing rows, sums and the operator log")
                rows = _compare(scratch, folder, figures, listed.summary.snapshot_id)
        except ParkError as error:
            if error.code in _NOT_ITS_FAULT:
                raise
            trouble = error
    verified = Verified(
        at=datetime.now(UTC),
        seconds=round(time.monotonic() - began, 3),
        rows=rows,
        zh=trouble.zh if trouble else "",
        en=trouble.en if trouble else "",
    )
    library.note(listed.backup_id, verified)
    return verified


@contextlib.contextmanager
def _scratch_settings(settings: Settings, home: Path) -> Iterator[Settings]:
    """An instance of its own; its catalog is of the same kind, on PostgreSQL in a schema that is dropped afterwards."""
    scratch = elsewhere(
        settings,
        home=home,
        ops_url=None,
        data_path=None,
        catalog_schema=f"{settings.catalog_schema[:30]}_verify_{secrets.token_hex(4)}",
    )
    home.mkdir(parents=True)
    try:
        yield scratch
    finally:
        ops_engine(scratch).dispose()
        if is_postgres(scratch):
            drop_catalog(scratch)


def _compare(scratch: Settings, folder: Path, figures: dict[str, Any], snapshot_id: int) -> int:
    """Returns how many rows were compared."""
    if (folder / "operational" / "ops.sqlite").exists():
        sqlite_figures(sqlite_file(scratch))
    found = {
        "operational": operational_figures(scratch),
        "lake": lake_figures(scratch, snapshot_id),
        "journal": journal.journal_figures(folder / "journal"),
    }
    for part in ("operational", "lake"):
        _same_tables(part, _tables(figures[part]), _tables(found[part]))
    if figures["journal"] != found["journal"]:
        raise _different("journal", figures["journal"], found["journal"])
    migrate(scratch)
    with ops_session(scratch) as session:
        chain = audit.verify(session)
    if chain.broken_at is not None:
        raise ParkError(
            zh=f"备份中的操作日志链不完整：{chain.zh}",
            en=f"the chain of the operator log in the backup is not whole: {chain.en}",
            code="backup_differs",
        )
    return sum(table["rows"] for part in ("operational", "lake") for table in _tables(found[part]).values())


def _tables(figures: dict[str, Any]) -> dict[str, Any]:
    tables: dict[str, Any] = figures.get("tables", figures)
    return tables


def _same_tables(part: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise _different(f"{part} {name}", expected.get(name), found.get(name))


def _different(what: str, expected: object, found: object) -> ParkError:
    return ParkError(
        zh=f"恢复后的 {what} 与备份时不同：应为 {expected}，实为 {found}；请改用另一份备份",
        en=f"{what} is not as it was when it was backed up: expected {expected}, restored {found}; use another backup",
        code="backup_differs",
    )
