"""From broken rules to episodes, and from these to the reports.

Belongs here: opening and closing episodes of the platform's rules, what is watched on, the records that carry these
alarms to the reports, and forgetting what is old. Does not belong here: what is broken (``conditions.py``), telling
people (``announce.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select, tuple_
from sqlalchemy.orm import Session

from warehouse.alarms.conditions import Found, Key, Watched
from warehouse.alarms.episodes import CHUNK, forget, insert_into
from warehouse.alarms.pairing import RAISED, RECOVERED
from warehouse.alarms.words import sentence
from warehouse.ops.models import (
    AlarmDelivery,
    AlarmEpisode,
    AlarmEvent,
    AlarmNotice,
    AlarmWatch,
    CountedBatch,
    OutboxRecord,
    RecentOpening,
    UploadSlot,
)

COUNTED_FOR: Final = timedelta(days=1)
KEPT: Final = timedelta(days=90)
_PURGED_AT_ONCE: Final = 5000


@dataclass
class Outcome:
    """Ids of the episodes that began and that ended."""

    raised: list[int] = field(default_factory=list)
    recovered: list[int] = field(default_factory=list)


def reconcile(session: Session, found: Found, now: datetime, language: str) -> Outcome:
    """Open an episode for each broken rule that has none, close those whose rule holds again.

    Args:
        session: a session that writes; a second evaluation waits for its end.
        found: what is the case.
        now: the present instant.
        language: of the message in the reports.
    """
    open_now: dict[Key, AlarmEpisode] = {
        (episode.lot_id, episode.alarm_key): episode
        for episode in session.scalars(
            select(AlarmEpisode).where(AlarmEpisode.source == "rule", AlarmEpisode.recovered_at.is_(None))
        )
    }
    outcome, records = Outcome(), []
    begun: list[AlarmEpisode] = []
    for key, condition in found.conditions.items():
        if key in open_now:
            continue
        begun.append(
            AlarmEpisode(
                source="rule",
                lot_id=key[0],
                alarm_key=key[1],
                alarm_type=condition.kind,
                level=condition.level,
                device_id=condition.device_id,
                device_type=condition.device_type,
                gate_id=condition.gate_id,
                details=dict(condition.details),
                raised_at=now,
                seen_at=now,
                announced="nothing",
            )
        )
    session.add_all(begun)
    session.flush()
    for episode in begun:
        outcome.raised.append(episode.episode_id)
        records.append(_record(episode, RAISED, episode.raised_at, language))
    for key, episode in open_now.items():
        if key in found.conditions or found.is_unknown(episode.alarm_type or "", key[0]):
            continue
        episode.recovered_at = max(now, episode.raised_at)
        outcome.recovered.append(episode.episode_id)
        records.append(_record(episode, RECOVERED, episode.recovered_at, language))
    session.flush()
    # The platform itself is no lot, and the reports are about lots.
    uploads = [
        {**record, "created_at": now, "journaled_at": None} for record in records if record["lot_id"] is not None
    ]
    if uploads:
        session.execute(insert(OutboxRecord), uploads)
    _watch(session, found.watched)
    return outcome


def _record(episode: AlarmEpisode, event: str, at: datetime, language: str) -> dict[str, Any]:
    """The record of the contract that tells the reports."""
    record = {
        "kind": "alarm",
        "record_id": f"park-{episode.episode_id}-{event}",
        "occurred_at": at.isoformat(),
        "alarm_id": f"park-{episode.episode_id}",
        "event": event,
        "alarm_type": episode.alarm_type,
        "level": episode.level,
        "device_id": episode.device_id,
        "device_type": episode.device_type,
        "gate_id": episode.gate_id,
        "message": sentence(episode.alarm_type, episode.details, episode.message, language),
    }
    return {
        "lot_id": episode.lot_id,
        "record": {name: value for name, value in record.items() if value is not None},
    }


def _watch(session: Session, watched: Mapping[tuple[str, int, str], Watched]) -> None:
    """Write what changed of what is watched, and nothing else."""
    before = {
        (kind, lot_id, subject): (since, value)
        for kind, lot_id, subject, since, value in session.execute(
            select(AlarmWatch.kind, AlarmWatch.lot_id, AlarmWatch.subject, AlarmWatch.since, AlarmWatch.value)
        ).tuples()
    }
    news = [
        {"kind": kind, "lot_id": lot_id, "subject": subject, "since": one.since, "value": one.value}
        for (kind, lot_id, subject), one in watched.items()
        if before.get((kind, lot_id, subject)) != (one.since, one.value)
    ]
    if news:
        statement = insert_into(session, AlarmWatch)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["kind", "lot_id", "subject"],
                set_={"since": statement.excluded.since, "value": statement.excluded.value},
            ),
            news,
        )
    gone = [key for key in before if key not in watched]
    for start in range(0, len(gone), CHUNK):
        keys = tuple_(AlarmWatch.kind, AlarmWatch.lot_id, AlarmWatch.subject)
        session.execute(delete(AlarmWatch).where(keys.in_(gone[start : start + CHUNK])))


def purge(session: Session, now: datetime) -> None:
    """Forget what has served its time: counts of a day, messages and closed episodes of a quarter."""
    counted = now - COUNTED_FOR
    session.execute(delete(UploadSlot).where(UploadSlot.slot_started_at < counted))
    session.execute(delete(CountedBatch).where(CountedBatch.counted_at < counted))
    session.execute(delete(RecentOpening).where(RecentOpening.opened_at < counted))
    old = now - KEPT
    session.execute(delete(AlarmEvent).where(AlarmEvent.occurred_at < old))
    closed = select(AlarmEpisode.episode_id).where(AlarmEpisode.recovered_at < old).limit(_PURGED_AT_ONCE)
    forget(session, session.scalars(closed).all())
    told = select(AlarmNotice.delivery_id).where(AlarmNotice.delivery_id.is_not(None))
    session.execute(
        delete(AlarmDelivery).where(AlarmDelivery.finished_at < old, AlarmDelivery.delivery_id.not_in(told))
    )
