"""Agents and customers as tables.

Belongs here: their columns and lines. Does not belong here: what may be done with a node (``nodes.py``, ``agents.py``,
``customers.py``), the run of an import (``exchange.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import Lot, Node
from warehouse.security.actor import Actor
from warehouse.services import nodes
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.nodes import NodeForm
from warehouse.services.numbering import check_code_is_free
from warehouse.services.work import Work

_CONTACT: Final = (
    Column("contact_name", "联系人", "Contact", example="张三"),
    Column("phone", "电话", "Telephone", example="021-55550000"),
    Column("address", "地址", "Address", example="上海市浦东新区示例路 1 号"),
    Column("remark", "备注", "Remark"),
    Column("is_active", "启用", "Enabled", Kind.YES_NO, example="是"),
)
_TYPED: Final = ("name", "contact_name", "phone", "address", "remark")


def _rows(level: str, session: Session, actor: Actor, _lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    above = aliased(Node)
    query = (
        select(Node, above.code)
        .outerjoin(above, above.node_id == Node.parent_id)
        .where(Node.level == level, nodes.within(actor))
        .order_by(Node.code)
    )
    for node, agent in session.execute(query).tuples():
        yield {**nodes.shown(node), "agent": agent}


def _judge(level: str, judging: Judging, lines: list[Line]) -> list[Step]:
    session, actor = judging.session, judging.actor
    known = {node.code: node for node in session.scalars(select(Node))}
    platform = next(node for node in known.values() if node.level == "platform")
    steps = []
    for line in lines:
        node = known.get(line.values["code"])
        if node is not None and (
            node.level != level or node.deleted_at is not None or not actor.sees_node(node.node_id)
        ):
            node = None  # the code is somebody's; the check of the code says so
        parent = platform if level == "agent" else known.get(line.values["agent"])
        is_there = parent is not None and parent.level in ("platform", "agent") and parent.deleted_at is None
        if (
            parent is None
            or not is_there
            or (node is None and level == "customer" and not actor.sees_node(parent.node_id))
        ):
            judging.wrong(line, "agent", "没有这个编号的代理商", "there is no agent with this code")
            continue
        if node is not None and level == "customer" and node.parent_id != parent.node_id:
            judging.wrong(
                line, "agent", "客户已属于另一代理商：请在客户页面移动", "belongs to another agent: move it on its page"
            )
            continue
        if (node is None or "is_active" in line.values) and not actor.sees_node(parent.node_id):
            judging.refused(line, _beyond(level), "code")
            continue
        step = _step(judging, level, parent, node, line)
        if step is not None:
            steps.append(step)
    return steps


def _beyond(level: str) -> Forbidden:
    return Forbidden(
        zh=f"新建或启停{nodes.NAMES_ZH[level]}需要上级机构的账号",
        en=f"only an account of the node above may make, disable or enable a {level}",
    )


def _step(judging: Judging, level: str, parent: Node, node: Node | None, line: Line) -> Step | None:
    typed = {name: line.values[name] for name in _TYPED if name in line.values}
    kept = {} if node is None else {name: getattr(node, name) for name in _TYPED}
    form = NodeForm(code=line.values["code"], **{name: value or "" for name, value in (kept | typed).items()})
    fields, values = nodes.cleaned(form)
    if node is None:
        code = fields.code("code", form.code)
        check_code_is_free(judging.session, fields, Node, code)
    try:
        fields.done()
    except ParkError as error:
        judging.refused(line, error)
        return None
    if line.values.get("is_active") is not None:
        values["is_active"] = line.values["is_active"]
    if node is None:
        return Step((line.number,), Verdict.NEW, partial(_create, level, parent.node_id, form, values))
    changed = any(getattr(node, name) != value for name, value in values.items())
    verdict = Verdict.CHANGED if changed else Verdict.UNCHANGED
    return Step((line.number,), verdict, partial(_change, level, node.node_id, values))


def _create(level: str, parent_id: int, form: NodeForm, values: dict[str, Any], work: Work) -> None:
    is_active = values.pop("is_active", True)
    fields, _ = nodes.cleaned(form)
    node = nodes.create(work, level, work.node(parent_id), form, fields, values)
    if not is_active:
        nodes.change(work, node, {"is_active": False})


def _change(level: str, node_id: int, values: dict[str, Any], work: Work) -> None:
    nodes.change(work, nodes.node_of(work, level, node_id), values)


AGENTS: Final = Sheet(
    name="agents",
    menu="agents",
    zh="代理商",
    en="Agents",
    columns=(
        Column("code", "代理商编号", "Agent code", required=True, example="A1001"),
        Column("name", "代理商名称", "Agent", required=True, example="示例代理商"),
        *_CONTACT,
    ),
    key=("code",),
    rows=partial(_rows, "agent"),
    judge=partial(_judge, "agent"),
)
CUSTOMERS: Final = Sheet(
    name="customers",
    menu="customers",
    zh="客户",
    en="Customers",
    columns=(
        Column("code", "客户编号", "Customer code", required=True, example="C1001"),
        Column("name", "客户名称", "Customer", required=True, example="示例客户"),
        Column("agent", "代理商编号", "Agent code", required=True, example="A1001"),
        *_CONTACT,
    ),
    key=("code",),
    rows=partial(_rows, "customer"),
    judge=partial(_judge, "customer"),
)
