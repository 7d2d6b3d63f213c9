"""Gates and commands of the demonstration's lots, so that the page of commands shows every state from the first day.

Belongs here: what was sent to the lots over the last days and what became of it. Does not belong here: what the lots do
from now on (``obedience.py``).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ingest.simulator.model import LotModel
from ingest.simulator.obedience import FAILURES
from warehouse.ops.models import DownlinkCommand, Gate, Lot
from warehouse.services.downlink_queue import queue_command

DAYS: Final = 3
_EVERY: Final = timedelta(hours=5)
_TAKES: Final = timedelta(seconds=3)
Planned = tuple[str, str, dict[str, Any]]


def prepare_downlink(session: Session, lots: Iterable[LotModel], until: datetime) -> int:
    """Give the lots their gates and a past of commands; lots that have either are left alone. How many commands."""
    made = 0
    ids = {code: lot_id for lot_id, code in session.execute(select(Lot.lot_id, Lot.code))}
    for lot in lots:
        lot_id = ids.get(lot.code)
        if lot_id is None:
            continue
        _add_gates(session, lot_id, lot)
        there = select(func.count()).select_from(DownlinkCommand).where(DownlinkCommand.lot_id == lot_id)
        if not session.scalar(there):
            made += _queue_past(session, lot_id, lot, until)
    return made


def _add_gates(session: Session, lot_id: int, lot: LotModel) -> None:
    known = set(session.scalars(select(Gate.gate_id).where(Gate.lot_id == lot_id)))
    for gate in lot.gates:
        if gate.gate_id not in known and gate.inner_area_id is None:
            session.add(
                Gate(
                    lot_id=lot_id,
                    gate_id=gate.gate_id,
                    name=gate.name,
                    direction=gate.direction,
                    pay_token=secrets.token_urlsafe(18),
                )
            )
    session.flush()


def _queue_past(session: Session, lot_id: int, lot: LotModel, until: datetime) -> int:
    number, count = 0, 0
    at = until - timedelta(days=DAYS) + timedelta(minutes=lot.key % 300)
    while at < until - _EVERY:
        kind, subject, payload = _planned(lot, count)
        command = queue_command(session, lot_id, kind, subject, payload, at)
        state = ("applied", "applied", "applied", "failed", "applied", "expired")[(count + lot.key) % 6]
        if state != "expired":
            number += 1
            command.number, command.delivered_at, command.last_delivered_at = number, at + _TAKES, at + _TAKES
            command.reported_at = at + 2 * _TAKES
        command.state, command.finished_at = state, at + 2 * _TAKES
        if state == "failed":
            command.message = FAILURES[count % len(FAILURES)]
        if state == "expired":
            command.expires_at = command.finished_at = at + timedelta(minutes=10)
        count, at = count + 1, at + _EVERY
    return count + _queue_waiting(session, lot_id, lot, until)


def _queue_waiting(session: Session, lot_id: int, lot: LotModel, until: datetime) -> int:
    """What the lot gets when it comes: one taken back, one that was superseded, some to obey or fail."""
    cancelled = queue_command(session, lot_id, *_parameters(lot, 0), until)
    cancelled.state, cancelled.finished_at = "cancelled", until
    for text in ("余位 12", "余位 3"):
        payload = {"text": text}
        queue_command(session, lot_id, "guidance", "display/all", payload, until, valid_for=timedelta(days=1))
    for number in range(6):
        queue_command(session, lot_id, *_parameters(lot, number), until)
    return 9


def _planned(lot: LotModel, number: int) -> Planned:
    gate = lot.gates[number % len(lot.gates)]
    if number % 4 == 0:
        opening = {"gate_id": gate.gate_id, "gate_name": gate.name, "reason": "车牌识别失败，人工核对后放行"}
        return "gate_opening", f"gate/{gate.gate_id}", opening
    return _parameters(lot, number)


def _parameters(lot: LotModel, number: int) -> Planned:
    device_id = lot.gates[number % len(lot.gates)].controller_id
    payload = {"device_id": device_id, "parameters": {"hold_open_seconds": 5 + number % 10}}
    return "device_parameters", f"device/{device_id}", payload
