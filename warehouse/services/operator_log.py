"""The operator log as people read it: who did what, when, from where, and what changed.

Belongs here: finding entries within the scope, showing one with its differences. Does not belong here: writing entries
and proving the chain (``warehouse.security.audit``).

Entries are paged by their number, so that a page of an old day costs no more than the newest one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, func, or_, select, true, type_coerce
from sqlalchemy.orm import InstrumentedAttribute

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AuditEntry, Lot, Node
from warehouse.security import audit
from warehouse.security.actor import Actor
from warehouse.services.exchange_files import write_table
from warehouse.services.exchange_sheet import Column, Kind
from warehouse.services.listing import LARGEST_PAGE, like
from warehouse.services.work import reading
from warehouse.settings import Settings

COUNTED: Final = 10_000
"""Entries are counted up to this number; more are "more than"."""

MOST_IN_WORKBOOK: Final = 100_000
_BATCH: Final = 2000
_COLUMNS: Final = (
    Column("entry_id", "序号", "Number", Kind.INTEGER),
    Column("at", "时间(UTC)", "Time (UTC)"),
    Column("login", "操作员", "Operator"),
    Column("address", "来源地址", "Address"),
    Column("action", "操作", "Action"),
    Column("outcome", "结果", "Outcome"),
    Column("entity", "对象类型", "Kind of thing"),
    Column("entity_id", "对象编号", "Id of thing"),
    Column("entity_name", "对象名称", "Name of thing"),
    Column("node", "机构", "Node"),
    Column("lot", "停车场", "Lot"),
    Column("before", "修改前", "Before"),
    Column("after", "修改后", "After"),
    Column("entry_hash", "校验值", "Hash"),
)


@dataclass(frozen=True)
class LogQuery:
    """Which entries: all conditions that are set must hold.

    ``login`` is a whole login, ``menu`` and ``action`` the two halves of ``menu.action``, ``text`` is sought in names,
    numbers and changed values. ``since`` is included, ``until`` is not. ``before`` and ``after`` are numbers of entries
    and turn pages: older than ``before``, newer than ``after``; at most one of them.
    """

    login: str = ""
    since: datetime | None = None
    until: datetime | None = None
    menu: str = ""
    action: str = ""
    outcome: str = ""
    entity: str = ""
    entity_id: str = ""
    lot_id: int | None = None
    text: str = ""
    before: int | None = None
    after: int | None = None
    size: int = 50


@dataclass(frozen=True)
class Difference:
    """One field that changed; None: it was not there."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class LogEntry:
    """One entry; ``differences`` in the order of the fields' names."""

    entry_id: int
    at: datetime
    operator_id: int | None
    login: str
    address: str
    action: str
    outcome: str
    entity: str | None
    entity_id: str | None
    entity_name: str | None
    node_name: str | None
    lot_name: str | None
    differences: tuple[Difference, ...]
    entry_hash: str

    @property
    def change(self) -> str:
        """``created``, ``deleted``, ``changed`` or nothing, by which sides there are."""
        sides = {(d.before is not None, d.after is not None) for d in self.differences}
        if not self.differences:
            return ""
        return "created" if sides == {(False, True)} else "deleted" if sides == {(True, False)} else "changed"


@dataclass(frozen=True)
class LogPage:
    """One page, newest first. ``total`` counts at most ``COUNTED`` + 1; ``older`` and ``newer`` turn the page."""

    rows: list[LogEntry]
    total: int
    older: int | None
    newer: int | None


def search_log(settings: Settings, actor: Actor, asked: LogQuery) -> LogPage:
    """Entries of nodes at or below the actor's, of lots in the scope, and the actor's own."""
    with reading(settings, actor, "operator_log.view") as session:
        fits = _fitting(actor, asked)
        size = min(max(asked.size, 1), LARGEST_PAGE)
        number = AuditEntry.entry_id
        found: list[Any]
        if asked.after is not None:
            found = list(session.execute(fits.where(number > asked.after).order_by(number.asc()).limit(size + 1)))
            has_newer, has_older = len(found) > size, True
            found = list(reversed(found[:size]))
        else:
            older = fits if asked.before is None else fits.where(number < asked.before)
            found = list(session.execute(older.order_by(number.desc()).limit(size + 1)))
            has_newer, has_older = asked.before is not None, len(found) > size
            found = found[:size]
        counted = fits.with_only_columns(number, maintain_column_froms=True).limit(COUNTED + 1).subquery()
        total = session.scalar(select(func.count()).select_from(counted)) or 0
        rows = [_entry(*row) for row in found]
        return LogPage(
            rows,
            total,
            older=rows[-1].entry_id if rows and has_older else None,
            newer=rows[0].entry_id if rows and has_newer else None,
        )


def get_entry(settings: Settings, actor: Actor, entry_id: int) -> LogEntry:
    """One entry.

    Raises:
        Forbidden: there is none for this actor.
    """
    with reading(settings, actor, "operator_log.view") as session:
        found: Any = session.execute(_fitting(actor, LogQuery()).where(AuditEntry.entry_id == entry_id)).one_or_none()
        if found is None:
            raise Forbidden(
                zh=f"日志第 {entry_id} 条不存在，或您无权查看",
                en=f"entry {entry_id} does not exist, or you may not see it",
            )
        return _entry(*found)


