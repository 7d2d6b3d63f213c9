"""Backups in object storage and of PostgreSQL are as good as those of a folder and of SQLite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.dbt.conftest import fill_instance
from tests.integration.backup.conftest import land_uploads, note
from tests.integration.postgres.conftest import new_database, postgres_process, postgres_server
from warehouse.backup.create import create
from warehouse.backup.keep import sweep
from warehouse.backup.library import OBJECTS, Library, library_of
from warehouse.backup.restore import elsewhere, restore
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.figures import lake_figures
from warehouse.ops.session import ops_session
from warehouse.security import audit
from warehouse.settings import Settings

__all__ = ["postgres_process", "postgres_server"]
PLAIN = Opener(())


@pytest.fixture
def storage() -> Iterator[str]:
    """Address of an S3 server with a bucket ``park``."""
    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    _host, port = server.get_host_and_port()
    address = f"http://127.0.0.1:{port}"
    client = boto3.client(
        "s3", endpoint_url=address, region_name="us-east-1", aws_access_key_id="id", aws_secret_access_key="secret"
    )
    client.create_bucket(Bucket="park")
    yield address
    server.stop()


def test_backups_lie_in_object_storage(filled: Settings, storage: str) -> None:
    remote = elsewhere(
        filled,
        backup_url="s3://park/backups/one",
        backup_endpoint=storage,
        backup_region="us-east-1",
        backup_key_id="id",
        backup_secret="secret",
    )
    library = library_of(remote)
    assert library.listed() == []
    first = create(remote, library)
    second = create(remote, library)
    assert second.new_files < first.new_files
    assert verify(remote, library, PLAIN, second.backup_id).is_good
    assert [one.backup_id for one in library.listed()] == sorted([first.backup_id, second.backup_id], reverse=True)
    swept = sweep(remote, library, second.point_at, count=1, days=0)
    assert swept.backups == (first.backup_id,)
    needed = {file.object for file in library.files(second.backup_id).files}
    assert set(library.place.sizes(OBJECTS)) == needed

    wrong = elsewhere(remote, backup_url="s3://nowhere/else")
    with pytest.raises(ParkError) as refused:
        library_of(wrong).listed()
    assert refused.value.code == "place_unusable"


def test_an_instance_on_postgresql_is_backed_up_and_restored_into_empty_databases(
    postgres_server: str, library: Library, tmp_path: Path
) -> None:
    url = new_database(postgres_server)
    settings = Settings(home=tmp_path / "home", ops_url=url, catalog_url=url)
    fill_instance(settings, 3)
    land_uploads(settings, "first", 1)
    note(settings, "entry")
    summary = create(settings, library)
    assert (summary.operational_form, summary.catalog_form) == ("rows", "postgres")
    assert verify(settings, library, PLAIN, "newest").is_good

    with pytest.raises(ParkError) as refused:
        restore(settings, library, PLAIN, "newest", confirmation=summary.backup_id)
    assert refused.value.code == "not_empty"

    other = new_database(postgres_server)
    anew = elsewhere(settings, home=tmp_path / "anew", ops_url=other, catalog_url=other)
    restore(anew, library, PLAIN, "newest")
    with ops_session(anew) as session:
        assert audit.verify(session).broken_at is None
    connection = open_lake(settings, read_only=True)
    newest = current_snapshot(connection)
    connection.close()
    assert lake_figures(anew, newest) == lake_figures(settings, newest)
    note(anew, "goes on")
    land_uploads(anew, "second", 2)
