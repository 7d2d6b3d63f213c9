"""processes and when each was last alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "process_state",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("seen_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("figures", warehouse.ops.types.Document(), nullable=False),
        sa.PrimaryKeyConstraint("name", "host", "pid", name=op.f("pk_process_state")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("process_state")
