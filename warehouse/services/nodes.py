"""What agents and customers have in common: contact data, codes, switching off, deleting.

Belongs here: changes of a node inside a use case. Does not belong here: permissions and who may reach what
(``agents.py``, ``customers.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select, true
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Node, Operator, Role
from warehouse.security.actor import Actor
from warehouse.services.dependents import Dependents, refuse_while_used
from warehouse.services.fields import Fields
from warehouse.services.listing import like
from warehouse.services.numbering import check_code_is_free, lock_codes, next_code
from warehouse.services.rows import put
from warehouse.services.work import Work, picture, visible_node

FIELDS: Final = ("code", "name", "contact_name", "phone", "address", "remark", "is_active")
NAMES_ZH: Final = {"agent": "代理商", "customer": "客户"}
_PREFIXES: Final = {"agent": "A", "customer": "C"}


@dataclass(frozen=True)
class NodeForm:
    """What people type about an agent or customer; ``code`` counts only when it is created."""

    name: str
    code: str = ""
    contact_name: str = ""
    phone: str = ""
    address: str = ""
    remark: str = ""


@dataclass(frozen=True)
class NodeView:
    """What agents and customers show; ``version`` goes back with the form."""

    node_id: int
    code: str
    name: str
    contact_name: str | None
    phone: str | None
    address: str | None
    remark: str | None
    is_active: bool
    version: int


def shown(node: Node) -> dict[str, Any]:
    """The values of ``NodeView``."""
    return {name: getattr(node, name) for name in (*FIELDS, "node_id", "version")}


def matches(search: str) -> ColumnElement[bool]:
    """Whether a node holds ``search`` in what a list shows."""
    if not search.strip():
        return true()
    return or_(*(like(column, search) for column in (Node.name, Node.code, Node.contact_name, Node.phone)))


def within(actor: Actor) -> ColumnElement[bool]:
    """Nodes that the actor sees and that are not deleted."""
    alive = Node.deleted_at.is_(None)
    return alive if isinstance(actor.node_ids, str) else alive & Node.node_id.in_(actor.node_ids)


def platform_of(work: Work) -> Node:
    """The platform node; Forbidden for those who do not see it."""
    node_id = work.session.scalars(select(Node.node_id).where(Node.level == "platform")).one()
    return work.node(node_id)


def node_of(work: Work, level: str, node_id: int, expected_version: int | None = None) -> Node:
    """A node of ``level``, locked.

    Raises:
        Forbidden: it is not there for this actor, or has another level.
        ParkError: ``platform_node`` for the platform; ``conflict`` when it was changed since ``expected_version``.
    """
    node = work.node(node_id)
    check_level(node, level)
    if expected_version is not None:
        work.expect(node, expected_version, level, node_id)
    return node


def read_node(session: Session, actor: Actor, level: str, node_id: int) -> Node:
    """A node of ``level``, for reading; errors as for ``node_of``."""
    node = visible_node(session, actor, node_id)
    check_level(node, level)
    return node


def check_level(node: Node, level: str) -> None:
    """Refuse a node of another level."""
    if node.level == "platform":
        raise ParkError(
            zh="平台本身不能在此修改、停用或删除",
            en="the platform itself cannot be changed, disabled or deleted here",
            code="platform_node",
        )
    if node.level != level:
        raise Forbidden(
            zh=f"“{node.name}”不是{NAMES_ZH[level]}：请从列表中选择",
            en=f"“{node.name}” is no {level}: choose from the list",
        )


def cleaned(form: NodeForm) -> tuple[Fields, dict[str, Any]]:
    """The form's values, trimmed, and the problems found so far."""
    fields = Fields()
    values = {
        "name": fields.text("name", form.name, required=True, longest=200),
        "contact_name": fields.text("contact_name", form.contact_name, longest=100),
        "phone": fields.phone("phone", form.phone),
        "address": fields.text("address", form.address, longest=300),
        "remark": fields.text("remark", form.remark, longest=500),
    }
    return fields, values


def create(work: Work, level: str, parent: Node, form: NodeForm, fields: Fields, values: dict[str, Any]) -> Node:
    """Add a node below ``parent``; problems of other forms may wait in ``fields``.

    Raises:
        InvalidFields: anything is wrong.
    """
    lock_codes(work.session)
    if form.code.strip():
        code = fields.code("code", form.code)
        check_code_is_free(work.session, fields, Node, code)
    else:
        code = next_code(work.session, Node, _PREFIXES[level])
    fields.done()
    node = Node(parent_id=parent.node_id, level=level, code=code, is_active=True, **values)
    work.session.add(node)
    work.session.flush()
    work.record(level, node.node_id, node.name, None, picture(node, FIELDS), node_id=node.node_id)
    return node


def change(work: Work, node: Node, values: dict[str, Any]) -> None:
    """Set fields and write what changed to the operator log."""
    before = picture(node, (*FIELDS, "parent_id"))
    put(node, values)
    work.record(
        node.level, node.node_id, node.name, before, picture(node, (*FIELDS, "parent_id")), node_id=node.node_id
    )


def delete(work: Work, node: Node, *kinds: Dependents) -> None:
    """Hide a node; refused while ``kinds``, operators or roles depend on it.

    Raises:
        ParkError: ``in_use``.
    """
    at_node = Operator.node_id == node.node_id
    refuse_while_used(
        work.session,
        f"{NAMES_ZH[node.level]}“{node.name}”",
        f"the {node.level} “{node.name}”",
        (
            *kinds,
            Dependents(
                "操作员",
                "operators",
                select(Operator.login).where(at_node, Operator.deleted_at.is_(None)).order_by(Operator.login),
            ),
            Dependents("角色", "roles", select(Role.name).where(Role.node_id == node.node_id).order_by(Role.name)),
        ),
    )
    before = picture(node, FIELDS)
    node.deleted_at = work.now
    work.record(node.level, node.node_id, node.name, before, None, node_id=node.node_id)
