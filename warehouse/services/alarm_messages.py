"""Which channels tell of alarms, and what became of their messages.

Belongs here: listing both. Does not belong here: changing channels (``alarm_channels.py``), sending
(``warehouse.alarms.deliver``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, true
from sqlalchemy.orm import Session

from warehouse.ops.models import AlarmChannel, AlarmDelivery, AlarmNotice, Lot, Node
from warehouse.security.actor import Actor
from warehouse.services.listing import Found, ListQuery, one_page
from warehouse.services.work import reading
from warehouse.settings import Settings


@dataclass(frozen=True)
class ChannelRow:
    """A channel as listed, with what became of its newest message; ``waiting`` events have not been told yet."""

    channel_id: int
    place: str
    place_name: str
    name: str
    kind: str
    addresses: tuple[str, ...]
    url: str | None
    least_level: str
    alarm_types: tuple[str, ...]
    tells_recovery: bool
    quiet_from: str | None
    quiet_to: str | None
    quiet_critical: bool
    fold_seconds: int
    language: str
    is_active: bool
    version: int
    waiting: int
    last_state: str | None
    last_at: datetime | None


@dataclass(frozen=True)
class DeliveryRow:
    """One message and what became of it."""

    delivery_id: int
    channel_name: str
    state: str
    alarms: int
    created_at: datetime
    attempts: int
    next_attempt_at: datetime | None
    finished_at: datetime | None
    message_zh: str | None
    message_en: str | None


def channels_in_scope(actor: Actor) -> ColumnElement[bool]:
    """Channels of nodes at or below the actor's, and of lots in the scope."""
    if isinstance(actor.node_ids, str) or isinstance(actor.scope.lot_ids, str):
        return true()
    return or_(AlarmChannel.node_id.in_(actor.node_ids), AlarmChannel.lot_id.in_(actor.scope.lot_ids))


def list_channels(settings: Settings, actor: Actor, asked: ListQuery) -> Found[ChannelRow]:
    """The channels that the actor may see; sorts: name.

    Raises:
        Forbidden: without ``alarms.edit``; addresses and web hooks are for those who set them.
    """
    with reading(settings, actor, "alarms.edit") as session:
        query: Select[*tuple[Any, ...]] = (
            select(AlarmChannel, Node.name, Lot.name)
            .outerjoin(Node, Node.node_id == AlarmChannel.node_id)
            .outerjoin(Lot, Lot.lot_id == AlarmChannel.lot_id)
            .where(AlarmChannel.deleted_at.is_(None), channels_in_scope(actor))
        )
        sorts = {"name": AlarmChannel.name, "channel_id": AlarmChannel.channel_id}
        rows, total = one_page(session, query, asked, sorts, "channel_id")
        return Found([_row(session, *row) for row in rows], total)


def _row(session: Session, channel: AlarmChannel, node_name: str | None, lot_name: str | None) -> ChannelRow:
    last = session.scalar(
        select(AlarmDelivery)
        .where(AlarmDelivery.channel_id == channel.channel_id)
        .order_by(AlarmDelivery.delivery_id.desc())
        .limit(1)
    )
    waiting = session.scalar(
        select(func.count())
        .select_from(AlarmNotice)
        .where(AlarmNotice.channel_id == channel.channel_id, AlarmNotice.delivery_id.is_(None))
    )
    same = {name: getattr(channel, name) for name in ChannelRow.__dataclass_fields__ if hasattr(channel, name)}
    return ChannelRow(
        **{**same, "addresses": tuple(channel.addresses), "alarm_types": tuple(channel.alarm_types)},
        place=f"n{channel.node_id}" if channel.lot_id is None else f"l{channel.lot_id}",
        place_name=node_name or lot_name or "",
        waiting=waiting or 0,
        last_state=None if last is None else last.state,
        last_at=None if last is None else last.finished_at or last.created_at,
    )


def list_messages(settings: Settings, actor: Actor, asked: ListQuery) -> Found[DeliveryRow]:
    """Messages of the channels that the actor may see, newest first.

    Raises:
        Forbidden: without ``alarms.edit``.
    """
    with reading(settings, actor, "alarms.edit") as session:
        query: Select[*tuple[Any, ...]] = (
            select(AlarmDelivery, AlarmChannel.name)
            .join(AlarmChannel, AlarmChannel.channel_id == AlarmDelivery.channel_id)
            .where(channels_in_scope(actor))
        )
        rows, total = one_page(session, query, asked, {"delivery_id": AlarmDelivery.delivery_id}, "-delivery_id")
        names = [name for name in DeliveryRow.__dataclass_fields__ if name not in ("channel_name", "alarms")]
        return Found(
            [
                DeliveryRow(
                    **{name: getattr(one, name) for name in names},
                    channel_name=channel_name,
                    alarms=len(one.payload["alarms"]),
                )
                for one, channel_name in rows
            ],
            total,
        )
