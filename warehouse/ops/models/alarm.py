"""Alarms: rules, what they watch, episodes with notes, and the way of a message to people and programs.

An episode is one time that an alarm was open, whether a lot reported it or a rule of ours found it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from warehouse.ops.models.base import Base, Deletable, Versioned
from warehouse.ops.types import Document, Instant

_IS_OPEN = text("recovered_at is null")
_WAITS = text("delivery_id is null")


class AlarmRule(Versioned, Base):
    """What one kind of rule says at one place of the tree, a node or a lot; the nearest place above a lot wins."""

    __tablename__ = "alarm_rule"

    rule_id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(32))
    node_id: Mapped[int | None] = mapped_column(ForeignKey("node.node_id"))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.lot_id"))
    is_enabled: Mapped[bool] = mapped_column(default=True)
    threshold: Mapped[int]
    level: Mapped[str] = mapped_column(String(16))

    __table_args__ = (
        CheckConstraint("(node_id is null) <> (lot_id is null)", name="place"),
        CheckConstraint("level in ('info', 'warning', 'critical')", name="level"),
        Index("uq_alarm_rule_node", "node_id", "kind", unique=True),
        Index("uq_alarm_rule_lot", "lot_id", "kind", unique=True),
    )


class AlarmEvent(Base):
    """An alarm record of a lot in its newest revision; episodes are made anew from these whatever comes when."""

    __tablename__ = "alarm_event"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    is_void: Mapped[bool]
    alarm_id: Mapped[str] = mapped_column(String(128))
    event: Mapped[str] = mapped_column(String(12))
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    alarm_type: Mapped[str | None] = mapped_column(String(64))
    level: Mapped[str | None] = mapped_column(String(16))
    device_id: Mapped[str | None] = mapped_column(String(64))
    device_type: Mapped[str | None] = mapped_column(String(32))
    gate_id: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (
        Index("ix_alarm_event_alarm", "lot_id", "alarm_id"),
        Index("ix_alarm_event_occurred_at", "occurred_at"),
    )


class AlarmEpisode(Base):
    """One time that an alarm was open; without a lot it is one of the platform itself.

    ``alarm_key`` is the lot's alarm id, or kind and subject of a rule. ``details`` are the figures of a rule's alarm,
    from which its sentence is made in either language. ``announced`` says how far people were told.
    """

    __tablename__ = "alarm_episode"

    episode_id: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(4))
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.lot_id"))
    alarm_key: Mapped[str] = mapped_column(String(200))
    alarm_type: Mapped[str | None] = mapped_column(String(64))
    level: Mapped[str] = mapped_column(String(16))
    device_id: Mapped[str | None] = mapped_column(String(64))
    device_type: Mapped[str | None] = mapped_column(String(32))
    gate_id: Mapped[str | None] = mapped_column(String(64))
    message: Mapped[str | None] = mapped_column(String(500))
    details: Mapped[dict[str, Any] | None] = mapped_column(Document)
    raised_at: Mapped[datetime] = mapped_column(Instant)
    recovered_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    announced: Mapped[str] = mapped_column(String(12), default="nothing", server_default="nothing")
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[str | None] = mapped_column(String(200))

    __table_args__ = (
        CheckConstraint("source in ('lot', 'rule')", name="source"),
        CheckConstraint("level in ('info', 'warning', 'critical')", name="level"),
        CheckConstraint("announced in ('nothing', 'raised', 'recovered')", name="announced"),
        CheckConstraint("recovered_at is null or recovered_at >= raised_at", name="recovered_at"),
        Index("ix_alarm_episode_key", "lot_id", "alarm_key", "raised_at"),
        Index("ix_alarm_episode_open", "lot_id", "episode_id", sqlite_where=_IS_OPEN, postgresql_where=_IS_OPEN),
        Index("ix_alarm_episode_announced", "announced", "recovered_at"),
        Index("ix_alarm_episode_recovered_at", "recovered_at"),
    )


class AlarmNote(Base):
    """What somebody wrote about an episode; never changed."""

    __tablename__ = "alarm_note"

    note_id: Mapped[int] = mapped_column(primary_key=True)
    episode_id: Mapped[int] = mapped_column(ForeignKey("alarm_episode.episode_id"), index=True)
    at: Mapped[datetime] = mapped_column(Instant)
    operator_id: Mapped[int | None] = mapped_column(ForeignKey("operator.operator_id"))
    operator_name: Mapped[str] = mapped_column(String(200))
    note: Mapped[str] = mapped_column(String(1000))


class AlarmWatch(Base):
    """Something that is not yet an alarm and will be one if it lasts: since when, and its last value."""

    __tablename__ = "alarm_watch"

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    subject: Mapped[str] = mapped_column(String(128), primary_key=True)
    since: Mapped[datetime | None] = mapped_column(Instant)
    value: Mapped[int | None] = mapped_column(BigInteger)


class UploadSlot(Base):
    """Live records that a lot sent in five minutes, by time of receipt; kept for a day."""

    __tablename__ = "upload_slot"

    slot_started_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    records: Mapped[int]


class CountedBatch(Base):
    """A journal batch whose records are in ``upload_slot``, so that landing it again counts nothing twice."""

    __tablename__ = "counted_batch"

    batch_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    counted_at: Mapped[datetime] = mapped_column(Instant, index=True)


class RecentOpening(Base):
    """A barrier that was opened by hand, from afar or by force; kept for a day."""

    __tablename__ = "recent_opening"

    lot_id: Mapped[int] = mapped_column(ForeignKey("lot.lot_id"), primary_key=True)
    record_id: Mapped[str] = mapped_column(String(128), primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    is_counted: Mapped[bool]
    gate_id: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime] = mapped_column(Instant, index=True)


class AlarmChannel(Versioned, Deletable, Base):
    """Where alarms of a node's or lot's lots are told: by e-mail or to a web hook.

    ``alarm_types`` empty means all. Quiet hours (HH:MM in ``time_zone``) hold messages back, critical ones only when
    ``quiet_critical``. What comes within ``fold_seconds`` is one message.
    """

    __tablename__ = "alarm_channel"

    channel_id: Mapped[int] = mapped_column(primary_key=True)
    node_id: Mapped[int | None] = mapped_column(ForeignKey("node.node_id"), index=True)
    lot_id: Mapped[int | None] = mapped_column(ForeignKey("lot.lot_id"), index=True)
    name: Mapped[str] = mapped_column(String(100))
    kind: Mapped[str] = mapped_column(String(8))
    addresses: Mapped[list[str]] = mapped_column(Document)
    url: Mapped[str | None] = mapped_column(String(500))
    secret_encrypted: Mapped[bytes | None] = mapped_column(LargeBinary)
    least_level: Mapped[str] = mapped_column(String(16))
    alarm_types: Mapped[list[str]] = mapped_column(Document)
    tells_recovery: Mapped[bool] = mapped_column(default=True, server_default=true())
    quiet_from: Mapped[str | None] = mapped_column(String(5))
    quiet_to: Mapped[str | None] = mapped_column(String(5))
    quiet_critical: Mapped[bool] = mapped_column(default=False)
    time_zone: Mapped[str] = mapped_column(String(64))
    fold_seconds: Mapped[int]
    language: Mapped[str] = mapped_column(String(8))
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(Instant)

    __table_args__ = (
        CheckConstraint("(node_id is null) <> (lot_id is null)", name="place"),
        CheckConstraint("kind in ('email', 'webhook')", name="kind"),
        CheckConstraint("least_level in ('info', 'warning', 'critical')", name="least_level"),
        CheckConstraint("fold_seconds >= 0", name="fold_seconds"),
    )


class AlarmDelivery(Base):
    """One message of a channel and what became of it; ``payload`` is what it says, the same in every attempt."""

    __tablename__ = "alarm_delivery"

    delivery_id: Mapped[int] = mapped_column(primary_key=True)
    channel_id: Mapped[int] = mapped_column(ForeignKey("alarm_channel.channel_id"))
    state: Mapped[str] = mapped_column(String(12))
    payload: Mapped[dict[str, Any]] = mapped_column(Document)
    created_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    message_zh: Mapped[str | None] = mapped_column(String(1000))
    message_en: Mapped[str | None] = mapped_column(String(1000))

    __table_args__ = (
        CheckConstraint("state in ('waiting', 'sending', 'sent', 'failed', 'stopped')", name="state"),
        Index("ix_alarm_delivery_state", "state", "next_attempt_at"),
        Index("ix_alarm_delivery_channel", "channel_id", "delivery_id"),
    )


class AlarmNotice(Base):
    """One event of an episode that a channel has to tell: at most once for each."""

    __tablename__ = "alarm_notice"

    channel_id: Mapped[int] = mapped_column(ForeignKey("alarm_channel.channel_id"), primary_key=True)
    episode_id: Mapped[int] = mapped_column(ForeignKey("alarm_episode.episode_id"), primary_key=True)
    event: Mapped[str] = mapped_column(String(12), primary_key=True)
    not_before: Mapped[datetime] = mapped_column(Instant)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("alarm_delivery.delivery_id"))

    __table_args__ = (
        CheckConstraint("event in ('raised', 'recovered')", name="event"),
        Index("ix_alarm_notice_waiting", "channel_id", "not_before", sqlite_where=_WAITS, postgresql_where=_WAITS),
        Index("ix_alarm_notice_episode_id", "episode_id"),
        Index("ix_alarm_notice_delivery_id", "delivery_id"),
    )
