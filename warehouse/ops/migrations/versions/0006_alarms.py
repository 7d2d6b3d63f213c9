"""alarm rules, events, episodes, channels and their messages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "counted_batch",
        sa.Column("batch_id", sa.String(length=200), nullable=False),
        sa.Column("counted_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("batch_id", name=op.f("pk_counted_batch")),
    )
    with op.batch_alter_table("counted_batch", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_counted_batch_counted_at"), ["counted_at"], unique=False)

    op.create_table(
        "alarm_channel",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=True),
        sa.Column("lot_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("addresses", warehouse.ops.types.Document(), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("secret_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("least_level", sa.String(length=16), nullable=False),
        sa.Column("alarm_types", warehouse.ops.types.Document(), nullable=False),
        sa.Column("tells_recovery", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("quiet_from", sa.String(length=5), nullable=True),
        sa.Column("quiet_to", sa.String(length=5), nullable=True),
        sa.Column("quiet_critical", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("fold_seconds", sa.Integer(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('email', 'webhook')", name=op.f("ck_alarm_channel_kind")),
        sa.CheckConstraint("least_level in ('info', 'warning', 'critical')", name=op.f("ck_alarm_channel_least_level")),
        sa.CheckConstraint("(node_id is null) <> (lot_id is null)", name=op.f("ck_alarm_channel_place")),
        sa.CheckConstraint("fold_seconds >= 0", name=op.f("ck_alarm_channel_fold_seconds")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_alarm_channel_lot_id_lot")),
        sa.ForeignKeyConstraint(["node_id"], ["node.node_id"], name=op.f("fk_alarm_channel_node_id_node")),
        sa.PrimaryKeyConstraint("channel_id", name=op.f("pk_alarm_channel")),
    )
    with op.batch_alter_table("alarm_channel", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarm_channel_lot_id"), ["lot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_alarm_channel_node_id"), ["node_id"], unique=False)

    op.create_table(
        "alarm_episode",
        sa.Column("episode_id", sa.Integer(), nullable=False),
        sa.Column("source", sa.String(length=4), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=True),
        sa.Column("alarm_key", sa.String(length=200), nullable=False),
        sa.Column("alarm_type", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("device_type", sa.String(length=32), nullable=True),
        sa.Column("gate_id", sa.String(length=64), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=True),
        sa.Column("details", warehouse.ops.types.Document(), nullable=True),
        sa.Column("raised_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("recovered_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("seen_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("announced", sa.String(length=12), server_default="nothing", nullable=False),
        sa.Column("acknowledged_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(length=200), nullable=True),
        sa.CheckConstraint("announced in ('nothing', 'raised', 'recovered')", name=op.f("ck_alarm_episode_announced")),
        sa.CheckConstraint("level in ('info', 'warning', 'critical')", name=op.f("ck_alarm_episode_level")),
        sa.CheckConstraint("source in ('lot', 'rule')", name=op.f("ck_alarm_episode_source")),
        sa.CheckConstraint(
            "recovered_at is null or recovered_at >= raised_at", name=op.f("ck_alarm_episode_recovered_at")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_alarm_episode_lot_id_lot")),
        sa.PrimaryKeyConstraint("episode_id", name=op.f("pk_alarm_episode")),
    )
    with op.batch_alter_table("alarm_episode", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_episode_announced", ["announced", "recovered_at"], unique=False)
        batch_op.create_index("ix_alarm_episode_key", ["lot_id", "alarm_key", "raised_at"], unique=False)
        batch_op.create_index(
            "ix_alarm_episode_open",
            ["lot_id", "episode_id"],
            unique=False,
            sqlite_where=sa.text("recovered_at is null"),
            postgresql_where=sa.text("recovered_at is null"),
        )
        batch_op.create_index("ix_alarm_episode_recovered_at", ["recovered_at"], unique=False)

    op.create_table(
        "alarm_event",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("alarm_id", sa.String(length=128), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("occurred_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("alarm_type", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=True),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("device_type", sa.String(length=32), nullable=True),
        sa.Column("gate_id", sa.String(length=64), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_alarm_event_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", "record_id", name=op.f("pk_alarm_event")),
    )
    with op.batch_alter_table("alarm_event", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_event_alarm", ["lot_id", "alarm_id"], unique=False)
        batch_op.create_index("ix_alarm_event_occurred_at", ["occurred_at"], unique=False)

    op.create_table(
        "alarm_rule",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=True),
        sa.Column("lot_id", sa.Integer(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("threshold", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("level in ('info', 'warning', 'critical')", name=op.f("ck_alarm_rule_level")),
        sa.CheckConstraint("(node_id is null) <> (lot_id is null)", name=op.f("ck_alarm_rule_place")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_alarm_rule_lot_id_lot")),
        sa.ForeignKeyConstraint(["node_id"], ["node.node_id"], name=op.f("fk_alarm_rule_node_id_node")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_alarm_rule")),
    )
    with op.batch_alter_table("alarm_rule", schema=None) as batch_op:
        batch_op.create_index("uq_alarm_rule_lot", ["lot_id", "kind"], unique=True)
        batch_op.create_index("uq_alarm_rule_node", ["node_id", "kind"], unique=True)

    op.create_table(
        "alarm_watch",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("since", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("value", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_alarm_watch_lot_id_lot")),
        sa.PrimaryKeyConstraint("kind", "lot_id", "subject", name=op.f("pk_alarm_watch")),
    )
    op.create_table(
        "recent_opening",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.Column("gate_id", sa.String(length=64), nullable=False),
        sa.Column("opened_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_recent_opening_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", "record_id", name=op.f("pk_recent_opening")),
    )
    with op.batch_alter_table("recent_opening", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recent_opening_opened_at"), ["opened_at"], unique=False)

    op.create_table(
        "upload_slot",
        sa.Column("slot_started_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_upload_slot_lot_id_lot")),
        sa.PrimaryKeyConstraint("slot_started_at", "lot_id", name=op.f("pk_upload_slot")),
    )
    op.create_table(
        "alarm_delivery",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("payload", warehouse.ops.types.Document(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("finished_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("message_zh", sa.String(length=1000), nullable=True),
        sa.Column("message_en", sa.String(length=1000), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'sending', 'sent', 'failed', 'stopped')", name=op.f("ck_alarm_delivery_state")
        ),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["alarm_channel.channel_id"], name=op.f("fk_alarm_delivery_channel_id_alarm_channel")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_alarm_delivery")),
    )
    with op.batch_alter_table("alarm_delivery", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_delivery_channel", ["channel_id", "delivery_id"], unique=False)
        batch_op.create_index("ix_alarm_delivery_state", ["state", "next_attempt_at"], unique=False)

    op.create_table(
        "alarm_note",
        sa.Column("note_id", sa.Integer(), nullable=False),
        sa.Column("episode_id", sa.Integer(), nullable=False),
        sa.Column("at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("operator_name", sa.String(length=200), nullable=False),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["alarm_episode.episode_id"], name=op.f("fk_alarm_note_episode_id_alarm_episode")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_alarm_note_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("note_id", name=op.f("pk_alarm_note")),
    )
    with op.batch_alter_table("alarm_note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_alarm_note_episode_id"), ["episode_id"], unique=False)

    op.create_table(
        "alarm_notice",
        sa.Column("channel_id", sa.Integer(), nullable=False),
        sa.Column("episode_id", sa.Integer(), nullable=False),
        sa.Column("event", sa.String(length=12), nullable=False),
        sa.Column("not_before", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=True),
        sa.CheckConstraint("event in ('raised', 'recovered')", name=op.f("ck_alarm_notice_event")),
        sa.ForeignKeyConstraint(
            ["channel_id"], ["alarm_channel.channel_id"], name=op.f("fk_alarm_notice_channel_id_alarm_channel")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["alarm_delivery.delivery_id"], name=op.f("fk_alarm_notice_delivery_id_alarm_delivery")
        ),
        sa.ForeignKeyConstraint(
            ["episode_id"], ["alarm_episode.episode_id"], name=op.f("fk_alarm_notice_episode_id_alarm_episode")
        ),
        sa.PrimaryKeyConstraint("channel_id", "episode_id", "event", name=op.f("pk_alarm_notice")),
    )
    with op.batch_alter_table("alarm_notice", schema=None) as batch_op:
        batch_op.create_index("ix_alarm_notice_delivery_id", ["delivery_id"], unique=False)
        batch_op.create_index("ix_alarm_notice_episode_id", ["episode_id"], unique=False)
        batch_op.create_index(
            "ix_alarm_notice_waiting",
            ["channel_id", "not_before"],
            unique=False,
            sqlite_where=sa.text("delivery_id is null"),
            postgresql_where=sa.text("delivery_id is null"),
        )


def downgrade() -> None:
    """Take back."""
    for table in (
        "alarm_notice",
        "alarm_delivery",
        "alarm_note",
        "alarm_channel",
        "alarm_episode",
        "alarm_event",
        "alarm_rule",
        "alarm_watch",
        "recent_opening",
        "upload_slot",
        "counted_batch",
    ):
        op.drop_table(table)
