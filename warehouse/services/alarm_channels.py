"""Channels that tell of alarms, as people set them up for a place of the tree.

Belongs here: saving, switching, deleting and trying channels, a new secret. Does not belong here: listing them and what
became of messages (``alarm_messages.py``), who is told what (``warehouse.alarms.announce``), sending
(``warehouse.alarms.deliver``).

The secret of a web hook is shown once, when it is made; it is kept encrypted.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any, Final

from sqlalchemy import func, select, update

from warehouse.alarms import webhook
from warehouse.alarms.kinds import LEVELS
from warehouse.alarms.words import alarm_types
from warehouse.errors import Forbidden, ParkError
from warehouse.ops.models import AlarmChannel, AlarmDelivery, AlarmNotice
from warehouse.security.actor import Actor
from warehouse.security.secrets import encrypt
from warehouse.services.alarm_messages import channels_in_scope
from warehouse.services.fields import Fields
from warehouse.services.places import read_place
from warehouse.services.rows import put
from warehouse.services.work import Work, locked, picture, working
from warehouse.settings import Settings

ENTITY: Final = "alarm_channel"
KINDS: Final = ("email", "webhook")
MOST_ADDRESSES: Final = 20
MOST_CHANNELS: Final = 100
LONGEST_FOLD: Final = 3600
_SET: Final = (
    "name",
    "kind",
    "addresses",
    "url",
    "least_level",
    "alarm_types",
    "tells_recovery",
    "quiet_from",
    "quiet_to",
    "quiet_critical",
    "fold_seconds",
    "language",
)


@dataclass(frozen=True)
class ChannelForm:
    """What a channel is made of; ``addresses`` as typed, separated by blanks, commas or lines."""

    name: str
    kind: str
    addresses: str = ""
    url: str = ""
    least_level: str = "warning"
    alarm_types: Sequence[str] = field(default_factory=tuple)
    tells_recovery: bool = True
    quiet_from: str = ""
    quiet_to: str = ""
    quiet_critical: bool = False
    fold_seconds: int | str | None = 60
    language: str = "zh"


def save_channel(
    settings: Settings,
    actor: Actor,
    place: str,
    form: ChannelForm,
    channel_id: int | None = None,
    expected_version: int | None = None,
    *,
    now: datetime | None = None,
) -> tuple[int, str | None]:
    """Set up a channel at a place, or change one, which stays at its place; returns its id and a new secret.

    The secret is that of a new web hook, or of one that was an e-mail channel; else None.

    Raises:
        Forbidden: without ``alarms.edit``, or the place or channel is not the actor's.
        InvalidFields: by field.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "alarms.edit", now=now) as work:
        row = None if channel_id is None else _channel(work, channel_id, expected_version)
        where = read_place(work.session, actor, place) if row is None else None
        values = _checked(work, form, is_new=row is None)
        before = None if row is None else picture(row, _SET)
        if row is not None and before == values:
            return row.channel_id, None
        secret = None
        if form.kind == "webhook" and (row is None or row.secret_encrypted is None):
            secret = secrets.token_urlsafe(32)
        if row is None:
            assert where is not None
            row = AlarmChannel(
                node_id=where.node_id,
                lot_id=where.lot_id,
                time_zone=settings.schedule_time_zone,
                is_active=True,
                created_at=work.now,
            )
            work.session.add(row)
        put(row, values)
        if secret is not None:
            row.secret_encrypted = encrypt(settings, secret)
        work.session.flush()
        _record(work, row, before, values)
        return row.channel_id, secret


