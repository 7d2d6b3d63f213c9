"""Raw tables: what the lander put into the lake.

Belongs here: one drain of the journal as a step of a run. The lander of ``park up`` does the same all the time; the
two stay out of each other's way through the writer lock and the batch ledger.
"""

# No postponed annotations here: Dagster looks at the types of step parameters when a step is defined.

from collections.abc import Iterator
from typing import Any

import dagster as dg

from ingest.lander import Lander
from pipelines.resources import WRITER_POOL
from warehouse.lake.raw_tables import KINDS
from warehouse.settings import Settings

LEDGER = dg.AssetKey(["raw", "batch"])
TABLES = (*KINDS, "batch", "rejected_record")


def raw_landing(settings: Settings) -> dg.AssetsDefinition:
    """Raw tables of ``settings``' lake as assets."""
    specs = [
        dg.AssetSpec(
            ["raw", table],
            group_name="raw",
            kinds={"ducklake"},
            description=f"Append-only rows of raw.{table}, as lots sent them.",
        )
        for table in TABLES
    ]

    @dg.multi_asset(name="raw_landing", specs=specs, pool=WRITER_POOL)
    def land(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        """Land what waits in the journal."""
        lander = Lander(settings)
        try:
            summary = lander.drain()
        finally:
            lander.close()
        context.log.info(summary.sentence())
        if summary.error:
            raise dg.Failure(f"the journal could not be landed: {summary.error}")
        for spec in specs:
            counts: dict[str, Any] = summary.as_dict() if spec.key == LEDGER else {}
            yield dg.MaterializeResult(asset_key=spec.key, metadata=counts)

    return land
