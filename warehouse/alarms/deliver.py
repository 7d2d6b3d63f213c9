"""Telling channels what they have to be told, until they took it.

Belongs here: gathering notices to one message, attempts with growing pauses, what became of them. Does not belong here:
who is told what and from when (``announce.py``), the web hook's call (``webhook.py``), the mail's (``warehouse.mail``).

A channel has one unfinished message at a time, so that messages come in order; what arises meanwhile waits for the
next. A process that died over a message is followed by another attempt, so a receiver may get one twice, under one
number.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from warehouse.alarms import webhook
from warehouse.alarms.words import sentence, type_label
from warehouse.codes import label
from warehouse.errors import ParkError
from warehouse.mail import Mail, send
from warehouse.ops.models import AlarmChannel, AlarmDelivery, AlarmEpisode, AlarmNotice, Lot
from warehouse.ops.session import ops_session, write_session
from warehouse.security.secrets import decrypt
from warehouse.settings import Settings

LOG = logging.getLogger(__name__)
MOST_IN_ONE: Final = 200
AT_ONCE: Final = 4
"""Channels told at one time, so that one that does not answer holds up few others."""
PATIENCE: Final = timedelta(minutes=5)
"""Time after which an attempt whose process says nothing counts as dead."""
LATEST: Final = timedelta(hours=48)
PAUSES: Final = (30, 60, 120, 300, 600, 900, 1800)
"""Seconds before the next attempt, by the number of attempts made; the last is repeated."""


@dataclass(frozen=True)
class Message:
    """A message that this process has to send now."""

    delivery_id: int
    attempts: int
    created_at: datetime
    kind: str
    name: str
    addresses: tuple[str, ...]
    url: str | None
    secret_encrypted: bytes | None
    language: str
    time_zone: str
    payload: dict[str, Any]


@dataclass(frozen=True)
class Sent:
    """What became of one attempt."""

    message: Message
    error: ParkError | None


def deliver_due(settings: Settings, now: datetime) -> list[Sent]:
    """Send everything that is due; a channel that fails does not keep the others."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        outcomes = threads.map(lambda channel_id: _deliver(settings, channel_id, now), _channels(settings))
        return [outcome for outcome in outcomes if outcome is not None]


def _deliver(settings: Settings, channel_id: int, now: datetime) -> Sent | None:
    message = claim(settings, channel_id, now)
    if message is None:
        return None
    error = _attempt(settings, message, now)
    _finish(settings, message, now, error)
    return Sent(message, error)


def _channels(settings: Settings) -> list[int]:
    with ops_session(settings) as session:
        in_use = select(AlarmChannel.channel_id).where(AlarmChannel.is_active, AlarmChannel.deleted_at.is_(None))
        return list(session.scalars(in_use.order_by(AlarmChannel.channel_id)))


def claim(settings: Settings, channel_id: int, now: datetime) -> Message | None:
    """The channel's message whose turn it is: the unfinished one, or a new one of all that waits; None without any."""
    with write_session(settings) as session:
        query = select(AlarmChannel).where(AlarmChannel.channel_id == channel_id).with_for_update()
        channel = session.scalars(query).one()
        unfinished = session.scalar(
            select(AlarmDelivery)
            .where(AlarmDelivery.channel_id == channel_id, AlarmDelivery.state.in_(("waiting", "sending")))
            .order_by(AlarmDelivery.delivery_id)
            .limit(1)
        )
        if unfinished is not None and (unfinished.next_attempt_at or now) > now:
            return None
        found = unfinished or _gather(session, channel, now)
        if found is None:
            return None
        found.state, found.attempts, found.next_attempt_at = "sending", found.attempts + 1, now + PATIENCE
        session.flush()
        return Message(
            delivery_id=found.delivery_id,
            attempts=found.attempts,
            created_at=found.created_at,
            kind=channel.kind,
            name=channel.name,
            addresses=tuple(channel.addresses),
            url=channel.url,
            secret_encrypted=channel.secret_encrypted,
            language=channel.language,
            time_zone=channel.time_zone,
            payload=found.payload,
        )


def _gather(session: Session, channel: AlarmChannel, now: datetime) -> AlarmDelivery | None:
    """One message of what the channel may be told by now."""
    rows = session.execute(
        select(AlarmNotice, AlarmEpisode, Lot)
        .join(AlarmEpisode, AlarmEpisode.episode_id == AlarmNotice.episode_id)
        .outerjoin(Lot, Lot.lot_id == AlarmEpisode.lot_id)
        .where(
            AlarmNotice.channel_id == channel.channel_id,
            AlarmNotice.delivery_id.is_(None),
            AlarmNotice.not_before <= now,
        )
        .order_by(AlarmNotice.episode_id, AlarmNotice.event)
        .limit(MOST_IN_ONE)
    ).tuples()
    notices = list(rows)
    if not notices:
        return None
    alarms = [_told(notice.event, episode, lot, channel.language) for notice, episode, lot in notices]
    made = AlarmDelivery(
        channel_id=channel.channel_id,
        state="waiting",
        payload={"created_at": now.isoformat(), "channel": channel.name, "alarms": alarms},
        created_at=now,
        attempts=0,
    )
    session.add(made)
    session.flush()
    made.payload = {"delivery_id": made.delivery_id, **made.payload}
    for notice, _episode, _lot in notices:
        session.execute(
            update(AlarmNotice)
            .where(
                AlarmNotice.channel_id == notice.channel_id,
                AlarmNotice.episode_id == notice.episode_id,
                AlarmNotice.event == notice.event,
            )
            .values(delivery_id=made.delivery_id)
        )
    return made


