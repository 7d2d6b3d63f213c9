"""Gates of a lot and the token that each one's payment QR code carries.

Belongs here: adding, editing, removing gates; replacing a token. Does not belong here: pictures and sheets of the codes
(``gate_codes.py``), files of gates (``exchange_gates.py``), what a driver pays.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Area, Gate, Lot
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, picture, reading, visible_lot, working
from warehouse.settings import Settings

GATE_CODE: Final = "gate_code"
"""Downlink command: what the payment QR code of a gate says, for displays that draw it themselves."""

DIRECTIONS: Final = ("entry", "exit", "both")
_FIELDS: Final = ("gate_id", "name", "direction", "area_id")
_TOKEN_BYTES: Final = 18


@dataclass(frozen=True)
class GateForm:
    """What people type about a gate; ``gate_id`` is what the lot's records call it, and counts only when it is new."""

    gate_id: str
    name: str
    direction: str = "both"
    area_id: str | None = None


@dataclass(frozen=True)
class GateView:
    """A gate and what its payment QR code says; ``area_name`` None: of the lot itself."""

    gate_id: str
    name: str
    direction: str
    area_id: str | None
    area_name: str | None
    pay_url: str
    version: int


def pay_url(settings: Settings, token: str) -> str:
    """What the QR code with this token says."""
    return f"{settings.resolved_public_url}/pay/{token}"


def list_gates(settings: Settings, actor: Actor, lot_id: int) -> list[GateView]:
    """A lot's gates by name.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "lots.view") as session:
        visible_lot(session, actor, lot_id)
        rows = session.execute(
            select(Gate, Area.name)
            .outerjoin(Area, (Area.lot_id == Gate.lot_id) & (Area.area_id == Gate.area_id))
            .where(Gate.lot_id == lot_id)
            .order_by(Gate.name, Gate.gate_id)
        )
        return [
            GateView(
                gate_id=gate.gate_id,
                name=gate.name,
                direction=gate.direction,
                area_id=gate.area_id,
                area_name=area_name,
                pay_url=pay_url(settings, gate.pay_token),
                version=gate.version,
            )
            for gate, area_name in rows
        ]


def add_gate(settings: Settings, actor: Actor, lot_id: int, form: GateForm) -> None:
    """Add a gate with a payment QR code of its own.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        fields, values = cleaned(work.session, lot, form)
        if values["gate_id"] is not None and _find(work, lot_id, values["gate_id"]) is not None:
            fields.wrong(
                "gate_id",
                f"“{values['gate_id']}”已存在，请换一个编号",
                f"“{values['gate_id']}” exists already, choose another id",
            )
        fields.done()
        add(work, lot, values)


def edit_gate(settings: Settings, actor: Actor, lot_id: int, version: int, form: GateForm) -> None:
    """Change name, direction or area of a gate; id and QR code stay.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
        ParkError: ``unknown_gate``; ``conflict``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        gate = _gate(work, lot, form.gate_id, version)
        fields, values = cleaned(work.session, lot, form)
        fields.done()
        change(work, lot, gate, values)


def remove_gate(settings: Settings, actor: Actor, lot_id: int, version: int, gate_id: str) -> None:
    """Remove a gate; its QR code stops working, its records stay in the reports.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_gate``; ``conflict``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        gate = _gate(work, lot, gate_id, version)
        before, name = picture(gate, _FIELDS), gate.name
        work.session.delete(gate)
        work.record("gate", f"{lot_id}/{gate_id}", name, before, None, lot_id=lot_id)
        work.command(lot_id, GATE_CODE, f"gate_code/{gate_id}", {"gate_id": gate_id, "url": None})


def replace_code(settings: Settings, actor: Actor, lot_id: int, version: int, gate_id: str) -> str:
    """Give a gate a new payment QR code; the old one stops working. Returns what the new one says.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_gate``; ``conflict``.
    """
    with working(settings, actor, "lots.edit") as work:
        lot = work.lot(lot_id)
        gate = _gate(work, lot, gate_id, version)
        old, gate.pay_token = gate.pay_token, secrets.token_urlsafe(_TOKEN_BYTES)
        # The log names codes by their beginning: whoever reads it cannot make the code.
        before, after = {"code": f"{old[:4]}…"}, {"code": f"{gate.pay_token[:4]}…"}
        if before == after:
            after["code"] += " (new)"
        work.record("gate", f"{lot_id}/{gate_id}", gate.name, before, after, lot_id=lot_id)
        _tell(work, gate)
        return pay_url(settings, gate.pay_token)


def cleaned(session: Session, lot: Lot, form: GateForm) -> tuple[Fields, dict[str, Any]]:
    """The form's values, trimmed, and the problems found."""
    fields = Fields()
    values = {
        "gate_id": fields.text("gate_id", form.gate_id, required=True, longest=64),
        "name": fields.text("name", form.name, required=True, longest=200),
        "direction": fields.choice("direction", form.direction, DIRECTIONS),
        "area_id": form.area_id or None,
    }
    if values["area_id"] is not None and session.get(Area, (lot.lot_id, values["area_id"])) is None:
        fields.wrong("area_id", f"没有区域“{values['area_id']}”", f"there is no area “{values['area_id']}”")
    return fields, values


def _find(work: Work, lot_id: int, gate_id: str) -> Gate | None:
    return work.session.scalar(locked(select(Gate).where(Gate.lot_id == lot_id, Gate.gate_id == gate_id)))


def _gate(work: Work, lot: Lot, gate_id: str, version: int) -> Gate:
    gate = _find(work, lot.lot_id, gate_id)
    if gate is None:
        raise ParkError(
            zh=f"停车场“{lot.name}”没有出入口 {gate_id}：请重新打开列表",
            en=f"the lot “{lot.name}” has no gate {gate_id}: open the list again",
            code="unknown_gate",
        )
    work.expect(gate, version, "gate", f"{lot.lot_id}/{gate_id}")
    return gate


def add(work: Work, lot: Lot, values: dict[str, Any]) -> None:
    """Write a new gate with checked values."""
    gate = Gate(lot_id=lot.lot_id, pay_token=secrets.token_urlsafe(_TOKEN_BYTES), **values)
    work.session.add(gate)
    work.session.flush()
    after = picture(gate, _FIELDS)
    work.record("gate", f"{lot.lot_id}/{gate.gate_id}", gate.name, None, after, lot_id=lot.lot_id)
    _tell(work, gate)


def change(work: Work, lot: Lot, gate: Gate, values: dict[str, Any]) -> None:
    """Set checked values and write what changed to the operator log."""
    before = picture(gate, _FIELDS)
    put(gate, values)
    after = picture(gate, _FIELDS)
    work.record("gate", f"{lot.lot_id}/{gate.gate_id}", gate.name, before, after, lot_id=lot.lot_id)


def _tell(work: Work, gate: Gate) -> None:
    payload = {"gate_id": gate.gate_id, "url": pay_url(work.settings, gate.pay_token)}
    work.command(gate.lot_id, GATE_CODE, f"gate_code/{gate.gate_id}", payload)
