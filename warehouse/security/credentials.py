"""Upload credentials of lots: a public key id and a secret that signs.

Belongs here: making, listing, revoking and reading credentials, and the signature itself, which gateway and clients
must compute alike. Does not belong here: HTTP, what people may do with credentials
(``warehouse.services.lot_credentials``).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, LotCredential
from warehouse.security import audit
from warehouse.security.actor import LOCAL, Actor
from warehouse.security.secrets import decrypt, encrypt
from warehouse.settings import Settings


@dataclass(frozen=True)
class LotKey:
    """A credential in force, with what the gateway needs to know of its lot."""

    key_id: str
    secret: str
    lot_id: int
    code: str
    time_zone: str
    cutover_minutes: int


def create_credential(
    session: Session, settings: Settings, lot_id: int, *, record_as: Actor | None = LOCAL
) -> tuple[str, str]:
    """Make a credential; returns (key id, secret). The secret is never shown again.

    ``record_as`` is who the operator log names; None when the caller records.

    Raises:
        ParkError: code ``unknown_lot``.
    """
    lot = session.get(Lot, lot_id)
    if lot is None or lot.deleted_at is not None:
        raise ParkError(zh=f"没有编号为 {lot_id} 的停车场", en=f"there is no lot {lot_id}", code="unknown_lot")
    key_id = f"pk_{secrets.token_hex(8)}"
    secret = secrets.token_urlsafe(32)
    session.add(
        LotCredential(
            key_id=key_id,
            lot_id=lot_id,
            secret_encrypted=encrypt(settings, secret),
            created_at=datetime.now(UTC),
        )
    )
    session.flush()
    if record_as is not None:
        _record(session, record_as, lot_id, key_id, {"key_id": key_id})
    return key_id, secret


def revoke_credential(
    session: Session, key_id: str, *, at: datetime | None = None, record_as: Actor | None = LOCAL
) -> None:
    """End a credential now, or ``at`` a later time; gateways notice within seconds. An earlier end is kept.

    ``record_as`` is who the operator log names; None when the caller records.

    Raises:
        ParkError: code ``unknown_key``.
    """
    at = at or datetime.now(UTC)
    credential = session.get(LotCredential, key_id)
    if credential is None:
        raise ParkError(zh=f"没有凭证 {key_id}", en=f"there is no credential {key_id}", code="unknown_key")
    if credential.revoked_at is not None and credential.revoked_at <= at:
        return
    credential.revoked_at = at
    session.flush()
    if record_as is not None:
        _record(session, record_as, credential.lot_id, key_id, {"revoked_at": at.isoformat()})


def _record(session: Session, actor: Actor, lot_id: int, key_id: str, after: dict[str, Any]) -> None:
    audit.append(
        session,
        actor,
        "lots.edit",
        entity="credential",
        entity_id=key_id,
        entity_name=key_id,
        lot_id=lot_id,
        after=after,
    )


def list_credentials(session: Session, lot_id: int) -> list[LotCredential]:
    """All credentials of a lot, oldest first; their secrets stay encrypted."""
    return list(
        session.scalars(
            select(LotCredential)
            .where(LotCredential.lot_id == lot_id)
            .order_by(LotCredential.created_at, LotCredential.key_id)
        )
    )


def find_key(session: Session, settings: Settings, key_id: str, *, now: datetime | None = None) -> LotKey | None:
    """The credential in force with this id, decrypted; None when unknown or revoked, or the lot was deleted."""
    found = find_keys(session, settings, [key_id], now=now).get(key_id)
    if isinstance(found, ParkError):
        raise found
    return found


def find_keys(
    session: Session, settings: Settings, key_ids: Sequence[str], *, now: datetime | None = None
) -> dict[str, LotKey | ParkError]:
    """As ``find_key``, for many in one query; what is not in force is not in the answer.

    A credential that cannot be decrypted has the error as its value, so that it does not stand in the others' way.
    """
    moment = now or datetime.now(UTC)
    rows = session.execute(
        select(
            LotCredential.key_id,
            LotCredential.secret_encrypted,
            Lot.lot_id,
            Lot.code,
            Lot.time_zone,
            Lot.cutover_minutes,
        )
        .join(Lot, Lot.lot_id == LotCredential.lot_id)
        .where(
            LotCredential.key_id.in_(key_ids),
            or_(LotCredential.revoked_at.is_(None), LotCredential.revoked_at > moment),
            Lot.deleted_at.is_(None),
        )
    )
    found: dict[str, LotKey | ParkError] = {}
    for key_id, sealed, lot_id, code, time_zone, cutover_minutes in rows:
        try:
            secret = decrypt(settings, sealed)
        except ParkError as error:
            found[key_id] = error
        else:
            found[key_id] = LotKey(key_id, secret, lot_id, code, time_zone, cutover_minutes)
    return found


def lot_by_code(session: Session, code: str) -> Lot:
    """The lot with this code.

    Raises:
        ParkError: code ``unknown_lot``.
    """
    lot = session.scalars(select(Lot).where(Lot.code == code, Lot.deleted_at.is_(None))).one_or_none()
    if lot is None:
        raise ParkError(
            zh=f"没有代码为 {code} 的停车场；用 park lots list 查看",
            en=f"there is no lot with code {code}; see park lots list",
            code="unknown_lot",
        )
    return lot


def sign(secret: str, method: str, path: str, timestamp: str, nonce: str, body: bytes) -> str:
    """Hex HMAC-SHA256 over method, path as sent, timestamp, nonce and the hash of the body as sent."""
    message = "\n".join([method, path, timestamp, nonce, hashlib.sha256(body).hexdigest()])
    return hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
