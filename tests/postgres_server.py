"""A real PostgreSQL server in a scratch folder, on a free loopback port, run by an ordinary user."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest


def _programs() -> Path | None:
    # Debian keeps them off the path, one folder per version.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if debian:
        return debian[0]
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class Server:
    """A running server: its URL without a database's name, and how it is stopped and started again."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@pytest.fixture(scope="session")
def postgres_server(postgres_process: Server) -> str:
    """URL of a running server, without a database's name."""
    return postgres_process.url


@pytest.fixture(scope="session")
def postgres_process() -> Iterator[Server]:
    """A running server; stopped at the end."""
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Not under pytest's folder: that one is closed to the user who runs the server.
    folder = Path(tempfile.mkdtemp(prefix="park-pg-"))
    data = folder / "data"
    user = "postgres" if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    if os.geteuid() == 0:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(
            command,
            check=True,
            user=user if os.geteuid() == 0 else None,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    run(str(programs / "initdb"), "-D", str(data), "-U", "park", "-A", "trust", "-E", "UTF8", "--no-sync")
    control = (str(programs / "pg_ctl"), "-D", str(data), "-w", "-t", "60")
    options = f"-p {port} -h 127.0.0.1 -k {folder} -c fsync=off"

    def start() -> None:
        run(*control, "-l", str(folder / "log"), "-o", options, "start")

    def stop() -> None:
        run(*control, "-m", "immediate", "stop")

    start()
    try:
        yield Server(f"postgresql://park@127.0.0.1:{port}", stop, start)
    finally:
        stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """URL of an empty database of this test's own."""
    return new_database(postgres_server)


def new_database(server: str, *, template: str = "template1") -> str:
    """Create a database that nobody else uses, as ``template`` is; returns its URL."""
    name = f"park_{uuid4().hex}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f'create database "{name}" template "{template}"')
    return f"{server}/{name}"
