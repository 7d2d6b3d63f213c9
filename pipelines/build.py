"""One refresh: copy entities, run the models and their tests, seal, publish.

Belongs here: the order of the steps and when a full build is due. Both faces take the same steps: ``refresh`` runs dbt
inside this process, Dagster's assets run it as a process of its own. The writer lock is held from the plan to the seal,
so nothing lands in between; readers go on with the published snapshot.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final

import duckdb
from dbt.cli.main import dbtRunner, dbtRunnerResult
from dbt.contracts.graph.manifest import Manifest
from dbt_common.events.base_types import EventMsg

from pipelines.dbt_environment import apply_environment, models_hash
from warehouse.disk import disk_full, is_disk_full
from warehouse.errors import ParkError
from warehouse.lake.connect import is_postgres, open_lake
from warehouse.lake.entities import clocks_changed, copy_entities, entities_differ
from warehouse.lake.publish import (
    Published,
    builds_since_green,
    drop_built,
    end_build,
    end_interrupted_builds,
    green_snapshot,
    is_published,
    landed_up_to,
    last_green,
    newest_event,
    publish,
    published,
    removed_since_green,
    seal_build,
    start_build,
)
from warehouse.lake.writer import writer_lock
from warehouse.settings import Settings
from warehouse.store_away import store_away, stores_away

Progress = Callable[[str], None]


_NOT_BUILT: Final = (
    "未能构建,未发布新数据,页面仍显示上次发布",
    "nothing was built or published, pages show the last publication",
)


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


@dataclass(frozen=True)
class Due:
    """Whether a refresh has anything to do, without doing it; ``reason`` is None when it has not."""

    reason: str | None
    landed_up_to: int
    failures: int


def build_due(settings: Settings) -> Due:
    """Look, without the writer lock, whether something landed, was edited, changed its rules or failed."""
    failed = builds_since_green(settings)
    with lake_for_build(settings, read_only=True) as connection:
        landed = landed_up_to(connection)
        green = last_green(connection)
        reason: str | None
        if green is None:
            reason = "nothing was built yet"
        elif landed > green.raw_to:
            reason = f"{landed - green.raw_to} batches landed"
        elif green.models_hash != models_hash():
            reason = "the models changed"
        elif failed:
            reason = "the last build failed"
        elif not is_published(settings, green.build_id):
            reason = "a green build is not published"
        elif removed_since_green(connection):
            reason = "records were removed"
        else:
            reason = "entities were edited" if entities_differ(settings, connection) else None
    return Due(reason, landed, len(failed))


def plan_build(settings: Settings, connection: duckdb.DuckDBPyConnection, *, full: bool) -> BuildPlan:
    """Copy entities and decide: nothing, what is new, or everything; the caller holds the writer lock."""
    entities_changed = copy_entities(settings, connection)
    green = last_green(connection)
    models = models_hash()
    failed = builds_since_green(settings)
    # A full build that did not end well leaves tables out or half filled: only another one makes them whole.
    is_full = full or green is None or green.models_hash != models or any(build.is_full for build in failed)
    is_full = is_full or clocks_changed(connection)
    is_needed = is_full or entities_changed or bool(failed) or green is None or landed_up_to(connection) > green.raw_to
    is_needed = is_needed or removed_since_green(connection)
    return BuildPlan(build_id=uuid.uuid4().hex, is_full=is_full, is_needed=is_needed, models=models)


def dbt_arguments(plan: BuildPlan) -> list[str]:
    """Arguments of the dbt run that carries out ``plan``."""
    # Seeds are part of the models' fingerprint: another seed means a full build.
    scope = ["--full-refresh"] if plan.is_full else ["--exclude-resource-type", "seed"]
    return ["build", "--exclude-resource-type", "unit_test", *scope]


class DbtBuilder:
    """Runs dbt inside this process and keeps its parsed project, which saves seconds on every later run.

    A parsed project says nothing of the lake it is run on: all builders of a process share it.
    """

    _parsed: ClassVar[dict[tuple[str, bool], Manifest]] = {}

    def __init__(self, settings: Settings) -> None:
        """Nothing is parsed before the first run."""
        self._settings = settings

    def run(
        self,
        arguments: list[str],
        *,
        settings: Settings | None = None,
        told: Callable[[EventMsg], None] | None = None,
    ) -> None:
        """Run dbt, on the lake of ``settings`` if it is another one than the builder's; ``told`` hears dbt's events.

        Raises:
            ParkError: a model or test failed; the message names the first ones.
        """
        used = settings or self._settings
        apply_environment(used)
        form = models_hash(), is_postgres(used)
        if form not in self._parsed:
            parsed = dbtRunner().invoke(["parse", "--quiet"])
            self._raise_unless_green(parsed)
            assert isinstance(parsed.result, Manifest)
            self._parsed[form] = parsed.result
        # A run writes into its manifest (compiled text, injected CTEs), which would break the next one.
        manifest: Manifest = self._parsed[form].deepcopy()  # type: ignore[no-untyped-call]
        runner = dbtRunner(manifest=manifest, callbacks=[told] if told is not None else [])
        self._raise_unless_green(runner.invoke([*arguments, "--log-level", "none"]))

    @staticmethod
    def _raise_unless_green(outcome: dbtRunnerResult) -> None:
        if outcome.success:
            return
        if outcome.exception is not None:
            raise build_failed([str(outcome.exception).strip()])
        raise build_failed(
            [
                f"{result.node.name}: {(result.message or str(result.status)).strip()}"
                for result in getattr(outcome.result, "results", [])
                if str(result.status) in {"error", "fail", "runtime error"}
            ]
        )


def build_failed(problems: Sequence[str]) -> ParkError:
    """The error of a red build; it names the first problems."""
    problem = "; ".join(problems[:3]) + (f" (+{len(problems) - 3})" if len(problems) > 3 else "")
    return ParkError(
        zh=f"数据模型构建失败,未发布:{problem}",
        en=f"the models failed, nothing was published: {problem}",
        code="build_failed",
    )


@contextmanager
def lake_for_build(
    settings: Settings, *, read_only: bool = False, snapshot: int | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection for the short steps around dbt, closed while dbt runs its own."""
    connection = open_lake(settings, read_only=read_only, snapshot=snapshot)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def open_build(settings: Settings, *, full: bool = False) -> Iterator[BuildPlan]:
    """Plan under the writer lock, let the caller run dbt, then seal; an error inside leaves a red build.

    When the plan says that nothing is needed, the caller runs nothing and nothing is written.

    Raises:
        ParkError: the lake stayed busy.
    """
    with writer_lock(settings):
        with lake_for_build(settings) as connection:
            end_interrupted_builds(settings, connection)
            plan = plan_build(settings, connection, full=full)
        if not plan.is_needed:
            yield plan
            return
        start_build(settings, plan.build_id, is_full=plan.is_full)
        try:
            if plan.is_full:
                with lake_for_build(settings) as connection:
                    drop_built(connection)
            yield plan
            with lake_for_build(settings) as connection:
                seal_build(connection, plan.build_id, plan.models, is_full=plan.is_full)
        except BaseException as error:
            message = error.en if isinstance(error, ParkError) else str(error) or repr(error)
            end_build(settings, plan.build_id, state="red", message=message)
            raise
        end_build(settings, plan.build_id, state="green")


def publish_newest_green(settings: Settings) -> Published:
    """Let readers follow to the newest green build; needs no lock, and repeating it changes nothing.

    Raises:
        ParkError: no build has been green yet.
    """
    with lake_for_build(settings, read_only=True) as connection:
        green = last_green(connection)
        snapshot_id = green_snapshot(connection, green.build_id) if green else None
    if green is not None and snapshot_id is not None:
        with lake_for_build(settings, snapshot=snapshot_id) as connection:
            data_as_of = newest_event(connection)
        publish(settings, green.build_id, snapshot_id, data_as_of)
    return published(settings)


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
    try:
        with open_build(settings, full=full) as plan:
            if plan.is_needed:
                progress("full" if plan.is_full else "incremental")
                (builder or DbtBuilder(settings)).run(dbt_arguments(plan))
        standing = publish_newest_green(settings)
    except Exception as error:
        if is_disk_full(error, settings.home):
            raise disk_full(*_NOT_BUILT) from error
        if away := stores_away(error, settings):
            raise store_away(away, *_NOT_BUILT) from error
        raise
    return RefreshResult(standing.build_id, standing.snapshot_id, plan.is_needed and plan.is_full, plan.is_needed)
