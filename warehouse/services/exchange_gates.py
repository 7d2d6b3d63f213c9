"""Gates of a lot as a table.

Belongs here: columns and lines. Does not belong here: what may be done with a gate (``lot_gates.py``), the run of an
import (``exchange.py``). Payment codes are not in it: a file of codes would let anybody print them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Gate, Lot
from warehouse.security.actor import Actor
from warehouse.services import lot_gates
from warehouse.services.exchange_sheet import Column, Judging, Kind, Line, Sheet, Step, Verdict
from warehouse.services.lot_gates import GateForm
from warehouse.services.work import Work

_FIELDS: Final = ("gate_id", "name", "direction", "area_id")
_DIRECTIONS: Final = {"entry": ("入口", "Entry"), "exit": ("出口", "Exit"), "both": ("出入口", "Entry and exit")}


def _rows(session: Session, _actor: Actor, lot: Lot | None) -> Iterator[Mapping[str, Any]]:
    assert lot is not None
    for gate in session.scalars(select(Gate).where(Gate.lot_id == lot.lot_id).order_by(Gate.gate_id)):
        yield {name: getattr(gate, name) for name in _FIELDS}


def _judge(judging: Judging, lines: list[Line]) -> list[Step]:
    lot = judging.lot
    assert lot is not None
    gates = {gate.gate_id: gate for gate in judging.session.scalars(select(Gate).where(Gate.lot_id == lot.lot_id))}
    steps = []
    for line in lines:
        gate = gates.get(line.values["gate_id"])
        kept = {"direction": "both"} if gate is None else {name: getattr(gate, name) for name in _FIELDS}
        typed = {name: value for name, value in line.values.items() if value is not None or name == "area_id"}
        fields, values = lot_gates.cleaned(judging.session, lot, GateForm(**(kept | typed)))
        try:
            fields.done()
        except ParkError as error:
            judging.refused(line, error)
            continue
        verdict = Verdict.NEW
        if gate is not None:
            changed = any(getattr(gate, name) != value for name, value in values.items())
            verdict = Verdict.CHANGED if changed else Verdict.UNCHANGED
        steps.append(Step((line.number,), verdict, partial(_apply, lot.lot_id, values)))
    return steps


def _apply(lot_id: int, values: dict[str, Any], work: Work) -> None:
    lot = work.lot(lot_id)
    gate = work.session.get(Gate, (lot_id, values["gate_id"]))
    if gate is None:
        lot_gates.add(work, lot, values)
    else:
        lot_gates.change(work, lot, gate, values)


GATES: Final = Sheet(
    name="gates",
    menu="lots",
    zh="出入口",
    en="Gates",
    columns=(
        Column("gate_id", "出入口编号", "Gate id", required=True, example="G1"),
        Column("name", "出入口名称", "Gate", required=True, example="东门"),
        Column("direction", "方向", "Direction", Kind.CHOICE, choices=_DIRECTIONS, example="出入口"),
        Column("area_id", "区域编号", "Area id"),
    ),
    key=("gate_id",),
    rows=_rows,
    judge=_judge,
    per_lot=True,
)
