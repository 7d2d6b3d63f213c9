"""lot settings, long-term parkers, wallets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEDGERS = ("wallet_entry", "owner_renewal")
LOT_COLUMNS = (
    "deleted_at",
    "version",
    "free_space_minutes",
    "licence_to",
    "licence_from",
    "remark",
    "phone",
    "contact_name",
    "coordinate_datum",
)
TABLES = (
    "wallet_entry",
    "owner_renewal",
    "long_term_vehicle",
    "wallet",
    "vehicle_group",
    "owner_space",
    "renewal_plan",
    "payment_account",
    "owner",
    "lot_tariff",
    "invoice_setting",
    "gate",
)


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "gate",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("direction", sa.String(length=8), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("pay_token", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("direction in ('entry', 'exit', 'both')", name=op.f("ck_gate_direction")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_gate_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", "gate_id", name=op.f("pk_gate")),
        sa.UniqueConstraint("pay_token", name=op.f("uq_gate_pay_token")),
    )

    op.create_table(
        "invoice_setting",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("encryption_string_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("late_issue_days", sa.Integer(), nullable=False),
        sa.Column("updated_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("late_issue_days >= 0", name=op.f("ck_invoice_setting_late_issue_days")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_invoice_setting_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", name=op.f("pk_invoice_setting")),
    )

    op.create_table(
        "lot_tariff",
        sa.Column("tariff_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("document", warehouse.ops.types.Document(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_lot_tariff_lot_id_lot")),
        sa.PrimaryKeyConstraint("tariff_id", name=op.f("pk_lot_tariff")),
        sa.UniqueConstraint("lot_id", "valid_from", name=op.f("uq_lot_tariff_lot_id")),
    )

    with op.batch_alter_table("lot_tariff", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_lot_tariff_lot_id"), ["lot_id"], unique=False)

    op.create_table(
        "owner",
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("phone", sa.String(length=40), nullable=True),
        sa.Column("address", sa.String(length=200), nullable=True),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_owner_lot_id_lot")),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_owner")),
    )

    with op.batch_alter_table("owner", schema=None) as batch_op:
        batch_op.create_index("ix_owner_lot_id_name", ["lot_id", "name"], unique=False)
        batch_op.create_index(
            "uq_owner_lot_id_code",
            ["lot_id", "code"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "payment_account",
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("provider", sa.String(length=16), nullable=False),
        sa.Column("is_enabled", sa.Boolean(), nullable=False),
        sa.Column("public", warehouse.ops.types.Document(), nullable=False),
        sa.Column("secrets_encrypted", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("provider in ('alipay', 'wechat')", name=op.f("ck_payment_account_provider")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_payment_account_lot_id_lot")),
        sa.PrimaryKeyConstraint("lot_id", "provider", name=op.f("pk_payment_account")),
    )

    op.create_table(
        "renewal_plan",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("unit", sa.String(length=8), nullable=False),
        sa.Column("unit_count", sa.Integer(), nullable=False),
        sa.Column("price", warehouse.ops.types.Money(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("unit in ('day', 'month')", name=op.f("ck_renewal_plan_unit")),
        sa.CheckConstraint("price >= 0", name=op.f("ck_renewal_plan_price")),
        sa.CheckConstraint("unit_count > 0", name=op.f("ck_renewal_plan_unit_count")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_renewal_plan_lot_id_lot")),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("pk_renewal_plan")),
    )

    with op.batch_alter_table("renewal_plan", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_renewal_plan_lot_id"), ["lot_id"], unique=False)

    op.create_table(
        "owner_space",
        sa.Column("space_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("area_id", sa.String(length=64), nullable=True),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_owner_space_lot_id_lot")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_owner_space_owner_id_owner")),
        sa.PrimaryKeyConstraint("space_id", name=op.f("pk_owner_space")),
    )

    with op.batch_alter_table("owner_space", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_owner_space_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index("uq_owner_space_lot_id_number", ["lot_id", "number"], unique=True)

    op.create_table(
        "vehicle_group",
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("spaces", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("spaces > 0", name=op.f("ck_vehicle_group_spaces")),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_vehicle_group_lot_id_lot")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_vehicle_group_owner_id_owner")),
        sa.PrimaryKeyConstraint("group_id", name=op.f("pk_vehicle_group")),
    )

    with op.batch_alter_table("vehicle_group", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_vehicle_group_lot_id"), ["lot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_vehicle_group_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "wallet",
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("balance", warehouse.ops.types.Money(), nullable=False),
        sa.CheckConstraint("balance >= 0", name=op.f("ck_wallet_balance")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_wallet_owner_id_owner")),
        sa.PrimaryKeyConstraint("owner_id", name=op.f("pk_wallet")),
    )

    op.create_table(
        "long_term_vehicle",
        sa.Column("vehicle_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("plate", sa.String(length=20), nullable=False),
        sa.Column("plate_colour", sa.String(length=16), nullable=True),
        sa.Column("vehicle_class", sa.String(length=32), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=True),
        sa.Column("valid_to", sa.Date(), nullable=True),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["vehicle_group.group_id"], name=op.f("fk_long_term_vehicle_group_id_vehicle_group")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_long_term_vehicle_lot_id_lot")),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_long_term_vehicle_owner_id_owner")),
        sa.PrimaryKeyConstraint("vehicle_id", name=op.f("pk_long_term_vehicle")),
    )

    with op.batch_alter_table("long_term_vehicle", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_long_term_vehicle_group_id"), ["group_id"], unique=False)
        batch_op.create_index("ix_long_term_vehicle_lot_id_valid_to", ["lot_id", "valid_to"], unique=False)
        batch_op.create_index(batch_op.f("ix_long_term_vehicle_owner_id"), ["owner_id"], unique=False)
        batch_op.create_index(
            "uq_long_term_vehicle_lot_id_plate",
            ["lot_id", "plate"],
            unique=True,
            sqlite_where=sa.text("deleted_at is null"),
            postgresql_where=sa.text("deleted_at is null"),
        )

    op.create_table(
        "owner_renewal",
        sa.Column("renewal_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=True),
        sa.Column("plates", sa.String(length=2000), nullable=False),
        sa.Column("plan_name", sa.String(length=100), nullable=False),
        sa.Column("periods", sa.Integer(), nullable=False),
        sa.Column("unit_price", warehouse.ops.types.Money(), nullable=False),
        sa.Column("amount", warehouse.ops.types.Money(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=False),
        sa.Column("valid_from_before", sa.Date(), nullable=True),
        sa.Column("valid_to_before", sa.Date(), nullable=True),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("receipt_number", sa.String(length=40), nullable=False),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("operator_name", sa.String(length=200), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.CheckConstraint("amount >= 0", name=op.f("ck_owner_renewal_amount")),
        sa.CheckConstraint("periods > 0", name=op.f("ck_owner_renewal_periods")),
        sa.ForeignKeyConstraint(
            ["group_id"], ["vehicle_group.group_id"], name=op.f("fk_owner_renewal_group_id_vehicle_group")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_owner_renewal_lot_id_lot")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_owner_renewal_operator_id_operator")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["owner.owner_id"], name=op.f("fk_owner_renewal_owner_id_owner")),
        sa.PrimaryKeyConstraint("renewal_id", name=op.f("pk_owner_renewal")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_owner_renewal_idempotency_key")),
        sa.UniqueConstraint("receipt_number", name=op.f("uq_owner_renewal_receipt_number")),
    )

    with op.batch_alter_table("owner_renewal", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_owner_renewal_lot_id"), ["lot_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_owner_renewal_owner_id"), ["owner_id"], unique=False)

    op.create_table(
        "wallet_entry",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("amount", warehouse.ops.types.Money(), nullable=False),
        sa.Column("balance_after", warehouse.ops.types.Money(), nullable=False),
        sa.Column("method", sa.String(length=32), nullable=True),
        sa.Column("renewal_id", sa.Integer(), nullable=True),
        sa.Column("idempotency_key", sa.String(length=64), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("operator_name", sa.String(length=200), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.CheckConstraint("kind in ('top_up', 'renewal', 'refund', 'correction')", name=op.f("ck_wallet_entry_kind")),
        sa.CheckConstraint("amount <> 0", name=op.f("ck_wallet_entry_amount")),
        sa.CheckConstraint("balance_after >= 0", name=op.f("ck_wallet_entry_balance_after")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_wallet_entry_operator_id_operator")
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["wallet.owner_id"], name=op.f("fk_wallet_entry_owner_id_wallet")),
        sa.ForeignKeyConstraint(
            ["renewal_id"], ["owner_renewal.renewal_id"], name=op.f("fk_wallet_entry_renewal_id_owner_renewal")
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_wallet_entry")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_wallet_entry_idempotency_key")),
    )

    with op.batch_alter_table("wallet_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_wallet_entry_owner_id"), ["owner_id"], unique=False)

    with op.batch_alter_table("lot", schema=None) as batch_op:
        batch_op.add_column(sa.Column("coordinate_datum", sa.String(length=8), server_default="wgs84", nullable=False))
        batch_op.add_column(sa.Column("contact_name", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("phone", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("remark", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("licence_from", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("licence_to", sa.Date(), nullable=True))
        batch_op.add_column(sa.Column("free_space_minutes", sa.Integer(), server_default="15", nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True))
        batch_op.create_check_constraint(
            batch_op.f("ck_lot_coordinate_datum"), "coordinate_datum in ('wgs84', 'gcj02', 'bd09')"
        )
        batch_op.create_check_constraint(batch_op.f("ck_lot_free_space_minutes"), "free_space_minutes > 0")
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    for ledger in LEDGERS:
        if is_postgresql:
            op.execute(
                f"create trigger {ledger}_append_only before update or delete on {ledger} "
                "for each row execute function refuse_change()"
            )
            continue
        for event in ("update", "delete"):
            op.execute(
                f"create trigger {ledger}_no_{event} before {event} on {ledger} "
                f"begin select raise(abort, '{ledger} is append-only'); end"
            )


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("lot", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("ck_lot_free_space_minutes"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_lot_coordinate_datum"), type_="check")
        for name in LOT_COLUMNS:
            batch_op.drop_column(name)
    for table in TABLES:
        op.drop_table(table)
