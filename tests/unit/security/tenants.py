"""Two tenants on one platform, each with lots and operators of several roles: the ground of tests about rights."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from sqlalchemy import select

from warehouse.ops.models import AuditEntry, Lot, Node, Operator, Role
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.actor import Actor, actor_by_login
from warehouse.settings import Settings

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
# login: role, node, lot
OPERATORS = {
    "admin": ("admin", "platform", None),
    "second-admin": ("admin", "platform", None),
    "east": ("agent", "east", None),
    "sun": ("customer", "sun", None),
    "sun-finance": ("finance", "sun", None),
    "sun-lot": ("lot", "sun", "S-1"),
    "west": ("agent", "west", None),
    "moon": ("customer", "moon", None),
    "moon-lot": ("lot", "moon", "M-1"),
}
NODES = (
    ("platform", "platform", ""),
    ("east", "agent", "platform"),
    ("sun", "customer", "east"),
    ("west", "agent", "platform"),
    ("moon", "customer", "west"),
)
LOTS = {"S-1": "sun", "S-2": "sun", "M-1": "moon"}


@dataclass
class Tenants:
    """The instance with ids by code; ``actor`` reads an actor fresh, as a request does."""

    settings: Settings
    nodes: dict[str, int] = field(default_factory=dict)
    lots: dict[str, int] = field(default_factory=dict)
    roles: dict[str, int] = field(default_factory=dict)
    operators: dict[str, int] = field(default_factory=dict)

    def actor(self, login: str) -> Actor:
        with ops_session(self.settings) as session:
            return actor_by_login(session, login, "10.0.0.1")

    def log(self, action: str = "") -> list[AuditEntry]:
        """The operator log, oldest first."""
        with ops_session(self.settings) as session:
            query = select(AuditEntry).where(AuditEntry.action.startswith(action)).order_by(AuditEntry.entry_id)
            return list(session.scalars(query))

    def operator(self, login: str) -> Operator:
        with ops_session(self.settings) as session:
            return session.scalars(select(Operator).where(Operator.login == login)).one()


def fill(settings: Settings) -> Tenants:
    """The two tenants in an empty store that is migrated."""
    found = Tenants(settings)
    with ops_session(settings) as session:
        for code, level, above in NODES:
            node = Node(code=code, level=level, name=f"{code} 名称", parent_id=found.nodes.get(above))
            session.add(node)
            session.flush()
            found.nodes[code] = node.node_id
        for code, customer in LOTS.items():
            lot = Lot(customer_id=found.nodes[customer], code=code, name=f"{code} 停车场")
            session.add(lot)
            session.flush()
            found.lots[code] = lot.lot_id
        found.roles = {role.code: role.role_id for role in session.scalars(select(Role)) if role.code is not None}
        for login, (role, node, lot_code) in OPERATORS.items():
            operator = Operator(
                login=login,
                name=f"{login} 姓名",
                password_hash="never matches",
                role_id=found.roles[role],
                node_id=found.nodes[node],
                lot_id=None if lot_code is None else found.lots[lot_code],
                is_active=True,
                must_change_password=False,
                created_at=NOW,
            )
            session.add(operator)
            session.flush()
            found.operators[login] = operator.operator_id
    return found


@cache
def _template() -> Tenants:
    tenants = fill_new(Settings(home=Path(mkdtemp(prefix="park-tenants-"))))
    ops_engine(tenants.settings).dispose()
    return tenants


def fill_new(settings: Settings) -> Tenants:
    """The two tenants in a new store."""
    migrate(settings)
    return fill(settings)


def tenants_in(folder: Path) -> Tenants:
    """The two tenants in a folder of their own; the store is made once and copied."""
    made = _template()
    folder.mkdir(parents=True, exist_ok=True)
    for file in made.settings.home.glob("ops.sqlite*"):
        shutil.copy(file, folder / file.name)
    return Tenants(Settings(home=folder), dict(made.nodes), dict(made.lots), dict(made.roles), dict(made.operators))
