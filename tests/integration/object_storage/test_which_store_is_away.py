"""An instance on PostgreSQL and object storage says which of them is away, by the errors of real connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.integration.object_storage.conftest import Storage
from warehouse.lake.connect import open_lake
from warehouse.lake.schema import create_lake
from warehouse.ops.session import ops_session
from warehouse.settings import Settings
from warehouse.store_away import store_away, stores_away

WHAT = ("未能构建", "nothing was built")


def closed() -> str:
    """An address that refuses connections."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def write(settings: Settings) -> None:
    connection = open_lake(settings)
    try:
        connection.execute("CREATE TABLE lake.main.written AS SELECT 1 AS a")
    finally:
        connection.close()


def ask(settings: Settings) -> None:
    with ops_session(settings) as session:
        session.execute(text("SELECT 1"))


def failure(work: Callable[[Settings], None], settings: Settings, **changes: str) -> Exception:
    with pytest.raises(Exception) as caught:
        work(Settings(**(settings.model_dump(exclude_unset=True) | changes)))
    return caught.value


@pytest.fixture
def unavailable() -> Iterator[str]:
    """A server that answers 503 to everything."""

    class Answer(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(503)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_HEAD = do_POST = do_PUT  # noqa: N815 - names of the library

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_the_store_that_is_away_is_named_and_no_other(
    tmp_path: Path, postgres_url: str, storage: Storage, unavailable: str
) -> None:
    both = Settings(home=tmp_path, ops_url=postgres_url, catalog_url=postgres_url, **storage.settings())
    create_lake(both)
    nowhere = f"postgresql://park@{closed()}/park"

    for endpoint in (f"http://{closed()}", unavailable):
        error = failure(write, both, s3_endpoint=endpoint)
        assert stores_away(error, both) == ("object_storage",), error
        said = store_away(stores_away(error, both), *WHAT)
        assert "PARK_S3_ENDPOINT" in said.zh
        assert "对象存储" in said.zh
        assert "object storage is away" in said.en
        assert "PostgreSQL" not in said.zh + said.en

    for work in (write, ask):
        error = failure(work, both, catalog_url=nowhere, ops_url=nowhere)
        assert stores_away(error, both) == ("postgresql",), error
        said = store_away(stores_away(error, both), *WHAT)
        assert "PARK_CATALOG_URL" in said.zh
        assert "PARK_S3" not in said.zh + said.en
        assert "PostgreSQL is away" in said.en


def test_an_error_of_both_names_both_and_a_bucket_that_is_not_there_is_no_store_away(
    tmp_path: Path, postgres_url: str, storage: Storage
) -> None:
    both = Settings(home=tmp_path, ops_url=postgres_url, catalog_url=postgres_url, **storage.settings())
    create_lake(both)
    first = failure(ask, both, ops_url=f"postgresql://park@{closed()}/park")
    second = failure(write, both, s3_endpoint=f"http://{closed()}")
    second.__cause__ = first
    said = store_away(stores_away(second, both), *WHAT)
    assert "object storage and PostgreSQL are away" in said.en
    assert stores_away(second, Settings(home=tmp_path)) == ()

    storage.bucket.delete()
    assert stores_away(failure(write, both), both) == ()