def _told(event: str, episode: AlarmEpisode, lot: Lot | None, language: str) -> dict[str, Any]:
    """One alarm as a message holds it."""
    return {
        "event": event,
        "alarm": episode.episode_id,
        "source": episode.source,
        "type": episode.alarm_type or "other",
        "level": episode.level,
        "lot": None if lot is None else {"code": lot.code, "name": lot.name},
        "device_id": episode.device_id,
        "device_type": episode.device_type,
        "gate_id": episode.gate_id,
        "message": sentence(episode.alarm_type, episode.details, episode.message, language),
        "raised_at": episode.raised_at.isoformat(),
        "recovered_at": episode.recovered_at.isoformat() if episode.recovered_at else None,
    }


def _attempt(settings: Settings, message: Message, now: datetime) -> ParkError | None:
    try:
        if message.kind == "email":
            return send(settings, as_mail(message), now)
        assert message.url is not None
        assert message.secret_encrypted is not None
        secret = decrypt(settings, message.secret_encrypted)
        body = json.dumps(message.payload, ensure_ascii=False, separators=(",", ":")).encode()
        webhook.call(settings, message.url, secret, body, str(int(now.timestamp())), message.delivery_id)
    except ParkError as error:
        return error
    except Exception:
        LOG.exception("alarm delivery %s failed", message.delivery_id)
        number = f"alarm delivery {message.delivery_id}"
        return ParkError(zh=f"发生内部错误，详见日志中的“{number}”", en=f"an internal error, see “{number}” in the log")
    return None


def _finish(settings: Settings, message: Message, now: datetime, error: ParkError | None) -> None:
    with write_session(settings) as session:
        found = session.get_one(AlarmDelivery, message.delivery_id)
        if (found.state, found.attempts) != ("sending", message.attempts):
            return  # Another process took it over because this one was silent for too long.
        # Of a mail that some addresses took, a second attempt would come twice to these.
        is_sent = error is None or error.code == "failed"
        found.message_zh, found.message_en = (None, None) if error is None else (error.zh[:1000], error.en[:1000])
        if is_sent:
            found.state, found.next_attempt_at, found.finished_at = "sent", None, now
            return
        again = now + timedelta(seconds=PAUSES[min(message.attempts, len(PAUSES)) - 1])
        if again <= message.created_at + LATEST:
            found.state, found.next_attempt_at = "waiting", again
        else:
            found.state, found.next_attempt_at, found.finished_at = "failed", None, now


def as_mail(message: Message) -> Mail:
    """The message as a mail; many alarms are one mail with a line for each."""
    language = message.language
    alarms: Sequence[dict[str, Any]] = message.payload["alarms"]
    words = _WORDS["zh" if language == "zh" else "en"]
    lines = [line for alarm in alarms for line in _lines(alarm, language, message.time_zone)]
    first = alarms[0]
    subject = f"[{words[first['event']]}] {_subject(first, language)}"
    if len(alarms) > 1:
        subject += words["more"].format(count=len(alarms))
    text = [*lines, "", words["foot"].format(name=message.name, number=message.delivery_id)]
    return Mail(
        identity=f"alarm-{message.delivery_id}",
        subject=subject,
        text="\n".join(text) + "\n",
        attachment=None,
        media_type="",
        addresses=message.addresses,
    )


_WORDS: Final = {
    "zh": {
        "raised": "报警",
        "recovered": "恢复",
        "platform": "平台",
        "more": " 等 {count} 条",
        "since": "发生",
        "until": "恢复",
        "foot": "本邮件由停车云按警报通知“{name}”自动发出，编号 {number}。",
    },
    "en": {
        "raised": "Alarm",
        "recovered": "Recovered",
        "platform": "Platform",
        "more": " and more, {count} in all",
        "since": "raised",
        "until": "recovered",
        "foot": "Sent by ParkCloud for the alarm channel “{name}”, number {number}.",
    },
}


def _subject(alarm: dict[str, Any], language: str) -> str:
    words = _WORDS["zh" if language == "zh" else "en"]
    lot = alarm["lot"]["name"] if alarm["lot"] else words["platform"]
    return f"{lot} · {type_label(alarm['type'], language)}"


def _lines(alarm: dict[str, Any], language: str, zone: str) -> list[str]:
    words = _WORDS["zh" if language == "zh" else "en"]

    def moment(text: str) -> str:
        return f"{datetime.fromisoformat(text).astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"

    level = label("alarm_level", alarm["level"], language)
    where = " ".join(filter(None, (alarm["device_id"], alarm["gate_id"])))
    first = f"[{words[alarm['event']]}] {level} · {_subject(alarm, language)}"
    times = f"    {words['since']} {moment(alarm['raised_at'])}"
    if alarm["recovered_at"]:
        times += f", {words['until']} {moment(alarm['recovered_at'])}"
    said = f"    {' · '.join(filter(None, (where, alarm['message'])))}"
    return [first, *([said] if said.strip() else []), times]
