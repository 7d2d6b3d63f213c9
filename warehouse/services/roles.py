"""Roles that people make, and the rules of giving rights.

Belongs here: listing, saving and deleting roles; who may give which role; the last administrator stays. Does not belong
here: the rights of the built-in roles (``warehouse.security.permissions``) and the operators who hold them
(``operators.py``).

A role takes effect at once, because actors are read fresh for each request. Nobody gives more than they have: neither
in a role nor by giving one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, func, or_, select, true
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Node, Operator, Role, RolePermission
from warehouse.security.actor import Actor, permissions_of
from warehouse.security.permissions import ACTIONS, ALL_PERMISSIONS, BY_CODE, MENU, VIEW
from warehouse.services.fields import Fields
from warehouse.services.listing import Found, ListQuery
from warehouse.services.tree import ensure_platform
from warehouse.services.work import Work, locked, reading, working
from warehouse.settings import Settings

ADMINISTERS: Final = frozenset({"operators.edit", "roles.edit"})
"""Who holds these on the platform can give everybody else their rights; one such operator always remains."""

NARROWEST: Final = "lot"
"""Built-in role that deleted operators are moved to when the role they held is deleted."""

_RIGHTS_LOCK: Final = 0x5041524B
_ORDER: Final = {permission: place for place, permission in enumerate(p for item in MENU for p in item.permissions())}
_NAMED_HOLDERS: Final = 5


@dataclass(frozen=True)
class RoleForm:
    """What a role is made of; ``permissions`` are ``menu.action``."""

    name: str
    permissions: frozenset[str]
    remark: str | None = None


@dataclass(frozen=True)
class RoleRow:
    """One role as listed; ``code`` is set for a built-in one, ``operators`` counts the holders that may be seen."""

    role_id: int
    code: str | None
    name: str
    remark: str | None
    node_id: int | None
    node_name: str | None
    permissions: tuple[str, ...]
    operators: int
    may_edit: bool
    may_give: bool
    version: int


def in_menu_order(permissions: Collection[str]) -> tuple[str, ...]:
    """Permissions in the order of the menu and its actions; those that no longer exist are left out."""
    return tuple(sorted((p for p in permissions if p in _ORDER), key=_ORDER.__getitem__))


def lock_rights(session: Session) -> None:
    """Make changes of operators and roles wait for each other until the transaction ends.

    Two changes may each be harmless and together leave nobody who administers. SQLite has one writer anyway.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(select(func.pg_advisory_xact_lock(_RIGHTS_LOCK)))


@contextmanager
def keeping_an_administrator(session: Session) -> Iterator[None]:
    """Refuse a change after which nobody on the platform could administer.

    Raises:
        ParkError: ``last_administrator``.
    """
    before = _administrators(session)
    yield
    session.flush()
    if before and not _administrators(session):
        raise ParkError(
            zh="这是平台最后一个可用的管理员（能管理操作员和权限），不能删除、停用、降权或移走：请先另设一名管理员",
            en="this is the platform's last active administrator (who can manage operators and roles); it cannot be "
            "deleted, disabled, demoted or moved: make another administrator first",
            code="last_administrator",
        )


def _administrators(session: Session) -> int:
    held = session.scalars(
        select(Operator)
        .join(Node, Node.node_id == Operator.node_id)
        .where(
            Node.level == "platform",
            Operator.lot_id.is_(None),
            Operator.is_active,
            Operator.deleted_at.is_(None),
        )
        .execution_options(populate_existing=True)
    )
    return sum(permissions_of(operator.role) >= ADMINISTERS for operator in held)


def nodes_above(session: Session, node_id: int | None) -> list[int]:
    """The node and those above it, from below."""
    found: list[int] = []
    while node_id is not None:
        found.append(node_id)
        node_id = session.scalar(select(Node.parent_id).where(Node.node_id == node_id))
    return found


