"""saved queries of analysts, and those that were run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "sql_query",
        sa.Column("query_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_sql_query_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("query_id", name=op.f("pk_sql_query")),
    )
    op.create_index("uq_sql_query_name", "sql_query", ["operator_id", "name"], unique=True)
    op.create_table(
        "sql_run",
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("started_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("sql", sa.Text(), nullable=False),
        sa.Column("snapshot_id", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=True),
        sa.Column("milliseconds", sa.Integer(), nullable=True),
        sa.Column("message_zh", sa.String(length=1000), nullable=True),
        sa.Column("message_en", sa.String(length=1000), nullable=True),
        sa.CheckConstraint(
            "state in ('done', 'failed', 'stopped', 'cancelled', 'refused')", name=op.f("ck_sql_run_state")
        ),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_sql_run_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_sql_run")),
    )
    op.create_index("ix_sql_run_login", "sql_run", ["login", "run_id"])


def downgrade() -> None:
    """Take back."""
    op.drop_table("sql_run")
    op.drop_table("sql_query")
