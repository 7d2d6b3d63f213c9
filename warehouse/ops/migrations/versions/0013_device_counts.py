"""an index that counts of present device states read."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_index("ix_device_live_device_type", "device_live", ["device_type", "state", "lot_id", "reported_at"])


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_device_live_device_type", table_name="device_live")
