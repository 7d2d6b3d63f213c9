"""Who may sign in, as lists and forms show it.

Belongs here: finding operators. Does not belong here: changing them (``operators.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Select, or_, select

from warehouse.errors import Forbidden
from warehouse.ops.models import Lot, Node, Operator
from warehouse.security.actor import Actor, permissions_of
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.roles import operators_in_scope
from warehouse.services.work import reading, visible_lot, visible_node
from warehouse.settings import Settings


@dataclass(frozen=True)
class OperatorRow:
    """One operator as listed and shown; ``may_edit`` says whether the one who looks may change it."""

    operator_id: int
    login: str
    name: str
    phone: str | None
    email: str | None
    remark: str | None
    role_id: int
    role_code: str | None
    role_name: str
    node_id: int
    node_level: str
    node_name: str
    lot_id: int | None
    lot_name: str | None
    is_active: bool
    must_change_password: bool
    last_login_at: datetime | None
    created_at: datetime
    is_self: bool
    may_edit: bool
    version: int


_SORTS: Final = {
    "login": Operator.login,
    "name": Operator.name,
    "last_login_at": Operator.last_login_at,
    "created_at": Operator.created_at,
    "operator_id": Operator.operator_id,
}


def list_operators(
    settings: Settings,
    actor: Actor,
    asked: ListQuery,
    *,
    node_id: int | None = None,
    lot_id: int | None = None,
    role_id: int | None = None,
    is_active: bool | None = None,
) -> Found[OperatorRow]:
    """Operators of nodes at or below the actor's and of lots in the scope.

    Args:
        settings: names the operational store.
        actor: who asks.
        asked: search in login, name, telephone and e-mail; sorts: login, name, last_login_at, created_at.
        node_id: only those of this node and below it, their lots included.
        lot_id: only those of this lot.
        role_id: only those with this role.
        is_active: only those in use, or only those disabled.

    Raises:
        Forbidden: the node or lot is not the actor's.
    """
    with reading(settings, actor, "operators.view") as session:
        query = _rows(actor)
        if asked.search.strip():
            columns = (Operator.login, Operator.name, Operator.phone, Operator.email)
            query = query.where(or_(*(like(column, asked.search) for column in columns)))
        if node_id is not None:
            visible_node(session, actor, node_id)
            below = select(Node.node_id).where(Node.node_id == node_id).cte("below", recursive=True)
            below = below.union(select(Node.node_id).where(Node.parent_id == below.c.node_id))
            query = query.where(Operator.node_id.in_(select(below.c.node_id)))
        if lot_id is not None:
            visible_lot(session, actor, lot_id)
            query = query.where(Operator.lot_id == lot_id)
        if role_id is not None:
            query = query.where(Operator.role_id == role_id)
        if is_active is not None:
            query = query.where(Operator.is_active.is_(is_active))
        rows, total = one_page(session, query, asked, _SORTS, "login")
        return Found([_row(actor, *row) for row in rows], total)


def get_operator(settings: Settings, actor: Actor, operator_id: int) -> OperatorRow:
    """One operator.

    Raises:
        Forbidden: there is none for this actor.
    """
    with reading(settings, actor, "operators.view") as session:
        found: Any = session.execute(_rows(actor).where(Operator.operator_id == operator_id)).one_or_none()
        if found is None:
            raise unknown_operator(operator_id)
        return _row(actor, *found)


def _rows(actor: Actor) -> Select[*tuple[Any, ...]]:
    return (
        select(Operator, Node, Lot.name)
        .join(Node, Node.node_id == Operator.node_id)
        .outerjoin(Lot, Lot.lot_id == Operator.lot_id)
        .where(Operator.deleted_at.is_(None), operators_in_scope(actor))
    )


def _row(actor: Actor, operator: Operator, node: Node, lot_name: str | None) -> OperatorRow:
    return OperatorRow(
        operator_id=operator.operator_id,
        login=operator.login,
        name=operator.name,
        phone=operator.phone,
        email=operator.email,
        remark=operator.remark,
        role_id=operator.role_id,
        role_code=operator.role.code,
        role_name=operator.role.name,
        node_id=operator.node_id,
        node_level=node.level,
        node_name=node.name,
        lot_id=operator.lot_id,
        lot_name=lot_name,
        is_active=operator.is_active,
        must_change_password=operator.must_change_password,
        last_login_at=operator.last_login_at,
        created_at=operator.created_at,
        is_self=operator.operator_id == actor.operator_id,
        may_edit=actor.allows("operators.edit") and permissions_of(operator.role) <= actor.permissions,
        version=operator.version,
    )


def unknown_operator(operator_id: int) -> Forbidden:
    """The answer for an operator that there is not, or not for this actor."""
    return Forbidden(
        zh=f"操作员 {operator_id} 不存在，或您无权查看：请从列表中选择",
        en=f"operator {operator_id} does not exist, or you may not see it: choose from the list",
    )
