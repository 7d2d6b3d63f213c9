"""Which deliveries are due, who runs them, and what became of each run.

Belongs here: the ledger of runs. A due moment has at most one row, so a delivery goes out once for it, whichever
process asks first and however often; a process that died over it is followed by another when its time is up. Does not
belong here: making and sending the report (``warehouse.delivering``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Delivery, DeliveryRun, Operator
from warehouse.ops.session import ops_session, write_session
from warehouse.security.actor import Actor, actor_of, may_sign_in
from warehouse.services.delivery_schedule import LATEST, last_due, next_attempt
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.roles import operators_in_scope
from warehouse.services.work import locked, reading
from warehouse.settings import Settings

PATIENCE: Final = timedelta(minutes=30)
"""Time after which a run whose process says nothing counts as dead."""


@dataclass(frozen=True)
class Claimed:
    """A run that this process has to carry out now."""

    run_id: int
    delivery_id: int
    due_at: datetime
    attempts: int
    name: str
    report: str
    period: str
    parameters: Mapping[str, Any]
    file_format: str
    language: str
    channel: str
    addresses: tuple[str, ...]
    owner_login: str
    owner_email: str | None


@dataclass(frozen=True)
class RunRow:
    """A run as listed."""

    run_id: int
    delivery_id: int
    name: str
    due_at: datetime
    state: str
    attempts: int
    next_attempt_at: datetime | None
    finished_at: datetime | None
    row_count: int | None
    file_bytes: int | None
    target: str | None
    message_zh: str | None
    message_en: str | None


def count_due(settings: Settings, now: datetime) -> int:
    """How many runs would be claimed at ``now``."""
    with ops_session(settings) as session:
        missing = [one for one in _due(settings, session, now) if not _is_known(session, *one)]
        return len(missing) + len(list(session.scalars(_ready(now))))


def claim(settings: Settings, now: datetime, *, only: int | None = None) -> Claimed | None:
    """Take the next run that is due, or only the run with this id; None when there is none.

    Moments that are too late to be caught up are written down as missed, those of owners who may no longer sign in as
    stopped, and such a delivery is switched off.
    """
    while True:
        try:
            return _claim(settings, now, only)
        except IntegrityError:  # another process wrote the same due moment first
            continue


def _claim(settings: Settings, now: datetime, only: int | None) -> Claimed | None:
    with write_session(settings) as session:
        for delivery, due_at in _due(settings, session, now):
            if _is_known(session, delivery, due_at):
                continue
            run = DeliveryRun(delivery_id=delivery.delivery_id, due_at=due_at, state="waiting", next_attempt_at=now)
            if now - due_at > LATEST:
                run.state, run.next_attempt_at, run.finished_at = "missed", None, now
                run.message_zh = f"系统在 {due_at:%Y-%m-%d %H:%M} UTC 未运行，已过 12 小时，不再补发"
                run.message_en = f"nothing ran at {due_at:%Y-%m-%d %H:%M} UTC; 12 hours later it is not caught up"
            session.add(run)
        session.flush()
        for run in session.scalars(locked(_ready(now) if only is None else _one(now, only))):
            found = session.get_one(Delivery, run.delivery_id)
            if _stopped(session, found, run, now):
                continue
            run.state, run.started_at, run.next_attempt_at = "running", now, now + PATIENCE
            run.attempts += 1
            return _claimed(found, run)
        return None


def owner_of(settings: Settings, claimed: Claimed) -> Actor:
    """The owner as an actor, with the rights of this moment.

    Raises:
        ParkError: code ``disabled_login``; the owner may no longer sign in.
    """
    with ops_session(settings) as session:
        operator = session.scalars(select(Operator).where(Operator.login == claimed.owner_login)).one()
        if not may_sign_in(session, operator):
            zh, en = _owner_gone(operator)
            raise ParkError(zh=zh, en=en, code="disabled_login")
        return actor_of(session, operator, "delivery")


def done(
    settings: Settings, claimed: Claimed, now: datetime, *, rows: int, size: int, target: str, note: ParkError | None
) -> None:
    """The run ended well; ``note`` tells what people should know all the same."""
    with write_session(settings) as session:
        run = _held(session, claimed)
        if run is None:
            return
        run.state, run.finished_at, run.next_attempt_at = "done", now, None
        run.row_count, run.file_bytes, run.target = rows, size, target[:500]
        _say(run, note)


def failed(settings: Settings, claimed: Claimed, now: datetime, error: ParkError, *, is_temporary: bool) -> bool:
    """The run failed; returns whether it will be tried again."""
    with write_session(settings) as session:
        run = _held(session, claimed)
        if run is None:
            return True
        again = next_attempt(run.attempts, run.due_at, now) if is_temporary else None
        run.state, run.next_attempt_at = ("failed", None) if again is None else ("waiting", again)
        run.finished_at = now if again is None else None
        _say(run, error)
        return again is not None


def _held(session: Session, claimed: Claimed) -> DeliveryRun | None:
    """The run, unless another process took it over because this one was silent for too long."""
    run = session.get_one(DeliveryRun, claimed.run_id)
    return run if (run.state, run.attempts) == ("running", claimed.attempts) else None


def list_runs(settings: Settings, actor: Actor, asked: ListQuery, *, delivery_id: int | None = None) -> Found[RunRow]:
    """Runs of one's own deliveries and of those of operators in the scope, newest first."""
    with reading(settings, actor, "deliveries.view") as session:
        query: Select[*tuple[Any, ...]] = (
            select(DeliveryRun, Delivery.name)
            .join(Delivery, Delivery.delivery_id == DeliveryRun.delivery_id)
            .join(Operator, Operator.operator_id == Delivery.operator_id)
            .where((Delivery.operator_id == actor.operator_id) | operators_in_scope(actor))
        )
        if delivery_id is not None:
            query = query.where(Delivery.delivery_id == delivery_id)
        sorts = {"due_at": DeliveryRun.due_at, "run_id": DeliveryRun.run_id}
        rows, total = one_page(session, query, asked, sorts, "-due_at")
        names = list(RunRow.__dataclass_fields__)
        found = [RunRow(**{key: name if key == "name" else getattr(run, key) for key in names}) for run, name in rows]
        return Found(found, total)


