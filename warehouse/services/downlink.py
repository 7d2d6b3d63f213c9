"""The commands of the lots as people see and handle them.

Belongs here: listing, totals, the file, sending a failed one again, taking back one that waits. Does not belong here:
queueing (``downlink_queue.py``), what the lots do (``downlink_delivery.py``), commands that people give directly
(``lot_commands.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import DownlinkCommand, Lot
from warehouse.ops.models.downlink import COMMAND_STATES
from warehouse.plates import masked_plate, masked_text
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.services.downlink_queue import GATE_OPENING, queue_command
from warehouse.services.exchange_files import write_table
from warehouse.services.exchange_sheet import Column, Kind
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.work import Work, locked, reading, working
from warehouse.settings import Settings

ENTITY: Final = "command"
VEHICLE: Final = "long_term_vehicle"
WHOLE_PLATES: Final = "plates.view"
MOST_IN_FILE: Final = 200_000
_BATCH: Final = 2_000
_COLUMNS: Final = (
    Column("command_id", "编号", "Number", Kind.INTEGER),
    Column("lot_code", "停车场代码", "Lot code"),
    Column("lot_name", "停车场", "Lot"),
    Column("kind", "类别", "Kind"),
    Column("subject", "对象", "Subject"),
    Column("state", "状态", "State"),
    Column("operator_name", "操作员", "Operator"),
    Column("created_at", "创建时间(UTC)", "Created (UTC)"),
    Column("delivered_at", "送达时间(UTC)", "Delivered (UTC)"),
    Column("finished_at", "完成时间(UTC)", "Finished (UTC)"),
    Column("reported_at", "场端执行时间(UTC)", "Acted at the lot (UTC)"),
    Column("expires_at", "失效时间(UTC)", "Expires (UTC)"),
    Column("message", "结果说明", "Message"),
    Column("reason", "原因", "Reason"),
)
_TIMES: Final = ("created_at", "delivered_at", "finished_at", "reported_at", "expires_at")


@dataclass(frozen=True)
class CommandQuery:
    """Which commands: all conditions that are set must hold; ``since`` is included, ``until`` is not."""

    lot_id: int | None = None
    kind: str = ""
    state: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class CommandRow:
    """A command as listed; plates with stars for those who may not see them whole."""

    command_id: int
    lot_id: int
    lot_code: str
    lot_name: str
    kind: str
    subject: str
    state: str
    operator_name: str
    created_at: datetime
    delivered_at: datetime | None
    finished_at: datetime | None
    reported_at: datetime | None
    expires_at: datetime | None
    message: str | None
    reason: str | None
    retry_of: int | None


def list_commands(settings: Settings, actor: Actor, asked: ListQuery, which: CommandQuery) -> Found[CommandRow]:
    """Commands of the lots in the scope, newest first; sorts: created_at, lot, state."""
    with reading(settings, actor, "downlink.view") as session:
        sorts = {
            "created_at": DownlinkCommand.created_at,
            "lot": Lot.code,
            "state": DownlinkCommand.state,
            "command_id": DownlinkCommand.command_id,
        }
        rows, total = one_page(session, _fitting(actor, which, asked.search), asked, sorts, "-command_id")
        return Found([_row(actor, *row) for row in rows], total)


def count_by_state(settings: Settings, actor: Actor, which: CommandQuery, search: str = "") -> dict[str, int]:
    """How many of the commands are in each state, whatever state ``which`` asks for."""
    whatever = CommandQuery(which.lot_id, which.kind, "", which.since, which.until)
    with reading(settings, actor, "downlink.view") as session:
        fitting = _fitting(actor, whatever, search).with_only_columns(
            DownlinkCommand.state, func.count(), maintain_column_froms=True
        )
        rows: list[Any] = list(session.execute(fitting.group_by(DownlinkCommand.state)))
        found = {row[0]: int(row[1]) for row in rows}
    return {state: found.get(state, 0) for state in COMMAND_STATES}


def commands_file(
    settings: Settings, actor: Actor, which: CommandQuery, search: str, file_format: str, language: str
) -> bytes:
    """All commands that fit, newest first, as CSV or XLSX; taking them out is written to the operator log.

    Raises:
        Forbidden: without ``downlink.export``.
        ParkError: ``too_many_rows``.
    """
    with reading(settings, actor, "downlink.export") as session:
        fitting = _fitting(actor, which, search).order_by(DownlinkCommand.command_id.desc())
        total = session.scalar(select(func.count()).select_from(fitting.order_by(None).subquery())) or 0
    if total > MOST_IN_FILE:
        raise ParkError(
            zh=f"共 {total} 条，超过一个文件的上限 {MOST_IN_FILE} 条：请缩小范围",
            en=f"{total} commands exceed the {MOST_IN_FILE} of a file: narrow the filter",
            code="too_many_rows",
        )
    details = {name: str(value) for name, value in vars(which).items() if value not in ("", None)}
    audit.note_export(settings, actor, "downlink.export", ENTITY, details | {"rows": total})

    def rows() -> Iterator[Mapping[str, Any]]:
        last: int | None = None
        while True:
            query = fitting if last is None else fitting.where(DownlinkCommand.command_id < last)
            with reading(settings, actor, "downlink.export") as session:
                found: list[Any] = list(session.execute(query.limit(_BATCH)))
            for command, lot_code, lot_name in found:
                row = vars(_row(actor, command, lot_code, lot_name))
                yield row | {
                    name: f"{row[name]:%Y-%m-%d %H:%M:%S}" if row[name] is not None else None for name in _TIMES
                }
            if len(found) < _BATCH:
                return
            last = found[-1][0].command_id

    return write_table(file_format, "下发管理" if language == "zh" else "Commands", _COLUMNS, rows(), language)


def retry_command(settings: Settings, actor: Actor, command_id: int, *, now: datetime | None = None) -> int:
    """Send a failed command again as a new one; returns its id.

    Raises:
        Forbidden: the command is not there for this actor.
        ParkError: ``not_failed``; ``newer_command`` when the lot was told something newer since; ``ask_anew`` for the
            opening of a gate, which takes its reason and confirmation each time.
    """
    with working(settings, actor, "downlink.edit", now=now) as work:
        command, lot = _command(work, command_id)
        if command.state != "failed":
            raise _state_differs("not_failed", command, "只有失败的命令可以重发", "only failed commands are sent again")
        if command.kind == GATE_OPENING:
            raise ParkError(
                zh="远程开闸不能重发：请重新开闸，填写原因并确认",
                en="the opening of a gate is not sent again: open it anew, with its reason and confirmation",
                code="ask_anew",
            )
        later = aliased(DownlinkCommand)
        is_newer = (
            later.lot_id == command.lot_id,
            later.subject == command.subject,
            later.kind == command.kind,
            later.command_id > command.command_id,
            later.state.in_(("queued", "delivered", "applied")),
        )
        if work.session.scalar(select(exists().where(*is_newer))):
            raise ParkError(
                zh=f"此后已有更新的命令（对象 {command.subject}），重发会用旧内容覆盖：请核对较新的命令",
                en=f"a newer command for {command.subject} was queued since; this one would undo it: look there",
                code="newer_command",
            )
        again = queue_command(
            work.session,
            command.lot_id,
            command.kind,
            command.subject,
            command.payload,
            work.now,
            operator_id=actor.operator_id,
            operator_name=actor.name,
            sealed=command.sealed,
            retry_of=command.command_id,
        )
        command.sealed = None
        after = {"command_id": again.command_id, "kind": again.kind, "subject": again.subject}
        work.record(
            ENTITY, command_id, f"{lot.name} #{command_id}", None, after, lot_id=lot.lot_id, action="downlink.retry"
        )
        return again.command_id


def cancel_command(settings: Settings, actor: Actor, command_id: int, *, now: datetime | None = None) -> None:
    """Take back a command that the lot was not given yet.

    Raises:
        Forbidden: the command is not there for this actor.
        ParkError: ``not_queued``.
    """
    with working(settings, actor, "downlink.edit", now=now) as work:
        command, lot = _command(work, command_id)
        if command.state != "queued":
            raise _state_differs(
                "not_queued", command, "只有未送达的命令可以取消", "only commands that wait are taken back"
            )
        command.state, command.finished_at, command.sealed = "cancelled", work.now, None
        work.record(
            ENTITY,
            command_id,
            f"{lot.name} #{command_id}",
            {"state": "queued"},
            {"state": "cancelled"},
            lot_id=lot.lot_id,
            action="downlink.cancel",
        )


def _state_differs(code: str, command: DownlinkCommand, zh: str, en: str) -> ParkError:
    return ParkError(
        zh=f"{zh}；命令 {command.command_id} 现在的状态是 {command.state}：请刷新后再看",
        en=f"{en}; command {command.command_id} is {command.state} now: look again",
        code=code,
    )


def _command(work: Work, command_id: int) -> tuple[DownlinkCommand, Lot]:
    command = work.session.scalar(locked(select(DownlinkCommand).where(DownlinkCommand.command_id == command_id)))
    if command is None or not work.actor.scope.allows(command.lot_id):
        raise Forbidden(
            zh=f"命令 {command_id} 不存在，或您无权查看：请从列表中选择",
            en=f"command {command_id} does not exist, or you may not see it: choose from the list",
        )
    return command, work.lot(command.lot_id)


def _fitting(actor: Actor, which: CommandQuery, search: str) -> Select[*tuple[Any, ...]]:
    command = DownlinkCommand
    query: Select[*tuple[Any, ...]] = select(command, Lot.code, Lot.name).join(Lot, Lot.lot_id == command.lot_id)
    lots = actor.scope.lot_ids
    if not isinstance(lots, str):
        query = query.where(command.lot_id.in_(lots))
    if which.lot_id is not None:
        query = query.where(command.lot_id == which.lot_id)
    if which.kind:
        query = query.where(command.kind == which.kind)
    if which.state:
        query = query.where(command.state == which.state)
    if which.since is not None:
        query = query.where(command.created_at >= which.since)
    if which.until is not None:
        query = query.where(command.created_at < which.until)
    if search.strip():
        query = query.where(_found(actor, search))
    return query


def _found(actor: Actor, search: str) -> ColumnElement[bool]:
    """Subjects, operators and messages that hold ``search``; parts of plates only for those who see them whole."""
    subject = like(DownlinkCommand.subject, search)
    if not actor.allows(WHOLE_PLATES):
        is_whole = func.upper(DownlinkCommand.subject) == search.strip().upper()
        subject = or_(subject & (DownlinkCommand.kind != VEHICLE), is_whole)
    return or_(subject, like(DownlinkCommand.operator_name, search), like(Lot.name, search))


def _row(actor: Actor, command: DownlinkCommand, lot_code: str, lot_name: str) -> CommandRow:
    subject, message, reason = command.subject, command.message, command.payload.get("reason")
    if not actor.allows(WHOLE_PLATES):
        subject = masked_plate(subject) if command.kind == VEHICLE else masked_text(subject)
        message, reason = (masked_text(text) if text else text for text in (message, reason))
    return CommandRow(
        command_id=command.command_id,
        lot_id=command.lot_id,
        lot_code=lot_code,
        lot_name=lot_name,
        kind=command.kind,
        subject=subject,
        state=command.state,
        operator_name=command.operator_name,
        created_at=command.created_at,
        delivered_at=command.delivered_at,
        finished_at=command.finished_at,
        reported_at=command.reported_at,
        expires_at=command.expires_at,
        message=message,
        reason=reason,
        retry_of=command.retry_of,
    )
