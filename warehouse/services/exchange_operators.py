"""Operators as a table; passwords are never in it, but for the generated ones of new operators in the result file.

Belongs here: columns and lines. Does not belong here: the rules (``operators.py``, ``roles.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, Node, Operator, Role
from warehouse.security.actor import Actor
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.fields import Fields
from warehouse.services.operator_list import unknown_operator
from warehouse.services.operators import (
    OperatorForm,
    add_operator,
    change_operator,
    check_operator,
    locked_operator,
    refuse_touching,
)
from warehouse.services.roles import lock_rights, nodes_above, operators_in_scope
from warehouse.services.work import Work

# What a problem of the form's field is called in the table.
_FIELDS: Final = {"role_id": "role", "node_id": "node", "lot_id": "lot"}


def _rows(session: Session, actor: Actor, _lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    query = (
        select(Operator, Node.code, Lot.code)
        .join(Node, Node.node_id == Operator.node_id)
        .outerjoin(Lot, Lot.lot_id == Operator.lot_id)
        .where(Operator.deleted_at.is_(None), operators_in_scope(actor))
        .order_by(Operator.login)
    )
    for operator, node, lot in session.execute(query).tuples():
        yield {
            "login": operator.login,
            "name": operator.name,
            "role": operator.role.name,
            "node": None if lot else node,
            "lot": lot,
            "phone": operator.phone,
            "email": operator.email,
            "remark": operator.remark,
            "is_active": operator.is_active,
        }


@dataclass(frozen=True)
class _Known:
    """What lines refer to, read once."""

    operators: Mapping[str, Operator]
    nodes: Mapping[str, int]
    lots: Mapping[str, int]
    roles: Mapping[str, list[Role]]


def _known(session: Session, actor: Actor, lines: list[Line]) -> _Known:
    wanted = {line.values["login"].casefold() for line in lines}
    operators = {
        operator.login: operator
        for operator in session.scalars(
            select(Operator).where(Operator.deleted_at.is_(None), operators_in_scope(actor))
        )
        if operator.login in wanted
    }
    roles: dict[str, list[Role]] = {}
    for role in session.scalars(select(Role).order_by(Role.role_id)):
        for name in {role.name, role.code} - {None}:
            roles.setdefault(str(name), []).append(role)
    # Only what the actor may see: whether a foreign code exists is not told.
    nodes = session.execute(select(Node.code, Node.node_id).where(Node.deleted_at.is_(None))).tuples()
    lots = session.execute(select(Lot.code, Lot.lot_id).where(Lot.deleted_at.is_(None))).tuples()
    return _Known(
        operators,
        {code: node_id for code, node_id in nodes if actor.sees_node(node_id)},
        {code: lot_id for code, lot_id in lots if actor.scope.allows(lot_id)},
        roles,
    )


def _judge(judging: Judging, lines: list[Line]) -> list[Step]:
    known = _known(judging.session, judging.actor, lines)
    steps = []
    for line in lines:
        found = len(judging.problems)
        current = known.operators.get(line.values["login"].casefold())
        form = _form(judging, known, line, current)
        if form is None or len(judging.problems) > found:
            _check_texts(judging, line)
            continue
        try:
            if current is not None:
                refuse_touching(judging.actor, current)
            values = check_operator(judging.session, judging.actor, form, current)
        except ParkError as error:
            judging.refused(line, error, "role" if current is None or current.role_id != form.role_id else "login")
            continue
        if line.values.get("is_active") is not None:
            values["is_active"] = line.values["is_active"]
        if current is None:
            steps.append(Step((line.number,), Verdict.NEW, partial(_add, values)))
            continue
        changed = any(getattr(current, name) != value for name, value in values.items())
        verdict = Verdict.CHANGED if changed else Verdict.UNCHANGED
        steps.append(Step((line.number,), verdict, partial(_change, current.operator_id, values)))
    return steps


def _form(judging: Judging, known: _Known, line: Line, current: Operator | None) -> OperatorForm | None:
    """The line as the form of an operator; columns that the file lacks keep what is there."""
    given = line.values
    node_id = None if current is None else current.node_id
    lot_id = None if current is None else current.lot_id
    if given.get("node") and given.get("lot"):
        judging.wrong(line, "lot", "机构与停车场只填一个", "give a node or a lot, not both")
        return None
    if given.get("node") or given.get("lot"):
        node_id = known.nodes.get(given.get("node") or "")
        lot_id = known.lots.get(given.get("lot") or "")
        if node_id is None and given.get("node"):
            judging.wrong(line, "node", "没有这个编号的机构", "there is no node with this code")
        if lot_id is None and given.get("lot"):
            judging.wrong(line, "lot", "没有这个编号的停车场", "there is no lot with this code")
    elif current is None:
        judging.wrong(line, "node", "请填机构编号或停车场编号", "give the code of a node or of a lot")
    role = _role(judging, known, line, node_id, lot_id)
    if role is None:
        return None

    def kept(name: str) -> str | None:
        value = given[name] if name in given else getattr(current, name, None)
        return None if value is None else str(value)

    return OperatorForm(
        login=given["login"],
        name=given["name"],
        role_id=role.role_id,
        node_id=node_id,
        lot_id=lot_id,
        phone=kept("phone"),
        email=kept("email"),
        remark=kept("remark"),
    )


def _check_texts(judging: Judging, line: Line) -> None:
    """What is wrong with the rest of a line whose role or place is wrong, so that all of it is told at once."""
    fields = Fields()
    fields.code("login", line.values["login"])
    fields.phone("phone", line.values.get("phone"))
    fields.email("email", line.values.get("email"))
    for problem in fields.problems:
        judging.wrong(line, problem.field, problem.zh, problem.en)


def _role(judging: Judging, known: _Known, line: Line, node_id: int | None, lot_id: int | None) -> Role | None:
    """The role of this name that may be given there; several nodes may have roles of one name."""
    if lot_id is not None:
        node_id = judging.session.get_one(Lot, lot_id).customer_id
    named = known.roles.get(line.values["role"], [])
    if len(named) > 1:
        above = nodes_above(judging.session, node_id)
        named = [role for role in named if role.node_id is None or role.node_id in above]
        # The nearest one counts, as on the page it would stand first.
        named.sort(key=lambda role: len(above) if role.node_id is None else above.index(role.node_id))
    if not named:
        judging.wrong(line, "role", "没有这个名称的角色", "there is no role of this name")
        return None
    return named[0]


def _add(values: dict[str, Any], work: Work) -> Mapping[str, str]:
    lock_rights(work.session)
    return {"password": add_operator(work, values).password or ""}


def _change(operator_id: int, values: dict[str, Any], work: Work) -> None:
    lock_rights(work.session)
    operator = locked_operator(work, operator_id)
    if operator is None:
        raise unknown_operator(operator_id)
    change_operator(work, operator, values)


OPERATORS: Final = Sheet(
    name="operators",
    menu="operators",
    zh="操作员",
    en="Operators",
    columns=(
        Column("login", "登录名", "Login", required=True, example="zhangsan"),
        Column("name", "姓名", "Name", required=True, example="张三"),
        Column("role", "角色", "Role", required=True, example="财务"),
        Column("node", "机构编号", "Node code", example="C1001"),
        Column("lot", "停车场编号", "Lot code"),
        Column("phone", "电话", "Telephone", example="13800000000"),
        Column("email", "电子邮箱", "E-mail", example="zhangsan@example.com"),
        Column("remark", "备注", "Remark"),
        Column("is_active", "启用", "Enabled", Kind.YES_NO, example="是"),
        Column("password", "初始密码", "First password", only_out=True),
    ),
    key=("login",),
    rows=_rows,
    judge=_judge,
)
