"""Customers: companies that own lots, each under an agent.

Belongs here: the use cases of customers. Does not belong here: what agents have too (``nodes.py``), logins
(``operators.py``). A customer is created, moved, switched off and deleted by those who see its agent.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, Node, Operator, Role
from warehouse.security.actor import Actor
from warehouse.security.permissions import BUILT_IN, DELETE, EDIT, VIEW
from warehouse.services import nodes
from warehouse.services.dependents import Dependents
from warehouse.services.fields import Fields
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.nodes import NodeForm, NodeView
from warehouse.services.operators import create_operator
from warehouse.services.roles import refuse_more_rights
from warehouse.services.work import Work, reading, visible_node, working
from warehouse.settings import Settings

_LEVEL = "customer"
_FIRST_ROLE = "customer"
_VIEW, _EDIT, _DELETE = f"customers.{VIEW}", f"customers.{EDIT}", f"customers.{DELETE}"


@dataclass(frozen=True)
class CustomerView(NodeView):
    """A customer and its agent."""

    agent_id: int
    agent_name: str


@dataclass(frozen=True)
class CustomerRow(CustomerView):
    """A customer as listed, with how many lots it has and how many operators, those of single lots among them."""

    lots: int
    operators: int


@dataclass(frozen=True)
class FirstOperator:
    """The login that a new customer starts with."""

    login: str
    name: str


@dataclass(frozen=True)
class NewCustomer:
    """A created customer; the password of its first operator is shown once, None without one."""

    node_id: int
    code: str
    password: str | None


def list_customers(
    settings: Settings, actor: Actor, query: ListQuery, *, agent_id: int | None = None, active: bool | None = None
) -> Found[CustomerRow]:
    """Customers in the actor's scope, of one agent or all; ``active`` None lists those switched off as well."""
    agent = aliased(Node)
    lots = (
        select(func.count(Lot.lot_id))
        .where(Lot.customer_id == Node.node_id, Lot.deleted_at.is_(None))
        .correlate(Node)
        .scalar_subquery()
    )
    operators = (
        select(func.count(Operator.operator_id))
        .where(Operator.node_id == Node.node_id, Operator.deleted_at.is_(None))
        .correlate(Node)
        .scalar_subquery()
    )
    wanted = (
        select(Node, agent.node_id, agent.name, lots, operators)
        .join(agent, agent.node_id == Node.parent_id)
        .where(Node.level == _LEVEL, nodes.within(actor), nodes.matches(query.search))
    )
    if agent_id is not None:
        wanted = wanted.where(Node.parent_id == agent_id)
    if active is not None:
        wanted = wanted.where(Node.is_active.is_(active))
    sorts = {"name": Node.name, "agent_name": agent.name, "code": Node.code}
    with reading(settings, actor, _VIEW) as session:
        if agent_id is not None:
            visible_node(session, actor, agent_id)
        rows, total = one_page(session, wanted, query, sorts, "name")
        return Found([_row(*row) for row in rows], total)


def get_customer(settings: Settings, actor: Actor, node_id: int) -> CustomerView:
    """One customer.

    Raises:
        Forbidden: it is not there for this actor.
    """
    with reading(settings, actor, _VIEW) as session:
        node = nodes.read_node(session, actor, _LEVEL, node_id)
        agent = session.get_one(Node, node.parent_id)
        return CustomerView(**nodes.shown(node), agent_id=agent.node_id, agent_name=agent.name)


def create_customer(
    settings: Settings, actor: Actor, agent_id: int, form: NodeForm, first: FirstOperator | None = None
) -> NewCustomer:
    """Add a customer under an agent, with a first operator when given, all or nothing.

    Raises:
        Forbidden: the agent is not there for this actor, or the actor may not give the first operator its role.
        InvalidFields: by field; those of the first operator are ``login`` and ``operator_name``.
    """
    with working(settings, actor, _EDIT) as work:
        agent = nodes.node_of(work, "agent", agent_id)
        fields, values = nodes.cleaned(form)
        if first is not None:
            first = _checked(work, fields, first)
        node = nodes.create(work, _LEVEL, agent, form, fields, values)
        password = None if first is None else _add_operator(work, node, first)
        return NewCustomer(node.node_id, node.code, password)


