"""Saved views and deliveries: the migration up and down on both stores, leaving exactly what the models say."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect

from warehouse.ops.models import Base
from warehouse.ops.session import migrate, migrate_back, ops_engine
from warehouse.settings import Settings

TABLES = {"saved_view", "delivery", "delivery_run"}


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_the_tables_come_and_go_as_the_models_say(store: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgres_url") if store == "postgresql" else None
    settings = Settings(home=tmp_path, ops_url=url)
    migrate(settings)
    with ops_engine(settings).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": False})
        assert [
            change for change in compare_metadata(context, Base.metadata) if TABLES & set(str(change).split("'"))
        ] == []
    migrate_back(settings, "0004")
    assert not TABLES & set(inspect(ops_engine(settings)).get_table_names())
    migrate(settings)
    assert set(inspect(ops_engine(settings)).get_table_names()) >= TABLES
