"""Ingesting one file: take in, stage, archive, land, live state. The one function behind command line and inbox.

Belongs here: the order of the steps, the identity of a file's batch, the summary.
Does not belong here: any step itself; printing (``commands``).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from ingest import live_state
from ingest.files.contract_files import ContractFile
from ingest.files.intake import Intake, archive_file, archive_text, take_in
from ingest.files.lots import known_lots, lot_by_code
from ingest.files.profile import Profile
from ingest.files.reading import Source, open_source
from ingest.files.staging import Counts, Origin, Stage
from ingest.landing import LandingRequest, land
from ingest.records.batch import LotContext
from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, open_lake
from warehouse.settings import Settings

FIRST_REASONS: Final = 5
STALE_SECONDS: Final = 86_400  # no ingest of one file takes a day
# Part of every batch id: raise it when the same file and profile would give other records than before.
MAPPING_VERSION: Final = 1
Progress = Callable[[str], None]  # told the name of each step


@dataclass(frozen=True)
class Reason:
    """One kind of refusal in a file: how often, and the first of them."""

    code: str
    count: int
    first_line: int
    zh: str
    en: str


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest did. ``rows`` are source rows that are not blank; the verdicts count records.

    ``unused_rows`` gave no record because no condition of the profile held for them.
    """

    file: str
    profile: str
    batch_id: str
    rows: int
    blank_rows: int
    unused_rows: int
    accepted: int
    marked: int
    rejected: int
    reasons: list[Reason] = field(default_factory=list)
    marks: dict[str, int] = field(default_factory=dict)
    already_landed_at: datetime | None = None
    is_dry_run: bool = False
    batch_seq: int | None = None

    def as_json(self) -> dict[str, Any]:
        """The summary for programs."""
        landed_at = self.already_landed_at
        return asdict(self) | {"already_landed_at": landed_at.isoformat() if landed_at else None}