def edit_customer(settings: Settings, actor: Actor, node_id: int, version: int, form: NodeForm) -> None:
    """Change name and contact data; the code stays.

    Raises:
        Forbidden: it is not there for this actor.
        InvalidFields: by field.
        ParkError: ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        node = nodes.node_of(work, _LEVEL, node_id, version)
        fields, values = nodes.cleaned(form)
        fields.done()
        nodes.change(work, node, values)


def move_customer(settings: Settings, actor: Actor, node_id: int, version: int, agent_id: int) -> None:
    """Put a customer under another agent; its lots and logins stay with it.

    Raises:
        Forbidden: the actor does not see the customer and both agents.
        ParkError: ``foreign_role`` when an operator of the customer has a role that belongs to the old agent;
            ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        node = nodes.node_of(work, _LEVEL, node_id, version)
        old = _agent_of(work, node)
        nodes.node_of(work, "agent", agent_id)
        refuse_roles_left_behind(work, Operator.node_id == node_id, {old.node_id}, node.name)
        nodes.change(work, node, {"parent_id": agent_id})


def set_customer_active(settings: Settings, actor: Actor, node_id: int, version: int, *, active: bool) -> None:
    """Switch a customer off or on again; off, its operators cannot sign in. Its lots go on sending.

    Raises:
        Forbidden: the actor does not see the customer's agent.
        ParkError: ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        node = nodes.node_of(work, _LEVEL, node_id, version)
        _agent_of(work, node)
        nodes.change(work, node, {"is_active": active})


def delete_customer(settings: Settings, actor: Actor, node_id: int, version: int) -> None:
    """Delete a customer that nothing depends on.

    Raises:
        Forbidden: the actor does not see the customer's agent.
        ParkError: ``in_use`` names its lots, operators and roles; ``conflict``.
    """
    with working(settings, actor, _DELETE) as work:
        node = nodes.node_of(work, _LEVEL, node_id, version)
        _agent_of(work, node)
        lots = select(Lot.name).where(Lot.customer_id == node_id, Lot.deleted_at.is_(None)).order_by(Lot.name)
        nodes.delete(work, node, Dependents("停车场", "lots", lots))


def refuse_roles_left_behind(work: Work, whose: ColumnElement[bool], nodes_left: set[int], name: str) -> None:
    """Refuse a move that takes operators away from the node that their role belongs to.

    Args:
        work: the use case.
        whose: condition on the operators that move along.
        nodes_left: the nodes above that are left.
        name: of what moves.

    Raises:
        ParkError: ``foreign_role``, naming the operators.
    """
    logins = work.session.scalars(
        select(Operator.login)
        .join(Role, Role.role_id == Operator.role_id)
        .where(whose, Operator.deleted_at.is_(None), Role.node_id.in_(nodes_left))
        .order_by(Operator.login)
    ).all()
    if logins:
        raise ParkError(
            zh=f"“{name}”还不能移动：操作员 {'、'.join(logins[:5])} 等 {len(logins)} 人的角色属于原机构，请先改其角色",
            en=f"“{name}” cannot be moved yet: the roles of {len(logins)} operators ({', '.join(logins[:5])}) belong "
            "to the node it leaves; give them other roles first",
            code="foreign_role",
        )


def _agent_of(work: Work, node: Node) -> Node:
    assert node.parent_id is not None
    return nodes.node_of(work, "agent", node.parent_id)


def _checked(work: Work, fields: Fields, first: FirstOperator) -> FirstOperator:
    work.actor.require(f"operators.{EDIT}")
    refuse_more_rights(work.actor, BUILT_IN[_FIRST_ROLE], "首个账号的角色“客户”含有", "the first login's role holds")
    login = fields.code("login", first.login).casefold()
    if login and work.session.scalar(select(Operator.operator_id).where(Operator.login == login)) is not None:
        fields.wrong("login", f"登录名“{login}”已存在，请换一个", f"the login “{login}” exists already, choose another")
    return FirstOperator(login, fields.text("operator_name", first.name, required=True, longest=200) or "")


def _add_operator(work: Work, node: Node, first: FirstOperator) -> str:
    password = create_operator(work.session, login=first.login, name=first.name, role=_FIRST_ROLE, node_id=node.node_id)
    made = work.session.scalars(select(Operator).where(Operator.login == first.login)).one()
    made.must_change_password = True
    work.record(
        "operator",
        made.operator_id,
        made.name,
        None,
        {"login": made.login, "name": made.name, "role": _FIRST_ROLE, "node_id": node.node_id},
        node_id=node.node_id,
        action=f"operators.{EDIT}",
    )
    return password


def _row(node: Node, agent_id: int, agent_name: str, lots: int, operators: int) -> CustomerRow:
    return CustomerRow(**nodes.shown(node), agent_id=agent_id, agent_name=agent_name, lots=lots, operators=operators)
