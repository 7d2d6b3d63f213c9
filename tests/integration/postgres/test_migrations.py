"""Migrations up and down with rows in the tables, on SQLite and PostgreSQL; their end is what the models say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, inspect, select, text

from tests.unit.security.tenants import Tenants, fill
from warehouse.ops.models import Base, Operator, Role
from warehouse.ops.session import MIGRATIONS, migrate, migrate_back, ops_engine, ops_session
from warehouse.security import audit
from warehouse.security.actor import LOCAL
from warehouse.services.exchange import find_sheet, import_file
from warehouse.services.invoice_settings import InvoiceForm, save_invoice_setting
from warehouse.services.operators import OperatorForm, save_operator
from warehouse.services.roles import RoleForm, save_role
from warehouse.settings import Settings

REVISIONS = [script.revision for script in reversed(list(ScriptDirectory(str(MIGRATIONS)).walk_revisions()))]


@pytest.fixture(params=["sqlite", "postgresql"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """An empty store of its own."""
    if request.param == "sqlite":
        yield Settings(home=tmp_path)
        return
    settings = Settings(home=tmp_path, ops_url=request.getfixturevalue("postgres_url"))
    yield settings
    ops_engine(settings).dispose()


def filled(settings: Settings) -> Tenants:
    """The newest store with rows in the tables of administration."""
    migrate(settings)
    tenants = fill(settings)
    actor, lot_id = tenants.actor("sun"), tenants.lots["S-1"]
    role_id = save_role(settings, actor, RoleForm("夜班", frozenset({"home.view", "lots.view"})))
    save_operator(settings, actor, OperatorForm("night", "夜", role_id, tenants.nodes["sun"]))
    save_invoice_setting(settings, actor, lot_id, InvoiceForm(True, 10, "secret"))
    owners = "车主编号,车主姓名,车位号,车牌,有效期起,有效期至,车辆组,组车位数\n"
    owners += "1,张三,A1,鲁F69Y07,2026-01-01,2026-12-31,家,1\n"
    import_file(settings, LOCAL, find_sheet("owners"), "o.csv", owners.encode(), lot_id=lot_id)
    return tenants


def rows(settings: Settings) -> dict[str, list[Any]]:
    """Every table's rows, as the store has them."""
    engine = ops_engine(settings)
    found = MetaData()
    found.reflect(engine)
    with engine.connect() as connection:
        return {
            name: sorted(tuple(map(str, row)) for row in connection.execute(select(table)))
            for name, table in found.tables.items()
            if name != "alembic_version"
        }


def test_the_newest_store_is_what_the_models_say(settings: Settings) -> None:
    migrate(settings)
    with ops_engine(settings).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        assert compare_metadata(context, Base.metadata) == []


def test_each_step_down_and_up_again_keeps_what_the_older_store_can_hold(settings: Settings) -> None:
    filled(settings)
    for lower in reversed(REVISIONS[:-1]):
        migrate_back(settings, lower)
        kept = rows(settings)
        assert len(kept["operator"]) == 10
        migrate(settings, REVISIONS[REVISIONS.index(lower) + 1])
        again = rows(settings)
        for name, table in kept.items():
            assert len(again[name]) == len(table), (lower, name)
        migrate_back(settings, lower)
        assert rows(settings) == kept, lower
    migrate(settings)
    with ops_session(settings) as session:
        roles = dict(session.execute(select(Operator.login, Role.code).join(Role)).tuples().all())
        assert audit.verify(session).broken_at is None
    # Built-in roles come back; one that people made is more than the first store can hold, and becomes the narrowest.
    assert roles == {
        "admin": "admin",
        "second-admin": "admin",
        "east": "agent",
        "sun": "customer",
        "sun-finance": "finance",
        "sun-lot": "lot",
        "west": "agent",
        "moon": "customer",
        "moon-lot": "lot",
        "night": "lot",
    }


def test_the_way_down_to_nothing_leaves_nothing_but_the_version_table(settings: Settings) -> None:
    filled(settings)
    migrate_back(settings, "base")
    assert set(inspect(ops_engine(settings)).get_table_names()) <= {"alembic_version"}
    migrate(settings)


def test_the_log_of_a_store_that_came_up_again_takes_entries_and_refuses_changes(settings: Settings) -> None:
    tenants = filled(settings)
    migrate_back(settings, "0001")
    migrate(settings)
    save_role(settings, tenants.actor("sun"), RoleForm("早班", frozenset({"home.view"})))
    with ops_session(settings) as session:
        assert audit.verify(session).entries == 1
    with pytest.raises(Exception, match="append-only"), ops_engine(settings).begin() as connection:
        connection.execute(text("delete from audit_entry"))
