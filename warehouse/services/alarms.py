"""Alarms as people work with them: the list, acknowledging with notes, and what is new.

Belongs here: episodes of the actor's own lots; those of the platform itself are for who sees everything. Does not
belong here: rules (``alarm_rules.py``), channels (``alarm_channels.py``), how episodes come about
(``warehouse.alarms``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Row, Select, func, select, true
from sqlalchemy.orm import Session

from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.words import sentence
from warehouse.errors import Forbidden
from warehouse.ops.models import AlarmEpisode, AlarmNote, Lot
from warehouse.security.actor import Actor
from warehouse.services.fields import Fields
from warehouse.services.listing import Found, ListQuery, like, one_page
from warehouse.services.work import locked, reading, working
from warehouse.settings import Settings

ENTITY: Final = "alarm"
LONGEST_NOTE: Final = 1000
MOST_NEWS: Final = 3
MOST_AT_ONCE: Final = 1000


@dataclass(frozen=True)
class AlarmRow:
    """One episode as listed; without a lot it is the platform's own."""

    episode_id: int
    source: str
    lot_id: int | None
    lot_name: str | None
    lot_code: str | None
    time_zone: str | None
    alarm_type: str | None
    level: str
    device_id: str | None
    device_type: str | None
    gate_id: str | None
    raised_at: datetime
    recovered_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    message: str | None
    details: Mapping[str, Any] | None

    def said(self, language: str) -> str:
        """What the alarm says."""
        return sentence(self.alarm_type, self.details, self.message, language)

    def seconds(self, now: datetime) -> int:
        """How long it lasted, or has lasted up to ``now``."""
        return max(0, int(((self.recovered_at or now) - self.raised_at).total_seconds()))


@dataclass(frozen=True)
class NoteRow:
    """What somebody wrote about an alarm."""

    at: datetime
    operator_name: str
    note: str


@dataclass(frozen=True)
class News:
    """Alarms raised since somebody last looked: the newest of them, how many, and where to go on."""

    rows: list[AlarmRow]
    count: int
    newest_id: int


@dataclass(frozen=True)
class AlarmFilter:
    """Which alarms; empty means all."""

    state: str = "open"
    level: str = ""
    alarm_type: str = ""
    lot_code: str = ""
    only_waiting: bool = False


def in_scope(actor: Actor) -> ColumnElement[bool]:
    """Episodes that the actor may see."""
    if isinstance(actor.scope.lot_ids, str):
        return true()
    return AlarmEpisode.lot_id.in_(actor.scope.lot_ids)


def list_alarms(settings: Settings, actor: Actor, asked: ListQuery, wanted: AlarmFilter) -> Found[AlarmRow]:
    """Episodes of the actor's lots; sorts: raised_at, level, lot_name.

    Raises:
        Forbidden: without ``alarms.view``.
    """
    with reading(settings, actor, "alarms.view") as session:
        query = _episodes().where(in_scope(actor), *_conditions(wanted))
        if asked.search.strip():
            found = [like(column, asked.search) for column in (Lot.name, AlarmEpisode.device_id, AlarmEpisode.message)]
            query = query.where(found[0] | found[1] | found[2])
        sorts = {
            "raised_at": AlarmEpisode.raised_at,
            "level": AlarmEpisode.level,
            "lot_name": Lot.name,
            "episode_id": AlarmEpisode.episode_id,
        }
        rows, total = one_page(session, query, asked, sorts, "-raised_at")
        return Found([_row(row) for row in rows], total)


