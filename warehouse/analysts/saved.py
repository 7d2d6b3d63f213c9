"""Queries that analysts keep under a name.

Belongs here: keeping, sharing, listing and deleting them. Does not belong here: running them (``desk``). A query
holds no rows: who runs a shared one sees what their own file holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, or_, select

from warehouse.analysts.desk import LONGEST, SEE
from warehouse.errors import Forbidden
from warehouse.ops.models import Operator, SqlQuery
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, picture, reading, working
from warehouse.settings import Settings

ENTITY: Final = "sql_query"
MOST: Final = 200
_SHOWN: Final = ("name", "sql", "is_shared")


@dataclass(frozen=True)
class Kept:
    """A query as listed; ``owner_name`` is empty for one's own."""

    query_id: int
    name: str
    sql: str
    is_shared: bool
    is_own: bool
    owner_name: str
    version: int


def list_queries(settings: Settings, actor: Actor) -> list[Kept]:
    """One's own queries by name, then those that others of the same place share.

    Raises:
        Forbidden: the actor may not.
    """
    same_lot = Operator.lot_id.is_(None) if actor.lot_id is None else Operator.lot_id == actor.lot_id
    there = and_(Operator.node_id == actor.node_id, same_lot, Operator.deleted_at.is_(None), Operator.is_active)
    own = SqlQuery.operator_id == actor.operator_id
    with reading(settings, actor, SEE) as session:
        rows = session.scalars(
            select(SqlQuery)
            .join(Operator, Operator.operator_id == SqlQuery.operator_id)
            .where(or_(own, and_(SqlQuery.is_shared, there)))
            .order_by(SqlQuery.name, SqlQuery.query_id)
        )
        return sorted((_kept(actor, row) for row in rows), key=lambda kept: not kept.is_own)


def save_query(
    settings: Settings,
    actor: Actor,
    name: str | None,
    sql: str,
    *,
    is_shared: bool = False,
    query_id: int | None = None,
    expected_version: int | None = None,
) -> int:
    """Keep a query, or change one of one's own; returns its id.

    Raises:
        InvalidFields: by field.
        Forbidden: the actor may not, or the query is not theirs.
        ParkError: ``conflict``.
    """
    with working(settings, actor, SEE) as work:
        session = work.session
        row = None if query_id is None else _own(work, query_id, expected_version)
        fields = Fields()
        cleaned = fields.text("name", name, required=True, longest=100)
        if not sql.strip() or len(sql) > LONGEST:
            fields.wrong("name", "没有语句，或语句过长", "there is no statement, or it is too long")
        others = list(session.scalars(select(SqlQuery).where(SqlQuery.operator_id == actor.operator_id)))
        if any(other.name == cleaned and other is not row for other in others):
            fields.wrong("name", f"“{cleaned}”已存在，请换一个名称", f"“{cleaned}” exists already, choose another name")
        if row is None and len(others) >= MOST:
            fields.wrong("name", f"最多保存 {MOST} 条查询，请先删除", f"at most {MOST} queries are kept, delete one")
        if actor.operator_id is None:
            fields.wrong("name", "请以登录名保存查询", "keep queries as a login")
        fields.done()
        assert cleaned is not None
        assert actor.operator_id is not None
        before = None if row is None else picture(row, _SHOWN)
        values = {"name": cleaned, "sql": sql.strip(), "is_shared": is_shared}
        if row is None:
            row = SqlQuery(operator_id=actor.operator_id, created_at=work.now, **values)
            session.add(row)
        put(row, values)
        session.flush()
        work.record(ENTITY, row.query_id, row.name, before, values, action="sql.saved_query")
        return row.query_id


def delete_query(settings: Settings, actor: Actor, query_id: int) -> None:
    """Delete one of one's own queries.

    Raises:
        Forbidden: it is not the actor's.
    """
    with working(settings, actor, SEE) as work:
        row = _own(work, query_id, None)
        before = picture(row, _SHOWN)
        work.session.delete(row)
        work.record(ENTITY, query_id, row.name, before, None, action="sql.saved_query")


def _own(work: Work, query_id: int, expected_version: int | None) -> SqlQuery:
    query = select(SqlQuery).where(SqlQuery.query_id == query_id, SqlQuery.operator_id == work.actor.operator_id)
    row = work.session.scalar(locked(query))
    if row is None:
        raise Forbidden(
            zh=f"查询 {query_id} 不存在，或不是您保存的：请从列表中选择",
            en=f"query {query_id} does not exist, or is not yours: choose from the list",
        )
    if expected_version is not None:
        work.expect(row, expected_version, ENTITY, query_id)
    return row


def _kept(actor: Actor, row: SqlQuery) -> Kept:
    is_own = row.operator_id == actor.operator_id
    return Kept(
        query_id=row.query_id,
        name=row.name,
        sql=row.sql,
        is_shared=row.is_shared,
        is_own=is_own,
        owner_name="" if is_own else row.operator.name,
        version=row.version,
    )
