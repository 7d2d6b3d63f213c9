"""Reports that are delivered by the clock: what people set up.

Belongs here: listing, saving, switching and deleting deliveries. Does not belong here: which runs are due and what
became of them (``delivery_runs``), making and sending the report (``warehouse.delivering``).

A delivery runs with its owner's rights, so only the owner changes what it sends and to whom; those above may stop it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden
from warehouse.ops.models import Delivery, DeliveryRun, Operator
from warehouse.security.actor import Actor, may_sign_in
from warehouse.security.permissions import EXPORT, menu_of_report
from warehouse.services.delivery_schedule import PERIODS, last_due, next_due
from warehouse.services.fields import Fields
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.roles import operators_in_scope
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, picture, reading, working
from warehouse.settings import Settings

ENTITY: Final = "delivery"
FORMATS: Final = ("xlsx", "csv", "pdf")
CHANNELS: Final = ("folder", "email")
MOST_ADDRESSES: Final = 20
MOST_DELIVERIES: Final = 100
_SET: Final = (
    "name",
    "report",
    "period",
    "parameters",
    "file_format",
    "language",
    "time_of_day",
    "weekdays",
    "channel",
    "addresses",
)


@dataclass(frozen=True)
class DeliveryForm:
    """What a delivery is made of; ``addresses`` as typed, separated by blanks, commas or lines."""

    name: str
    report: str
    period: str = "yesterday"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    file_format: str = "xlsx"
    language: str = "zh"
    time_of_day: str = "08:00"
    weekdays: Sequence[str] = tuple("1234567")
    channel: str = "folder"
    addresses: str = ""


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery as listed; ``last_state`` and ``last_due_at`` are of its newest run."""

    delivery_id: int
    name: str
    report: str
    period: str
    parameters: Mapping[str, Any]
    file_format: str
    language: str
    time_of_day: str
    weekdays: str
    channel: str
    addresses: tuple[str, ...]
    is_active: bool
    owner_id: int
    owner_name: str
    owner_login: str
    owner_may_sign_in: bool
    is_own: bool
    next_due_at: datetime | None
    last_state: str | None
    last_due_at: datetime | None
    version: int


def list_deliveries(
    settings: Settings, actor: Actor, asked: ListQuery, *, only_own: bool = False
) -> Found[DeliveryRow]:
    """One's own deliveries and those of operators in the scope; sorts: name, report, time_of_day."""
    with reading(settings, actor, "deliveries.view") as session:
        query = (
            select(Delivery)
            .join(Operator, Operator.operator_id == Delivery.operator_id)
            .where(Delivery.deleted_at.is_(None))
        )
        is_own = Delivery.operator_id == actor.operator_id
        query = query.where(is_own if only_own else is_own | operators_in_scope(actor))
        if asked.search.strip():
            query = query.where(like(Delivery.name, asked.search) | like(Operator.name, asked.search))
        sorts = {
            "name": Delivery.name,
            "report": Delivery.report,
            "time_of_day": Delivery.time_of_day,
            "delivery_id": Delivery.delivery_id,
        }
        rows, total = one_page(session, query, asked, sorts, "delivery_id")
        now = datetime.now(UTC)
        return Found([_row(settings, session, actor, row, now) for (row,) in rows], total)


