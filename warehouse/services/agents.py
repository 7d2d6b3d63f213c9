"""Agents: companies between the platform and the customers.

Belongs here: the use cases of agents. Does not belong here: what customers have too (``nodes.py``).
Only the platform's operators create, switch off or delete agents; an agent's own operators see their agent.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import aliased

from warehouse.ops.models import Lot, Node, Operator
from warehouse.security.actor import Actor
from warehouse.security.permissions import DELETE, EDIT, VIEW
from warehouse.services import nodes
from warehouse.services.dependents import Dependents
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.nodes import NodeForm, NodeView
from warehouse.services.work import reading, working
from warehouse.settings import Settings

_LEVEL = "agent"
_VIEW, _EDIT, _DELETE = f"agents.{VIEW}", f"agents.{EDIT}", f"agents.{DELETE}"


@dataclass(frozen=True)
class AgentRow(NodeView):
    """An agent as listed, with how many customers, lots and own operators it has."""

    customers: int
    lots: int
    operators: int


def list_agents(settings: Settings, actor: Actor, query: ListQuery, *, active: bool | None = None) -> Found[AgentRow]:
    """Agents in the actor's scope; ``active`` None lists those switched off as well."""
    customer = aliased(Node)
    customers = (
        select(func.count())
        .where(customer.parent_id == Node.node_id, customer.deleted_at.is_(None))
        .correlate(Node)
        .scalar_subquery()
    )
    lots = (
        select(func.count(Lot.lot_id))
        .join(customer, customer.node_id == Lot.customer_id)
        .where(customer.parent_id == Node.node_id, Lot.deleted_at.is_(None))
        .correlate(Node)
        .scalar_subquery()
    )
    operators = (
        select(func.count(Operator.operator_id))
        .where(Operator.node_id == Node.node_id, Operator.deleted_at.is_(None))
        .correlate(Node)
        .scalar_subquery()
    )
    wanted = select(Node, customers, lots, operators).where(
        Node.level == _LEVEL, nodes.within(actor), nodes.matches(query.search)
    )
    if active is not None:
        wanted = wanted.where(Node.is_active.is_(active))
    with reading(settings, actor, _VIEW) as session:
        rows, total = one_page(session, wanted, query, {"name": Node.name, "code": Node.code}, "name")
        return Found([_row(*row) for row in rows], total)


def get_agent(settings: Settings, actor: Actor, node_id: int) -> NodeView:
    """One agent.

    Raises:
        Forbidden: it is not there for this actor.
    """
    with reading(settings, actor, _VIEW) as session:
        return NodeView(**nodes.shown(nodes.read_node(session, actor, _LEVEL, node_id)))


def create_agent(settings: Settings, actor: Actor, form: NodeForm) -> int:
    """Add an agent; returns its id. An empty code is chosen.

    Raises:
        Forbidden: the actor does not see the platform.
        InvalidFields: by field.
    """
    with working(settings, actor, _EDIT) as work:
        platform = nodes.platform_of(work)
        fields, values = nodes.cleaned(form)
        return nodes.create(work, _LEVEL, platform, form, fields, values).node_id


def edit_agent(settings: Settings, actor: Actor, node_id: int, version: int, form: NodeForm) -> None:
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


def set_agent_active(settings: Settings, actor: Actor, node_id: int, version: int, *, active: bool) -> None:
    """Switch an agent off or on again; off, its operators and those of its customers cannot sign in.

    Raises:
        Forbidden: the actor does not see the platform.
        ParkError: ``conflict``.
    """
    with working(settings, actor, _EDIT) as work:
        nodes.platform_of(work)
        nodes.change(work, nodes.node_of(work, _LEVEL, node_id, version), {"is_active": active})


def delete_agent(settings: Settings, actor: Actor, node_id: int, version: int) -> None:
    """Delete an agent that nothing depends on.

    Raises:
        Forbidden: the actor does not see the platform.
        ParkError: ``in_use`` names its customers, operators and roles; ``conflict``.
    """
    with working(settings, actor, _DELETE) as work:
        nodes.platform_of(work)
        node = nodes.node_of(work, _LEVEL, node_id, version)
        customers = select(Node.name).where(Node.parent_id == node_id, Node.deleted_at.is_(None)).order_by(Node.name)
        nodes.delete(work, node, Dependents("客户", "customers", customers))


def _row(node: Node, customers: int, lots: int, operators: int) -> AgentRow:
    return AgentRow(**nodes.shown(node), customers=customers, lots=lots, operators=operators)
