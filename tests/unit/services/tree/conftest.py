"""A platform with two agents, their customers and lots, and people at each level; copied from a migrated template."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from warehouse.errors import Forbidden
from warehouse.ops.models import AuditEntry, DownlinkCommand, Lot, Node, Operator, Role
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.actor import Actor, actor_of
from warehouse.security.audit import verify
from warehouse.services.operators import create_operator, ensure_admin
from warehouse.settings import Settings

AGENT, OTHER_AGENT, CUSTOMER, OTHER_CUSTOMER, FOREIGN_CUSTOMER = 2, 3, 4, 5, 6
LOT, OTHER_LOT, FOREIGN_LOT = 1, 2, 3
PEOPLE = {
    # login: (built-in role, node, lot)
    "east": ("agent", AGENT, None),
    "west": ("agent", OTHER_AGENT, None),
    "owner": ("customer", CUSTOMER, None),
    "stranger": ("customer", FOREIGN_CUSTOMER, None),
    "keeper": ("lot", CUSTOMER, LOT),
    "analyst": ("analyst", CUSTOMER, None),
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("tree"))
    migrate(settings)
    with ops_session(settings) as session:
        ensure_admin(session, settings)
        for node_id, parent, level, name in (
            (AGENT, 1, "agent", "华东代理"),
            (OTHER_AGENT, 1, "agent", "华西代理"),
            (CUSTOMER, AGENT, "customer", "安居物业"),
            (OTHER_CUSTOMER, AGENT, "customer", "滨江物业"),
            (FOREIGN_CUSTOMER, OTHER_AGENT, "customer", "川渝商业"),
        ):
            session.add(Node(node_id=node_id, parent_id=parent, level=level, code=f"N{node_id}", name=name))
            session.flush()
        for lot_id, customer, name in (
            (LOT, CUSTOMER, "云和花园"),
            (OTHER_LOT, OTHER_CUSTOMER, "江畔广场"),
            (FOREIGN_LOT, FOREIGN_CUSTOMER, "锦里"),
        ):
            session.add(Lot(lot_id=lot_id, customer_id=customer, code=f"P{lot_id}", name=name))
        session.flush()
        for login, (role, node_id, lot_id) in PEOPLE.items():
            create_operator(session, login=login, name=login, role=role, node_id=node_id, lot_id=lot_id)
    with ops_engine(settings).connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return settings.home / "ops.sqlite"


class World:
    """One copy of the template and short ways to look into it."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def actor(self, login: str) -> Actor:
        with ops_session(self.settings) as session:
            operator = session.scalars(select(Operator).where(Operator.login == login)).one()
            return actor_of(session, operator, "10.0.0.1")

    def entries(self, outcome: str = "done") -> list[AuditEntry]:
        with ops_session(self.settings) as session:
            query = select(AuditEntry).where(AuditEntry.outcome == outcome).order_by(AuditEntry.entry_id)
            return list(session.scalars(query))

    def commands(self) -> list[DownlinkCommand]:
        with ops_session(self.settings) as session:
            return list(session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.command_id)))

    def count(self, model: type[Any]) -> int:
        with ops_session(self.settings) as session:
            return session.scalar(select(func.count()).select_from(model)) or 0

    def row(self, model: type[Any], key: Any) -> Any:
        with ops_session(self.settings) as session:
            return session.get_one(model, key)

    def add(self, *rows: Any) -> None:
        with ops_session(self.settings) as session:
            session.add_all(rows)

    def role(self, code: str) -> int:
        with ops_session(self.settings) as session:
            return session.scalars(select(Role.role_id).where(Role.code == code)).one()

    @contextmanager
    def refused(self) -> Iterator[None]:
        """The block must be refused, leave one entry that says so, and change nothing else."""
        before, commands = self.entries("refused"), len(self.commands())
        done = len(self.entries())
        with pytest.raises(Forbidden) as caught:
            yield
        assert caught.value.zh != caught.value.en
        assert len(self.entries("refused")) == len(before) + 1
        assert (len(self.entries()), len(self.commands())) == (done, commands)


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    settings = Settings(home=tmp_path / "home")
    settings.home.mkdir()
    shutil.copy(template, settings.home / "ops.sqlite")
    yield World(settings)
    with ops_session(settings) as session:
        assert verify(session).broken_at is None