def save_delivery(
    settings: Settings,
    actor: Actor,
    form: DeliveryForm,
    delivery_id: int | None = None,
    expected_version: int | None = None,
    *,
    now: datetime | None = None,
) -> int:
    """Set up a delivery of one's own, or change one; returns its id. It begins with the next due moment.

    The report's own parameters are the caller's to check.

    Raises:
        InvalidFields: by field.
        Forbidden: the report may not be exported, or the delivery is somebody else's.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "deliveries.edit", now=now) as work:
        if actor.operator_id is None:
            raise Forbidden(zh="投递须由操作员设置", en="a delivery belongs to an operator: sign in as one")
        row = None if delivery_id is None else _delivery(work, delivery_id, expected_version, only_own=True)
        values = _checked(settings, work, form, row)
        actor.require(f"{menu_of_report(form.report)}.{EXPORT}")
        before = None if row is None else picture(row, _SET)
        if row is None:
            row = Delivery(operator_id=actor.operator_id, created_at=work.now, scheduled_since=work.now, is_active=True)
            work.session.add(row)
        elif before == values:
            return row.delivery_id
        elif (row.time_of_day, row.weekdays) != (values["time_of_day"], values["weekdays"]):
            row.scheduled_since = work.now
        put(row, values)
        work.session.flush()
        work.record(ENTITY, row.delivery_id, row.name, before, values)
        return row.delivery_id


def _checked(settings: Settings, work: Work, form: DeliveryForm, row: Delivery | None) -> dict[str, Any]:
    fields = Fields()
    values: dict[str, Any] = {
        "name": fields.text("name", form.name, required=True, longest=100),
        "report": form.report,
        "period": fields.choice("period", form.period, PERIODS),
        "parameters": {key: value for key, value in form.parameters.items() if value not in ("", None, [])},
        "file_format": fields.choice("file_format", form.file_format, FORMATS),
        "language": fields.choice("language", form.language, ("zh", "en")),
        "time_of_day": _time_of_day(fields, form.time_of_day),
        "weekdays": "".join(sorted(set(form.weekdays) & set("1234567"))),
        "channel": fields.choice("channel", form.channel, CHANNELS),
        "addresses": _addresses(fields, form) if form.channel == "email" else [],
    }
    if not values["weekdays"]:
        fields.wrong("weekdays", "请至少选择一天", "choose at least one day")
    if form.channel == "email" and not settings.sends_mail:
        fields.wrong(
            "channel",
            "本系统未设置发信服务器，不能发邮件：请改选文件夹，或请管理员设置 PARK_SMTP_HOST",
            "no mail server is set up here: choose the folder, or ask an administrator to set PARK_SMTP_HOST",
        )
    if row is None:
        own = select(Delivery.delivery_id).where(
            Delivery.operator_id == work.actor.operator_id, Delivery.deleted_at.is_(None)
        )
        if len(list(work.session.scalars(own))) >= MOST_DELIVERIES:
            fields.wrong("name", f"每人最多 {MOST_DELIVERIES} 项投递", f"at most {MOST_DELIVERIES} deliveries each")
    fields.done()
    return values


def _time_of_day(fields: Fields, typed: str) -> str:
    try:
        return f"{time.fromisoformat(typed.strip().replace('：', ':').zfill(5)):%H:%M}"
    except ValueError:
        fields.wrong("time_of_day", f"“{typed}”不是时刻，例如 08:00", f"“{typed}” is no time of day, for example 08:00")
        return ""


def _addresses(fields: Fields, form: DeliveryForm) -> list[str]:
    for mark in ",;，；、":
        form = DeliveryForm(**{**form.__dict__, "addresses": form.addresses.replace(mark, " ")})
    typed = list(dict.fromkeys(form.addresses.split()))
    if not typed:
        fields.wrong("addresses", "请填写收件地址", "type at least one address")
    if len(typed) > MOST_ADDRESSES:
        fields.wrong("addresses", f"最多 {MOST_ADDRESSES} 个地址", f"at most {MOST_ADDRESSES} addresses")
    return [found for one in typed if (found := fields.email("addresses", one))]


def switch_delivery(
    settings: Settings,
    actor: Actor,
    delivery_id: int,
    is_active: bool,
    expected_version: int | None = None,
    *,
    now: datetime | None = None,
) -> None:
    """Stop a delivery, or let one's own go on; what was due meanwhile is not caught up.

    Raises:
        Forbidden: it is not in the actor's scope, or somebody else's is to go on.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "deliveries.edit", now=now) as work:
        row = _delivery(work, delivery_id, expected_version, only_own=is_active)
        if row.is_active == is_active:
            return
        row.is_active = is_active
        if is_active:
            row.scheduled_since = work.now
        else:
            waiting = select(DeliveryRun).where(DeliveryRun.delivery_id == delivery_id, DeliveryRun.state == "waiting")
            for run in work.session.scalars(waiting):
                run.state, run.next_attempt_at, run.finished_at = "stopped", None, work.now
        work.record(ENTITY, delivery_id, row.name, {"is_active": not is_active}, {"is_active": is_active})


