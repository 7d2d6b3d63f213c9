"""The publication: readers follow to the snapshot of the newest green build."""

from __future__ import annotations

import dagster as dg

from pipelines.assets.marts import SEEDS
from pipelines.build import publish_newest_green
from warehouse.settings import Settings

KEY = dg.AssetKey(["publication"])


def publication(settings: Settings, marts: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """The asset behind all of ``marts``; it runs only after a green build."""
    # Seeds are left out of incremental builds, and a step waits only for what every build makes.
    models = [spec.key for spec in marts.specs if spec.group_name != SEEDS]

    @dg.asset(
        key=KEY,
        deps=models,
        group_name="publication",
        description="The snapshot of the lake that pages, reports and exports read.",
    )
    def publish() -> dg.MaterializeResult[None]:
        """Let readers follow."""
        standing = publish_newest_green(settings)
        return dg.MaterializeResult(
            metadata={
                "snapshot": standing.snapshot_id,
                "build": standing.build_id,
                "data as of": standing.data_as_of.isoformat() if standing.data_as_of else "no records",
            }
        )

    return publish
