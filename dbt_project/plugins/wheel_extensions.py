"""dbt-duckdb plugin: loads DuckDB's extensions from their wheels before the lake is attached."""

from __future__ import annotations

from typing import Any

from dbt.adapters.duckdb.plugins import BasePlugin

from warehouse.lake.extensions import extension_path


class Plugin(BasePlugin):
    """Loads the extensions named under ``load``."""

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Keep the list of extensions."""
        self._names: list[str] = plugin_config.get("load", [])

    def configure_connection(self, conn: Any) -> None:
        """Load each extension into the new connection."""
        for name in self._names:
            conn.load_extension(extension_path(name))
