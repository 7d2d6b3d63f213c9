"""Building a scratch lake: the models, unchanged, over the raw rows that were known at a past moment.

Belongs here: running dbt on a scratch lake. Does not belong here: what a scratch lake is (``warehouse.lake.scratch``)
and who may ask for one (``warehouse.reports.known``).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pipelines.build import DbtBuilder
from pipelines.dbt_environment import models_hash
from warehouse.lake.connect import current_snapshot, open_lake
from warehouse.lake.moments import Moment
from warehouse.lake.scratch import (
    Progress,
    Scratch,
    State,
    fill,
    newest_received,
    scratch_for,
    throw_away_old,
)
from warehouse.settings import Settings

# The tests were green when these rows were published; here the models only repeat what they said.
_ARGUMENTS: Final = (
    "build",
    "--full-refresh",
    "--exclude-resource-type",
    "unit_test",
    "--exclude-resource-type",
    "test",
)


def recompute(
    settings: Settings,
    moment: Moment,
    lot_ids: Sequence[int] | None,
    marts: Sequence[str],
    *,
    builder: DbtBuilder | None = None,
    progress: Progress = lambda _step, _done, _of: None,
) -> Scratch:
    """Build ``marts`` of these lots (None: all) as known at ``moment``, unless that was done before.

    Raises:
        ParkError: too many records, or a model failed.
    """
    scratch = scratch_for(settings, moment, lot_ids)
    models = models_hash()
    with scratch.lock():
        standing = scratch.state()
        if standing is not None and standing.models_hash != models:
            standing = None
        missing = [mart for mart in marts if standing is None or mart not in standing.marts]
        if not missing:
            scratch.touch()
            return scratch
        begun = time.monotonic()
        if standing is None:
            throw_away_old(settings)
            rows = fill(scratch, progress)
        else:
            rows = standing.rows
        progress("build", 0, 0)
        (builder or DbtBuilder(scratch.settings)).run(
            [*_ARGUMENTS, "--select", *(f"+{mart}" for mart in missing)],
            settings=scratch.settings,
            told=_counting(progress),
        )
        connection = open_lake(scratch.settings, read_only=True)
        try:
            scratch.finish(
                State(
                    models_hash=models,
                    marts=sorted({*missing, *(standing.marts if standing is not None else ())}),
                    snapshot_id=current_snapshot(connection),
                    rows=rows,
                    data_as_of=newest_received(connection),
                    built_at=datetime.now(UTC),
                    seconds=round(time.monotonic() - begun, 3),
                )
            )
        finally:
            connection.close()
    return scratch


def _counting(progress: Progress) -> Callable[[Any], None]:
    """Tell the progress from dbt's own events."""

    def told(event: Any) -> None:
        if event.info.name == "NodeFinished":
            index = getattr(event.data, "index", 0)
            progress("build", int(index), max(int(getattr(event.data, "total", index)), 1))

    return told
