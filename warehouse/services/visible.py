"""Names of what an actor may choose from: lots and nodes.

Belongs here: short lists for filters and forms; whoever is signed in may know the names of their own lots and nodes,
whatever their permissions. Does not belong here: lists with details, which are use cases of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from warehouse.ops.models import Lot, Node
from warehouse.ops.session import ops_session
from warehouse.security.actor import Actor
from warehouse.settings import Settings


@dataclass(frozen=True)
class LotName:
    """A lot in the actor's scope."""

    lot_id: int
    code: str
    name: str
    time_zone: str
    customer_id: int


@dataclass(frozen=True)
class NodeName:
    """A node at or below the actor's."""

    node_id: int
    parent_id: int | None
    level: str
    code: str
    name: str


def lot_names(settings: Settings, actor: Actor) -> tuple[LotName, ...]:
    """The lots of the scope that are not deleted, by code."""
    query = select(Lot).where(Lot.deleted_at.is_(None)).order_by(Lot.code)
    if not isinstance(actor.scope.lot_ids, str):
        query = query.where(Lot.lot_id.in_(actor.scope.lot_ids))
    with ops_session(settings) as session:
        return tuple(
            LotName(lot.lot_id, lot.code, lot.name, lot.time_zone, lot.customer_id) for lot in session.scalars(query)
        )


def node_names(settings: Settings, actor: Actor, level: str | None = None) -> tuple[NodeName, ...]:
    """The nodes at or below the actor's that are not deleted, by code; of one ``level`` when given."""
    query = select(Node).where(Node.deleted_at.is_(None)).order_by(Node.code)
    if level is not None:
        query = query.where(Node.level == level)
    if not isinstance(actor.node_ids, str):
        query = query.where(Node.node_id.in_(actor.node_ids))
    with ops_session(settings) as session:
        return tuple(
            NodeName(node.node_id, node.parent_id, node.level, node.code, node.name) for node in session.scalars(query)
        )
