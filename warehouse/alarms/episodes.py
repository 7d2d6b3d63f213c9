"""Episodes of the alarms that lots report.

Belongs here: keeping the newest revision of each alarm record, and making the episodes of the alarms they touch anew.
Does not belong here: reading records out of the lake (``ingest.alarm_state``), the platform's rules.

Doing the same again, late or in another order ends in the same episodes; notes and acknowledgements stay with the
episode that covers the moment at which theirs was raised.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Table, delete, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.pairing import RAISED, Span, pair
from warehouse.ops.models import AlarmEpisode, AlarmEvent, AlarmNote, AlarmNotice

CHUNK: Final = 300
_TOLD: Final = ("alarm_type", "device_id", "device_type", "gate_id", "message")

Alarm = tuple[int, str]


def insert_into(session: Session, model: type[Any]) -> Any:
    """The dialect's insert, which knows what to do on a conflict."""
    table: Table = model.__table__
    return sqlite.insert(table) if session.get_bind().dialect.name == "sqlite" else postgresql.insert(table)


def fold(session: Session, rows: Sequence[Mapping[str, Any]], now: datetime) -> int:
    """Take in alarm records and make the episodes of their alarms anew; returns how many alarms were touched.

    Args:
        session: open session of the operational store.
        rows: columns of ``alarm_event``; at most one of each record.
        now: when the episodes are seen for the first time.
    """
    touched: set[Alarm] = set()
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        keys = [(row["lot_id"], row["record_id"]) for row in part]
        known = {
            (event.lot_id, event.record_id): event
            for event in session.scalars(
                select(AlarmEvent).where(tuple_(AlarmEvent.lot_id, AlarmEvent.record_id).in_(keys))
            )
        }
        news = []
        for row in part:
            before = known.get((row["lot_id"], row["record_id"]))
            if before is not None and before.revision >= row["revision"]:
                continue
            if before is not None:
                touched.add((before.lot_id, before.alarm_id))
            # A void may name no more than the record that it takes back, and may come before it.
            alarm_id = str(row["alarm_id"] or (before.alarm_id if before is not None else ""))
            event = str(row["event"] or (before.event if before is not None else RAISED))
            if alarm_id:
                touched.add((row["lot_id"], alarm_id))
            news.append({**row, "alarm_id": alarm_id, "event": event})
        if news:
            statement = insert_into(session, AlarmEvent)
            changed = {name: statement.excluded[name] for name in news[0] if name not in ("lot_id", "record_id")}
            session.execute(statement.on_conflict_do_update(index_elements=["lot_id", "record_id"], set_=changed), news)
    session.expire_all()
    _remake(session, sorted(touched), now)
    return len(touched)


def _remake(session: Session, alarms: Sequence[Alarm], now: datetime) -> None:
    for start in range(0, len(alarms), CHUNK):
        part = list(alarms[start : start + CHUNK])
        events: dict[Alarm, list[AlarmEvent]] = defaultdict(list)
        for event in session.scalars(
            select(AlarmEvent).where(
                tuple_(AlarmEvent.lot_id, AlarmEvent.alarm_id).in_(part), AlarmEvent.is_void.is_(False)
            )
        ):
            events[(event.lot_id, event.alarm_id)].append(event)
        there: dict[Alarm, list[AlarmEpisode]] = defaultdict(list)
        for episode in session.scalars(
            select(AlarmEpisode)
            .where(
                tuple_(AlarmEpisode.lot_id, AlarmEpisode.alarm_key).in_(part),
                AlarmEpisode.source == "lot",
            )
            .order_by(AlarmEpisode.raised_at, AlarmEpisode.episode_id)
        ):
            assert episode.lot_id is not None
            there[(episode.lot_id, episode.alarm_key)].append(episode)
        gone: list[int] = []
        for alarm in part:
            gone += _match(session, alarm, events[alarm], there[alarm], now)
        forget(session, gone)


def _match(
    session: Session, alarm: Alarm, events: Sequence[AlarmEvent], there: Sequence[AlarmEpisode], now: datetime
) -> list[int]:
    """Bring the episodes of one alarm in line with its events; returns the ids of those that are no more."""
    left = list(there)
    for span in pair(events):
        covered = [episode for episode in left if _covers(span, episode.raised_at)]
        kept = next((episode for episode in covered if episode.acknowledged_at is not None), None)
        kept = kept or next(iter(covered), None)
        if kept is None:
            kept = AlarmEpisode(source="lot", lot_id=alarm[0], alarm_key=alarm[1], seen_at=now, announced="nothing")
            session.add(kept)
        else:
            left.remove(kept)
            for other in (episode for episode in covered if episode is not kept):
                session.execute(
                    update(AlarmNote).where(AlarmNote.episode_id == other.episode_id).values(episode_id=kept.episode_id)
                )
        _tell(kept, span, events[span.place])
    return [episode.episode_id for episode in left]


def _covers(span: Span, moment: datetime) -> bool:
    return span.raised_at <= moment and (span.recovered_at is None or moment <= span.recovered_at)


def _tell(episode: AlarmEpisode, span: Span, raised: AlarmEvent) -> None:
    values: dict[str, Any] = {name: getattr(raised, name) for name in _TOLD}
    values["level"] = raised.level if raised.level in LEVELS else "warning"
    values["raised_at"], values["recovered_at"] = span.raised_at, span.recovered_at
    if span.recovered_at is None and episode.announced == "recovered":
        values["announced"] = "raised"
    for name, value in values.items():
        if getattr(episode, name) != value:
            setattr(episode, name, value)


def forget(session: Session, episode_ids: Iterable[int]) -> None:
    """Delete episodes with what hangs on them; what was told stays told."""
    ids = list(episode_ids)
    for start in range(0, len(ids), CHUNK):
        part = ids[start : start + CHUNK]
        session.flush()
        session.execute(delete(AlarmNotice).where(AlarmNotice.episode_id.in_(part)))
        session.execute(delete(AlarmNote).where(AlarmNote.episode_id.in_(part)))
        session.execute(delete(AlarmEpisode).where(AlarmEpisode.episode_id.in_(part)))