def _checked(work: Work, form: ChannelForm, *, is_new: bool) -> dict[str, Any]:
    fields = Fields()
    quiet = [_clock(fields, name, getattr(form, name)) for name in ("quiet_from", "quiet_to")]
    if (quiet[0] is None) != (quiet[1] is None):
        fields.wrong(
            "quiet_to" if quiet[1] is None else "quiet_from",
            "免打扰须填写起止时间",
            "quiet hours have a begin and an end",
        )
    is_mail = form.kind == "email"
    values: dict[str, Any] = {
        "name": fields.text("name", form.name, required=True, longest=100),
        "kind": fields.choice("kind", form.kind, KINDS),
        "addresses": _addresses(fields, form.addresses) if is_mail else [],
        "url": None if is_mail else _url(work.settings, fields, form.url),
        "least_level": fields.choice("least_level", form.least_level, LEVELS),
        "alarm_types": [code for code in alarm_types() if code in form.alarm_types],
        "tells_recovery": bool(form.tells_recovery),
        "quiet_from": quiet[0],
        "quiet_to": quiet[1],
        "quiet_critical": bool(form.quiet_critical),
        "fold_seconds": fields.whole("fold_seconds", form.fold_seconds, least=0, most=LONGEST_FOLD),
        "language": fields.choice("language", form.language, ("zh", "en")),
    }
    if is_mail and not work.settings.sends_mail:
        fields.wrong(
            "kind",
            "本系统未设置发信服务器，不能发邮件：请改选 Webhook，或请管理员设置 PARK_SMTP_HOST",
            "no mail server is set up here: choose a web hook, or ask an administrator to set PARK_SMTP_HOST",
        )
    in_use = (
        select(func.count())
        .select_from(AlarmChannel)
        .where(AlarmChannel.deleted_at.is_(None), channels_in_scope(work.actor))
    )
    if is_new and (work.session.scalar(in_use) or 0) >= MOST_CHANNELS and work.actor.level != "platform":
        fields.wrong("name", f"最多 {MOST_CHANNELS} 个通知渠道", f"at most {MOST_CHANNELS} channels")
    fields.done()
    return values


def _clock(fields: Fields, name: str, typed: str | None) -> str | None:
    cleaned = (typed or "").strip().replace("：", ":")
    if not cleaned:
        return None
    try:
        return f"{time.fromisoformat(cleaned.zfill(5)):%H:%M}"
    except ValueError:
        fields.wrong(name, f"“{typed}”不是时刻，例如 22:00", f"“{typed}” is no time of day, for example 22:00")
        return None


def _addresses(fields: Fields, typed: str) -> list[str]:
    for mark in ",;，；、":
        typed = typed.replace(mark, " ")
    found = list(dict.fromkeys(typed.split()))
    if not found:
        fields.wrong("addresses", "请填写收件地址", "type at least one address")
    if len(found) > MOST_ADDRESSES:
        fields.wrong("addresses", f"最多 {MOST_ADDRESSES} 个地址", f"at most {MOST_ADDRESSES} addresses")
    return [address for one in found if (address := fields.email("addresses", one))]


def _url(settings: Settings, fields: Fields, typed: str) -> str | None:
    cleaned = fields.text("url", typed, required=True, longest=500)
    if cleaned is None:
        return None
    try:
        webhook.read_target(settings, cleaned)
    except ParkError as error:
        # A name that has no address at the moment may have one later; the call checks again.
        if error.code != "webhook_failed":
            fields.wrong("url", error.zh, error.en)
    return cleaned


def renew_secret(settings: Settings, actor: Actor, channel_id: int, expected_version: int | None = None) -> str:
    """Give a web hook a new secret, with which the next message is signed; returns it.

    Raises:
        Forbidden: the channel is not there for this actor.
        ParkError: ``conflict``; ``no_webhook``.
    """
    with working(settings, actor, "alarms.edit") as work:
        row = _channel(work, channel_id, expected_version)
        if row.kind != "webhook":
            raise ParkError(
                zh=f"“{row.name}”是邮件渠道，没有密钥：请选择 Webhook",
                en=f"“{row.name}” sends mail and has no secret: choose a web hook",
                code="no_webhook",
            )
        secret = secrets.token_urlsafe(32)
        row.secret_encrypted = encrypt(settings, secret)
        _record(work, row, None, {"secret": "new"}, "alarms.secret_renewed")
        return secret


