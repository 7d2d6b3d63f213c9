"""Which kind of stores the instances of tests have: SQLite, or PostgreSQL with ``PARK_TEST_STORES=postgresql``.

Belongs here: addresses of stores for instances that fixtures make, empty or copied from a template. Does not belong
here: tests that are about PostgreSQL itself; those use ``tests.postgres_server`` whatever is set.
"""

from __future__ import annotations

import os
from typing import Final

import psycopg
import pytest

from tests.postgres_server import new_database
from warehouse.lake.connect import attach_options
from warehouse.settings import Settings

ON_POSTGRESQL: Final = os.environ.get("PARK_TEST_STORES", "sqlite") == "postgresql"


class Stores:
    """Hands out stores; on SQLite they lie under the instance's home, and nothing has to be named."""

    def __init__(self, server: str | None) -> None:
        """``server`` is the address of PostgreSQL without a database's name."""
        self._server = server

    def empty(self) -> dict[str, str]:
        """Settings that name empty stores."""
        if self._server is None:
            return {}
        url = new_database(self._server)
        return {"ops_url": url, "catalog_url": url}

    def copied(self, template: dict[str, str]) -> dict[str, str]:
        """Settings that name a copy of the stores of ``template``, which nobody is connected to any more."""
        if self._server is None:
            return {}
        url = new_database(self._server, template=template["ops_url"].rpartition("/")[2])
        return {"ops_url": url, "catalog_url": url}


def name_data_path(settings: Settings) -> None:
    """Let a copied catalog on PostgreSQL name the data folder of ``settings``."""
    assert settings.catalog_url is not None
    with psycopg.connect(settings.catalog_url) as connection:
        connection.execute(
            f"UPDATE {settings.catalog_schema}.ducklake_metadata SET value = %s WHERE key = 'data_path'",
            [attach_options(settings)["DATA_PATH"]],
        )


def environment(settings: Settings) -> dict[str, str]:
    """What a command that works on the instance of ``settings`` is told of it."""
    named = {"PARK_OPS_URL": settings.ops_url, "PARK_CATALOG_URL": settings.catalog_url}
    return {"PARK_HOME": str(settings.home)} | {name: url for name, url in named.items() if url}


@pytest.fixture(scope="session")
def stores(request: pytest.FixtureRequest) -> Stores:
    """The stores that this run of the tests uses."""
    return Stores(request.getfixturevalue("postgres_server") if ON_POSTGRESQL else None)