def log_file(settings: Settings, actor: Actor, asked: LogQuery, file_format: str, language: str) -> bytes:
    """All entries that fit, newest first, as CSV or XLSX; taking them out is itself written to the log.

    Raises:
        Forbidden: without ``operator_log.export``.
        ParkError: ``too_many_rows`` for a workbook.
    """
    with reading(settings, actor, "operator_log.export") as session:
        fits = _fitting(actor, asked).order_by(AuditEntry.entry_id.desc())
        newest = session.scalar(select(func.max(AuditEntry.entry_id))) or 0
        total = session.scalar(select(func.count()).select_from(fits.order_by(None).subquery())) or 0
    if file_format == "xlsx" and total > MOST_IN_WORKBOOK:
        raise ParkError(
            zh=f"共 {total} 条，超过 XLSX 的上限 {MOST_IN_WORKBOOK} 条：请改用 CSV 或缩小范围",
            en=f"{total} entries exceed the {MOST_IN_WORKBOOK} of a workbook: use CSV or narrow the filter",
            code="too_many_rows",
        )
    details = {name: str(value) for name, value in vars(asked).items() if value not in ("", None) and name != "size"}
    audit.note_export(settings, actor, "operator_log.export", "operator_log", details | {"rows": total})

    def rows() -> Iterator[Mapping[str, Any]]:
        last = newest + 1
        while True:
            with reading(settings, actor, "operator_log.export") as session:
                found: list[Any] = list(session.execute(fits.where(AuditEntry.entry_id < last).limit(_BATCH)))
            for entry, node_name, lot_name in found:
                yield {column.field: getattr(entry, column.field, None) for column in _COLUMNS} | {
                    "at": f"{entry.at:%Y-%m-%d %H:%M:%S}",
                    "node": node_name,
                    "lot": lot_name,
                    "before": _json(entry.before),
                    "after": _json(entry.after),
                }
            if len(found) < _BATCH:
                return
            last = found[-1][0].entry_id

    return write_table(file_format, "操作员日志" if language == "zh" else "Operator log", _COLUMNS, rows(), language)


def _json(document: Any) -> str | None:
    return None if document is None else json.dumps(document, ensure_ascii=False, sort_keys=True)


def known_values(settings: Settings, actor: Actor, name: str) -> list[str]:
    """Values that ``login`` or ``entity`` has among the entries in the scope, for filters."""
    column: InstrumentedAttribute[Any] = {"login": AuditEntry.login, "entity": AuditEntry.entity}[name]
    with reading(settings, actor, "operator_log.view") as session:
        found: list[str] = list(session.scalars(select(column).where(_in_scope(actor), column.is_not(None)).distinct()))
        return sorted(found)


def _fitting(actor: Actor, asked: LogQuery) -> Select[*tuple[Any, ...]]:
    entry = AuditEntry
    query: Select[*tuple[Any, ...]] = (
        select(entry, Node.name, Lot.name)
        .outerjoin(Node, Node.node_id == entry.node_id)
        .outerjoin(Lot, Lot.lot_id == entry.lot_id)
        .where(_in_scope(actor))
    )
    exact: Mapping[InstrumentedAttribute[Any], Any] = {
        entry.login: asked.login.strip().casefold(),
        entry.outcome: asked.outcome,
        entry.entity: asked.entity,
        entry.entity_id: asked.entity_id,
    }
    query = query.where(*(column == value for column, value in exact.items() if value))
    if asked.lot_id is not None:
        query = query.where(entry.lot_id == asked.lot_id)
    if asked.since is not None:
        query = query.where(entry.at >= asked.since)
    if asked.until is not None:
        query = query.where(entry.at < asked.until)
    if asked.menu:
        query = query.where(entry.action.startswith(f"{asked.menu}.", autoescape=True))
    if asked.action:
        query = query.where(entry.action.endswith(f".{asked.action}", autoescape=True))
    if asked.text.strip():
        sought = (entry.login, entry.entity_name, entry.entity_id, entry.address)
        documents = (type_coerce(entry.before, Text), type_coerce(entry.after, Text))
        pattern = _pattern(asked.text)
        query = query.where(
            or_(
                *(like(column, asked.text) for column in sought),
                *(document.ilike(pattern, escape="\\") for document in documents),
            )
        )
    return query


def _pattern(text: str) -> str:
    escaped = text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def _in_scope(actor: Actor) -> ColumnElement[bool]:
    lots, nodes = actor.scope.lot_ids, actor.node_ids
    if isinstance(lots, str) or isinstance(nodes, str):
        return true()
    # A sum is in no index: with the indexes of lots and operators SQLite would collect and sort everything that the
    # actor may see, where reading from the newest entry on ends after one page.
    return or_(
        (AuditEntry.lot_id + 0).in_(lots),
        AuditEntry.lot_id.is_(None) & AuditEntry.node_id.in_(nodes),
        AuditEntry.operator_id + 0 == actor.operator_id,
    )


def _entry(entry: AuditEntry, node_name: str | None, lot_name: str | None) -> LogEntry:
    before, after = entry.before or {}, entry.after or {}
    names = sorted(before.keys() | after.keys())
    return LogEntry(
        entry_id=entry.entry_id,
        at=entry.at,
        operator_id=entry.operator_id,
        login=entry.login,
        address=entry.address,
        action=entry.action,
        outcome=entry.outcome,
        entity=entry.entity,
        entity_id=entry.entity_id,
        entity_name=entry.entity_name,
        node_name=node_name,
        lot_name=lot_name,
        differences=tuple(Difference(name, before.get(name), after.get(name)) for name in names),
        entry_hash=entry.entry_hash,
    )
