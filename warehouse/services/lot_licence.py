"""Licence terms of lots: valid, about to end, over, not begun, none.

Belongs here: what the term means on the lot's own calendar, and the warnings. Does not belong here: editing it
(``lot_editing.py``). A licence counts from its first day to its last, both included; without a last day it goes on.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from warehouse.ops.models import Lot
from warehouse.security.actor import Actor
from warehouse.services.work import reading
from warehouse.settings import Settings

DUE_DAYS: Final = 30


class LicenceState(StrEnum):
    """Where today lies in the term."""

    VALID = "valid"
    DUE = "due"
    EXPIRED = "expired"
    NOT_STARTED = "not_started"
    NONE = "none"


@dataclass(frozen=True)
class LicenceWarning:
    """A lot whose licence ends soon (``days_left`` counts the days after today) or has ended (negative)."""

    lot_id: int
    name: str
    licence_to: date
    state: LicenceState
    days_left: int


def local_today(time_zone: str, now: datetime) -> date:
    """The calendar day in a zone."""
    return now.astimezone(ZoneInfo(time_zone)).date()


def licence_state(first: date | None, last: date | None, today: date) -> LicenceState:
    """The state of a term on ``today``."""
    if first is None and last is None:
        return LicenceState.NONE
    if last is not None and last < today:
        return LicenceState.EXPIRED
    if first is not None and first > today:
        return LicenceState.NOT_STARTED
    if last is not None and (last - today).days <= DUE_DAYS:
        return LicenceState.DUE
    return LicenceState.VALID


def in_state(state: LicenceState, zones: Collection[str], now: datetime) -> ColumnElement[bool]:
    """Whether a lot is in ``state``, each by the today of its own zone; ``zones`` are all that occur."""
    return or_(false(), *(and_(Lot.time_zone == zone, _in_state(state, local_today(zone, now))) for zone in zones))


def _in_state(state: LicenceState, today: date) -> ColumnElement[bool]:
    none = and_(Lot.licence_from.is_(None), Lot.licence_to.is_(None))
    expired = and_(Lot.licence_to.is_not(None), Lot.licence_to < today)
    running = and_(
        or_(Lot.licence_to.is_(None), Lot.licence_to >= today),
        or_(Lot.licence_from.is_(None), ~(Lot.licence_from > today)),
    )
    ends = today + timedelta(days=DUE_DAYS)
    return {
        LicenceState.NONE: none,
        LicenceState.EXPIRED: expired,
        LicenceState.NOT_STARTED: and_(
            Lot.licence_from.is_not(None),
            Lot.licence_from > today,
            or_(Lot.licence_to.is_(None), Lot.licence_to >= today),
        ),
        LicenceState.DUE: and_(running, Lot.licence_to.is_not(None), Lot.licence_to <= ends),
        LicenceState.VALID: and_(running, ~none, or_(Lot.licence_to.is_(None), Lot.licence_to > ends)),
    }[state]


def licence_warnings(settings: Settings, actor: Actor, *, now: datetime | None = None) -> list[LicenceWarning]:
    """Lots in the actor's scope whose licence is over or ends within ``DUE_DAYS``; the most urgent first."""
    moment = now or datetime.now(UTC)
    latest = moment.date() + timedelta(days=DUE_DAYS + 1)
    ids = actor.scope.lot_ids
    with reading(settings, actor, "lots.view") as session:
        ended = session.scalars(
            select(Lot).where(
                Lot.deleted_at.is_(None),
                ~Lot.is_void,
                Lot.licence_to <= latest,
                true() if isinstance(ids, str) else Lot.lot_id.in_(ids),
            )
        )
        found = []
        for lot in ended:
            assert lot.licence_to is not None
            today = local_today(lot.time_zone, moment)
            state = licence_state(lot.licence_from, lot.licence_to, today)
            if state in (LicenceState.DUE, LicenceState.EXPIRED):
                found.append(LicenceWarning(lot.lot_id, lot.name, lot.licence_to, state, (lot.licence_to - today).days))
    return sorted(found, key=lambda warning: (warning.days_left, warning.name, warning.lot_id))
