"""Who acts: an operator with a place in the tree and permissions, or the command line of the server itself.

Belongs here: what somebody may see (lots, nodes) and do (permissions), read fresh for each request. Does not belong
here: signing in (``logins.py``, ``sessions.py``) and the list of permissions (``permissions.py``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Lot, Node, Operator, Role
from warehouse.security.permissions import ALL_PERMISSIONS, BUILT_IN
from warehouse.security.scope import ALL, EVERYTHING, Scope, scope_of_operator


@dataclass(frozen=True)
class Actor:
    """Somebody who asks or changes something.

    Attributes:
        operator_id: None for the command line of the server, whose user owns the stores anyway.
        login: lower case; ``local`` for the command line.
        name: for receipts and lists.
        address: where the request came from.
        node_id: the node of the tree that the operator sits on; None for the command line.
        lot_id: set when the operator sees one lot only.
        level: platform, agent, customer or lot.
        scope: the lots that may be seen.
        node_ids: the nodes at or below the operator's, or all; empty for an operator of one lot.
        permissions: ``menu.action``.
        role_name: name of the role as stored.
        role_code: code of a built-in role, whose name the catalogs have; None for others.
    """

    operator_id: int | None
    login: str
    name: str
    address: str
    node_id: int | None
    lot_id: int | None
    level: str
    scope: Scope
    node_ids: frozenset[int] | Literal["all"]
    permissions: frozenset[str]
    role_name: str = ""
    role_code: str | None = None

    def allows(self, permission: str) -> bool:
        """Whether the actor holds ``permission``; a permission that does not exist is an error of the program."""
        if permission not in ALL_PERMISSIONS:
            raise KeyError(permission)
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Raise Forbidden unless the actor holds ``permission``."""
        if not self.allows(permission):
            raise Forbidden(
                zh=f"您的角色没有此项权限（{permission}）：请联系管理员",
                en=f"your role lacks the permission {permission}: ask an administrator",
            )

    def sees_node(self, node_id: int) -> bool:
        """Whether a node is the actor's own or below it."""
        return isinstance(self.node_ids, str) or node_id in self.node_ids


LOCAL: Final = Actor(
    operator_id=None,
    login="local",
    name="命令行",
    address="local",
    node_id=None,
    lot_id=None,
    level="platform",
    scope=EVERYTHING,
    node_ids=ALL,
    permissions=ALL_PERMISSIONS,
)


def permissions_of(role: Role) -> frozenset[str]:
    """What a role permits: fixed for a built-in one, else its rows; rows of menu items that are gone count nothing."""
    if role.code is not None:
        return BUILT_IN[role.code]
    return frozenset(row.permission for row in role.permissions) & ALL_PERMISSIONS


def actor_of(session: Session, operator: Operator, address: str) -> Actor:
    """The operator as an actor; one who was disabled, or sits below a disabled node, is the caller's to refuse."""
    node = session.get_one(Node, operator.node_id)
    node_ids: frozenset[int] | Literal["all"]
    if operator.lot_id is not None:
        node_ids = frozenset()
    elif node.level == "platform":
        node_ids = ALL
    else:
        below = session.scalars(select(Node.node_id).where(Node.parent_id == node.node_id))
        node_ids = frozenset({node.node_id, *below})
    return Actor(
        operator_id=operator.operator_id,
        login=operator.login,
        name=operator.name,
        address=address,
        node_id=operator.node_id,
        lot_id=operator.lot_id,
        level="lot" if operator.lot_id is not None else node.level,
        scope=scope_of_operator(session, operator),
        node_ids=node_ids,
        permissions=permissions_of(operator.role),
        role_name=operator.role.name,
        role_code=operator.role.code,
    )


def actor_by_login(session: Session, login: str, address: str = "local") -> Actor:
    """The actor with this login, for ``--as``.

    Raises:
        ParkError: the login does not exist or may not sign in.
    """
    operator = session.scalar(select(Operator).where(Operator.login == login.strip().casefold()))
    if operator is None or operator.deleted_at is not None:
        raise ParkError(
            zh=f"没有登录名 {login}：请检查拼写", en=f"no login {login!r}: check the spelling", code="unknown_login"
        )
    if not may_sign_in(session, operator):
        raise ParkError(
            zh=f"登录名 {login} 已停用：请联系管理员",
            en=f"login {login!r} is disabled: ask an administrator",
            code="disabled_login",
        )
    return actor_of(session, operator, address)


def may_sign_in(session: Session, operator: Operator) -> bool:
    """Whether the operator, the nodes above and the operator's lot are in use."""
    if not operator.is_active or operator.deleted_at is not None:
        return False
    if operator.lot_id is not None and session.get_one(Lot, operator.lot_id).deleted_at is not None:
        return False
    node: Node | None = session.get(Node, operator.node_id)
    while node is not None:
        if not node.is_active or node.deleted_at is not None:
            return False
        node = session.get(Node, node.parent_id) if node.parent_id is not None else None
    return True
