"""One refresh: copy entities, run the models and their tests, seal, publish.

Belongs here: the order of the steps and when a full build is due. The writer lock is held from the first step to the
seal, so nothing lands in between; readers go on with the published snapshot.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

import duckdb
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest

from pipelines.dbt_environment import apply_environment, models_hash
from warehouse.errors import ParkError
from warehouse.lake.connect import LAKE, current_snapshot, open_lake
from warehouse.lake.entities import copy_entities
from warehouse.lake.publish import (
    end_build,
    landed_up_to,
    last_green,
    newest_event,
    publish,
    published,
    seal_build,
    start_build,
)
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings

Progress = Callable[[str], None]


@dataclass(frozen=True)
class BuildPlan:
    """What a refresh has to do."""

    build_id: str
    is_full: bool
    is_needed: bool
    models: str


@dataclass(frozen=True)
class RefreshResult:
    """What a refresh did; ``snapshot_id`` is the one published."""

    build_id: str
    snapshot_id: int
    is_full: bool
    built: bool


def plan_build(settings: Settings, connection: duckdb.DuckDBPyConnection, *, full: bool) -> BuildPlan:
    """Copy entities and decide: nothing, what is new, or everything; the caller holds the writer lock."""
    entities_changed = copy_entities(settings, connection)
    green = last_green(connection)
    models = models_hash()
    is_full = full or green is None or green.models_hash != models
    is_needed = is_full or entities_changed or green is None or landed_up_to(connection) > green.raw_to
    if is_full:
        # Built anew from nothing: a swap of single tables would lose their partitions. Pinned readers keep theirs.
        for schema in ("marts", "intermediate"):
            connection.execute(f"DROP SCHEMA IF EXISTS {LAKE}.{schema} CASCADE")
    return BuildPlan(build_id=uuid.uuid4().hex, is_full=is_full, is_needed=is_needed, models=models)


def dbt_arguments(plan: BuildPlan) -> list[str]:
    """Arguments of the dbt run that carries out ``plan``."""
    return ["build", "--exclude-resource-type", "unit_test", *(["--full-refresh"] if plan.is_full else [])]


class DbtBuilder:
    """Runs dbt inside this process and keeps its parsed project, which saves seconds on every later run."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is parsed before the first run."""
        self._settings = settings
        self._manifest: Manifest | None = None

    def run(self, arguments: list[str]) -> None:
        """Run dbt.

        Raises:
            ParkError: a model or test failed; the message names the first ones.
        """
        apply_environment(self._settings)
        if self._manifest is None:
            parsed = dbtRunner().invoke(["parse", "--quiet"])
            self._raise_unless_green(parsed)
            assert isinstance(parsed.result, Manifest)
            self._manifest = parsed.result
        # A run writes into its manifest (compiled text, injected CTEs), which would break the next one.
        manifest = self._manifest.deepcopy()
        self._raise_unless_green(dbtRunner(manifest=manifest).invoke([*arguments, "--quiet"]))

    @staticmethod
    def _raise_unless_green(outcome: dbtRunnerResult) -> None:
        if outcome.success:
            return
        if outcome.exception is not None:
            problem = str(outcome.exception).strip()
        else:
            bad = [
                f"{result.node.name}: {(result.message or str(result.status)).strip()}"
                for result in getattr(outcome.result, "results", [])
                if str(result.status) in {"error", "fail", "runtime error"}
            ]
            problem = "; ".join(bad[:3]) + (f" (+{len(bad) - 3})" if len(bad) > 3 else "")
        raise ParkError(
            zh=f"数据模型构建失败,未发布:{problem}",
            en=f"the models failed, nothing was published: {problem}",
            code="build_failed",
        )


@contextmanager
def lake_for_build(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the short steps around dbt, closed while dbt runs its own."""
    connection = open_lake(settings)
    try:
        yield connection
    finally:
        connection.close()


def refresh(
    settings: Settings,
    *,
    full: bool = False,
    builder: DbtBuilder | None = None,
    progress: Progress = lambda _text: None,
) -> RefreshResult:
    """Build what is new and publish it; with ``full`` build everything anew.

    Raises:
        ParkError: a model or test failed, or the lake stayed busy; what is published stays as it was.
    """
    with writer_lock(settings):
        with lake_for_build(settings) as connection:
            plan = plan_build(settings, connection, full=full)
            if not plan.is_needed:
                return _publish_green(settings, connection)
        start_build(settings, plan.build_id, is_full=plan.is_full)
        progress("full" if plan.is_full else "incremental")
        try:
            (builder or DbtBuilder(settings)).run(dbt_arguments(plan))
            with lake_for_build(settings) as connection:
                snapshot_id, data_as_of = seal(settings, connection, plan)
        except BaseException as error:
            message = error.en if isinstance(error, ParkError) else repr(error)
            end_build(settings, plan.build_id, state="red", message=message)
            raise
    publish(settings, plan.build_id, snapshot_id, data_as_of)
    return RefreshResult(plan.build_id, snapshot_id, plan.is_full, built=True)


def seal(
    settings: Settings, connection: duckdb.DuckDBPyConnection, plan: BuildPlan
) -> tuple[int, datetime | None]:
    """Mark the build green; returns the snapshot to publish and the time of its newest event."""
    snapshot_id = seal_build(connection, plan.build_id, plan.models, is_full=plan.is_full)
    end_build(settings, plan.build_id, state="green")
    return snapshot_id, newest_event(connection)


def _publish_green(settings: Settings, connection: duckdb.DuckDBPyConnection) -> RefreshResult:
    """Nothing to build: make sure that the newest green build is published, also after a crash before publishing."""
    green = last_green(connection)
    assert green is not None
    try:
        standing = published(settings)
    except ParkError:
        standing = None
    if standing is None or standing.build_id != green.build_id:
        publish(settings, green.build_id, current_snapshot(connection), newest_event(connection))
        standing = published(settings)
    return RefreshResult(standing.build_id, standing.snapshot_id, is_full=False, built=False)
