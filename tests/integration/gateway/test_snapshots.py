"""Pictures of passages: checked, kept by hash for each lot, with a record in the lake; nothing else is taken in."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer
from PIL import Image

from ingest.gateway.answers import Refusal
from ingest.gateway.snapshots import MOST_PIXELS, checked_picture
from ingest.lander import Lander
from ingest.simulator.pictures import picture_of
from tests.integration.gateway.conftest import Instance
from warehouse.errors import ParkError
from warehouse.services.snapshots import SnapshotStore
from warehouse.settings import Settings

PICTURE = picture_of("粤B12345", "2026-05-01T08:17:53+08:00")


def png(width: int, height: int, *, cut: bool = False) -> bytes:
    """A PNG that says it is so large; its data is next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(b"\0" * (1 + width // 8) * min(height, 1_000))
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows[: 5 if cut else None]) + chunk(b"IEND", b"")


def gif() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (20, 20)).save(target, "GIF")
    return target.getvalue()


def test_a_picture_is_kept_and_its_record_reaches_the_lake_once(instance: Instance) -> None:
    now = datetime.now(UTC).isoformat()
    with instance.gateway() as url:
        client = instance.client(url, attempts=1)
        first = client.put_snapshot("entry", "E/10 01", PICTURE, now)
        assert client.put_snapshot("entry", "E/10 01", PICTURE, now) == first
        for kind, record_id in (("no_such_kind", "E1"), ("entry", "E" * 1000)):
            with pytest.raises(ParkError):
                client.put_snapshot(kind, record_id, PICTURE)
        with pytest.raises(ParkError) as large:
            client.put_snapshot("entry", "E2", b"\xff\xd8\xff" + bytes(2 * 1024 * 1024))
        assert large.value.code == "body_too_large"
        with pytest.raises(ParkError) as page:
            client.put_snapshot("entry", "E3", b"<svg onload='alert(1)'/>")
        assert page.value.code == "not_a_picture"
    digest = sha256(PICTURE).hexdigest()
    assert (first["content_hash"], first["content_type"], first["size_bytes"]) == (digest, "image/jpeg", len(PICTURE))
    store = SnapshotStore(instance.settings)
    assert store.get(1, digest) == PICTURE
    assert store.get(2, digest) is None
    kept = [path for path in (instance.settings.home / "snapshots").rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [digest]
    lander = Lander(instance.settings)
    lander.drain()
    lander.close()
    with instance.lake() as lake:
        rows = lake.execute(
            "SELECT DISTINCT lot_id, record_id, linked_kind, linked_record_id, content_hash, content_type, size_bytes "
            "FROM lake.raw.snapshot"
        ).fetchall()
    assert rows == [(1, first["record_id"], "entry", "E/10 01", digest, "image/jpeg", len(PICTURE))]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "not_a_picture"),
        (gif(), "not_a_picture"),
        (PICTURE[: len(PICTURE) // 2], "damaged_picture"),
        (png(64, 64, cut=True), "damaged_picture"),
        (png(60_000, 60_000), "bad_picture_size"),
        (png(5_001, MOST_PIXELS // 5_000), "bad_picture_size"),
        (png(2, 2), "bad_picture_size"),
    ],
)
def test_what_is_no_sound_picture_of_a_sensible_size_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        checked_picture(content)
    assert refused.value.code == code


def test_pictures_may_lie_in_object_storage(tmp_path: Path) -> None:
    keys = {"s3_access_key": "key-of-pictures", "s3_secret_key": "its-secret"}
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id=keys["s3_access_key"],
            aws_secret_access_key=keys["s3_secret_key"],
        ).create_bucket(Bucket="pictures")
        store = SnapshotStore(
            Settings(home=tmp_path, snapshot_url="s3://pictures/of-lots", s3_endpoint=endpoint, **keys)
        )
        digest = store.put(1, PICTURE)
        assert store.get(1, digest) == PICTURE
        assert store.get(2, digest) is None
        assert store.remove(1, digest)
        assert not store.has(1, digest)
    finally:
        server.stop()
    with pytest.raises(ParkError) as away:
        SnapshotStore(Settings(home=tmp_path, snapshot_url="nowhere://x")).put(1, PICTURE)
    assert away.value.code == "snapshots_unavailable"
