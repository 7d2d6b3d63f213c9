"""live state: order of values of one instant, passages since the last count."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    for table in ("area_free_spaces", "device_live"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("revision", sa.Integer(), server_default="0", nullable=False))
            batch_op.add_column(sa.Column("fingerprint", sa.String(length=16), server_default="", nullable=False))
    with op.batch_alter_table("lot_live", schema=None) as batch_op:
        batch_op.add_column(sa.Column("drift_at", warehouse.ops.types.Instant(timezone=True), nullable=True))

    op.create_table(
        "live_passage",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("record_id", sa.String(length=128), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("occurred_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("received_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("gate_id", sa.String(length=64), nullable=True),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("is_void", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_live_passage_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", "kind", "record_id", name=op.f("pk_live_passage")),
    )
    with op.batch_alter_table("live_passage", schema=None) as batch_op:
        batch_op.create_index("ix_live_passage_lot_id", ["lot_id", "occurred_at"], unique=False)
        batch_op.create_index("ix_live_passage_received_at", ["received_at"], unique=False)


def downgrade() -> None:
    """Take back."""
    op.drop_table("live_passage")
    with op.batch_alter_table("lot_live", schema=None) as batch_op:
        batch_op.drop_column("drift_at")
    for table in ("area_free_spaces", "device_live"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("fingerprint")
            batch_op.drop_column("revision")
