"""dbt-duckdb plugin: loads DuckDB's extensions from their wheels, and opens object storage, before the lake is attached."""

from __future__ import annotations

import json
from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from warehouse.lake.extensions import extension_path
from warehouse.lake.storage import allow_object_storage
from warehouse.settings import Settings


class Plugin(BasePlugin):
    """Loads the extensions named under ``load`` and opens the object storage described by ``storage``."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the list of extensions and the settings of object storage, a JSON document or empty."""
        self._names: list[str] = plugin_config.get("load", [])
        self._storage: str = plugin_config.get("storage", "")

    def configure_connection(self, conn: Any) -> None:
        """Load each extension into the new connection."""
        for name in self._names:
            conn.load_extension(extension_path(name))
        if self._storage:
            allow_object_storage(conn, Settings(**json.loads(self._storage)))
