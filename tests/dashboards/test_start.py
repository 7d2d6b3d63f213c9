"""Starting the pages when something is missing: one line that says what to do."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from dashboards.server import serve
from warehouse.errors import ParkError
from warehouse.ops.session import migrate
from warehouse.settings import Settings


def test_without_a_store_the_pages_say_to_run_init(tmp_path: Path) -> None:
    with pytest.raises(ParkError, match="park init"):
        serve(Settings(home=tmp_path))


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = Settings(home=tmp_path, pages_port=taken.getsockname()[1])
        migrate(settings)
        with pytest.raises(ParkError, match=f"127.0.0.1:{settings.pages_port}") as raised:
            serve(settings)
    assert raised.value.code == "address_unavailable"
