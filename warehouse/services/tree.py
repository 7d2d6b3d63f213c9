"""The tenancy tree above the lots: platform, agents, customers.

Belongs here: finding and creating nodes by code. Does not belong here: lots and their areas (``lots.py``).
Nodes are found by code, never by name: two customers may carry the same name.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Node

PLATFORM_CODE = "platform"


def ensure_platform(session: Session) -> Node:
    """The root of the tree, created when absent."""
    found = session.scalar(select(Node).where(Node.code == PLATFORM_CODE))
    if found is None:
        found = Node(parent_id=None, level="platform", code=PLATFORM_CODE, name="平台")
        session.add(found)
        session.flush()
    return found


def ensure_agent(session: Session, code: str, name: str | None = None) -> tuple[Node, bool]:
    """The agent ``code`` and whether it was created or renamed; ``name`` None keeps the name there is."""
    return _ensure(session, code, name, "agent", ensure_platform(session))


def ensure_customer(session: Session, code: str, name: str | None, agent: Node) -> tuple[Node, bool]:
    """The customer ``code`` of ``agent`` and whether it was created, renamed or moved below that agent."""
    return _ensure(session, code, name, "customer", agent)


def _ensure(session: Session, code: str, name: str | None, level: str, parent: Node) -> tuple[Node, bool]:
    found = session.scalar(select(Node).where(Node.code == code))
    if found is None:
        found = Node(parent_id=parent.node_id, level=level, code=code, name=name or code)
        session.add(found)
        session.flush()
        return found, True
    if found.level != level:
        raise ParkError(
            zh=f"代码 {code} 已被 {found.level} 节点“{found.name}”使用，不能再作 {level}；请换一个代码",
            en=f"code {code} belongs to the {found.level} “{found.name}” and cannot be a {level} too; choose another",
            code="code_taken",
        )
    changed = False
    if name and found.name != name:
        found.name, changed = name, True
    if found.parent_id != parent.node_id:
        found.parent_id, changed = parent.node_id, True
    return found, changed
