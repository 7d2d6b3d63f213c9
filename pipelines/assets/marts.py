"""The marts: dbt models as assets and their tests as checks.

Belongs here: carrying out a build's plan through dbt's command line, under the writer lock from plan to seal, and the
nightly check of everything that is published. Does not belong here: the steps themselves (``pipelines.build``).
"""

# No postponed annotations here: Dagster looks at the types of step parameters when a step is defined.

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliInvocation, DbtCliResource, dbt_assets

from pipelines.build import BuildPlan, build_failed, dbt_arguments, open_build, publish_newest_green
from pipelines.dbt_environment import published_environment
from pipelines.resources import WRITER_POOL
from warehouse.settings import Settings

SEEDS = "seeds"
_BAD = {"error", "fail", "runtime error"}


class Translator(DagsterDbtTranslator):
    """Groups models by their folder below ``marts``."""

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The domain of a mart, else the layer."""
        if dbt_resource_props["resource_type"] == "seed":
            return SEEDS
        folders: list[str] = dbt_resource_props["fqn"][1:-1]
        return folders[-1] if folders else None


class RefreshConfig(dg.Config):
    """How a refresh is run."""

    full: bool = False


def dbt_marts(settings: Settings, manifest: Path) -> dg.AssetsDefinition:
    """Every model and seed of the project as one step."""

    @dbt_assets(
        manifest=manifest,
        name="marts",
        dagster_dbt_translator=Translator(
            DagsterDbtTranslatorSettings(enable_asset_checks=True, enable_duplicate_source_asset_keys=False)
        ),
        pool=WRITER_POOL,
    )
    def marts(context: dg.AssetExecutionContext, dbt: DbtCliResource, config: RefreshConfig) -> Iterator[Any]:
        """Build what is new, or only check what is published when a run selects nothing but checks."""
        if not context.selected_asset_keys:
            yield from _verify(settings, context, dbt)
            return
        if context.selected_asset_keys != marts.keys:
            raise dg.Failure("the marts are built together: a publication covers all of them. Select the whole step.")
        with open_build(settings, full=config.full) as plan:
            if plan.is_needed:
                yield from _build(settings, context, dbt, plan)
        if not plan.is_needed:
            context.log.info("nothing new to build")
            publish_newest_green(settings)  # The publication behind this step is skipped, as nothing was built.

    return marts


def _build(
    settings: Settings, context: dg.AssetExecutionContext, dbt: DbtCliResource, plan: BuildPlan
) -> Iterator[Any]:
    context.log.info("full build" if plan.is_full else "incremental build")
    target = settings.home / "dbt" / "runs" / context.run_id
    try:
        run = dbt.cli(dbt_arguments(plan), context=context, target_path=target, raise_on_error=False)
        yield from run.stream()
        if not run.is_successful():
            raise build_failed(_problems(run))
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _verify(settings: Settings, context: dg.AssetExecutionContext, dbt: DbtCliResource) -> Iterator[Any]:
    """Run the selected tests over all days of the published snapshot; lander and builds go on meanwhile."""
    target = settings.home / "dbt" / "runs" / context.run_id
    with published_environment(settings):
        try:
            run = dbt.cli(["test"], context=context, target_path=target, raise_on_error=False)
            yield from run.stream()
            if not run.is_successful():
                raise dg.Failure(f"what is published does not hold: {'; '.join(_problems(run)[:3])}")
        finally:
            shutil.rmtree(target, ignore_errors=True)


def _problems(run: DbtCliInvocation) -> Sequence[str]:
    """Failed nodes with dbt's words; its error lines when it got nowhere."""
    try:
        results = run.get_artifact("run_results.json")["results"]
    except FileNotFoundError:
        return [str(run.get_error())]
    return [
        f"{result['unique_id'].split('.')[2]}: {(result['message'] or result['status']).strip()}"
        for result in results
        if result["status"] in _BAD
    ] or [str(run.get_error())]
