"""roles, operator log, commands, outbox."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import warehouse.ops.types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ROLES = {
    "admin": "平台管理员",
    "agent": "代理商管理员",
    "customer": "客户管理员",
    "lot": "停车场管理员",
    "finance": "财务",
    "duty_manager": "值班经理",
    "engineer": "售后工程师",
    "booth_supervisor": "岗亭主管",
    "analyst": "数据分析员",
}

OPERATOR_COLUMNS = (
    "deleted_at",
    "version",
    "oidc_subject",
    "last_login_at",
    "password_changed_at",
    "role_id",
    "remark",
    "email",
    "phone",
)
NODE_COLUMNS = ("deleted_at", "version", "is_active", "remark", "address", "phone", "contact_name")

# The log and the ledgers refuse changes from any program, not only from ours.
APPEND_ONLY = {
    "sqlite": [
        f"create trigger audit_entry_no_{event} before {event} on audit_entry "
        "begin select raise(abort, 'audit_entry is append-only'); end"
        for event in ("update", "delete")
    ],
    "postgresql": [
        "create function refuse_change() returns trigger language plpgsql as "
        "$$ begin raise exception '% is append-only', tg_table_name; end $$",
        "create trigger audit_entry_append_only before update or delete on audit_entry "
        "for each row execute function refuse_change()",
    ],
}


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "audit_entry",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("login", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=80), nullable=False),
        sa.Column("outcome", sa.String(length=8), nullable=False),
        sa.Column("entity", sa.String(length=40), nullable=True),
        sa.Column("entity_id", sa.String(length=128), nullable=True),
        sa.Column("entity_name", sa.String(length=300), nullable=True),
        sa.Column("node_id", sa.Integer(), nullable=True),
        sa.Column("lot_id", sa.Integer(), nullable=True),
        sa.Column("before", warehouse.ops.types.Document(), nullable=True),
        sa.Column("after", warehouse.ops.types.Document(), nullable=True),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("entry_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_audit_entry")),
    )

    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index("ix_audit_entry_at", ["at"], unique=False)
        batch_op.create_index("ix_audit_entry_entity", ["entity", "entity_id", "entry_id"], unique=False)
        batch_op.create_index("ix_audit_entry_lot_id", ["lot_id", "entry_id"], unique=False)
        batch_op.create_index("ix_audit_entry_operator_id", ["operator_id", "entry_id"], unique=False)

    op.create_table(
        "audit_head",
        sa.Column("head_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("entry_hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("head_id", name=op.f("pk_audit_head")),
    )

    op.create_table(
        "role",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("node_id", sa.Integer(), nullable=True),
        sa.Column("code", sa.String(length=64), nullable=True),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("remark", sa.String(length=500), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.ForeignKeyConstraint(["node_id"], ["node.node_id"], name=op.f("fk_role_node_id_node")),
        sa.PrimaryKeyConstraint("role_id", name=op.f("pk_role")),
        sa.UniqueConstraint("code", name=op.f("uq_role_code")),
    )

    with op.batch_alter_table("role", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_role_node_id"), ["node_id"], unique=False)

    op.create_table(
        "outbox_record",
        sa.Column("outbox_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("record", warehouse.ops.types.Document(), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("journaled_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_outbox_record_lot_id_lot")),
        sa.PrimaryKeyConstraint("outbox_id", name=op.f("pk_outbox_record")),
    )

    with op.batch_alter_table("outbox_record", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_record_journaled_at", ["journaled_at", "outbox_id"], unique=False)

    op.create_table(
        "role_permission",
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("permission", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["role_id"], ["role.role_id"], name=op.f("fk_role_permission_role_id_role")),
        sa.PrimaryKeyConstraint("role_id", "permission", name=op.f("pk_role_permission")),
    )

    op.create_table(
        "downlink_command",
        sa.Column("command_id", sa.Integer(), nullable=False),
        sa.Column("lot_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("payload", warehouse.ops.types.Document(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("operator_name", sa.String(length=200), nullable=False),
        sa.Column("created_at", warehouse.ops.types.Instant(timezone=True), nullable=False),
        sa.Column("expires_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("delivered_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("finished_at", warehouse.ops.types.Instant(timezone=True), nullable=True),
        sa.Column("message", sa.String(length=500), nullable=True),
        sa.CheckConstraint(
            "state in ('queued', 'delivered', 'applied', 'failed', 'expired')", name=op.f("ck_downlink_command_state")
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lot.lot_id"], name=op.f("fk_downlink_command_lot_id_lot")),
        sa.ForeignKeyConstraint(
            ["operator_id"], ["operator.operator_id"], name=op.f("fk_downlink_command_operator_id_operator")
        ),
        sa.PrimaryKeyConstraint("command_id", name=op.f("pk_downlink_command")),
    )

    with op.batch_alter_table("downlink_command", schema=None) as batch_op:
        batch_op.create_index("ix_downlink_command_lot_id", ["lot_id", "command_id"], unique=False)

    # Sessions of the old form have no name to be listed by; people sign in again.
    op.execute("delete from auth_session")
    with op.batch_alter_table("auth_session", schema=None) as batch_op:
        batch_op.add_column(sa.Column("session_id", sa.String(length=32), nullable=False))
        batch_op.create_unique_constraint(batch_op.f("uq_auth_session_session_id"), ["session_id"])

    with op.batch_alter_table("node", schema=None) as batch_op:
        batch_op.add_column(sa.Column("contact_name", sa.String(length=100), nullable=True))
        batch_op.add_column(sa.Column("phone", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("address", sa.String(length=300), nullable=True))
        batch_op.add_column(sa.Column("remark", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True))

    with op.batch_alter_table("operator", schema=None) as batch_op:
        batch_op.add_column(sa.Column("phone", sa.String(length=40), nullable=True))
        batch_op.add_column(sa.Column("email", sa.String(length=200), nullable=True))
        batch_op.add_column(sa.Column("remark", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("role_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("password_changed_at", warehouse.ops.types.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("last_login_at", warehouse.ops.types.Instant(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("oidc_subject", sa.String(length=500), nullable=True))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("deleted_at", warehouse.ops.types.Instant(timezone=True), nullable=True))
        batch_op.create_index(batch_op.f("ix_operator_node_id"), ["node_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_operator_role_id"), ["role_id"], unique=False)
        batch_op.create_unique_constraint(batch_op.f("uq_operator_oidc_subject"), ["oidc_subject"])
        batch_op.create_foreign_key(batch_op.f("fk_operator_role_id_role"), "role", ["role_id"], ["role_id"])
    op.bulk_insert(
        sa.table("role", sa.column("code", sa.String), sa.column("name", sa.String), sa.column("version", sa.Integer)),
        [{"code": code, "name": name, "version": 1} for code, name in ROLES.items()],
    )
    op.execute("update operator set role_id = (select role_id from role where role.code = operator.role)")
    # A code that nobody defined gave no rights either: the narrowest role.
    op.execute("update operator set role_id = (select role_id from role where code = 'lot') where role_id is null")
    with op.batch_alter_table("operator", schema=None) as batch_op:
        batch_op.alter_column("role_id", existing_type=sa.Integer(), nullable=False)
        batch_op.drop_column("role")
    op.bulk_insert(
        sa.table(
            "audit_head",
            sa.column("head_id", sa.Integer),
            sa.column("entry_id", sa.Integer),
            sa.column("entry_hash", sa.String),
        ),
        [{"head_id": 1, "entry_id": 0, "entry_hash": "0" * 64}],
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("operator", schema=None) as batch_op:
        batch_op.add_column(sa.Column("role", sa.String(length=64), nullable=True))
    op.execute(
        "update operator set role = coalesce((select code from role where role.role_id = operator.role_id), 'lot')"
    )
    with op.batch_alter_table("operator", schema=None) as batch_op:
        batch_op.alter_column("role", existing_type=sa.String(length=64), nullable=False)
        batch_op.drop_constraint(batch_op.f("fk_operator_role_id_role"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("uq_operator_oidc_subject"), type_="unique")
        batch_op.drop_index(batch_op.f("ix_operator_role_id"))
        batch_op.drop_index(batch_op.f("ix_operator_node_id"))
        for name in OPERATOR_COLUMNS:
            batch_op.drop_column(name)
    with op.batch_alter_table("node", schema=None) as batch_op:
        for name in NODE_COLUMNS:
            batch_op.drop_column(name)
    with op.batch_alter_table("auth_session", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("uq_auth_session_session_id"), type_="unique")
        batch_op.drop_column("session_id")
    for table in ("outbox_record", "downlink_command", "role_permission", "role", "audit_head", "audit_entry"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("drop function refuse_change()")
