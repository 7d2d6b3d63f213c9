"""The ledger of work on the instance itself: who asked for what, what is due by the clock, what became of it.

Belongs here: rows of ``operation_run``. Does not belong here: carrying them out (``warehouse.operating``) and the rules
of each kind (``backups.py``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import BackupPlan, OperationRun
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import Actor
from warehouse.services.delivery_schedule import EVERY_DAY, last_due
from warehouse.services.work import Work, locked
from warehouse.settings import Settings

BACKUP, VERIFY, CLEAN_UP = "backup", "verify", "clean_up"
WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
BY_CLOCK: Final = "schedule"


@dataclass(frozen=True)
class Claimed:
    """Work that this process has to carry out now."""

    run_id: int
    kind: str
    subject: str | None
    parameters: Mapping[str, Any]
    operator_id: int | None
    login: str


@dataclass(frozen=True)
class RunRow:
    """A run as listed."""

    run_id: int
    kind: str
    subject: str | None
    login: str
    requested_at: datetime
    state: str
    started_at: datetime | None
    finished_at: datetime | None
    message_zh: str | None
    message_en: str | None


def require_platform(actor: Actor) -> None:
    """Refuse everybody who does not sit at the top: this concerns all tenants at once.

    Raises:
        Forbidden: the actor sits lower.
    """
    if actor.level != "platform":
        raise Forbidden(
            zh="只有平台级操作员可以备份与维护系统：请联系平台管理员",
            en="only operators of the platform may back up and maintain the system: ask one of them",
        )


def request(work: Work, kind: str, subject: str | None, parameters: Mapping[str, Any]) -> int:
    """Write down that the actor asks for a run; the caller has recorded why. Returns its number.

    Raises:
        ParkError: code ``already_waiting``; the same is asked for already and has not begun.
    """
    same = select(OperationRun.run_id).where(
        OperationRun.kind == kind, OperationRun.subject == subject, OperationRun.state.in_((WAITING, RUNNING))
    )
    if work.session.scalar(same.limit(1)) is not None:
        raise ParkError(
            zh="同样的任务已在等待或进行：请等它完成",
            en="the same is waiting or under way already: wait until it has ended",
            code="already_waiting",
        )
    run = OperationRun(
        kind=kind,
        subject=subject,
        parameters=dict(parameters),
        state=WAITING,
        operator_id=work.actor.operator_id,
        login=work.actor.login,
        requested_at=work.now,
    )
    work.session.add(run)
    work.session.flush()
    return run.run_id


def list_runs(session: Session, kinds: Sequence[str], *, size: int) -> list[RunRow]:
    """The newest runs of these kinds."""
    query = select(OperationRun).where(OperationRun.kind.in_(kinds)).order_by(OperationRun.run_id.desc()).limit(size)
    return [
        RunRow(
            run_id=row.run_id,
            kind=row.kind,
            subject=row.subject,
            login=row.login,
            requested_at=row.requested_at,
            state=row.state,
            started_at=row.started_at,
            finished_at=row.finished_at,
            message_zh=row.message_zh,
            message_en=row.message_en,
        )
        for row in session.scalars(query)
    ]


def plan_of(settings: Settings, session: Session, now: datetime) -> BackupPlan:
    """The plan in force, written down from the settings the first time: nothing before that moment is caught up."""
    plan = session.get(BackupPlan, 1)
    if plan is None:
        plan = BackupPlan(
            plan_id=1,
            time_of_day=settings.backup_time or "02:15",
            is_active=bool(settings.backup_time),
            keep_count=settings.backup_keep_count,
            keep_days=settings.backup_keep_days,
            scheduled_since=now,
        )
        session.add(plan)
        session.flush()
    return plan


def count_waiting(settings: Settings, now: datetime) -> int:
    """How many runs would be claimed at ``now``; writes the plan down the first time."""
    with ops_session(settings) as session:
        open_runs = select(OperationRun.run_id).where(OperationRun.state.in_((WAITING, RUNNING)))
        found = len(session.scalars(open_runs).all())
        due = _due(settings, session, now)
    return found + (due is not None)


def _due(settings: Settings, session: Session, now: datetime) -> datetime | None:
    plan = plan_of(settings, session, now)
    if not plan.is_active:
        return None
    due = last_due(plan.time_of_day, EVERY_DAY, settings.schedule_time_zone, now)
    if due is None or due <= plan.scheduled_since:
        return None
    known = select(OperationRun.run_id).where(OperationRun.kind == BACKUP, OperationRun.due_at >= due)
    return None if session.scalar(known.limit(1)) is not None else due


def claim(settings: Settings, now: datetime, *, only: int | None = None) -> Claimed | None:
    """Take the oldest run that waits, after those due by the clock are written down; None when there is none.

    Without ``only`` the caller is the one that carries out runs: whatever is still called running was cut short.
    """
    if only is not None:
        with write_session(settings) as session:
            mine = select(OperationRun).where(OperationRun.run_id == only, OperationRun.state == WAITING)
            return _begun(session.scalar(locked(mine)), now)
    try:
        return _claim(settings, now)
    except IntegrityError:  # another process wrote the same due moment first
        return _claim(settings, now)


def _begun(run: OperationRun | None, now: datetime) -> Claimed | None:
    if run is None:
        return None
    run.state, run.started_at = RUNNING, now
    return Claimed(run.run_id, run.kind, run.subject, run.parameters, run.operator_id, run.login)


def _claim(settings: Settings, now: datetime) -> Claimed | None:
    with write_session(settings) as session:
        for lost in session.scalars(locked(select(OperationRun).where(OperationRun.state == RUNNING))):
            _end(
                lost,
                now,
                ParkError(
                    zh="中途被打断（进程已结束）：请重新执行",
                    en="cut short, its process ended: ask for it again",
                ),
            )
        due = _due(settings, session, now)
        if due is not None:
            session.add(
                OperationRun(
                    kind=BACKUP,
                    subject=None,
                    parameters={},
                    state=WAITING,
                    operator_id=None,
                    login=BY_CLOCK,
                    requested_at=now,
                    due_at=due,
                )
            )
            session.flush()
        waiting = select(OperationRun).where(OperationRun.state == WAITING).order_by(OperationRun.run_id).limit(1)
        return _begun(session.scalar(locked(waiting)), now)


def finish(
    settings: Settings, run_id: int, now: datetime, error: ParkError | None, result: Mapping[str, Any] | None = None
) -> None:
    """Note how a run ended."""
    with write_session(settings) as session:
        run = session.get_one(OperationRun, run_id)
        _end(run, now, error)
        run.result = None if result is None else dict(result)


def _end(run: OperationRun, now: datetime, error: ParkError | None) -> None:
    run.state, run.finished_at = (DONE if error is None else FAILED), now
    run.message_zh = None if error is None else error.zh[:1000]
    run.message_en = None if error is None else error.en[:1000]
