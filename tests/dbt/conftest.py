"""Instances with lots in several zones, built by the real models."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sqlalchemy import text

from warehouse.lake.schema import create_lake
from warehouse.ops.models import AreaCapacity, Lot, Node
from warehouse.ops.session import migrate, ops_session
from warehouse.settings import Settings

ZONES = [
    ("Asia/Shanghai", 0),
    ("Asia/Shanghai", 270),
    ("Europe/London", 0),
    ("America/New_York", 300),
    ("Asia/Kolkata", 0),
]


def create_instance(home: Path, lots: int, **named: str) -> Settings:
    """An empty instance with ``lots`` lots; their zones and cut-overs take turns; ``named`` may place its stores."""
    settings = Settings(home=home, **named)  # type: ignore[arg-type]
    fill_instance(settings, lots)
    return settings


def fill_instance(settings: Settings, lots: int) -> None:
    """Create the stores of ``settings`` and put the lots into them."""
    migrate(settings)
    create_lake(settings)
    with ops_session(settings) as session:
        session.add(Node(node_id=1, parent_id=None, level="platform", code="platform", name="平台"))
        session.flush()
        session.add(Node(node_id=2, parent_id=1, level="agent", code="agent", name="代理"))
        session.flush()
        session.add(Node(node_id=3, parent_id=2, level="customer", code="customer", name="客户"))
        session.flush()
        for lot_id in range(1, lots + 1):
            zone, cutover = ZONES[lot_id % len(ZONES)]
            session.add(
                Lot(
                    lot_id=lot_id,
                    customer_id=3,
                    code=f"L{lot_id}",
                    name=f"停车场{lot_id}",
                    time_zone=zone,
                    cutover_minutes=cutover,
                )
            )
            session.flush()
            session.add(AreaCapacity(lot_id=lot_id, area_id=None, valid_from=date(2020, 1, 1), spaces=100))
    number_on(settings)


def number_on(settings: Settings) -> None:
    """Let PostgreSQL number new nodes and lots after those of here, which were given numbers; SQLite does so itself."""
    if settings.resolved_ops_url.startswith("sqlite"):
        return
    with ops_session(settings) as session:
        for table, column in (("node", "node_id"), ("lot", "lot_id")):
            session.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) FROM {table}")
            )