def operators_in_scope(actor: Actor) -> ColumnElement[bool]:
    """Operators that the actor may see: of nodes at or below the actor's, and of lots in the scope."""
    if isinstance(actor.node_ids, str) or isinstance(actor.scope.lot_ids, str):
        return true()
    return or_(
        Operator.lot_id.is_(None) & Operator.node_id.in_(actor.node_ids), Operator.lot_id.in_(actor.scope.lot_ids)
    )


def refuse_more_rights(actor: Actor, permissions: Collection[str], zh: str, en: str) -> None:
    """Refuse when ``permissions`` hold something that the actor lacks; the sentences begin with ``zh`` and ``en``.

    Raises:
        Forbidden: names what is lacking.
    """
    lacking = in_menu_order(frozenset(permissions) - actor.permissions)
    if lacking:
        shown = ", ".join(lacking[:_NAMED_HOLDERS]) + (" …" if len(lacking) > _NAMED_HOLDERS else "")
        raise Forbidden(
            zh=f"{zh}您没有的权限（{shown}）：只能授予自己拥有的权限",
            en=f"{en} rights that you lack ({shown}): nobody can give more than they have",
        )


def role_to_give(session: Session, actor: Actor, role_id: int) -> Role:
    """A role that the actor may give.

    Raises:
        Forbidden: there is none, it belongs to somebody else's node, or it holds rights that the actor lacks.
    """
    role = session.get(Role, role_id)
    if role is None or not _knows(session, actor, role):
        raise Forbidden(
            zh=f"角色 {role_id} 不存在，或您无权使用：请从列表中选择",
            en=f"role {role_id} does not exist, or you may not use it: choose from the list",
        )
    refuse_more_rights(actor, permissions_of(role), f"角色“{role.name}”含有", f"the role “{role.name}” holds")
    return role


def _knows(session: Session, actor: Actor, role: Role) -> bool:
    if role.node_id is None or actor.sees_node(role.node_id):
        return True
    return role.node_id in nodes_above(session, actor.node_id)


def list_roles(settings: Settings, actor: Actor, asked: ListQuery) -> Found[RoleRow]:
    """Built-in roles first, then those of nodes at or below the actor's, and those of nodes above that may be given.

    Sorts: ``name``.
    """
    with reading(settings, actor, "roles.view") as session:
        found = _roles(session, actor)
        wanted = asked.search.strip().casefold()
        rows = [row for row in found if wanted in row.name.casefold() or wanted in (row.code or "")]
        if asked.sort.removeprefix("-") == "name":
            rows.sort(key=lambda row: row.name, reverse=asked.sort.startswith("-"))
        first = (max(asked.page, 1) - 1) * asked.size
        return Found(rows[first : first + asked.size], len(rows))


def roles_to_give(settings: Settings, actor: Actor, node_id: int | None = None) -> list[RoleRow]:
    """Roles that the actor may give to an operator of ``node_id``, None: somewhere; for the form of an operator."""
    with reading(settings, actor, "operators.view") as session:
        above = None if node_id is None else set(nodes_above(session, node_id))
        return [
            row
            for row in _roles(session, actor)
            if row.may_give and (row.node_id is None or above is None or row.node_id in above)
        ]


def get_role(settings: Settings, actor: Actor, role_id: int) -> RoleRow:
    """One role.

    Raises:
        Forbidden: there is none for this actor.
    """
    with reading(settings, actor, "roles.view") as session:
        for row in _roles(session, actor):
            if row.role_id == role_id:
                return row
        raise _unknown(role_id)


def _unknown(role_id: int) -> Forbidden:
    return Forbidden(
        zh=f"角色 {role_id} 不存在，或您无权查看：请从列表中选择",
        en=f"role {role_id} does not exist, or you may not see it: choose from the list",
    )


