"""The analysts' file: a DuckDB database of the marts, made behind each publication."""

from __future__ import annotations

import dagster as dg

from pipelines.assets import publication
from warehouse.lake.analysts import ensure_file
from warehouse.settings import Settings

KEY = dg.AssetKey(["analysts_file"])


def analysts_file(settings: Settings) -> dg.AssetsDefinition:
    """The asset behind the publication. Files of single scopes are made when somebody first asks for them."""

    @dg.asset(
        key=KEY,
        deps=[publication.KEY],
        group_name="publication",
        description="A DuckDB file of the published marts and recent detail, for analysts.",
    )
    def build() -> dg.MaterializeResult[None]:
        """Write the file when the publication has none yet."""
        made = ensure_file(settings)
        return dg.MaterializeResult(
            metadata={"snapshot": made.snapshot_id, "bytes": made.path.stat().st_size, "new": made.is_new}
        )

    return build
