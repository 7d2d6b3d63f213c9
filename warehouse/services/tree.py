"""The tenancy tree above the lots: platform, agents, customers.

Belongs here: finding and creating nodes by code, for imports. Does not belong here: what people do with them on pages
(``agents.py``, ``customers.py``), lots and their areas (``lots.py``).
Nodes are found by code, never by name: two customers may carry the same name.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Node
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services.work import picture

PLATFORM_CODE = "platform"
_FIELDS = ("code", "name", "parent_id")


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
    if found is not None and (found.level != level or found.deleted_at is not None):
        gone_zh, gone_en = ("已删除的", "deleted ") if found.deleted_at is not None else ("", "")
        raise ParkError(
            zh=f"代码 {code} 已被{gone_zh} {found.level} 节点“{found.name}”使用，不能再作 {level}；请换一个代码",
            en=f"code {code} belongs to the {gone_en}{found.level} “{found.name}” and cannot be a {level} too; "
            "choose another",
            code="code_taken",
        )
    before = None
    if found is None:
        found = Node(parent_id=parent.node_id, level=level, code=code, name=name or code)
        session.add(found)
    else:
        before = picture(found, _FIELDS)
        if name and found.name != name:
            found.name = name
        if found.parent_id != parent.node_id:
            found.parent_id = parent.node_id
    session.flush()
    after = picture(found, _FIELDS)
    if before == after:
        return found, False
    audit.append(
        session,
        LOCAL,
        f"{level}s.edit",
        entity=level,
        entity_id=found.node_id,
        entity_name=found.name,
        node_id=found.node_id,
        before=before,
        after=after,
    )
    return found, True
