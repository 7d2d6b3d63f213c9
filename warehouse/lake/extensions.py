"""Where DuckDB's extensions lie: in wheels, so that nothing is fetched when a process starts."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb

from warehouse.errors import ParkError


def extension_path(name: str) -> str:
    """Path of the extension file in the wheel ``duckdb-extension-<name>``.

    Raises:
        ParkError: the wheel is not installed.
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    if spec is None or not spec.submodule_search_locations:
        raise ParkError(
            zh=f"缺少 DuckDB 扩展 {name}:请重新运行 make install",
            en=f"DuckDB extension {name} is missing: run make install again",
        )
    root = Path(next(iter(spec.submodule_search_locations)))
    return str(root / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension")
