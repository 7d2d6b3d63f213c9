"""Engines and sessions of the operational store, and its migration to the newest version."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.orm import Session

from warehouse.settings import Settings

MIGRATIONS = Path(__file__).parent / "migrations"


@lru_cache(maxsize=16)
def _engine(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            connection.execute(f"PRAGMA {pragma}")

    return engine


def ops_engine(settings: Settings) -> Engine:
    """The engine of this instance's operational store; one per process and URL."""
    if settings.ops_url is None:
        settings.home.mkdir(parents=True, exist_ok=True)
    return _engine(settings.resolved_ops_url)


@contextmanager
def ops_session(settings: Settings) -> Iterator[Session]:
    """A session that commits when the block ends well and rolls back when it raises."""
    with Session(ops_engine(settings), expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def write_session(settings: Settings) -> Iterator[Session]:
    """As ``ops_session``, for a change that reads before it writes.

    SQLite takes the write lock at once: a transaction that read first and wants to write later fails without waiting
    when somebody else wrote in between. On PostgreSQL, rows that must not change meanwhile are locked by the caller.
    """
    with ops_session(settings) as session:
        connection = session.connection()
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield session


def migrate(settings: Settings, revision: str = "head") -> None:
    """Bring the operational store up to ``revision``."""
    _migrate(settings, command.upgrade, revision)


def migrate_back(settings: Settings, revision: str) -> None:
    """Take the operational store back to ``revision``; what only newer versions can hold is lost."""
    _migrate(settings, command.downgrade, revision)


def _migrate(settings: Settings, step: Callable[[Config, str], None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with ops_engine(settings).connect() as connection:
        config.attributes["connection"] = connection
        if connection.dialect.name == "sqlite":
            # SQLite changes a table by making it anew, and dropping the old one would break what refers to it.
            connection.exec_driver_sql("PRAGMA foreign_keys=OFF")
        try:
            step(config, revision)
            connection.commit()
        finally:
            if connection.dialect.name == "sqlite":
                connection.rollback()
                connection.exec_driver_sql("PRAGMA foreign_keys=ON")


def revisions(settings: Settings) -> tuple[str | None, str | None]:
    """Version that the operational store is at, None when it was never migrated, and the newest version there is."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with ops_engine(settings).connect() as connection:
        return MigrationContext.configure(connection).get_current_revision(), scripts.get_current_head()
