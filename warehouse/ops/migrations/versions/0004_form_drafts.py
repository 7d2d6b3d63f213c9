"""drafts of forms."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "form_draft",
        sa.Column("operator_id", sa.Integer(), nullable=False),
        sa.Column("form", sa.String(length=200), nullable=False),
        sa.Column("values", warehouse.ops.types.Document(), nullable=False),
        sa.Column("saved_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_form_draft_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("operator_id", "form", name=op.f("pk_form_draft")),
    )


def downgrade() -> None:
    """Take back."""
    op.drop_table("form_draft")