def _conditions(wanted: AlarmFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.state == "open":
        found.append(AlarmEpisode.recovered_at.is_(None))
    elif wanted.state == "recovered":
        found.append(AlarmEpisode.recovered_at.is_not(None))
    if wanted.level:
        found.append(AlarmEpisode.level == wanted.level)
    if wanted.alarm_type:
        found.append(func.coalesce(AlarmEpisode.alarm_type, "other") == wanted.alarm_type)
    if wanted.lot_code:
        found.append(Lot.code == wanted.lot_code)
    if wanted.only_waiting:
        found.append(AlarmEpisode.acknowledged_at.is_(None))
    return found


def _episodes() -> Select[*tuple[Any, ...]]:
    return select(AlarmEpisode, Lot.name, Lot.code, Lot.time_zone).outerjoin(Lot, Lot.lot_id == AlarmEpisode.lot_id)


def _row(found: Row[*tuple[Any, ...]]) -> AlarmRow:
    values: tuple[Any, ...] = tuple(found)
    own = {name: getattr(values[0], name) for name in AlarmRow.__dataclass_fields__ if hasattr(values[0], name)}
    return AlarmRow(**own, lot_name=values[1], lot_code=values[2], time_zone=values[3])


def count_open(settings: Settings, actor: Actor) -> tuple[dict[str, int], int]:
    """Open alarms of the actor's lots by level, and how many of them nobody has acknowledged.

    Raises:
        Forbidden: without ``alarms.view``.
    """
    with reading(settings, actor, "alarms.view") as session:
        rows = session.execute(
            select(AlarmEpisode.level, func.count(), func.count().filter(AlarmEpisode.acknowledged_at.is_(None)))
            .where(AlarmEpisode.recovered_at.is_(None), in_scope(actor))
            .group_by(AlarmEpisode.level)
        ).tuples()
        counts = dict.fromkeys(LEVELS, 0)
        waiting = 0
        for level, count, unseen in rows:
            counts[level] = count
            waiting += unseen
        return counts, waiting


def get_alarm(settings: Settings, actor: Actor, episode_id: int) -> tuple[AlarmRow, list[NoteRow]]:
    """One episode with its notes, oldest first.

    Raises:
        Forbidden: there is none for this actor.
    """
    with reading(settings, actor, "alarms.view") as session:
        found = session.execute(_episodes().where(AlarmEpisode.episode_id == episode_id, in_scope(actor))).one_or_none()
        if found is None:
            raise _not_there(episode_id)
        notes = session.scalars(select(AlarmNote).where(AlarmNote.episode_id == episode_id).order_by(AlarmNote.note_id))
        return _row(found), [NoteRow(note.at, note.operator_name, note.note) for note in notes]


def news(settings: Settings, actor: Actor, after: int | None) -> News:
    """Open alarms of the actor's lots that are newer than the episode ``after``; None only says where to begin.

    Raises:
        Forbidden: without ``alarms.view``.
    """
    with reading(settings, actor, "alarms.view") as session:
        newest = session.scalar(select(func.max(AlarmEpisode.episode_id))) or 0
        if after is None or newest <= after:
            return News([], 0, newest)
        query = _episodes().where(AlarmEpisode.episode_id > after, AlarmEpisode.recovered_at.is_(None), in_scope(actor))
        rows = session.execute(query.order_by(AlarmEpisode.episode_id.desc()).limit(MOST_NEWS)).all()
        count = len(rows)
        if count == MOST_NEWS:
            count = session.scalar(select(func.count()).select_from(query.subquery())) or 0
        return News([_row(row) for row in rows], count, newest)


def acknowledge(
    settings: Settings, actor: Actor, episode_ids: Collection[int], note: str, *, now: datetime | None = None
) -> int:
    """Acknowledge episodes and write a note to each; returns how many. The first acknowledgement stands.

    Raises:
        Forbidden: without ``alarms.edit``, or one is not there for this actor.
        InvalidFields: nothing is chosen, or the note.
    """
    with working(settings, actor, "alarms.edit", now=now) as work:
        fields = Fields()
        ids = sorted(set(episode_ids))
        if not ids or len(ids) > MOST_AT_ONCE:
            fields.wrong(
                "episodes", f"请选择 1 至 {MOST_AT_ONCE} 个警报", f"choose between 1 and {MOST_AT_ONCE} alarms"
            )
        cleaned = fields.text("note", note, longest=LONGEST_NOTE)
        fields.done()
        rows = _visible(work.session, actor, ids)
        for row in rows:
            if row.acknowledged_at is not None and cleaned is None:
                fields.wrong("note", "此警报已确认，请填写备注", "it is acknowledged already: write a note")
                fields.done()
            before = {"acknowledged_by": row.acknowledged_by}
            if row.acknowledged_at is None:
                row.acknowledged_at, row.acknowledged_by = work.now, actor.name
            if cleaned is not None:
                work.session.add(
                    AlarmNote(
                        episode_id=row.episode_id,
                        at=work.now,
                        operator_id=actor.operator_id,
                        operator_name=actor.name,
                        note=cleaned,
                    )
                )
            after = {"acknowledged_by": row.acknowledged_by} | ({"note": cleaned} if cleaned is not None else {})
            work.record(ENTITY, row.episode_id, row.alarm_key, before, after, lot_id=row.lot_id)
        return len(rows)


def _visible(session: Session, actor: Actor, ids: Collection[int]) -> list[AlarmEpisode]:
    query = select(AlarmEpisode).where(AlarmEpisode.episode_id.in_(ids), in_scope(actor))
    rows = list(session.scalars(locked(query.order_by(AlarmEpisode.episode_id))))
    missing = set(ids) - {row.episode_id for row in rows}
    if missing:
        raise _not_there(min(missing))
    return rows


def _not_there(episode_id: int) -> Forbidden:
    return Forbidden(
        zh=f"警报 {episode_id} 不存在，或您无权查看：请从列表中选择",
        en=f"alarm {episode_id} does not exist, or you may not see it: choose from the list",
    )
