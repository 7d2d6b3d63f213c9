"""Giving commands to the lots and taking back what became of them.

Belongs here: fetching by cursor, acknowledging, expiry; each first looks, in the same transaction, whether the
credential is still in force. Does not belong here: HTTP (``ingest/gateway``), queueing (``downlink_queue.py``).

When a command is given to its lot the first time it gets the lot's next ``number``, and the lot's cursor is the highest
number that it has kept. So an answer that was lost on its way is given again, with the same commands in the same order,
and a lot that has lost its memory asks from 0 and gets all that is unfinished. Of each subject only the earliest
unfinished command is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased

from warehouse.errors import ParkError
from warehouse.ops.models import DownlinkCommand, Lot, LotCredential
from warehouse.ops.models.downlink import is_open
from warehouse.ops.session import ops_session
from warehouse.services.downlink_queue import opened
from warehouse.settings import Settings

MOST_AT_ONCE: Final = 100
REDELIVER_AFTER: Final = timedelta(minutes=5)
"""A command that the lot has had for so long without a word is given once more."""

LONGEST_MESSAGE: Final = 500
Result = Literal["applied", "failed"]
Outcome = Literal["recorded", "known", "not_delivered", "unknown_command"]


class CredentialEnded(Exception):  # noqa: N818 - an answer, not a failure
    """The credential was revoked, or its lot deleted."""


@dataclass(frozen=True)
class Given:
    """A command as the lot gets it; ``payload`` with its secrets in the clear."""

    command_id: int
    number: int
    kind: str
    subject: str
    payload: dict[str, Any]
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class Fetched:
    """The answer to a lot's question: commands by number, and the cursor to ask with next."""

    commands: tuple[Given, ...]
    cursor: int


@dataclass(frozen=True)
class Acknowledgement:
    """What a lot says of one command."""

    command_id: int
    result: Result
    message: str | None = None
    at: datetime | None = None


@dataclass(frozen=True)
class Noted:
    """What became of an acknowledgement: ``known`` when the command was finished before; ``state`` is as it is now."""

    command_id: int
    outcome: Outcome
    state: str | None


def given_before(
    settings: Settings, key_id: str, lot_id: int, after: int, now: datetime, *, most: int = MOST_AT_ONCE
) -> Fetched | None:
    """Commands for a lot that has kept everything up to number ``after``, when the question changes nothing, as most.

    None when something is to be given the first time or has expired: that is for ``give_commands``.

    Raises:
        CredentialEnded: nothing is given.
    """
    with ops_session(settings) as session:
        _require_in_force(session, key_id, lot_id, now)
        after = _sane(session, lot_id, after)
        found = _to_give(session, lot_id, after, now, most)
        return None if _changes_something(session, lot_id, found, after, now) else _answer(settings, found, after)


def give_commands(
    session: Session,
    settings: Settings,
    key_id: str,
    lot_id: int,
    after: int,
    now: datetime,
    *,
    most: int = MOST_AT_ONCE,
) -> Fetched:
    """Give the lot its commands, in a session that writes; they are given when it is committed.

    Raises:
        CredentialEnded: nothing is given or changed.
    """
    _require_in_force(session, key_id, lot_id, now)
    after = _sane(session, lot_id, after)
    expire_due(session, now, lot_id)
    found = _to_give(session, lot_id, after, now, most, lock=True)
    number = _highest(session, lot_id)
    for command in found:
        if command.number is not None and command.number > after:
            continue
        try:
            opened(settings, command)
        except ParkError as error:
            command.state, command.finished_at, command.message = "failed", now, error.zh[:LONGEST_MESSAGE]
            continue
        number += 1
        command.state, command.number, command.last_delivered_at = "delivered", number, now
        command.delivered_at = command.delivered_at or now
    session.flush()
    return _answer(settings, found, after)


