"""Lots as a table.

Belongs here: columns and lines of a lot's own fields. Does not belong here: what may be done with a lot
(``lot_editing.py``), the run of an import (``exchange.py``), whole trees from files (``lot_file.py``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields as fields_of
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.geography.coordinates import Datum
from warehouse.ops.models import Lot, Node
from warehouse.security.actor import Actor
from warehouse.services import lot_editing, nodes
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.lot_editing import LotForm
from warehouse.services.lot_list import capacities_today, given_point
from warehouse.services.work import Work

_NAMES: Final = tuple(field.name for field in fields_of(LotForm))
_DATUMS: Final = {
    Datum.WGS84.value: ("WGS-84", "WGS-84"),
    Datum.GCJ02.value: ("GCJ-02（高德、腾讯）", "GCJ-02 (Amap, Tencent)"),
    Datum.BD09.value: ("BD-09（百度）", "BD-09 (Baidu)"),
}


def _rows(session: Session, actor: Actor, _lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    ids = actor.scope.lot_ids
    query = select(Lot, Node.code).join(Node, Node.node_id == Lot.customer_id).where(Lot.deleted_at.is_(None))
    if not isinstance(ids, str):
        query = query.where(Lot.lot_id.in_(ids))
    found = session.execute(query.order_by(Lot.code)).tuples().all()
    spaces = capacities_today(session, [lot for lot, _ in found], datetime.now(UTC))
    for lot, customer in found:
        yield {**_standing(lot), "code": lot.code, "customer": customer, "capacity": spaces.get(lot.lot_id)}


def _standing(lot: Lot) -> dict[str, Any]:
    """What the form of this lot would show."""
    given = given_point(lot)
    place = {"longitude": given.longitude if given else None, "latitude": given.latitude if given else None}
    own = [name for name in _NAMES if name not in ("code", "capacity", "longitude", "latitude")]
    return {name: getattr(lot, name) for name in own} | place


def _judge(judging: Judging, lines: list[Line]) -> list[Step]:
    session = judging.session
    lots = {lot.code: lot for lot in session.scalars(select(Lot))}
    spaces = capacities_today(session, list(lots.values()), datetime.now(UTC))
    steps = []
    for line in lines:
        lot = lots.get(line.values["code"])
        if lot is not None and (lot.deleted_at is not None or not judging.actor.scope.allows(lot.lot_id)):
            lot = None  # the code is somebody's; the check of the code says so
        customer = _customer(judging, line, lot)
        if customer is None:
            continue
        try:
            steps.append(_step(judging, line, lot, customer, spaces))
        except ParkError as error:
            judging.refused(line, error)
    return steps


def _customer(judging: Judging, line: Line, lot: Lot | None) -> Node | None:
    code = line.values.get("customer")
    if lot is not None:
        customer = judging.session.get_one(Node, lot.customer_id)
        if code is not None and code != customer.code:
            judging.wrong(
                line,
                "customer",
                "停车场已属于另一客户：请在其页面移动",
                "belongs to another customer: move it on its page",
            )
            return None
        return customer
    found = judging.session.scalar(select(Node).where(Node.code == code, Node.level == "customer"))
    if found is None or found.deleted_at is not None or not judging.actor.sees_node(found.node_id):
        judging.wrong(line, "customer", "没有这个编号的客户", "there is no customer with this code")
        return None
    return found


def _step(judging: Judging, line: Line, lot: Lot | None, customer: Node, spaces: Mapping[int, int]) -> Step:
    typed = {name: value for name, value in line.values.items() if name in _NAMES}
    defaults = {field.name: field.default for field in fields_of(LotForm)}
    kept = {name: defaults[name] for name in _NAMES if name != "name"} if lot is None else _standing(lot)
    # An empty cell empties a text or day; of what must have a value it keeps that.
    given = {
        name: value if value is not None or defaults[name] in ("", None) else kept[name]
        for name, value in typed.items()
    }
    whole: dict[str, Any] = kept | given
    whole |= {name: "" for name, value in whole.items() if value is None and defaults[name] == ""}
    form = LotForm(**whole)
    fields, values = lot_editing.cleaned(form, lot)
    if lot is None:
        lot_editing.check_new(judging.session, judging.actor, customer, form, fields, values)
        fields.done()
        return Step((line.number,), Verdict.NEW, partial(_create, customer.node_id, values))
    standing = (lot.licence_from, lot.licence_to)
    lot_editing.check_licence(fields, values, standing, judging.actor, customer)
    if line.values.get("capacity") not in (None, spaces.get(lot.lot_id)):
        fields.wrong(
            "capacity",
            "车位数有历史：请在停车场页面“区域与车位”中设定",
            "capacities have a history: set it on the lot's page, areas and capacity",
        )
    fields.done()
    changed = any(getattr(lot, name) != value for name, value in values.items())
    verdict = Verdict.CHANGED if changed else Verdict.UNCHANGED
    return Step((line.number,), verdict, partial(_change, lot.lot_id, values))


def _create(customer_id: int, values: dict[str, Any], work: Work) -> None:
    lot_editing.add(work, nodes.node_of(work, "customer", customer_id), dict(values))


def _change(lot_id: int, values: dict[str, Any], work: Work) -> None:
    lot_editing.change(work, work.lot(lot_id), values)


LOTS: Final = Sheet(
    name="lots",
    menu="lots",
    zh="停车场",
    en="Lots",
    columns=(
        Column("code", "停车场编号", "Lot code", required=True, example="L1001"),
        Column("name", "停车场名称", "Lot", required=True, example="示例停车场"),
        Column("customer", "客户编号", "Customer code", example="C1001"),
        Column("region", "区域", "Region", example="浦东新区"),
        Column("address", "地址", "Address", example="上海市浦东新区示例路 1 号"),
        Column("longitude", "经度", "Longitude", Kind.NUMBER, example="121.5"),
        Column("latitude", "纬度", "Latitude", Kind.NUMBER, example="31.2"),
        Column("coordinate_datum", "坐标系", "Datum", Kind.CHOICE, choices=_DATUMS, example="GCJ-02（高德、腾讯）"),
        Column("time_zone", "时区", "Time zone", example="Asia/Shanghai"),
        Column("cutover_minutes", "日切分钟", "Cut-over minutes", Kind.INTEGER, example="0"),
        Column("free_space_minutes", "余位有效分钟", "Free-space minutes", Kind.INTEGER, example="15"),
        Column("capacity", "车位数", "Capacity", Kind.INTEGER, example="300"),
        Column("licence_from", "授权开始", "Licence from", Kind.DATE, example="2026-01-01"),
        Column("licence_to", "授权截止", "Licence to", Kind.DATE, example="2026-12-31"),
        Column("is_test", "测试", "Test", Kind.YES_NO, example="否"),
        Column("is_void", "作废", "Void", Kind.YES_NO, example="否"),
        Column("contact_name", "联系人", "Contact", example="张三"),
        Column("phone", "电话", "Telephone", example="021-55550000"),
        Column("remark", "备注", "Remark"),
    ),
    key=("code",),
    rows=_rows,
    judge=_judge,
)
