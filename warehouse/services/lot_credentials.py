"""Upload credentials of a lot, as people manage them.

Belongs here: listing, creating, rotating, revoking, each recorded. Does not belong here: what a credential is and how
it signs (``warehouse.security.credentials``). A secret is returned once and never kept in clear or written to a log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from sqlalchemy import select

from warehouse.errors import ParkError
from warehouse.ops.models import Lot, LotCredential
from warehouse.security.actor import Actor
from warehouse.security.credentials import create_credential, list_credentials, revoke_credential
from warehouse.services.fields import Fields
from warehouse.services.work import Work, locked, reading, visible_lot, working
from warehouse.settings import Settings

LONGEST_OVERLAP_HOURS: Final = 24 * 90


class CredentialState(StrEnum):
    """In force; in force until a set time; over."""

    IN_FORCE = "in_force"
    ENDING = "ending"
    REVOKED = "revoked"


@dataclass(frozen=True)
class CredentialView:
    """A credential without its secret."""

    key_id: str
    created_at: datetime
    revoked_at: datetime | None
    state: CredentialState


@dataclass(frozen=True)
class NewCredential:
    """A credential that was just made; ``secret`` is shown this once."""

    key_id: str
    secret: str


def lot_credentials(
    settings: Settings, actor: Actor, lot_id: int, *, now: datetime | None = None
) -> list[CredentialView]:
    """A lot's credentials, the newest first.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    moment = now or datetime.now(UTC)
    with reading(settings, actor, "lots.view") as session:
        visible_lot(session, actor, lot_id)
        return [
            CredentialView(row.key_id, row.created_at, row.revoked_at, _state(row, moment))
            for row in reversed(list_credentials(session, lot_id))
        ]


def add_credential(settings: Settings, actor: Actor, lot_id: int) -> NewCredential:
    """Make a credential beside those there are.

    Raises:
        Forbidden: the lot is not there for this actor.
    """
    with working(settings, actor, "lots.edit") as work:
        return _add(work, work.lot(lot_id), replaces=None)


def rotate_credential(
    settings: Settings,
    actor: Actor,
    lot_id: int,
    key_id: str,
    overlap_hours: int | str,
    *,
    now: datetime | None = None,
) -> NewCredential:
    """Make a credential that replaces ``key_id``, which goes on working for ``overlap_hours`` (0: ends at once).

    Raises:
        Forbidden: the lot is not there for this actor.
        InvalidFields: the overlap.
        ParkError: ``unknown_key``; ``key_over`` when it has ended or its end is set already.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id)
        old = _credential(work, lot, key_id)
        if old.revoked_at is not None:
            raise ParkError(
                zh=f"凭证 {key_id} 已停用或已定停用时间，不能再轮换：请新建一个",
                en=f"the credential {key_id} is revoked or about to be; make a new one instead",
                code="key_over",
            )
        fields = Fields()
        hours = fields.whole("overlap_hours", overlap_hours, least=0, most=LONGEST_OVERLAP_HOURS)
        fields.done()
        made = _add(work, lot, replaces=key_id)
        _revoke(work, lot, old, work.now + timedelta(hours=hours or 0))
        return made


def end_credential(settings: Settings, actor: Actor, lot_id: int, key_id: str, *, now: datetime | None = None) -> None:
    """Revoke a credential at once; gateways notice within seconds. One that has ended stays as it is.

    Raises:
        Forbidden: the lot is not there for this actor.
        ParkError: ``unknown_key``.
    """
    with working(settings, actor, "lots.edit", now=now) as work:
        lot = work.lot(lot_id)
        found = _credential(work, lot, key_id)
        if _state(found, work.now) is not CredentialState.REVOKED:
            _revoke(work, lot, found, work.now)


def _state(row: LotCredential, now: datetime) -> CredentialState:
    if row.revoked_at is None:
        return CredentialState.IN_FORCE
    return CredentialState.ENDING if row.revoked_at > now else CredentialState.REVOKED


def _credential(work: Work, lot: Lot, key_id: str) -> LotCredential:
    query = select(LotCredential).where(LotCredential.key_id == key_id, LotCredential.lot_id == lot.lot_id)
    found = work.session.scalar(locked(query))
    if found is None:
        raise ParkError(
            zh=f"停车场“{lot.name}”没有凭证 {key_id}：请重新打开列表",
            en=f"the lot “{lot.name}” has no credential {key_id}: open the list again",
            code="unknown_key",
        )
    return found


def _add(work: Work, lot: Lot, replaces: str | None) -> NewCredential:
    key_id, secret = create_credential(work.session, work.settings, lot.lot_id, record_as=None)
    after = {"key_id": key_id, "replaces": replaces}
    work.record("credential", key_id, f"{lot.name} {key_id}", None, after, lot_id=lot.lot_id)
    return NewCredential(key_id, secret)


def _revoke(work: Work, lot: Lot, row: LotCredential, at: datetime) -> None:
    before = {"revoked_at": row.revoked_at.isoformat() if row.revoked_at else None}
    revoke_credential(work.session, row.key_id, at=at, record_as=None)
    after = {"revoked_at": row.revoked_at.isoformat() if row.revoked_at else None}
    work.record("credential", row.key_id, f"{lot.name} {row.key_id}", before, after, lot_id=lot.lot_id)