def _due(settings: Settings, session: Session, now: datetime) -> list[tuple[Delivery, datetime]]:
    """Active deliveries with their newest due moment, when there is one since they were set up."""
    active = session.scalars(select(Delivery).where(Delivery.is_active, Delivery.deleted_at.is_(None)))
    moments = [(row, last_due(row.time_of_day, row.weekdays, settings.schedule_time_zone, now)) for row in active]
    return [(row, moment) for row, moment in moments if moment is not None and moment > row.scheduled_since]


def _is_known(session: Session, delivery: Delivery, due_at: datetime) -> bool:
    known = select(DeliveryRun.run_id).where(
        DeliveryRun.delivery_id == delivery.delivery_id, DeliveryRun.due_at == due_at
    )
    return session.scalar(known) is not None


def _ready(now: datetime) -> Any:
    """Runs that wait for this moment, and those whose process died."""
    return (
        select(DeliveryRun)
        .where(DeliveryRun.state.in_(("waiting", "running")), DeliveryRun.next_attempt_at <= now)
        .order_by(DeliveryRun.next_attempt_at, DeliveryRun.run_id)
    )


def _one(now: datetime, run_id: int) -> Any:
    is_free = or_(DeliveryRun.state == "waiting", DeliveryRun.next_attempt_at <= now)
    return select(DeliveryRun).where(
        DeliveryRun.run_id == run_id, DeliveryRun.state.in_(("waiting", "running")), is_free
    )


def _stopped(session: Session, delivery: Delivery, run: DeliveryRun, now: datetime) -> bool:
    if delivery.deleted_at is not None or not may_sign_in(session, delivery.operator):
        zh, en = _owner_gone(delivery.operator) if delivery.deleted_at is None else ("投递已删除", "it was deleted")
        run.state, run.finished_at, run.next_attempt_at = "stopped", now, None
        _say(run, ParkError(zh=zh, en=en))
        delivery.is_active = False
        return True
    return False


def _owner_gone(operator: Operator) -> tuple[str, str]:
    return (
        f"{operator.name}（{operator.login}）已停用或已删除，其投递随之停止：请由在用的操作员重新设置",
        f"{operator.name} ({operator.login}) was disabled or deleted, and with that the delivery: set it up anew",
    )


def _say(run: DeliveryRun, error: ParkError | None) -> None:
    run.message_zh, run.message_en = (None, None) if error is None else (error.zh[:1000], error.en[:1000])


def _claimed(delivery: Delivery, run: DeliveryRun) -> Claimed:
    return Claimed(
        run_id=run.run_id,
        delivery_id=delivery.delivery_id,
        due_at=run.due_at,
        attempts=run.attempts,
        name=delivery.name,
        report=delivery.report,
        period=delivery.period,
        parameters=delivery.parameters,
        file_format=delivery.file_format,
        language=delivery.language,
        channel=delivery.channel,
        addresses=tuple(delivery.addresses),
        owner_login=delivery.operator.login,
        owner_email=delivery.operator.email,
    )
