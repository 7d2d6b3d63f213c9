"""Commands that people give a lot directly: opening a gate from afar, parameters of a device.

Belongs here: who may, the checks, the command and its entry in the operator log. Does not belong here: the list of
commands (``downlink.py``), commands that follow from a change of something else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.ops.models import DeviceLive, DownlinkCommand, Gate
from warehouse.ops.models.downlink import is_open
from warehouse.security.actor import Actor
from warehouse.services.downlink_queue import DEVICE_PARAMETERS, GATE_OPENING
from warehouse.services.fields import Fields
from warehouse.services.work import reading, visible_lot, working
from warehouse.settings import Settings

LONGEST_REASON: Final = 200
PARAMETERS: Final[Mapping[str, tuple[int, int, frozenset[str]]]] = {
    "heartbeat_seconds": (10, 600, frozenset({"controller", "camera", "terminal", "pay_station", "display"})),
    "hold_open_seconds": (1, 120, frozenset({"controller"})),
    "volume": (0, 100, frozenset({"terminal", "pay_station", "display"})),
    "brightness": (0, 100, frozenset({"camera", "display"})),
}
"""Parameters of devices: least, most, and the types of device that know them."""


@dataclass(frozen=True)
class OpenableGate:
    """A gate that can be opened from afar."""

    gate_id: str
    name: str
    direction: str


@dataclass(frozen=True)
class KnownDevice:
    """A device that has reported itself."""

    device_id: str
    device_type: str
    state: str


@dataclass(frozen=True)
class OpeningForm:
    """Which gate, why, and the gate's name once more as the confirmation."""

    gate_id: str
    reason: str
    confirmed_name: str = ""


def openable_gates(settings: Settings, actor: Actor, lot_id: int) -> list[OpenableGate]:
    """The gates of a lot, by name.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "downlink.edit") as session:
        visible_lot(session, actor, lot_id)
        rows = session.scalars(select(Gate).where(Gate.lot_id == lot_id).order_by(Gate.name, Gate.gate_id))
        return [OpenableGate(gate.gate_id, gate.name, gate.direction) for gate in rows]


def known_devices(settings: Settings, actor: Actor, lot_id: int) -> list[KnownDevice]:
    """The devices of a lot that take parameters.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with reading(settings, actor, "downlink.edit") as session:
        visible_lot(session, actor, lot_id)
        rows = session.scalars(select(DeviceLive).where(DeviceLive.lot_id == lot_id).order_by(DeviceLive.device_id))
        return [KnownDevice(row.device_id, row.device_type, row.state) for row in rows]


def check_opening(settings: Settings, actor: Actor, lot_id: int, form: OpeningForm) -> OpenableGate:
    """What would be opened; the first step, before the confirmation. Changes nothing.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field.
    """
    gates = {gate.gate_id: gate for gate in openable_gates(settings, actor, lot_id)}
    fields = Fields()
    _checked_reason(fields, form)
    if form.gate_id not in gates:
        fields.wrong("gate_id", "请选择出入口", "choose a gate")
    fields.done()
    return gates[form.gate_id]


def open_gate(settings: Settings, actor: Actor, lot_id: int, form: OpeningForm, *, now: datetime | None = None) -> int:
    """Have a gate opened; returns the command's id. Who, when and why stands in the operator log.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field; the confirmation must be the gate's name.
        ParkError: ``unknown_gate``; ``opening_waits`` while an earlier opening of the gate is under way.
    """
    with working(settings, actor, "downlink.edit", now=now) as work:
        lot = work.lot(lot_id)
        gate = work.session.get(Gate, (lot_id, form.gate_id))
        if gate is None:
            raise ParkError(
                zh=f"停车场“{lot.name}”没有出入口 {form.gate_id}：请重新选择",
                en=f"the lot “{lot.name}” has no gate {form.gate_id}: choose again",
                code="unknown_gate",
            )
        fields = Fields()
        reason = _checked_reason(fields, form)
        if form.confirmed_name.strip() != gate.name:
            fields.wrong("typed", f"请输入“{gate.name}”以确认", f"type “{gate.name}” to confirm")
        fields.done()
        subject = f"gate/{gate.gate_id}"
        waiting = select(DownlinkCommand.command_id).where(
            DownlinkCommand.lot_id == lot_id,
            DownlinkCommand.subject == subject,
            DownlinkCommand.kind == GATE_OPENING,
            DownlinkCommand.expires_at > work.now,
            is_open(),
        )
        if work.session.scalar(waiting.limit(1)) is not None:
            raise ParkError(
                zh=f"“{gate.name}”的上一次远程开闸还在执行，请稍候再试",
                en=f"the last opening of “{gate.name}” is still under way: wait a moment",
                code="opening_waits",
            )
        payload = {"gate_id": gate.gate_id, "gate_name": gate.name, "reason": reason, "operator": actor.name}
        command = work.command(lot_id, GATE_OPENING, subject, payload)
        work.record(
            "gate",
            f"{lot_id}/{gate.gate_id}",
            gate.name,
            None,
            {"command_id": command.command_id, "reason": reason},
            lot_id=lot_id,
            action="downlink.open_gate",
        )
        return command.command_id


def send_parameters(
    settings: Settings,
    actor: Actor,
    lot_id: int,
    device_id: str,
    typed: Mapping[str, int | str | None],
    *,
    now: datetime | None = None,
) -> int:
    """Set parameters of a device; those that are empty stay as they are. Returns the command's id.

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: by field; also a parameter that this type of device does not know.
    """
    with working(settings, actor, "downlink.edit", now=now) as work:
        lot = work.lot(lot_id)
        device = work.session.get(DeviceLive, (lot_id, device_id))
        fields = Fields()
        if device is None:
            fields.wrong("device_id", "请选择设备", "choose a device")
        found: dict[str, int] = {}
        for name, (least, most, types) in PARAMETERS.items():
            value = fields.whole(name, typed.get(name), least=least, most=most, required=False)
            if value is None:
                continue
            if device is not None and device.device_type not in types:
                fields.wrong(name, "此类设备没有这个参数", "this type of device has no such parameter")
            found[name] = value
        if not found and not fields.problems:
            fields.wrong(next(iter(PARAMETERS)), "请至少填写一个参数", "type at least one parameter")
        fields.done()
        payload = {"device_id": device_id, "parameters": found}
        command = work.command(lot_id, DEVICE_PARAMETERS, f"device/{device_id}", payload)
        work.record(
            "device",
            f"{lot_id}/{device_id}",
            f"{lot.name} {device_id}",
            None,
            {"command_id": command.command_id, **found},
            lot_id=lot_id,
            action="downlink.parameters",
        )
        return command.command_id


def _checked_reason(fields: Fields, form: OpeningForm) -> str | None:
    return fields.text("reason", form.reason, required=True, longest=LONGEST_REASON)
