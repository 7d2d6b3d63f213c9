"""backups by the clock, their runs, removed records."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    instant = warehouse.ops.types.Instant(timezone=True)
    op.create_table(
        "operation_run",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("subject", sa.String(length=64), nullable=True),
        sa.Column("parameters", warehouse.ops.types.Document(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("requested_at", instant, nullable=False),
        sa.Column("due_at", instant, nullable=True),
        sa.Column("started_at", instant, nullable=True),
        sa.Column("finished_at", instant, nullable=True),
        sa.Column("result", warehouse.ops.types.Document(), nullable=True),
        sa.Column("message_zh", sa.String(length=1000), nullable=True),
        sa.Column("message_en", sa.String(length=1000), nullable=True),
        sa.CheckConstraint("kind in ('backup', 'verify', 'clean_up')", name=op.f("ck_operation_run_kind")),
        sa.CheckConstraint("state in ('waiting', 'running', 'done', 'failed')", name=op.f("ck_operation_run_state")),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_operation_run")),
    )
    with op.batch_alter_table("operation_run", schema=None) as batch_op:
        batch_op.create_index("ix_operation_run_state", ["state", "run_id"], unique=False)
        batch_op.create_index("uq_operation_run_kind_due_at", ["kind", "due_at"], unique=True)
    op.create_table(
        "backup_plan",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("time_of_day", sa.String(length=5), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("keep_count", sa.Integer(), nullable=False),
        sa.Column("keep_days", sa.Integer(), nullable=False),
        sa.Column("scheduled_since", instant, nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_backup_plan")),
    )
    op.create_table(
        "removal",
        sa.Column("removal_id", sa.String(length=32), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("removed_before", sa.Date(), nullable=False),
        sa.Column("removed_at", instant, nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("counts", warehouse.ops.types.Document(), nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_removal_lot_id_lot")),
        sa.PrimaryKeyConstraint("removal_id", name=op.f("pk_removal")),
    )
    with op.batch_alter_table("removal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_removal_lot_id"), ["lot_id"], unique=False)


def downgrade() -> None:
    """Take back."""
    for table in ("removal", "backup_plan", "operation_run"):
        op.drop_table(table)
