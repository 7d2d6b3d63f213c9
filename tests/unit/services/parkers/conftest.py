"""Lots of two customers, and people who may more or less; copied from a migrated template."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from warehouse.errors import Forbidden
from warehouse.ops.models import Area, AuditEntry, DownlinkCommand, Lot, Node, Operator, OutboxRecord
from warehouse.ops.session import migrate, ops_engine, ops_session
from warehouse.security.actor import Actor, actor_of
from warehouse.security.audit import verify
from warehouse.services.fields import InvalidFields
from warehouse.services.operators import create_operator, ensure_admin
from warehouse.services.owner_changes import create_owner
from warehouse.services.owner_forms import OwnerForm, VehicleForm
from warehouse.services.owners import OwnerView, get_owner
from warehouse.services.renewal_plans import PlanForm, create_plan
from warehouse.settings import Settings

LOT, WESTERN_LOT, FOREIGN_LOT = 1, 2, 3
SHANGHAI = ZoneInfo("Asia/Shanghai")
PEOPLE = {
    # login: (built-in role, node, lot)
    "manager": ("customer", 3, None),
    "cashier": ("booth_supervisor", 3, LOT),
    "reader": ("duty_manager", 3, None),
    "engineer": ("engineer", 3, None),
    "stranger": ("customer", 4, None),
}


def fill(settings: Settings) -> None:
    """Put the tree and the people into a migrated store."""
    with ops_session(settings) as session:
        ensure_admin(session, settings)
        for node_id, parent, level, name in (
            (2, 1, "agent", "华东代理"),
            (3, 2, "customer", "安居物业"),
            (4, 2, "customer", "滨江物业"),
        ):
            session.add(Node(node_id=node_id, parent_id=parent, level=level, code=f"N{node_id}", name=name))
            session.flush()
        for lot_id, customer, name, zone in (
            (LOT, 3, "云和花园", "Asia/Shanghai"),
            (WESTERN_LOT, 3, "西海岸", "Pacific/Pago_Pago"),
            (FOREIGN_LOT, 4, "江畔广场", "Asia/Shanghai"),
        ):
            session.add(Lot(lot_id=lot_id, customer_id=customer, code=f"P{lot_id}", name=name, time_zone=zone))
            session.flush()
        session.add(Area(lot_id=LOT, area_id="B1", name="地下一层"))
        for login, (role, node_id, lot_id) in PEOPLE.items():
            create_operator(session, login=login, name=f"{login} 先生", role=role, node_id=node_id, lot_id=lot_id)


@dataclass(frozen=True)
class World:
    """One instance; everybody by login."""

    settings: Settings

    def actor(self, login: str = "manager") -> Actor:
        with ops_session(self.settings) as session:
            operator = session.scalars(select(Operator).where(Operator.login == login)).one()
            return actor_of(session, operator, "127.0.0.1")

    def today(self, zone: ZoneInfo = SHANGHAI) -> date:
        return datetime.now(UTC).astimezone(zone).date()

    def owner(self, plates: str = "鲁F69Y07", *, lot_id: int = LOT, **form: Any) -> OwnerView:
        """An owner with these plates, each valid as ``valid_from`` and ``valid_to`` say."""
        validity = {name: form.pop(name) for name in ("valid_from", "valid_to") if name in form}
        vehicles = tuple(VehicleForm(plate, **validity) for plate in plates.split())
        actor = self.actor("stranger" if lot_id == FOREIGN_LOT else "manager")
        owner_id = create_owner(
            self.settings, actor, OwnerForm(**{"lot_id": lot_id, "name": "初建春", "vehicles": vehicles, **form})
        )
        return get_owner(self.settings, actor, owner_id)

    def plan(self, price: str = "300.00", *, unit: str = "month", unit_count: int = 1, lot_id: int = LOT) -> int:
        actor = self.actor("stranger" if lot_id == FOREIGN_LOT else "manager")
        return create_plan(self.settings, actor, lot_id, PlanForm("月卡", unit, unit_count, Decimal(price)))

    def commands(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Kind, subject and payload of every command, oldest first."""
        with ops_session(self.settings) as session:
            found = session.scalars(select(DownlinkCommand).order_by(DownlinkCommand.command_id))
            return [(command.kind, command.subject, command.payload) for command in found]

    def records(self) -> list[dict[str, Any]]:
        """What is on its way to the reports, oldest first."""
        with ops_session(self.settings) as session:
            return list(session.scalars(select(OutboxRecord.record).order_by(OutboxRecord.outbox_id)))

    def log(self) -> list[AuditEntry]:
        with ops_session(self.settings) as session:
            return list(session.scalars(select(AuditEntry).order_by(AuditEntry.entry_id)))

    def counts(self) -> tuple[int, ...]:
        """Rows of everything that a use case may add to."""
        with ops_session(self.settings) as session:
            return tuple(
                session.scalar(select(func.count()).select_from(model)) or 0
                for model in (AuditEntry, DownlinkCommand, OutboxRecord)
            )

    @contextmanager
    def refused(self, permission: str | None = None) -> Iterator[None]:
        """The block is Forbidden, says so in the operator log and does nothing else."""
        before = self.counts()
        with pytest.raises(Forbidden):
            yield
        after = self.counts()
        assert after[0] == before[0] + 1
        assert after[1:] == before[1:]
        entry = self.log()[-1]
        assert entry.outcome == "refused"
        if permission is not None:
            assert entry.action == permission


def problems(act: Callable[[], object]) -> dict[str, str]:
    """The Chinese sentence of each field that is wrong; every problem speaks both languages."""
    with pytest.raises(InvalidFields) as caught:
        act()
    assert all(problem.zh and problem.en for problem in caught.value.problems)
    return {problem.field: problem.zh for problem in caught.value.problems}


def key() -> str:
    return uuid4().hex


def days(count: int) -> timedelta:
    return timedelta(days=count)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = Settings(home=tmp_path_factory.mktemp("parkers"))
    migrate(settings)
    fill(settings)
    with ops_engine(settings).connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    return settings.home / "ops.sqlite"


@pytest.fixture
def world(template: Path, tmp_path: Path) -> Iterator[World]:
    settings = Settings(home=tmp_path)
    shutil.copy(template, tmp_path / "ops.sqlite")
    yield World(settings)
    with ops_session(settings) as session:
        assert verify(session).broken_at is None
    ops_engine(settings).dispose()
