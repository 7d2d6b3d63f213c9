"""Backups in object storage are as good as those of a folder."""

from __future__ import annotations

from collections.abc import Iterator

import boto3
import pytest
from moto.server import ThreadedMotoServer

from warehouse.backup.create import create
from warehouse.backup.keep import sweep
from warehouse.backup.library import OBJECTS, library_of
from warehouse.backup.restore import elsewhere
from warehouse.backup.seal import Opener
from warehouse.backup.verify import verify
from warehouse.errors import ParkError
from warehouse.settings import Settings

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
