"""Queueing commands for the lots: what each kind is like, and the one place where commands are made.

Belongs here: the kinds, expiry and superseding when a command is queued. Does not belong here: fetching and
acknowledging (``downlink_delivery.py``), what people do with commands on the page (``downlink.py``), the payloads of
single kinds, which stand with the services that change things.

Commands with the same lot and ``subject`` are given to the lot one after the other. Of kinds whose newest command says
everything, an earlier one that was not delivered yet is superseded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import update
from sqlalchemy.orm import Session

from warehouse.ops.models import DownlinkCommand
from warehouse.security.secrets import decrypt, encrypt
from warehouse.settings import Settings

GUIDANCE: Final = "guidance"
GATE_OPENING: Final = "gate_opening"
DEVICE_PARAMETERS: Final = "device_parameters"
SYSTEM: Final = "停车云"
"""Who queues what no operator asked for."""


@dataclass(frozen=True)
class Rule:
    """How commands of a kind are treated: whether only the newest counts, and how long one may wait."""

    newest_counts: bool = False
    valid_for: timedelta | None = None


KINDS: Final[Mapping[str, Rule]] = {
    "long_term_vehicle": Rule(),
    "tariff": Rule(newest_counts=True),
    "payment_settings": Rule(newest_counts=True),
    "gate_code": Rule(newest_counts=True),
    "invoice_settings": Rule(newest_counts=True),
    "lot_settings": Rule(newest_counts=True),
    DEVICE_PARAMETERS: Rule(valid_for=timedelta(days=7)),
    # Nobody stands at the gate any more when it is late.
    GATE_OPENING: Rule(valid_for=timedelta(seconds=60)),
    GUIDANCE: Rule(newest_counts=True, valid_for=timedelta(minutes=10)),
}


def queue_command(
    session: Session,
    lot_id: int,
    kind: str,
    subject: str,
    payload: Mapping[str, Any],
    now: datetime,
    *,
    operator_id: int | None = None,
    operator_name: str = SYSTEM,
    valid_for: timedelta | None = None,
    sealed: bytes | None = None,
    retry_of: int | None = None,
) -> DownlinkCommand:
    """Queue a command inside the caller's transaction.

    Args:
        session: of the operational store.
        lot_id: for whom.
        kind: one of ``KINDS``.
        subject: what it is about; at most 128 characters.
        payload: what the lot is told, without secrets.
        now: the moment.
        operator_id: who asked for it; None for the system.
        operator_name: their name as it is shown.
        valid_for: how long it may wait, when not as its kind says.
        sealed: the payload's secrets, as ``seal`` makes them; opened only when the command is delivered.
        retry_of: the failed command that this one repeats.

    Raises:
        KeyError: there is no such kind.
    """
    rule = KINDS[kind]
    waits = valid_for or rule.valid_for
    command = DownlinkCommand(
        lot_id=lot_id,
        kind=kind,
        subject=subject,
        payload=dict(payload),
        state="queued",
        operator_id=operator_id,
        operator_name=operator_name,
        created_at=now,
        expires_at=now + waits if waits is not None else None,
        sealed=sealed,
        retry_of=retry_of,
    )
    session.add(command)
    session.flush()
    if rule.newest_counts:
        session.execute(
            update(DownlinkCommand)
            .where(
                DownlinkCommand.lot_id == lot_id,
                DownlinkCommand.subject == subject,
                DownlinkCommand.kind == kind,
                DownlinkCommand.state == "queued",
                DownlinkCommand.command_id < command.command_id,
            )
            .values(state="superseded", finished_at=now, sealed=None)
        )
    return command


def queue_guidance(
    session: Session,
    lot_id: int,
    subject: str,
    payload: Mapping[str, Any],
    now: datetime,
    *,
    valid_for: timedelta | None = None,
) -> int:
    """Queue what a guidance display shall show, without an operator; returns the command's id.

    ``subject`` names the display or group of displays; the newest text for it supersedes one that still waits.
    """
    return queue_command(session, lot_id, GUIDANCE, subject, payload, now, valid_for=valid_for).command_id


def seal(settings: Settings, secrets: Mapping[str, Any]) -> bytes:
    """Encrypt the secret part of a payload."""
    return encrypt(settings, json.dumps(dict(secrets), ensure_ascii=False))


def opened(settings: Settings, command: DownlinkCommand) -> dict[str, Any]:
    """The whole payload, with its secrets in the clear; for delivery alone.

    Raises:
        ParkError: ``secret_key_changed``.
    """
    if command.sealed is None:
        return dict(command.payload)
    secrets: dict[str, Any] = json.loads(decrypt(settings, command.sealed))
    return {**command.payload, **secrets}
