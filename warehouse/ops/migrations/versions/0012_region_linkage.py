"""region linkage: rules, and what was shown."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "region_rule",
        sa.Column("rule_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=False),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("threshold_percent", sa.Integer(), nullable=False),
        sa.Column("radius_metres", sa.Integer(), nullable=False),
        sa.Column("neighbours", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("threshold_percent between 50 and 100", name=op.f("ck_region_rule_threshold_percent")),
        sa.CheckConstraint("radius_metres > 0", name=op.f("ck_region_rule_radius_metres")),
        sa.CheckConstraint("neighbours between 1 and 10", name=op.f("ck_region_rule_neighbours")),
        sa.ForeignKeyConstraint(["node_id"], ["node.node_id"], name=op.f("fk_region_rule_node_id_node")),
        sa.PrimaryKeyConstraint("rule_id", name=op.f("pk_region_rule")),
    )
    with op.batch_alter_table("region_rule", schema=None) as batch_op:
        batch_op.create_index("uq_region_rule_node_id_region", ["node_id", "region"], unique=True)

    op.create_table(
        "guidance_shown",
        sa.Column("shown_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("region", sa.String(length=200), nullable=False),
        sa.Column("shown_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("renewed_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("ended_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("free_spaces", sa.Integer(), nullable=False),
        sa.Column("total_spaces", sa.Integer(), nullable=False),
        sa.Column("neighbours", warehouse.ops.types.Document(), nullable=False),
        sa.Column("command_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_guidance_shown_lot_id_lot")),
        sa.PrimaryKeyConstraint("shown_id", name=op.f("pk_guidance_shown")),
    )
    with op.batch_alter_table("guidance_shown", schema=None) as batch_op:
        batch_op.create_index("ix_guidance_shown_lot_id", ["lot_id", "shown_at"], unique=False)
        batch_op.create_index("ix_guidance_shown_ended_at", ["ended_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("guidance_shown")
    op.drop_table("region_rule")
