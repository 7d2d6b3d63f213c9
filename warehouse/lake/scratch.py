"""Scratch lakes: a few lots as they were known at a past moment, built anew from raw rows.

Belongs here: where a scratch lake lies, filling its raw tables, what it is known by, and throwing old ones away. Does
not belong here: building its marts (``pipelines.recompute``), and which moment is meant (``moments``).

A scratch lake is an instance's lake in small, with a catalog of its own: nothing that is done to it reaches the lake
that people read. It holds the whole history of its lots up to the moment, because a figure may rest on a passage of
more than a year before it, so it serves every report and every period.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import msgspec
from filelock import FileLock

from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, attach_options, attach_target, is_postgres, open_lake
from warehouse.lake.extensions import extension_path
from warehouse.lake.moments import RECOMPUTED, Moment
from warehouse.lake.publish import Published, last_green
from warehouse.lake.raw_tables import BATCH_COLUMNS, KINDS, REJECTED_COLUMNS, raw_table_columns
from warehouse.lake.schema import ENTITY_COLUMNS, create_lake
from warehouse.settings import Settings

LARGEST: Final = 20_000_000
"""Rows that one recomputation takes; more would fill the machine for an hour."""
KEPT: Final = 12
KEPT_SECONDS: Final = 7 * 86_400
_IN_USE_SECONDS: Final = 3_600
_STATE: Final = "state.json"

Progress = Callable[[str, int, int], None]


class State(msgspec.Struct):
    """What a finished scratch lake holds."""

    models_hash: str
    marts: list[str]
    snapshot_id: int
    rows: int
    data_as_of: datetime | None
    built_at: datetime
    seconds: float


@dataclass(frozen=True)
class Scratch:
    """A scratch lake, finished or not: the lots of ``lot_ids`` as known at ``moment``; None means every lot."""

    main: Settings
    moment: Moment
    lot_ids: tuple[int, ...] | None
    entities: str

    @property
    def folder(self) -> Path:
        """Where it lies."""
        lots = "all" if self.lot_ids is None else self.lot_ids
        known = (lots, self.moment.raw_to, self.entities)
        return folder_of_all(self.main) / hashlib.sha256(repr(known).encode()).hexdigest()[:24]

    @property
    def settings(self) -> Settings:
        """The settings under which it is an instance of its own."""
        # Not a copy of the main ones: those remember where the main lake's files lie.
        return Settings(
            home=self.folder,
            ops_url=None,
            catalog_url=None,
            data_path=None,
            lake_memory=self.main.lake_memory,
            lake_threads=self.main.lake_threads,
        )

    def lock(self) -> FileLock:
        """Held while it is built, so that whoever asks at the same time waits and builds nothing."""
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(str(self.folder) + ".lock")

    def state(self) -> State | None:
        """What it holds; None until it is finished."""
        try:
            return msgspec.json.decode((self.folder / _STATE).read_bytes(), type=State)
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def finish(self, state: State) -> None:
        """Note that it is whole."""
        partial = self.folder / (_STATE + ".partial")
        partial.write_bytes(msgspec.json.encode(state))
        partial.replace(self.folder / _STATE)

    def touch(self) -> None:
        """Note that it was used."""
        (self.folder / _STATE).touch()

    def published(self, state: State) -> Published:
        """What a reader of it is pinned to."""
        known = self.moment.publication
        return Published(
            snapshot_id=state.snapshot_id,
            build_id=known.build_id if known is not None else "",
            data_as_of=known.data_as_of if known is not None else state.data_as_of,
            published_at=known.published_at if known is not None else self.moment.asked,
            last_build_state="green",
            last_build_message=None,
            basis=self.moment.basis(RECOMPUTED, entities_then=self.moment.is_kept),
        )


def folder_of_all(settings: Settings) -> Path:
    """The folder of all scratch lakes of an instance."""
    return settings.home / "known-at"


def scratch_for(settings: Settings, moment: Moment, lot_ids: Sequence[int] | None) -> Scratch:
    """The scratch lake of these lots at ``moment``, whether it is there already or not."""
    connection = _entities_of(settings, moment)
    try:
        digest = hashlib.sha256()
        for entity, columns in ENTITY_COLUMNS.items():
            rows = connection.execute(f"SELECT {', '.join(columns)} FROM {LAKE}.entities.{entity}").fetchall()
            digest.update(repr(sorted(map(repr, rows))).encode())
    finally:
        connection.close()
    return Scratch(settings, moment, tuple(sorted(lot_ids)) if lot_ids is not None else None, digest.hexdigest())


def standing_models(settings: Settings) -> str | None:
    """Fingerprint of the models that what people read was built with."""
    connection = open_lake(settings, read_only=True)
    try:
        green = last_green(connection)
        return green.models_hash if green else None
    finally:
        connection.close()


def fill(scratch: Scratch, progress: Progress) -> int:
    """Create the scratch lake anew and copy into it what was known; return the number of raw rows.

    Raises:
        ParkError: code ``too_much_to_recompute``.
    """
    shutil.rmtree(scratch.folder, ignore_errors=True)
    lots = "true" if scratch.lot_ids is None else f"lot_id IN ({', '.join(map(str, scratch.lot_ids)) or 'NULL'})"
    known = f"batch_seq <= {scratch.moment.raw_to}"
    create_lake(scratch.settings)
    connection = _with_scratch(open_lake(scratch.main, read_only=True), scratch)
    try:
        _check_size(connection, f"{lots} AND {known}")
        connection.execute("BEGIN")
        _copy_entities(scratch, connection)
        rows = 0
        for done, kind in enumerate(KINDS):
            progress("copy", done, len(KINDS))
            rows += _copy(connection, f"raw.{kind}", raw_table_columns(kind), f"{lots} AND {known}")
        _copy(connection, "raw.batch", BATCH_COLUMNS, known)
        refused = lots if scratch.lot_ids is not None else "true"
        _copy(connection, "raw.rejected_record", REJECTED_COLUMNS, f"{refused} AND {known}")
        connection.execute("COMMIT")
        return rows
    finally:
        connection.close()


def newest_received(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """How far the records of a scratch lake reach, for a moment before the first publication."""
    parts = " UNION ALL ".join(
        f"SELECT max(least(occurred_at, received_at)) AS reached FROM {LAKE}.raw.{kind}" for kind in KINDS
    )
    row = connection.execute(f"SELECT max(reached) FROM ({parts})").fetchone()
    return row[0] if row else None


def throw_away_old(settings: Settings, *, now: float | None = None) -> int:
    """Delete scratch lakes that nobody used for a week, and the oldest above ``KEPT``; return how many."""
    instant = now if now is not None else time.time()
    used: list[tuple[float, Path]] = []
    for folder in folder_of_all(settings).glob("*/"):
        state = folder / _STATE
        used.append(((state if state.exists() else folder).stat().st_mtime, folder))
    used.sort(reverse=True)
    gone = 0
    for place, (touched, folder) in enumerate(used):
        age = instant - touched
        if age > KEPT_SECONDS or (place >= KEPT and age > _IN_USE_SECONDS):
            shutil.rmtree(folder, ignore_errors=True)
            Path(f"{folder}.lock").unlink(missing_ok=True)
            gone += 1
    return gone


def _entities_of(settings: Settings, moment: Moment) -> duckdb.DuckDBPyConnection:
    kept = moment.publication if moment.is_kept else None
    return open_lake(settings, read_only=True, snapshot=kept.snapshot_id if kept is not None else None)


def _with_scratch(connection: duckdb.DuckDBPyConnection, scratch: Scratch) -> duckdb.DuckDBPyConnection:
    if is_postgres(scratch.main):
        connection.load_extension(extension_path("sqlite_scanner"))
    options = ", ".join(f"{name} '{value}'" for name, value in attach_options(scratch.settings).items())
    target = attach_target(scratch.settings).replace("'", "''")
    connection.execute(f"ATTACH '{target}' AS scratch ({options})")
    connection.execute("SET enable_progress_bar = false")  # standard output tells the steps
    return connection


def _copy(connection: duckdb.DuckDBPyConnection, table: str, columns: dict[str, str], where: str) -> int:
    names = ", ".join(columns)
    row = connection.execute(
        f"INSERT INTO scratch.{table} ({names}) SELECT {names} FROM {LAKE}.{table} WHERE {where}"
    ).fetchone()
    return int(row[0]) if row else 0


def _copy_entities(scratch: Scratch, connection: duckdb.DuckDBPyConnection) -> None:
    then = _entities_of(scratch.main, scratch.moment)
    try:
        for entity, columns in ENTITY_COLUMNS.items():
            table = then.execute(f"SELECT {', '.join(columns)} FROM {LAKE}.entities.{entity}").to_arrow_table()
            connection.register("then_known", table)
            names = ", ".join(columns)
            connection.execute(f"INSERT INTO scratch.entities.{entity} ({names}) SELECT {names} FROM then_known")
            connection.unregister("then_known")
    finally:
        then.close()


def _check_size(connection: duckdb.DuckDBPyConnection, where: str) -> None:
    parts = " UNION ALL ".join(f"SELECT count(*) AS counted FROM {LAKE}.raw.{kind} WHERE {where}" for kind in KINDS)
    row = connection.execute(f"SELECT sum(counted) FROM ({parts})").fetchone()
    found = int(row[0]) if row and row[0] is not None else 0
    if found > LARGEST:
        raise ParkError(
            zh=f"重算需要 {found:,} 条记录,超过上限 {LARGEST:,}:请选择更少的停车场,或改用仍保留的发布时间",
            en=f"{found:,} records would have to be built anew, more than {LARGEST:,}: choose fewer lots, or a moment "
            "whose publication is still kept",
            code="too_much_to_recompute",
        )
