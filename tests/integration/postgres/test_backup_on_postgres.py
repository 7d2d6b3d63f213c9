"""Backups of an instance whose stores are on PostgreSQL: restored into empty databases, they are that instance."""

from __future__ import annotations

import random
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.dbt.conftest import ZONES, fill_instance
from tests.dbt.history import LotHistory, land_records
from tests.integration.backup.test_backups import figures
from tests.integration.reports.lake import Lake, dim_lot
from tests.postgres_server import new_database
from warehouse.backup.create import create
from warehouse.backup.library import Library
from warehouse.backup.operational import operational_figures
from warehouse.backup.place import Folder
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.lake.connect import open_lake
from warehouse.lake.publish import published
from warehouse.ops.models import Node
from warehouse.ops.session import ops_session
from warehouse.security.actor import LOCAL
from warehouse.services.agents import create_agent
from warehouse.services.nodes import NodeForm
from warehouse.settings import Settings

PLAIN = Opener(())


def schemas(settings: Settings) -> list[str]:
    assert settings.catalog_url is not None
    with psycopg.connect(settings.catalog_url) as connection:
        rows = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' ORDER BY 1").fetchall()
    return [name for (name,) in rows]


def land(settings: Settings, batch_id: str, seed: int) -> None:
    histories = [
        LotHistory(lot, ZoneInfo(ZONES[lot][0]), ZONES[lot][1], random.Random(seed + lot)) for lot in range(1, 4)
    ]
    connection = open_lake(settings)
    try:
        land_records(
            connection, settings, batch_id, [item for lot in histories for _ in range(4) for item in lot.batch()]
        )
    finally:
        connection.close()


def test_a_restored_instance_equals_the_one_on_postgresql_and_goes_on(tmp_path: Path, postgres_server: str) -> None:
    ops_url, catalog_url = new_database(postgres_server), new_database(postgres_server)
    settings = Settings(home=tmp_path / "home", ops_url=ops_url, catalog_url=catalog_url)
    fill_instance(settings, 3)
    made = create_agent(settings, LOCAL, NodeForm(name="备份前"))
    with ops_session(settings) as session:  # a parent younger than its child
        session.get_one(Node, 3).parent_id = made
    land(settings, "before", 610)
    lake = Lake(settings)
    lake.add("dim_lot", [dim_lot(lot, f"L{lot}", f"停车场{lot}") for lot in range(1, 4)])
    lake.publish()
    sealed = settings.journal_path / "sealed"
    sealed.mkdir(parents=True)
    (sealed / "00000000000000000001-1-aaaa.ndjson").write_bytes(b'{"kind":"heartbeat"}\n')
    library = Library(Folder(tmp_path / "backups"))

    summary = create(settings, library)
    assert (summary.operational_form, summary.catalog_form) == ("rows", "postgres")
    proof = verify(settings, library, PLAIN, summary.backup_id)
    assert proof.is_good, proof.en
    assert proof.rows > 0
    assert schemas(settings) == ["information_schema", settings.catalog_schema, "public"], "no scratch stays"

    bare = elsewhere(settings, home=tmp_path / "bare")
    with pytest.raises(ParkError, match="PARK_OPS_URL, PARK_CATALOG_URL holds data"):
        restore(bare, library, PLAIN, "newest", confirmation=summary.backup_id)
    anew = elsewhere(
        settings,
        home=tmp_path / "anew",
        ops_url=new_database(postgres_server),
        catalog_url=new_database(postgres_server),
        catalog_schema="restored",
    )
    done = restore(anew, library, PLAIN, "newest")
    assert done.segments_from_backup == 1
    assert figures(anew) == figures(settings)
    before, after = operational_figures(settings)["tables"], operational_figures(anew)["tables"]
    assert after.pop("audit_entry")["rows"] == before.pop("audit_entry")["rows"] + 1, "that it was restored"
    del before["audit_head"], after["audit_head"]
    assert after == before
    assert published(anew) == published(settings)

    assert create_agent(anew, LOCAL, NodeForm(name="恢复后")) == made + 1, "numbers go on"
    for instance in (settings, anew):
        land(instance, "after", 620)
    raw = {name: table for name, table in figures(anew).items() if name.startswith("raw.")}
    assert raw == {name: table for name, table in figures(settings).items() if name.startswith("raw.")}
