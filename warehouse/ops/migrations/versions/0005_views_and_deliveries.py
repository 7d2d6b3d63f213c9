"""saved views, deliveries and their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "saved_view",
        sa.Column("view_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("page", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("query", sa.String(length=4000), nullable=False),
        sa.Column("is_start", sa.Boolean(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_saved_view_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("view_id", name=op.f("pk_saved_view")),
    )

    with op.batch_alter_table("saved_view", schema=None) as batch_op:
        batch_op.create_index("uq_saved_view_name", ["operator_id", "page", "name"], unique=True)
        batch_op.create_index(
            "uq_saved_view_start",
            ["operator_id", "page"],
            unique=True,
            sqlite_where=sa.text("is_start"),
            postgresql_where=sa.text("is_start"),
        )

    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("report", sa.String(length=64), nullable=False),
        sa.Column("period", sa.String(length=16), nullable=False),
        sa.Column("parameters", warehouse.ops.types.Document(), nullable=False),
        sa.Column("file_format", sa.String(length=8), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("time_of_day", sa.String(length=5), nullable=False),
        sa.Column("weekdays", sa.String(length=7), nullable=False),
        sa.Column("channel", sa.String(length=8), nullable=False),
        sa.Column("addresses", warehouse.ops.types.Document(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("scheduled_since", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.CheckConstraint("file_format in ('csv', 'xlsx', 'pdf')", name=op.f("ck_delivery_file_format")),
        sa.CheckConstraint("channel in ('folder', 'email')", name=op.f("ck_delivery_channel")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_delivery_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("delivery_id", name=op.f("pk_delivery")),
    )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_operator_id"), ["operator_id"], unique=False)

    op.create_table(
        "delivery_run",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("delivery_id", sa.Integer(), nullable=False),
        sa.Column("due_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("started_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("finished_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("file_bytes", sa.Integer(), nullable=True),
        sa.Column("target", sa.String(length=500), nullable=True),
        sa.Column("message_zh", sa.String(length=1000), nullable=True),
        sa.Column("message_en", sa.String(length=1000), nullable=True),
        sa.CheckConstraint(
            "state in ('waiting', 'running', 'done', 'failed', 'missed', 'stopped')", name=op.f("ck_delivery_run_state")
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name=op.f("fk_delivery_run_delivery_id_delivery")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_delivery_run")),
    )

    with op.batch_alter_table("delivery_run", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_run_state", ["state", "next_attempt_at"], unique=False)
        batch_op.create_index("uq_delivery_run_delivery_id_due_at", ["delivery_id", "due_at"], unique=True)


def downgrade() -> None:
    """Take back."""
    for table in ("delivery_run", "delivery", "saved_view"):
        op.drop_table(table)