def _roles(session: Session, actor: Actor) -> list[RoleRow]:
    holders = dict(
        session.execute(
            select(Operator.role_id, func.count())
            .where(Operator.deleted_at.is_(None), operators_in_scope(actor))
            .group_by(Operator.role_id)
        )
        .tuples()
        .all()
    )
    above = set(nodes_above(session, actor.node_id))
    query = (
        select(Role, Node.name)
        .outerjoin(Node, Node.node_id == Role.node_id)
        .order_by(Role.code.is_(None), Role.role_id)
    )
    if not isinstance(actor.node_ids, str):
        query = query.where(or_(Role.node_id.is_(None), Role.node_id.in_(actor.node_ids | above)))
    rows = []
    for role, node_name in session.execute(query):
        held = permissions_of(role)
        may_give = held <= actor.permissions
        is_below = role.node_id is not None and actor.sees_node(role.node_id)
        if role.code is not None or is_below or may_give:
            rows.append(
                RoleRow(
                    role_id=role.role_id,
                    code=role.code,
                    name=role.name,
                    remark=role.remark,
                    node_id=role.node_id,
                    node_name=node_name,
                    permissions=in_menu_order(held),
                    operators=holders.get(role.role_id, 0),
                    may_edit=is_below and may_give and actor.allows("roles.edit"),
                    may_give=may_give,
                    version=role.version,
                )
            )
    return rows


def save_role(
    settings: Settings, actor: Actor, form: RoleForm, role_id: int | None = None, expected_version: int | None = None
) -> int:
    """Make a role at the actor's node, or change one; returns its id.

    Raises:
        InvalidFields: by field.
        Forbidden: a foreign or built-in role, or rights that the actor lacks.
        ParkError: ``conflict``; ``last_administrator``.
    """
    with working(settings, actor, "roles.edit") as work:
        lock_rights(work.session)
        role = None if role_id is None else editable_role(work, role_id, expected_version)
        return write_role(work, form, role)


def write_role(work: Work, form: RoleForm, role: Role | None) -> int:
    """Check and write a role inside ``work``, for ``save_role`` and imports; None: a new one."""
    session, fields = work.session, Fields()
    node_id = role.node_id if role is not None else home_of_roles(session, work.actor)
    name = fields.text("name", form.name, required=True, longest=100)
    remark = fields.text("remark", form.remark, longest=500)
    check_permissions(fields, form.permissions)
    if name and _is_taken(session, name, node_id, role):
        fields.wrong("name", f"“{name}”已存在，请换一个名称", f"“{name}” exists already, choose another name")
    fields.done()
    refuse_more_rights(work.actor, form.permissions, "勾选了", "ticked are")
    assert name is not None
    before = None if role is None else role_picture(role)
    if before == _picture(name, remark, form.permissions):
        assert role is not None
        return role.role_id
    with keeping_an_administrator(session):
        if role is None:
            role = Role(node_id=node_id, permissions=[])
            session.add(role)
        role.name, role.remark = name, remark
        # Those who have the form open must notice even when only the rows of permissions change.
        flag_modified(role, "name")
        held = {row.permission: row for row in role.permissions}
        role.permissions = [
            held.get(permission) or RolePermission(permission=permission)
            for permission in in_menu_order(form.permissions)
        ]
        session.flush()
    work.record("role", role.role_id, name, before, role_picture(role), node_id=node_id)
    return role.role_id


def check_permissions(fields: Fields, permissions: Collection[str]) -> None:
    """Note what is wrong with a set of permissions: nothing ticked, unknown ones, an action without the view."""
    if not permissions:
        fields.wrong("permissions", "请至少勾选一项权限", "tick at least one permission")
    for unknown in sorted(set(permissions) - ALL_PERMISSIONS):
        fields.wrong("permissions", f"没有名为“{unknown}”的权限", f"there is no permission “{unknown}”")
    for code, item in BY_CODE.items():
        acts = [a for a in ACTIONS if a != VIEW and f"{code}.{a}" in permissions and a in item.actions]
        if acts and f"{code}.{VIEW}" not in permissions:
            fields.wrong(
                "permissions",
                f"{code}：勾选了 {'、'.join(acts)}，必须同时勾选 view（查看）",
                f"{code}: {', '.join(acts)} needs view as well",
            )