def delete_delivery(settings: Settings, actor: Actor, delivery_id: int, expected_version: int | None = None) -> None:
    """Delete a delivery; what it delivered stays.

    Raises:
        Forbidden: it is not in the actor's scope.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "deliveries.delete") as work:
        row = _delivery(work, delivery_id, expected_version)
        row.deleted_at, row.is_active = work.now, False
        work.record(ENTITY, delivery_id, row.name, picture(row, _SET), None)


def request_run(settings: Settings, actor: Actor, delivery_id: int, *, now: datetime | None = None) -> int:
    """Let one's own delivery run once as soon as possible; returns the run's id.

    Raises:
        Forbidden: it is somebody else's.
    """
    with working(settings, actor, "deliveries.edit", now=now) as work:
        row = _delivery(work, delivery_id, None, only_own=actor.operator_id is not None)
        run = DeliveryRun(
            delivery_id=delivery_id, due_at=work.now, state="waiting", attempts=0, next_attempt_at=work.now
        )
        work.session.add(run)
        work.session.flush()
        work.record(ENTITY, delivery_id, row.name, None, {"run": run.run_id}, action="deliveries.run_requested")
        return run.run_id


def _delivery(work: Work, delivery_id: int, expected_version: int | None, *, only_own: bool = False) -> Delivery:
    actor = work.actor
    query = select(Delivery).where(Delivery.delivery_id == delivery_id, Delivery.deleted_at.is_(None))
    row = work.session.scalar(locked(query))
    if row is not None and row.operator_id != actor.operator_id:
        in_scope = select(Operator.operator_id).where(
            Operator.operator_id == row.operator_id, operators_in_scope(actor)
        )
        if only_own or work.session.scalar(in_scope) is None:
            row = None
    if row is None:
        raise Forbidden(
            zh=f"投递 {delivery_id} 不存在，或不是您设置的：请从列表中选择自己的",
            en=f"delivery {delivery_id} does not exist, or is not yours: choose one of your own from the list",
        )
    if expected_version is not None:
        work.expect(row, expected_version, ENTITY, delivery_id)
    return row


def _row(settings: Settings, session: Session, actor: Actor, row: Delivery, now: datetime) -> DeliveryRow:
    newest = session.scalar(
        select(DeliveryRun)
        .where(DeliveryRun.delivery_id == row.delivery_id)
        .order_by(DeliveryRun.due_at.desc())
        .limit(1)
    )
    zone = settings.schedule_time_zone
    due = last_due(row.time_of_day, row.weekdays, zone, now)
    is_due = due is not None and due > row.scheduled_since and (newest is None or newest.due_at < due)
    next_due_at = due if is_due else next_due(row.time_of_day, row.weekdays, zone, now)
    return DeliveryRow(
        delivery_id=row.delivery_id,
        name=row.name,
        report=row.report,
        period=row.period,
        parameters=row.parameters,
        file_format=row.file_format,
        language=row.language,
        time_of_day=row.time_of_day,
        weekdays=row.weekdays,
        channel=row.channel,
        addresses=tuple(row.addresses),
        is_active=row.is_active,
        owner_id=row.operator_id,
        owner_name=row.operator.name,
        owner_login=row.operator.login,
        owner_may_sign_in=may_sign_in(session, row.operator),
        is_own=row.operator_id == actor.operator_id,
        next_due_at=next_due_at if row.is_active else None,
        last_state=None if newest is None else newest.state,
        last_due_at=None if newest is None else newest.due_at,
        version=row.version,
    )
