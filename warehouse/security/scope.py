"""Which lots a login may see.

Belongs here: the scope and how it follows from a login's place in the tree. Does not belong here: passwords, sessions
and what a role may do. Every report, download and API answer takes a ``Scope``; nothing else limits lots.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.ops.models import Lot, Node, Operator

ALL: Final = "all"


@dataclass(frozen=True)
class Scope:
    """The lots somebody may see: their ids, or ``ALL`` for the whole platform."""

    lot_ids: frozenset[int] | Literal["all"]

    @property
    def is_everything(self) -> bool:
        """Whether nothing is hidden, not even rows whose lot is unknown."""
        return self.lot_ids == ALL

    def allows(self, lot_id: int) -> bool:
        """Whether ``lot_id`` may be seen."""
        return isinstance(self.lot_ids, str) or lot_id in self.lot_ids


EVERYTHING: Final = Scope(ALL)


def scope_of_operator(session: Session, operator: Operator) -> Scope:
    """The scope of an operator: one lot, or every lot below its node.

    Deleted lots stay in it: their history belongs to whoever they belonged to.
    """
    if operator.lot_id is not None:
        return Scope(frozenset({operator.lot_id}))
    node = session.get_one(Node, operator.node_id)
    if node.level == "platform":
        return EVERYTHING
    below = select(Node.node_id).where(Node.node_id == operator.node_id).cte("below", recursive=True)
    below = below.union(select(Node.node_id).where(Node.parent_id == below.c.node_id))
    lots = session.scalars(select(Lot.lot_id).where(Lot.customer_id.in_(select(below.c.node_id))))
    return Scope(frozenset(lots))