def delete_role(settings: Settings, actor: Actor, role_id: int, expected_version: int | None = None) -> None:
    """Delete a role that nobody holds.

    Raises:
        Forbidden: a foreign or built-in role, or one with rights that the actor lacks.
        ParkError: ``role_in_use`` names the holders; ``conflict``.
    """
    with working(settings, actor, "roles.delete") as work:
        lock_rights(work.session)
        role = editable_role(work, role_id, expected_version)
        holders = work.session.scalars(
            select(Operator)
            .where(Operator.role_id == role_id, Operator.deleted_at.is_(None))
            .order_by(Operator.login)
            .limit(_NAMED_HOLDERS + 1)
        ).all()
        if holders:
            named = "、".join(f"{holder.name}（{holder.login}）" for holder in holders[:_NAMED_HOLDERS])
            named_en = ", ".join(f"{holder.name} ({holder.login})" for holder in holders[:_NAMED_HOLDERS])
            more, more_en = (" 等", " and others") if len(holders) > _NAMED_HOLDERS else ("", "")
            raise ParkError(
                zh=f"角色“{role.name}”仍由 {named}{more} 使用：请先给他们换角色",
                en=f"the role “{role.name}” is held by {named_en}{more_en}: give them another role first",
                code="role_in_use",
            )
        narrowest = work.session.scalars(select(Role).where(Role.code == NARROWEST)).one()
        for gone in work.session.scalars(select(Operator).where(Operator.role_id == role_id)):
            gone.role = narrowest
        work.session.flush()
        before = role_picture(role)
        work.session.delete(role)
        work.record("role", role_id, role.name, before, None, node_id=role.node_id)


def role_picture(role: Role) -> dict[str, object]:
    """The role as the operator log keeps it."""
    return _picture(role.name, role.remark, [row.permission for row in role.permissions])


def _picture(name: str, remark: str | None, permissions: Collection[str]) -> dict[str, object]:
    return {"name": name, "remark": remark, "permissions": list(in_menu_order(permissions))}


def editable_role(work: Work, role_id: int, expected_version: int | None = None) -> Role:
    """A role that the actor may change, locked; errors as for ``save_role``."""
    role = work.session.scalar(locked(select(Role).where(Role.role_id == role_id)))
    if role is None or (role.code is None and (role.node_id is None or not work.actor.sees_node(role.node_id))):
        raise _unknown(role_id)
    if role.code is not None:
        raise Forbidden(
            zh=f"“{role.name}”是内置角色，不能修改或删除：请复制后再改",
            en=f"“{role.name}” is built in and cannot be changed or deleted: copy it and change the copy",
        )
    if expected_version is not None:
        work.expect(role, expected_version, "role", role_id)
    refuse_more_rights(work.actor, permissions_of(role), f"角色“{role.name}”含有", f"the role “{role.name}” holds")
    return role


def home_of_roles(session: Session, actor: Actor) -> int:
    """The node that the actor's new roles belong to.

    Raises:
        Forbidden: the actor sees one lot only, and roles belong to nodes.
    """
    if actor.lot_id is not None:
        raise Forbidden(
            zh="只管理单个停车场的操作员不能新建角色：请客户管理员代为新建",
            en="an operator of a single lot cannot make roles: ask the customer's administrator",
        )
    return actor.node_id if actor.node_id is not None else ensure_platform(session).node_id


def _is_taken(session: Session, name: str, node_id: int | None, role: Role | None) -> bool:
    same = select(Role.role_id).where(Role.name == name, or_(Role.node_id == node_id, Role.code.is_not(None)))
    return any(found != (role.role_id if role is not None else None) for found in session.scalars(same))
