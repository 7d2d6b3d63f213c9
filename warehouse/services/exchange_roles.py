"""Roles and their permissions as a table: one line per role and menu item.

Belongs here: columns and lines. Does not belong here: the rules (``roles.py``).

A file gives a role exactly the menu items that it has lines for. Built-in roles are taken out with the others, to be
looked at; a line that would change one is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, Node, Role
from warehouse.security.actor import Actor, permissions_of
from warehouse.security.permissions import ACTIONS, BY_CODE, MENU, VIEW
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.roles import (
    RoleForm,
    editable_role,
    home_of_roles,
    lock_rights,
    nodes_above,
    refuse_more_rights,
    write_role,
)
from warehouse.services.work import Work

_ACTION_WORDS: Final = {
    "view": ("查看", "View"),
    "edit": ("编辑", "Edit"),
    "export": ("导出", "Export"),
    "delete": ("删除", "Delete"),
}


def _rows(session: Session, actor: Actor, _lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    query = select(Role, Node.code).outerjoin(Node, Node.node_id == Role.node_id).order_by(Role.role_id)
    if not isinstance(actor.node_ids, str):
        query = query.where(
            or_(Role.node_id.is_(None), Role.node_id.in_(actor.node_ids | set(nodes_above(session, actor.node_id))))
        )
    for role, node in session.execute(query).tuples():
        held = permissions_of(role)
        if role.node_id is not None and not actor.sees_node(role.node_id) and not held <= actor.permissions:
            continue
        for item in MENU:
            if held & set(item.permissions()):
                actions = {action: f"{item.code}.{action}" in held for action in item.actions}
                yield {"role": role.name, "node": node, "menu": item.code, **actions}


def _judge(judging: Judging, lines: list[Line]) -> list[Step]:
    nodes = dict(judging.session.execute(select(Node.code, Node.node_id)).tuples().all())
    by_role: dict[tuple[str, str | None], list[Line]] = {}
    for line in lines:
        if _check_line(judging, line):
            by_role.setdefault((line.values["role"], line.values.get("node")), []).append(line)
    steps = []
    for (name, node), own in by_role.items():
        permissions = frozenset(
            f"{line.values['menu']}.{action}" for line in own for action in ACTIONS if line.values.get(action)
        )
        try:
            step = _step(judging, nodes, name, node, permissions, own)
        except ParkError as error:
            judging.refused(own[0], error, "role")
            continue
        if step is not None:
            steps.append(step)
    return steps


def _check_line(judging: Judging, line: Line) -> bool:
    item = BY_CODE[line.values["menu"]]
    ticked = [action for action in ACTIONS if line.values.get(action)]
    found = len(judging.problems)
    for action in ticked:
        if action not in item.actions:
            judging.wrong(line, action, "这个菜单项没有此操作", "this menu item has no such action")
    if ticked and VIEW not in ticked:
        judging.wrong(line, VIEW, "勾选其他操作时必须勾选查看", "other actions need view as well")
    return len(judging.problems) == found


def _step(
    judging: Judging,
    nodes: Mapping[str, int],
    name: str,
    node: str | None,
    permissions: frozenset[str],
    lines: list[Line],
) -> Step | None:
    numbers = tuple(line.number for line in lines)
    built_in = judging.session.scalar(select(Role).where(Role.name == name, Role.code.is_not(None)))
    if node is None and built_in is not None:
        if permissions == permissions_of(built_in):
            return Step(numbers, Verdict.UNCHANGED, lambda _work: None)
        judging.wrong(lines[0], "role", "内置角色不能修改：请换一个名称", "a built-in role is fixed: use another name")
        return None
    home = home_of_roles(judging.session, judging.actor)
    node_id = home if node is None else nodes.get(node)
    if node_id is None or not judging.actor.sees_node(node_id):
        judging.wrong(lines[0], "node", "没有这个编号的机构", "there is no node with this code")
        return None
    role = judging.session.scalar(select(Role).where(Role.name == name, Role.node_id == node_id))
    if role is None and node_id != home:
        judging.wrong(
            lines[0], "node", "新角色只能建在自己的机构：请留空", "a new role belongs to your own node: leave it empty"
        )
        return None
    if not permissions:
        judging.wrong(lines[0], VIEW, "请至少勾选一项权限", "tick at least one permission")
        return None
    held = frozenset() if role is None else permissions_of(role)
    refuse_more_rights(judging.actor, permissions | held, f"角色“{name}”含有", f"the role “{name}” holds")
    form = RoleForm(name, permissions, None if role is None else role.remark)
    if role is None:
        return Step(numbers, Verdict.NEW, partial(_write, form, None))
    verdict = Verdict.UNCHANGED if held == permissions else Verdict.CHANGED
    return Step(numbers, verdict, partial(_write, form, role.role_id))


def _write(form: RoleForm, role_id: int | None, work: Work) -> None:
    lock_rights(work.session)
    write_role(work, form, None if role_id is None else editable_role(work, role_id))


ROLES: Final = Sheet(
    name="roles",
    menu="roles",
    zh="角色权限",
    en="Roles and permissions",
    columns=(
        Column("role", "角色", "Role", required=True, example="财务助理"),
        Column("node", "所属机构编号", "Node code"),
        Column(
            "menu",
            "菜单项",
            "Menu item",
            Kind.CHOICE,
            required=True,
            example="charges",
            choices={item.code: (item.code, item.code) for item in MENU},
        ),
        *(
            Column(action, zh, en, Kind.YES_NO, example="是" if action == VIEW else "否")
            for action, (zh, en) in _ACTION_WORDS.items()
        ),
    ),
    key=("role", "node", "menu"),
    rows=_rows,
    judge=_judge,
)