def acknowledge_commands(
    session: Session, key_id: str, lot_id: int, said: Sequence[Acknowledgement], now: datetime
) -> tuple[Noted, ...]:
    """Note what a lot did, in a session that writes. The first word on a command counts; again, it changes nothing.

    A command that expired after it was given may have been applied in time: then the lot's word counts.

    Raises:
        CredentialEnded: nothing is noted.
    """
    _require_in_force(session, key_id, lot_id, now)
    ids = {one.command_id for one in said}
    query = (
        select(DownlinkCommand)
        .where(DownlinkCommand.lot_id == lot_id, DownlinkCommand.command_id.in_(ids))
        .order_by(DownlinkCommand.command_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    known = {command.command_id: command for command in session.scalars(query)}
    return tuple(_note(known.get(one.command_id), one, now) for one in said)


def expire_due(session: Session, now: datetime, lot_id: int | None = None) -> set[int]:
    """Let open commands whose time is over expire; returns the lots that had some."""
    due = and_(is_open() if lot_id is None else _open_of(lot_id), DownlinkCommand.expires_at <= now)
    lots = set(session.scalars(select(DownlinkCommand.lot_id).where(due).distinct()))
    if lots:
        session.execute(
            update(DownlinkCommand)
            .where(due)
            .values(state="expired", finished_at=now, sealed=None)
            .execution_options(synchronize_session=False)
        )
    return lots


def _note(command: DownlinkCommand | None, said: Acknowledgement, now: datetime) -> Noted:
    if command is None:
        return Noted(said.command_id, "unknown_command", None)
    if command.delivered_at is None:
        return Noted(said.command_id, "not_delivered", command.state)
    if command.state not in ("delivered", "expired"):
        return Noted(said.command_id, "known", command.state)
    command.state, command.finished_at, command.reported_at = said.result, now, said.at
    # PostgreSQL keeps no NUL.
    command.message = (said.message or "").replace("\0", "").strip()[:LONGEST_MESSAGE] or None
    if said.result == "applied":
        command.sealed = None
    return Noted(said.command_id, "recorded", command.state)


def _require_in_force(session: Session, key_id: str, lot_id: int, now: datetime) -> None:
    found = session.scalar(
        select(LotCredential.key_id)
        .join(Lot, Lot.lot_id == LotCredential.lot_id)
        .where(
            LotCredential.key_id == key_id,
            LotCredential.lot_id == lot_id,
            or_(LotCredential.revoked_at.is_(None), LotCredential.revoked_at > now),
            Lot.deleted_at.is_(None),
        )
    )
    if found is None:
        raise CredentialEnded


def _highest(session: Session, lot_id: int) -> int:
    return session.scalar(select(func.max(DownlinkCommand.number)).where(DownlinkCommand.lot_id == lot_id)) or 0


def _sane(session: Session, lot_id: int, after: int) -> int:
    """A cursor that was never handed out (of another instance, or from before a restore) counts as none."""
    return after if after <= _highest(session, lot_id) else 0


def _open_of(lot_id: int) -> ColumnElement[bool]:
    """The lot's open commands, by their index."""
    # Every subject is at least empty. Saying so leads SQLite to the index of open commands; by the lot alone it would
    # walk through all that the lot was ever given.
    return and_(is_open(), DownlinkCommand.lot_id == lot_id, DownlinkCommand.subject >= "")


def _to_give(
    session: Session, lot_id: int, after: int, now: datetime, most: int, *, lock: bool = False
) -> list[DownlinkCommand]:
    """The earliest open command of each subject, unless the lot has it and is still expected to act."""
    command, earlier = DownlinkCommand, aliased(DownlinkCommand)
    query = (
        select(command)
        .where(
            _open_of(lot_id),
            or_(
                command.state == "queued",
                command.number > after,
                command.last_delivered_at <= now - REDELIVER_AFTER,
            ),
            or_(command.expires_at.is_(None), command.expires_at > now),
            ~exists().where(
                earlier.lot_id == lot_id,
                earlier.subject == command.subject,
                earlier.command_id < command.command_id,
                is_open(earlier),
            ),
        )
        .order_by(command.command_id)
        .limit(most)
    )
    if lock:
        query = query.with_for_update(of=command).execution_options(populate_existing=True)
    return list(session.scalars(query))


def _changes_something(
    session: Session, lot_id: int, found: Sequence[DownlinkCommand], after: int, now: datetime
) -> bool:
    if any(command.number is None or command.number <= after for command in found):
        return True
    due = select(DownlinkCommand.command_id).where(_open_of(lot_id), DownlinkCommand.expires_at <= now)
    return session.scalar(due.limit(1)) is not None


def _answer(settings: Settings, found: Sequence[DownlinkCommand], after: int) -> Fetched:
    given = [
        Given(
            command.command_id,
            command.number,
            command.kind,
            command.subject,
            opened(settings, command),
            command.created_at,
            command.expires_at,
        )
        for command in sorted(found, key=lambda one: one.number or 0)
        if command.state == "delivered" and command.number is not None
    ]
    return Fetched(tuple(given), max((one.number for one in given), default=after))
