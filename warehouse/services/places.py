"""Places of the tree as one choice: a node (``n`` and its id) or a lot (``l`` and its id).

Belongs here: reading such a choice with the actor's scope. Does not belong here: what is set at a place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy.orm import Session

from warehouse.errors import Forbidden
from warehouse.security.actor import Actor
from warehouse.services.work import visible_lot, visible_node

_PLACE = re.compile(r"([nl])([0-9]{1,9})")


@dataclass(frozen=True)
class Place:
    """A node or a lot; ``above`` is the node itself, or the lot's customer."""

    node_id: int | None
    lot_id: int | None
    above: int
    level: str
    name: str

    @property
    def code(self) -> str:
        """The choice that names it."""
        return f"n{self.node_id}" if self.lot_id is None else f"l{self.lot_id}"


def read_place(session: Session, actor: Actor, chosen: str) -> Place:
    """The place that ``chosen`` names.

    Raises:
        Forbidden: there is none for this actor.
    """
    match = _PLACE.fullmatch(chosen)
    if match is None:
        raise Forbidden(zh=f"“{chosen}”不是机构或停车场：请从列表中选择", en=f"{chosen!r} is no place: choose one")
    number = int(match[2])
    if match[1] == "l":
        lot = visible_lot(session, actor, number)
        return Place(None, lot.lot_id, lot.customer_id, "lot", lot.name)
    node = visible_node(session, actor, number)
    return Place(node.node_id, None, node.node_id, node.level, node.name)
