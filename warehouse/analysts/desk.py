"""Asking on behalf of somebody: permission, the file of their lots, the query, the record of it.

Belongs here: what page and command line share when a query is run, its history, and handing out a file. Does not belong
here: the process (``running``), the files (``warehouse.lake.analysts``).
"""

from __future__ import annotations

import csv
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, TextIO

from sqlalchemy import delete, select

from warehouse.analysts.running import Limits, QueryProcess, Result, cancelled
from warehouse.errors import Forbidden, ParkError
from warehouse.lake.analysts import AnalystsFile, Cut, ensure_file
from warehouse.ops.models import SqlRun
from warehouse.ops.session import write_session
from warehouse.reports.export import guarded
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.services.work import reading
from warehouse.settings import Settings

SEE: Final = "sql.view"
TAKE_OUT: Final = "sql.export"
WHOLE_PLATES: Final = "plates.view"
LONGEST: Final = 100_000
KEPT_RUNS: Final = 200
_STATES: Final = {
    "sql_cancelled": "cancelled",
    "sql_time": "stopped",
    "sql_memory": "stopped",
    "sql_size": "stopped",
    "sql_refused": "refused",
}


@dataclass(frozen=True)
class Answer:
    """The rows of a query and what they were read from."""

    result: Result
    snapshot_id: int
    data_as_of: datetime | None


@dataclass(frozen=True)
class Past:
    """A query that was run, for the list of one's own."""

    run_id: int
    started_at: datetime
    sql: str
    state: str
    row_count: int | None
    milliseconds: int | None
    message_zh: str | None
    message_en: str | None


@dataclass
class Asked:
    """A query on its way: cancels it from another thread."""

    _cancelled: threading.Event = field(default_factory=threading.Event)
    _process: QueryProcess | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cancel(self) -> None:
        """Take the query back, whether it has begun or not."""
        with self._lock:
            self._cancelled.set()
            if self._process is not None:
                self._process.cancel()

    def start(self, make: Callable[[], QueryProcess]) -> QueryProcess:
        """Start the process unless the query was taken back before."""
        with self._lock:
            if self._cancelled.is_set():
                raise cancelled()
            self._process = make()
            return self._process


def cut_of(actor: Actor) -> Cut:
    """Which rows and which plates somebody's file holds."""
    lots = actor.scope.lot_ids
    return Cut(None if isinstance(lots, str) else frozenset(lots), not actor.allows(WHOLE_PLATES))


def file_of(settings: Settings, actor: Actor) -> AnalystsFile:
    """The file of the published snapshot that somebody may take away; noted in the operator log.

    Raises:
        Forbidden: the actor may not take data out.
        ParkError: nothing is published.
    """
    with reading(settings, actor, TAKE_OUT):
        pass
    made = ensure_file(settings, cut_of(actor))
    audit.note_export(settings, actor, TAKE_OUT, made.path.name, {"snapshot": made.snapshot_id})
    return made


def ask(
    settings: Settings, actor: Actor, sql: str, *, limits: Limits | None = None, asked: Asked | None = None
) -> Answer:
    """Run a query on the actor's file; every one is written to the operator log and the history, however it ends.

    Raises:
        Forbidden: the actor may not.
        ParkError: codes of ``QueryProcess.wait``, ``sql_refused`` for a text that is too long, or nothing is published.
    """
    with reading(settings, actor, SEE):
        pass
    began = datetime.now(UTC)
    made: AnalystsFile | None = None
    try:
        if len(sql) > LONGEST:
            raise ParkError(
                zh=f"语句有 {len(sql):,} 个字符，最多 {LONGEST:,} 个",
                en=f"the statement has {len(sql):,} characters, at most {LONGEST:,} are allowed",
                code="sql_refused",
            )
        made = ensure_file(settings, cut_of(actor))
        path = made.path
        process = (asked or Asked()).start(lambda: QueryProcess(path, sql, limits or Limits.of(settings)))
        result = process.wait()
    except ParkError as error:
        _note(settings, actor, sql, began, made, error=error)
        raise
    _note(settings, actor, sql, began, made, result=result)
    return Answer(result, made.snapshot_id, made.data_as_of)


def _note(
    settings: Settings,
    actor: Actor,
    sql: str,
    began: datetime,
    made: AnalystsFile | None,
    *,
    result: Result | None = None,
    error: ParkError | None = None,
) -> None:
    now = datetime.now(UTC)
    state = "done" if error is None else _STATES.get(error.code, "failed")
    seconds = round((now - began).total_seconds(), 3)
    rows = len(result.rows) if result is not None else None
    text = sql.replace("\0", "")[:LONGEST]
    with write_session(settings) as session:
        run = SqlRun(
            operator_id=actor.operator_id,
            login=actor.login,
            started_at=began,
            sql=text,
            snapshot_id=made.snapshot_id if made is not None else None,
            state=state,
            row_count=rows,
            milliseconds=int(seconds * 1000),
            message_zh=error.zh[:1000] if error is not None else None,
            message_en=error.en[:1000] if error is not None else None,
        )
        session.add(run)
        session.flush()
        oldest = (
            select(SqlRun.run_id)
            .where(SqlRun.login == actor.login)
            .order_by(SqlRun.run_id.desc())
            .offset(KEPT_RUNS)
            .limit(1)
        )
        gone = session.scalar(oldest)
        if gone is not None:
            session.execute(delete(SqlRun).where(SqlRun.login == actor.login, SqlRun.run_id <= gone))
        audit.append(
            session,
            actor,
            SEE,
            outcome=audit.REFUSED if state == "refused" else audit.DONE,
            entity="sql_run",
            entity_id=run.run_id,
            after={"sql": text, "state": state, "rows": rows, "seconds": seconds},
            now=now,
        )


def history(settings: Settings, actor: Actor, most: int = 50) -> list[Past]:
    """One's own queries, newest first.

    Raises:
        Forbidden: the actor may not.
    """
    with reading(settings, actor, SEE) as session:
        rows = session.scalars(
            select(SqlRun).where(SqlRun.login == actor.login).order_by(SqlRun.run_id.desc()).limit(most)
        )
        return [
            Past(
                row.run_id, row.started_at, row.sql, row.state, row.row_count, row.milliseconds,
                row.message_zh, row.message_en,
            )
            for row in rows
        ]  # fmt: skip


def may_take_out(settings: Settings, actor: Actor) -> None:
    """Refuse somebody who may see rows but not take them away; the refusal is noted.

    Raises:
        Forbidden: they may not.
    """
    try:
        actor.require(TAKE_OUT)
    except Forbidden as error:
        audit.note_refusal(settings, actor, TAKE_OUT, error)
        raise


def write_csv(target: TextIO, result: Result, *, for_excel: bool = False) -> None:
    """The rows as CSV; ``for_excel``: texts that would be formulas are made harmless."""
    output = csv.writer(target, lineterminator="\n")
    # A column is named by whoever wrote the query, and a shared one is run by others.
    output.writerow([guarded(column.name) if for_excel else column.name for column in result.columns])
    texts = [not column.is_number for column in result.columns]
    for row in result.rows:
        output.writerow(
            [
                "" if value is None else guarded(value) if for_excel and is_text else value
                for value, is_text in zip(row, texts, strict=True)
            ]
        )


def note_taken_out(settings: Settings, actor: Actor, result: Result, sql: str) -> None:
    """Write to the operator log that rows of a query were taken away."""
    details = {"sql": sql[:LONGEST], "rows": len(result.rows)}
    audit.note_export(settings, actor, TAKE_OUT, "sql", details)
