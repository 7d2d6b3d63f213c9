"""Which channels are told about which episodes.

Belongs here: matching new and ended episodes with channels, and the earliest moment of each message (folding, quiet
hours). Does not belong here: sending (``deliver.py``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from warehouse.alarms.episodes import CHUNK, insert_into
from warehouse.alarms.kinds import LEVEL_RANK, Rules
from warehouse.alarms.pairing import RAISED, RECOVERED
from warehouse.ops.models import AlarmChannel, AlarmEpisode, AlarmNotice, Lot

LATEST: Final = timedelta(days=1)
"""Age from which an alarm that was heard of late is no news."""


def announce(session: Session, now: datetime) -> int:
    """Note for each channel what it has to tell; each event once. Returns how many notes were made."""
    news = session.execute(
        select(AlarmEpisode, Lot.customer_id)
        .outerjoin(Lot, Lot.lot_id == AlarmEpisode.lot_id)
        .where(
            (AlarmEpisode.announced == "nothing")
            | ((AlarmEpisode.announced == RAISED) & AlarmEpisode.recovered_at.is_not(None))
        )
        .order_by(AlarmEpisode.episode_id)
    ).all()
    if not news:
        return 0
    channels = list(
        session.scalars(select(AlarmChannel).where(AlarmChannel.is_active, AlarmChannel.deleted_at.is_(None)))
    )
    rules = Rules.read(session) if channels else None
    notices: list[dict[str, Any]] = []
    told: dict[str, list[int]] = {RAISED: [], RECOVERED: []}
    for episode, customer_id in news:
        events = _events(episode)
        above = rules.above(customer_id) if rules is not None and customer_id is not None else []
        for channel in channels if now - (episode.recovered_at or episode.raised_at) <= LATEST else ():
            if not _is_for(channel, episode, above, rules):
                continue
            notices += [
                {
                    "channel_id": channel.channel_id,
                    "episode_id": episode.episode_id,
                    "event": event,
                    "not_before": earliest(channel, episode.level, now),
                    "delivery_id": None,
                }
                for event in events
                if event == RAISED or channel.tells_recovery
            ]
        told[events[-1]].append(episode.episode_id)
    if notices:
        session.execute(insert_into(session, AlarmNotice).on_conflict_do_nothing(), notices)
    for state, ids in told.items():
        for start in range(0, len(ids), CHUNK):
            part = ids[start : start + CHUNK]
            session.execute(update(AlarmEpisode).where(AlarmEpisode.episode_id.in_(part)).values(announced=state))
    return len(notices)


def _events(episode: AlarmEpisode) -> Sequence[str]:
    """What is new about an episode."""
    ended = [RECOVERED] if episode.recovered_at is not None else []
    return ended if episode.announced == RAISED else [RAISED, *ended]


def _is_for(channel: AlarmChannel, episode: AlarmEpisode, above: Iterable[int], rules: Rules | None) -> bool:
    if LEVEL_RANK[episode.level] < LEVEL_RANK[channel.least_level]:
        return False
    if channel.alarm_types and (episode.alarm_type or "other") not in channel.alarm_types:
        return False
    if channel.lot_id is not None:
        return channel.lot_id == episode.lot_id
    if episode.lot_id is None:
        # An alarm of the platform itself is for the platform's own channels.
        return rules is not None and channel.node_id is not None and rules.above(channel.node_id)[1:] == []
    return any(node_id == channel.node_id for node_id in above)


def earliest(channel: AlarmChannel, level: str, now: datetime) -> datetime:
    """When a channel may tell of an alarm at the earliest: after gathering, and not in quiet hours."""
    moment = now + timedelta(seconds=channel.fold_seconds)
    if channel.quiet_from is None or channel.quiet_to is None:
        return moment
    if level == "critical" and not channel.quiet_critical:
        return moment
    return after_quiet(moment, channel.quiet_from, channel.quiet_to, channel.time_zone)


def after_quiet(moment: datetime, quiet_from: str, quiet_to: str, zone: str) -> datetime:
    """``moment``, or the end of the quiet hours it falls into; they may go over midnight."""
    begin, end = time.fromisoformat(quiet_from), time.fromisoformat(quiet_to)
    local = moment.astimezone(ZoneInfo(zone))
    clock = local.time().replace(tzinfo=None)
    if begin == end:
        return moment
    is_quiet = begin <= clock < end if begin < end else clock >= begin or clock < end
    if not is_quiet:
        return moment
    day = local.date() if clock < end else local.date() + timedelta(days=1)
    return max(moment, datetime.combine(day, end, ZoneInfo(zone)).astimezone(moment.tzinfo))