def switch_channel(
    settings: Settings, actor: Actor, channel_id: int, is_active: bool, expected_version: int | None = None
) -> None:
    """Stop a channel, or let it go on; what it had to tell meanwhile is not caught up.

    Raises:
        Forbidden: the channel is not there for this actor.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "alarms.edit") as work:
        row = _channel(work, channel_id, expected_version)
        if row.is_active == is_active:
            return
        row.is_active = is_active
        if not is_active:
            _drop_waiting(work, channel_id)
        _record(work, row, {"is_active": not is_active}, {"is_active": is_active})


def delete_channel(settings: Settings, actor: Actor, channel_id: int, expected_version: int | None = None) -> None:
    """Delete a channel; what it told stays listed.

    Raises:
        Forbidden: the channel is not there for this actor.
        ParkError: ``conflict``.
    """
    with working(settings, actor, "alarms.edit") as work:
        row = _channel(work, channel_id, expected_version)
        before = picture(row, _SET)
        row.deleted_at, row.is_active = work.now, False
        _drop_waiting(work, channel_id)
        _record(work, row, before, None)


def try_channel(settings: Settings, actor: Actor, channel_id: int, *, now: datetime | None = None) -> int:
    """Send a message of trial as soon as possible; returns its number.

    Raises:
        Forbidden: the channel is not there for this actor.
    """
    with working(settings, actor, "alarms.edit", now=now) as work:
        row = _channel(work, channel_id, None)
        made = AlarmDelivery(
            channel_id=channel_id,
            state="waiting",
            payload={"created_at": work.now.isoformat(), "channel": row.name, "alarms": [_trial(row, work.now)]},
            created_at=work.now,
            attempts=0,
            next_attempt_at=work.now,
        )
        work.session.add(made)
        work.session.flush()
        made.payload = {"delivery_id": made.delivery_id, **made.payload}
        _record(work, row, None, {"delivery": made.delivery_id}, "alarms.channel_tried")
        return made.delivery_id


def _trial(row: AlarmChannel, now: datetime) -> dict[str, Any]:
    return {
        "event": "raised",
        "alarm": 0,
        "source": "trial",
        "type": "other",
        "level": "info",
        "lot": None,
        "device_id": None,
        "device_type": None,
        "gate_id": None,
        "message": "这是一条测试消息" if row.language == "zh" else "this is a message of trial",
        "raised_at": now.isoformat(),
        "recovered_at": None,
    }


def _drop_waiting(work: Work, channel_id: int) -> None:
    waiting = AlarmDelivery.channel_id == channel_id, AlarmDelivery.state == "waiting"
    work.session.execute(
        update(AlarmDelivery).where(*waiting).values(state="stopped", next_attempt_at=None, finished_at=work.now)
    )
    work.session.query(AlarmNotice).filter(
        AlarmNotice.channel_id == channel_id, AlarmNotice.delivery_id.is_(None)
    ).delete(synchronize_session=False)


def _channel(work: Work, channel_id: int, expected_version: int | None) -> AlarmChannel:
    query = select(AlarmChannel).where(
        AlarmChannel.channel_id == channel_id, AlarmChannel.deleted_at.is_(None), channels_in_scope(work.actor)
    )
    row = work.session.scalar(locked(query))
    if row is None:
        raise Forbidden(
            zh=f"通知渠道 {channel_id} 不存在，或您无权查看：请从列表中选择",
            en=f"channel {channel_id} does not exist, or you may not see it: choose from the list",
        )
    if expected_version is not None:
        work.expect(row, expected_version, ENTITY, channel_id)
    return row


def _record(
    work: Work,
    row: AlarmChannel,
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    action: str | None = None,
) -> None:
    work.record(ENTITY, row.channel_id, row.name, before, after, lot_id=row.lot_id, node_id=row.node_id, action=action)