def ingest_file(
    settings: Settings,
    path: Path,
    profile: Profile,
    *,
    lot_code: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> IngestSummary:
    """Bring the records of ``path`` into the lake in one transaction; a file that is there already changes nothing.

    Args:
        settings: names stores and archive.
        path: the file.
        profile: how its rows become records.
        lot_code: the lot of every row; needed when the profile names no lot column, and wins over one.
        dry_run: check and count only.
        progress: told about each step.
        now: time of receipt (aware); the present when None.

    Raises:
        ParkError: unknown lot, unreadable file, or a file that lacks columns the profile needs.
    """
    tell = progress or _silent
    moment = now or datetime.now(UTC)
    lots = known_lots(settings)
    lot = lot_by_code(lots, lot_code) if lot_code is not None else None
    if lot is None and profile.lot.column is None and profile.file.format != "records":
        raise ParkError(
            zh=f"配置 {profile.name} 没有停车场列：请用 --lot 指定停车场代码",
            en=f"profile {profile.name} names no lot column: give the lot's code with --lot",
            code="lot_needed",
        )
    with _spool(settings) as spool, _lake(settings) as connection:
        tell("read")
        intake = take_in(path, profile.file, spool)
        origin = Origin(
            received_at=moment,
            source=intake.source,
            name=path.name,
            profile=f"{profile.name}@{profile_hash(profile)}",
            batch_id=batch_id(intake.sha256, profile, lot),
        )
        landed_at = None if dry_run else _landed_at(connection, origin.batch_id)
        if landed_at is not None:
            return _summary_of_ledger(connection, path, profile, origin, landed_at)
        with ThreadPoolExecutor(max_workers=1) as beside:
            # Compressing runs beside the pass over the rows: zstd leaves the interpreter free.
            archiving = None if dry_run else beside.submit(archive_file, path, settings.archive_path, intake.sha256)
            staged = _staged(connection, profile, intake, spool, origin, lot, lots, tell)
            if archiving is not None:
                archiving.result()
        counts = staged.counts()
        rejected = staged.rejected() if counts.rejected else None
        summary = IngestSummary(
            file=str(path),
            profile=profile.name,
            batch_id=origin.batch_id,
            rows=counts.rows,
            blank_rows=counts.blank_rows,
            unused_rows=counts.unused_rows,
            accepted=counts.accepted,
            marked=counts.marked,
            rejected=counts.rejected,
            reasons=_reasons(connection, rejected),
            marks=_marks(connection, staged.tables()) if counts.marked else {},
            is_dry_run=dry_run,
        )
        if dry_run:
            return summary
        keep_profile(settings, profile)
        tell("land")
        return _landed(connection, settings, staged, counts, origin, rejected, summary)


def _silent(_step: str) -> None:
    """Nobody listens."""


def _landed(
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
    staged: Stage | ContractFile,
    counts: Counts,
    origin: Origin,
    rejected: str | None,
    summary: IngestSummary,
) -> IngestSummary:
    tables = staged.tables()
    request = LandingRequest(
        batch_id=origin.batch_id,
        source=origin.source,
        name=origin.name,
        source_rows=counts.rows,
        accepted=counts.accepted,
        marked=counts.marked,
        rejected=counts.rejected,
    )
    batch = land(connection, settings, request, tables, rejected)
    if batch.already_landed:  # another process was quicker
        return replace(summary, already_landed_at=_landed_at(connection, origin.batch_id), batch_seq=batch.batch_seq)
    live_state.apply(settings, connection, tables)
    return replace(summary, batch_seq=batch.batch_seq)


def _staged(
    connection: duckdb.DuckDBPyConnection,
    profile: Profile,
    intake: Intake,
    spool: Path,
    origin: Origin,
    lot: LotContext | None,
    lots: dict[str, LotContext],
    tell: Progress,
) -> Stage | ContractFile:
    if profile.file.format == "records":
        contract = ContractFile(connection, spool, origin)
        tell("check")
        contract.run(intake.path, lots, lot)
        return contract
    source = open_source(connection, profile.file, intake.text_path, profile.used_columns(), spool)
    source.newlines = intake.newlines or None
    check_columns(profile, source, intake.path.name, lot is not None)
    stage = Stage(connection, profile, source, spool, origin)
    tell("check")
    try:
        stage.run(lot, lots, may_have_controls=intake.may_have_controls, has_bad_bytes=intake.has_bad_bytes)
    except duckdb.InvalidInputException as error:
        raise ParkError(
            zh=f"{intake.path.name} 无法按配置 {profile.name} 读取：{_first_line(error)}",
            en=f"{intake.path.name} cannot be read with profile {profile.name}: {_first_line(error)}",
            code="unreadable_file",
        ) from error
    return stage


def check_columns(profile: Profile, source: Source, file_name: str, lot_is_given: bool) -> None:
    """Refuse a file that lacks columns of the profile.

    Raises:
        ParkError: code ``wrong_profile``, naming the missing columns and those the file has.
    """
    if source.is_json:
        return
    needed = [name for name in profile.required_columns() if not (lot_is_given and name == profile.lot.column)]
    missing = [name for name in needed if source.column(name) is None]
    for section in profile.record:
        for rule in section.fields.values():
            if rule.first and not any(source.column(name) for name in rule.first):
                missing.append(" | ".join(rule.first))
    if not missing:
        return
    has = ", ".join(source.columns[:40])
    raise ParkError(
        zh=f"{file_name} 与配置 {profile.name} 不符：缺少列 {', '.join(dict.fromkeys(missing))}；文件中的列：{has}。"
        "请检查配置、表头行号(file.header_row)、分隔符和编码",
        en=f"{file_name} does not fit profile {profile.name}: missing columns "
        f"{', '.join(dict.fromkeys(missing))}; the file "
        f"has {has}. Check the profile, its header_row, delimiter and encoding",
        code="wrong_profile",
    )


def profile_hash(profile: Profile) -> str:
    """Hash of everything a profile says."""
    return hashlib.sha256(profile.model_dump_json().encode()).hexdigest()[:12]


def batch_id(sha256: str, profile: Profile, lot: LotContext | None) -> str:
    """Identity of a file in the batch ledger: content, profile and lot; the same again is the same batch."""
    identity = json.dumps([MAPPING_VERSION, sha256, profile.model_dump_json(), lot.lot_id if lot else None])
    return "file:" + hashlib.sha256(identity.encode()).hexdigest()


def keep_profile(settings: Settings, profile: Profile) -> None:
    """Keep the profile as it is now, so that refused rows can be replayed by it later."""
    archive_text(profile.model_dump_json(), settings.archive_path, "profiles", f"{profile_hash(profile)}.json")


def kept_profile(settings: Settings, reference: str) -> Profile | None:
    """The profile that ``name@hash`` of a refused row refers to; None when it is not in the archive."""
    path = settings.archive_path / "profiles" / f"{reference.rpartition('@')[2]}.json"
    return Profile.model_validate_json(path.read_text(encoding="utf-8")) if path.is_file() else None


@contextmanager
def _spool(settings: Settings) -> Iterator[Path]:
    root = settings.home / "tmp"
    root.mkdir(parents=True, exist_ok=True)
    for left in root.glob("ingest-*"):  # of a process that was killed
        if time.time() - left.stat().st_mtime > STALE_SECONDS:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=root))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _lake(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = open_lake(settings)
    try:
        yield connection
    finally:
        connection.close()


def _landed_at(connection: duckdb.DuckDBPyConnection, identity: str) -> datetime | None:
    row = connection.execute(f"SELECT landed_at FROM {LAKE}.raw.batch WHERE batch_id = ?", [identity]).fetchone()
    return row[0] if row else None


def _summary_of_ledger(
    connection: duckdb.DuckDBPyConnection, path: Path, profile: Profile, origin: Origin, landed_at: datetime
) -> IngestSummary:
    row = connection.execute(
        f"SELECT source_rows, accepted, marked, rejected, batch_seq FROM {LAKE}.raw.batch WHERE batch_id = ?",
        [origin.batch_id],
    ).fetchone()
    assert row is not None
    return IngestSummary(
        file=str(path),
        profile=profile.name,
        batch_id=origin.batch_id,
        rows=row[0],
        blank_rows=0,
        unused_rows=0,
        accepted=row[1],
        marked=row[2],
        rejected=row[3],
        already_landed_at=landed_at,
        batch_seq=row[4],
    )


def _reasons(connection: duckdb.DuckDBPyConnection, rejected: str | None) -> list[Reason]:
    if rejected is None:
        return []
    rows = connection.execute(
        "SELECT code, count(*), min(line), arg_min(reason_zh, line), arg_min(reason_en, line) "
        f"FROM {rejected} AS refused GROUP BY code ORDER BY 2 DESC, 1 LIMIT {FIRST_REASONS}"
    ).fetchall()
    return [Reason(*row) for row in rows]


def _marks(connection: duckdb.DuckDBPyConnection, tables: dict[str, str]) -> dict[str, int]:
    marked = " UNION ALL ".join(
        f"SELECT unnest(string_split(marks, ',')) AS mark FROM {relation} AS kept WHERE marks IS NOT NULL"
        for relation in tables.values()
    )
    rows = connection.execute(f"SELECT mark, count(*) FROM ({marked}) GROUP BY mark ORDER BY mark").fetchall()
    return {mark: int(count) for mark, count in rows}


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
