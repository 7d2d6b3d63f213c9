"""delivery of commands: numbers, sealed secrets, superseded and cancelled ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

import warehouse.ops.types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STATES = "state in ('queued', 'delivered', 'applied', 'failed', 'expired', 'superseded', 'cancelled')"
STATES_BEFORE = "state in ('queued', 'delivered', 'applied', 'failed', 'expired')"
IS_OPEN = sa.text("state in ('queued', 'delivered')")
TIMES = ("last_delivered_at", "reported_at")
CHECK = "ck_downlink_command_state"


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("downlink_command", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sealed", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("number", sa.Integer(), nullable=True))
        for name in TIMES:
            batch_op.add_column(sa.Column(name, warehouse.ops.types.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("retry_of", sa.Integer(), nullable=True))
        _check(batch_op, STATES)
        batch_op.create_index("uq_downlink_command_number", ["lot_id", "number"], unique=True)
        batch_op.create_index(
            "ix_downlink_command_open",
            ["lot_id", "subject", "command_id"],
            unique=False,
            sqlite_where=IS_OPEN,
            postgresql_where=IS_OPEN,
        )


def downgrade() -> None:
    """Take back; what was superseded or cancelled counts as expired."""
    op.execute("update downlink_command set state = 'expired' where state in ('superseded', 'cancelled')")
    with op.batch_alter_table("downlink_command", schema=None) as batch_op:
        batch_op.drop_index("ix_downlink_command_open")
        batch_op.drop_index("uq_downlink_command_number")
        _check(batch_op, STATES_BEFORE)
        for name in ("retry_of", *TIMES, "number", "sealed"):
            batch_op.drop_column(name)


def _check(batch_op: BatchOperations, states: str) -> None:
    # SQLite makes the table anew and leaves the old condition behind by itself.
    if op.get_bind().dialect.name == "postgresql":
        batch_op.drop_constraint(op.f(CHECK), type_="check")
    batch_op.create_check_constraint(op.f(CHECK), states)
